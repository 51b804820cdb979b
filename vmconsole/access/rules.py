"""Who may do what, as one table.

Pure, so that the table can be read, tested and argued about without a database. Everything that is not written
here is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple


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


class Grant(NamedTuple):
    """One role somebody holds; no namespace means every namespace, also those still to come."""

    role: Role
    namespace: str | None


def allows(grants: Iterable[Grant], right: Right, namespace: str | None) -> bool:
    """Whether these grants hold the right there. `None` is the cluster itself: types, networks, nodes, people."""
    if namespace is None:
        return any(right in IN_CLUSTER[grant.role] for grant in grants)
    return any(right in IN_NAMESPACE[grant.role] for grant in grants if grant.namespace in (None, namespace))


def reach(grants: Iterable[Grant], right: Right) -> set[str | None]:
    """The namespaces where these grants hold the right; `None` among them means all."""
    return {grant.namespace for grant in grants if right in IN_NAMESPACE[grant.role]}
