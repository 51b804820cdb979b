"""What happens here and must be in the audit: sign-ins, people, roles, refusals.

The audit stands above this app (it asks us who may read it), so it is named in the settings instead of imported:
`AUDIT_RECORDER` is the dotted path of a function with the signature of `record`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.urls import ResolverMatch
from django.utils.module_loading import import_string

from vmconsole.access.actors import Actor, actor_of

log = structlog.get_logger(__name__)

# What a watcher must not miss, and what is left to show of an object that is gone. Never what is sealed.
TOLD = ("resource_version", "labels", "annotations", "created_at", "deletion_requested_at", "type", "keys")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

# What the first part of a URL is about, for refusals: the object may not exist, so its path is all we have.
KIND_OF_PATH = {
    "api": "Request",
    "console": "Console",
    "disks": "VirtualMachineDisk",
    "images": "Image",
    "networks": "Network",
    "nodes": "Node",
    "operations": "Operation",
    "login": "Session",
    "settings": "User",
    "tokens": "Token",
    "trash": "VirtualMachine",
    "types": "VirtualMachineType",
    "uploads": "Upload",
    "vms": "VirtualMachine",
}

NOUNS = frozenset({"vm", "disk", "image", "network", "type", "operation", "trash"})
SAME_AS = {"configuration": "edit", "yaml": "edit", "create_yaml": "create", "detail": "edit"}


def record(
    actor: Actor,
    action: str,
    *,
    kind: str,
    uid: UUID | str | None,
    name: str,
    namespace: str = "",
    phase: str,
    reason: str = "",
    diff: dict[str, Any] | None = None,
    extra: dict[str, Any] | None = None,
) -> None:
    """Append one entry, in the transaction of the caller. When it cannot be written, the action does not happen."""
    recorder = import_string(settings.AUDIT_RECORDER)
    recorder(
        actor,
        action,
        kind=kind,
        uid=uid,
        name=name,
        namespace=namespace,
        phase=phase,
        reason=reason,
        diff=diff,
        extra=extra,
    )


def told(kind: str, row: Any, what: str) -> None:
    """Put a row's change in the outbox, which stands above this app too; its number is the row's version."""
    recorder = import_string(settings.CHANGE_RECORDER)
    seen = {name: getattr(row, name) for name in TOLD if hasattr(row, name)}
    row.resource_version = recorder(kind, row.uid, row.name, getattr(row, "namespace", ""), what, seen)
    type(row).objects.filter(uid=row.uid).update(resource_version=row.resource_version)


def note_refusal(request: Any, status: int, reason: str, sentence: str = "") -> None:
    """Write a refused change to the audit, once a request. Strangers' requests are for the log only.

    Called for every refusal by `vmconsole.http`; by a view only where it shows the refusal itself, to say it better.
    """
    plain = getattr(request, "_request", request)
    if request.method in SAFE_METHODS or status >= 500 or getattr(plain, "refusal_noted", False):
        return
    plain.refusal_noted = True
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        log.info("refused", path=plain.path, method=request.method, status=status, reason=reason)
        return
    refused(actor_of(request), plain.resolver_match, reason=reason, sentence=sentence)


def refused(actor: Actor, match: ResolverMatch | None, *, reason: str, sentence: str) -> None:
    """Somebody tried, and was not allowed or made no sense."""
    route, view_name, kwargs = (match.route, match.view_name, match.kwargs) if match else ("", "", {})
    parts = [part for part in route.split("/") if part not in ("", "api", "v1")]
    record(
        actor,
        action_of(view_name, kwargs),
        kind=KIND_OF_PATH.get(parts[0] if parts else "", "Request"),
        uid=kwargs.get("uid"),
        name=str(kwargs.get("name", kwargs.get("name_", "")))[:253],
        namespace=str(kwargs.get("namespace", ""))[:63],
        phase="refused",
        reason=reason,
        extra={"message": sentence[:1000]},
    )


def action_of(view_name: str, kwargs: dict[str, Any]) -> str:
    """The word that the same action has in the audit when it is accepted: `inventory:vm_delete` is a delete."""
    noun, _, verb = view_name.rpartition(":")[2].partition("_")
    asked = str(kwargs.get("verb", "")) or SAME_AS.get(verb, verb)
    if noun in NOUNS and asked.replace("-", "").isalpha():
        return asked[:64]
    return view_name.rpartition(":")[2] or "request"
