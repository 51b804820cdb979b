"""Changes as they happen: a watch that goes on where it broke off, and starts anew when that is too long ago."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from vmctl.discovery import Resource
from vmctl.errors import Exit, Failed, from_answer
from vmctl.session import Session
from vmctl.words import _

PAUSE = 1.0  # between two tries to reach a server that went away
AT_A_TIME = 300


def changes(
    session: Session, resource: Resource, namespace: str, version: str, query: dict[str, str],
    deadline: float | None = None, accept: str = "application/json",
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Watch events (`type`, `object`) after `version`. Ends with Failed(reason=Expired) when that is too old."""
    while True:
        seconds = AT_A_TIME if deadline is None else max(1, min(AT_A_TIME, int(deadline - time.monotonic())))
        params = {key: value for key, value in query.items() if value} | {
            "watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true", "timeoutSeconds": str(seconds),
        }  # fmt: skip
        try:
            for change in _once(session, resource, namespace, params, accept, seconds):
                version = _version(change) or version
                if change["type"] != "BOOKMARK":
                    yield change
        except Failed as failed:
            if failed.code is not Exit.UNREACHABLE or _over(deadline):
                raise
            time.sleep(PAUSE)
        if _over(deadline):
            return


def _once(
    session: Session, resource: Resource, namespace: str, params: dict[str, str], accept: str, seconds: int
) -> Iterator[dict[str, Any]]:
    import httpx

    patient = httpx.Timeout(30, read=seconds + 10)
    path = resource.path(namespace)
    with session.api.stream("GET", path, params=params, headers={"Accept": accept}, timeout=patient) as answer:
        for line in answer.iter_lines():
            if not line.strip():
                continue
            change = json.loads(line)
            if change.get("type") == "ERROR":
                status = change.get("object") or {}
                raise from_answer(int(status.get("code") or 500), status, session.context.name)
            yield change


def _version(change: dict[str, Any]) -> str:
    thing = change.get("object") or {}
    version = (thing.get("metadata") or {}).get("resourceVersion")
    if not version and thing.get("rows"):
        version = ((thing["rows"][-1].get("object") or {}).get("metadata") or {}).get("resourceVersion")
    return str(version or "")


def _over(deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() >= deadline


def follow(
    session: Session, resource: Resource, namespace: str, name: str, deadline: float
) -> Iterator[dict[str, Any] | None]:
    """One object as it is and as it changes; None when it is not there. Ends at the deadline."""
    selector = f"metadata.name={name}"
    while not _over(deadline):
        try:
            listed = session.api.get(resource.path(namespace), params={"fieldSelector": selector})
        except Failed as failed:
            if failed.code is not Exit.UNREACHABLE:
                raise
            time.sleep(PAUSE)  # it may be restarting: what we wait for goes on
            continue
        items = listed.get("items") or []
        yield items[0] if items else None
        version = (listed.get("metadata") or {}).get("resourceVersion") or "0"
        try:
            for change in changes(session, resource, namespace, version, {"fieldSelector": selector}, deadline):
                yield None if change["type"] == "DELETED" else change["object"]
        except Failed as failed:
            if failed.reason not in ("Expired", "Gone"):
                raise
    raise Failed(
        _("%(kind)s %(name)s was not there yet when the time was over.") % {"kind": resource.kind, "name": name},
        _("It goes on by itself. Look with “vmctl why”, or wait longer with --timeout."), Exit.TIMEOUT,
    )  # fmt: skip
