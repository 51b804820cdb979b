"""Who may do what, as one table, and how much of it a namespace may have.

Pure, so that the table can be read, tested and argued about without a database. Everything that is not written
here is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple, Self


def _(sentence: str) -> str:
    """Marks a sentence for translation, as gettext_noop does, without importing Django."""
    return sentence


class Right(StrEnum):
    """What can be asked for. Namespaced unless the name says cluster."""

    VIEW = "view"
    EDIT = "edit"
    CONSOLE = "console"
    DELETE_MANY = "delete-many"
    BIND_ROLES = "bind-roles"
    AUDIT_READ = "audit-read"
    CLUSTER_VIEW = "cluster-view"
    CLUSTER_EDIT = "cluster-edit"


class Role(StrEnum):
    """What a person can be. The first three are held in a namespace, or in every one."""

    VIEW = "view"
    EDIT = "edit"
    ADMIN = "admin"
    CLUSTER_VIEW = "cluster-view"
    CLUSTER_ADMIN = "cluster-admin"


CLUSTER_ROLES = frozenset({Role.CLUSTER_VIEW, Role.CLUSTER_ADMIN})

# A screen is a keyboard: looking at a console needs as much trust as changing the machine, so `view` has none.
IN_NAMESPACE: dict[Role, frozenset[Right]] = {
    Role.VIEW: frozenset({Right.VIEW}),
    Role.EDIT: frozenset({Right.VIEW, Right.EDIT, Right.CONSOLE}),
    Role.ADMIN: frozenset(
        {Right.VIEW, Right.EDIT, Right.CONSOLE, Right.DELETE_MANY, Right.BIND_ROLES, Right.AUDIT_READ}
    ),
    Role.CLUSTER_VIEW: frozenset(),
    Role.CLUSTER_ADMIN: frozenset(Right),
}
IN_CLUSTER: dict[Role, frozenset[Right]] = {
    Role.VIEW: frozenset(),
    Role.EDIT: frozenset(),
    Role.ADMIN: frozenset(),
    Role.CLUSTER_VIEW: frozenset({Right.VIEW, Right.CLUSTER_VIEW}),
    Role.CLUSTER_ADMIN: frozenset(Right),
}


class TokenRights(StrEnum):
    """What a token may be for, as one word. Never more than its owner may."""

    READ = "read"
    READ_WRITE = "read-write"
    CONSOLE = "console"
    EVERYTHING = "everything"


IN_TOKEN: dict[TokenRights, frozenset[Right]] = {
    TokenRights.READ: frozenset({Right.VIEW, Right.CLUSTER_VIEW}),
    TokenRights.READ_WRITE: frozenset(
        {Right.VIEW, Right.CLUSTER_VIEW, Right.EDIT, Right.DELETE_MANY, Right.CLUSTER_EDIT}
    ),
    TokenRights.CONSOLE: frozenset({Right.VIEW, Right.CLUSTER_VIEW, Right.CONSOLE}),
    TokenRights.EVERYTHING: frozenset(Right),
}


class Grant(NamedTuple):
    """One role somebody holds; no namespace means every namespace, also those still to come.

    `rights` are those that a token leaves of the role's; nobody's roles lack any when they come themselves.
    """

    role: Role
    namespace: str | None
    rights: frozenset[Right] = frozenset(Right)

    def within(self) -> frozenset[Right]:
        """What it allows in its namespace."""
        return IN_NAMESPACE[self.role] & self.rights

    def beyond(self) -> frozenset[Right]:
        """What it allows in the cluster itself: nothing, once it is about one namespace."""
        return IN_CLUSTER[self.role] & self.rights if self.namespace is None else frozenset()


class Scope(NamedTuple):
    """How far a token reaches: what of its owner's rights, and where (`None`: wherever the owner has them)."""

    rights: frozenset[Right]
    namespaces: frozenset[str] | None

    @classmethod
    def of(cls, rights: str, namespaces: Iterable[str] | None) -> Self:
        return cls(IN_TOKEN[TokenRights(rights)], None if namespaces is None else frozenset(namespaces))

    def holds(self, other: Scope) -> bool:
        """Whether the other reaches nowhere that this does not."""
        if self.namespaces is not None and (other.namespaces is None or not other.namespaces <= self.namespaces):
            return False
        return other.rights <= self.rights

    def narrow(self, grants: Iterable[Grant]) -> frozenset[Grant]:
        """What these grants are worth within this scope."""
        return frozenset(
            Grant(grant.role, namespace, grant.rights & self.rights)
            for grant in grants
            for namespace in self._places(grant)
        )

    def _places(self, grant: Grant) -> Iterable[str | None]:
        if self.namespaces is None:
            return (grant.namespace,)
        if grant.namespace is None:
            return self.namespaces
        return self.namespaces & {grant.namespace}


def allows(grants: Iterable[Grant], right: Right, namespace: str | None) -> bool:
    """Whether these grants hold the right there. `None` is the cluster itself: types, networks, nodes, people."""
    if namespace is None:
        return any(right in grant.beyond() for grant in grants)
    return any(right in grant.within() for grant in grants if grant.namespace in (None, namespace))


def reach(grants: Iterable[Grant], right: Right) -> set[str | None]:
    """The namespaces where these grants hold the right; `None` among them means all."""
    return {grant.namespace for grant in grants if right in grant.within()}


# --- quotas -----------------------------------------------------------------------------------------------------
class Counted(StrEnum):
    """What a quota can limit, by the names that Kubernetes has for it. Counted is what was asked, not what runs."""

    MACHINES = "count/virtualmachines.vm.cluster.gke.io"
    VCPUS = "requests.cpu"
    MEMORY = "requests.memory"
    STORAGE = "requests.storage"


IN_BYTES = frozenset({Counted.MEMORY, Counted.STORAGE})
TOO_MUCH: dict[Counted, str] = {
    Counted.MACHINES: _(
        "Namespace %(namespace)s may have %(limit)s virtual machines, has %(used)s, and this asks for %(asked)s more: "
        "%(over)s too many."
    ),
    Counted.VCPUS: _(
        "Namespace %(namespace)s may have %(limit)s vCPUs, uses %(used)s, and this asks for %(asked)s more: "
        "%(over)s too many."
    ),
    Counted.MEMORY: _(
        "Namespace %(namespace)s may have %(limit)s of memory, uses %(used)s, and this asks for %(asked)s more: "
        "%(over)s too much."
    ),
    Counted.STORAGE: _(
        "Namespace %(namespace)s may have %(limit)s of disk space, uses %(used)s, and this asks for %(asked)s more: "
        "%(over)s too much."
    ),
}


class Excess(NamedTuple):
    """What of a wish does not fit into the quota."""

    counted: Counted
    limit: int
    used: int
    asked: int

    @property
    def over(self) -> int:
        return self.used + self.asked - self.limit

    @property
    def sentence(self) -> str:
        """With %(…)s for the namespace and the figures."""
        return TOO_MUCH[self.counted]


def excess(limits: Mapping[Counted, int], used: Mapping[Counted, int], asked: Mapping[Counted, int]) -> list[Excess]:
    """What is asked beyond the limits; nothing, and it may be had. What is over its limit already may stay, and
    shrink: only more of it is refused.
    """
    found = [
        Excess(counted, limits[counted], used.get(counted, 0), asked[counted])
        for counted in Counted
        if counted in limits and asked.get(counted, 0) > 0
    ]
    return [each for each in found if each.over > 0]
