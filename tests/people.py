"""Everybody who appears in tests: one person per role, and one who only has a role elsewhere.

`mine` is where alice, bob and carol work; `other` is dave's, and does not exist for them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from django.test import Client

from vmconsole.access.models import Namespace, RoleBinding, User
from vmconsole.access.rules import Role

MINE, OTHER = "a", "b"
PASSWORD = "correct horse battery"

ROLES: dict[str, list[tuple[Role, str | None]]] = {
    "alice": [(Role.ADMIN, MINE), (Role.CLUSTER_VIEW, None)],
    "bob": [(Role.VIEW, MINE), (Role.CLUSTER_VIEW, None)],
    "carol": [(Role.EDIT, MINE), (Role.CLUSTER_VIEW, None)],
    "dave": [(Role.ADMIN, OTHER)],
    "erin": [(Role.CLUSTER_ADMIN, None)],
}


@dataclass(frozen=True)
class People:
    alice: User  # administrator of a
    bob: User  # sees a
    carol: User  # edits a
    dave: User  # administrator of b, and nobody in a
    erin: User  # administrator of the cluster


def make_people() -> People:
    for name in (MINE, OTHER):
        Namespace.objects.get_or_create(name=name)
    return People(**{field.name: make_person(field.name, ROLES[field.name]) for field in fields(People)})


def make_person(name: str, roles: list[tuple[Role, str | None]]) -> User:
    person = User.objects.create_user(name, password=PASSWORD)
    for role, namespace in roles:
        RoleBinding.objects.create(user=person, role=role.value, namespace_id=namespace)
    return person


def client_of(person: User | None, *, csrf: bool = False) -> Client:
    """A browser this person is signed in with; a stranger's for nobody."""
    client = Client(enforce_csrf_checks=csrf)
    if person is not None:
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client
