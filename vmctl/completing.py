"""What a shell may offer behind a command: names that the server has. Silent and quick, or nothing at all."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import typer

KNOWN = ("gvm", "gdisk", "virtualmachinetypes", "networks", "networkinterfaces", "nodes", "namespaces", "events",
         "secrets", "configmaps", "resourcequotas", "storageclasses")  # fmt: skip


def _names(context: typer.Context, word: str, begun: str) -> Iterable[str]:
    from vmctl.discovery import DISK, MACHINE, NAMESPACE
    from vmctl.session import Session

    told: dict[str, Any] = context.params
    session = Session(told.get("context") or "", told.get("namespace") or "")
    session.api.client.timeout = 2
    fixed = {"vm": MACHINE, "disk": DISK, "namespace": NAMESPACE}
    resource = fixed.get(word) or session.resource(word)
    found = session.list(resource, session.namespace)
    return [name for item in found if (name := item["metadata"]["name"]).startswith(begun)]


def machines(ctx: typer.Context, incomplete: str) -> list[str]:
    with suppress(Exception):
        return list(_names(ctx, "vm", incomplete))
    return []


def namespaces(ctx: typer.Context, incomplete: str) -> list[str]:
    with suppress(Exception):
        return list(_names(ctx, "namespace", incomplete))
    return []


def objects(ctx: typer.Context, incomplete: str) -> list[str]:
    """A kind first, then names of that kind."""
    with suppress(Exception):
        words = [word for word in (ctx.params.get("what") or []) if word]
        if words:
            return list(_names(ctx, words[0], incomplete))
    return [word for word in KNOWN if word.startswith(incomplete)]


def contexts(incomplete: str) -> list[str]:
    from vmctl import kubeconfig

    with suppress(Exception):
        return [name for name in kubeconfig.names() if name.startswith(incomplete)]
    return []
