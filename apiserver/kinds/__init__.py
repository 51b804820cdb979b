"""Every kind this server knows, and how to find one.

    from apiserver.kinds import KINDS, of_change, of_resource

`of_change` leads from a row of the outbox to the kind that shows it: what a watch stands on.
"""

from __future__ import annotations

from apiserver.kinds.core import CONFIG_MAP, NAMESPACE, SECRET
from apiserver.kinds.disks import DISK, STORAGE_CLASS
from apiserver.kinds.kind import Asking, Column, Kind, Manifest, asking_in
from apiserver.kinds.kubevirt import VM, VMI
from apiserver.kinds.machines import MACHINE
from apiserver.kinds.networks import INTERFACE, NETWORK
from apiserver.kinds.quotas import RESOURCE_QUOTA
from apiserver.kinds.seen import EVENT, NODE
from apiserver.kinds.types import TYPE

__all__ = ["KINDS", "Asking", "Column", "Kind", "Manifest", "asking_in", "groups", "of_change", "of_resource"]

KINDS: tuple[Kind, ...] = (
    MACHINE, DISK, TYPE, NETWORK, INTERFACE, STORAGE_CLASS, NAMESPACE, SECRET, CONFIG_MAP, RESOURCE_QUOTA, NODE,
    EVENT, VM, VMI,
)  # fmt: skip
_BY_CHANGE = {kind.change: kind for kind in reversed(KINDS) if kind.change}
_BY_RESOURCE = {(kind.group, kind.plural): kind for kind in KINDS}


def of_change(name: str) -> Kind | None:
    """The kind that `observability.models.Change.kind` names, None for what only our own pages show."""
    return _BY_CHANGE.get(name)


def of_resource(group: str, plural: str) -> Kind | None:
    return _BY_RESOURCE.get((group, plural))


def groups() -> list[tuple[str, str]]:
    """Every named group with its version, in the order that decides whose short name wins."""
    return list(dict.fromkeys((kind.group, kind.version) for kind in KINDS if kind.group))
