"""The table of rights, read aloud."""

from __future__ import annotations

import pytest

from vmconsole.access.rules import Grant, Right, Role, allows, reach

EVERYTHING = set(Right)

# role -> what it may in its own namespace, in another, and in the cluster
TABLE: dict[Role, tuple[set[Right], set[Right], set[Right]]] = {
    Role.VIEW: ({Right.VIEW}, set(), set()),
    Role.EDIT: ({Right.VIEW, Right.EDIT, Right.CONSOLE}, set(), set()),
    Role.ADMIN: (EVERYTHING - {Right.CLUSTER_VIEW, Right.CLUSTER_EDIT}, set(), set()),
}
CLUSTER_TABLE: dict[Role, tuple[set[Right], set[Right]]] = {
    Role.CLUSTER_VIEW: (set(), {Right.VIEW, Right.CLUSTER_VIEW}),
    Role.CLUSTER_ADMIN: (EVERYTHING, EVERYTHING),
}


def held(grants: list[Grant], namespace: str | None) -> set[Right]:
    return {right for right in Right if allows(grants, right, namespace)}


@pytest.mark.parametrize("role", TABLE)
def test_roles_in_a_namespace(role: Role) -> None:
    own, other, cluster = TABLE[role]
    assert held([Grant(role, "a")], "a") == own
    assert held([Grant(role, "a")], "b") == other
    assert held([Grant(role, "a")], None) == cluster
    assert held([Grant(role, None)], "b") == own  # every namespace


@pytest.mark.parametrize("role", CLUSTER_TABLE)
def test_roles_of_the_cluster(role: Role) -> None:
    anywhere, cluster = CLUSTER_TABLE[role]
    assert held([Grant(role, None)], "a") == anywhere
    assert held([Grant(role, None)], None) == cluster


def test_nothing_is_allowed_without_a_grant() -> None:
    assert held([], "a") == held([], None) == set()


def test_roles_add_up() -> None:
    grants = [Grant(Role.VIEW, "a"), Grant(Role.EDIT, "b"), Grant(Role.CLUSTER_VIEW, None)]
    assert reach(grants, Right.VIEW) == {"a", "b"}
    assert reach(grants, Right.EDIT) == {"b"}
    assert allows(grants, Right.CLUSTER_VIEW, None)
    assert not allows(grants, Right.EDIT, "a")
