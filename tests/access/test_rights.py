"""Rights from the database: who sees which namespace, and how soon a change counts."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser

from tests.people import MINE, OTHER, make_people, make_person
from vmconsole.access.errors import Denied, NotFound
from vmconsole.access.models import RoleBinding, User
from vmconsole.access.rights import Right, may, namespaces, require
from vmconsole.access.rules import Role

pytestmark = pytest.mark.django_db


def test_everybody_sees_their_namespaces() -> None:
    people = make_people()
    assert namespaces(people.alice) == namespaces(people.bob) == [MINE]
    assert namespaces(people.dave) == [OTHER]
    assert namespaces(people.erin) == [MINE, OTHER, "default", "vm-system"]
    assert namespaces(people.bob, Right.EDIT) == []
    assert namespaces(AnonymousUser()) == []


def test_what_they_cannot_see_does_not_exist() -> None:
    people = make_people()
    with pytest.raises(NotFound):
        require(people.dave, Right.EDIT, MINE)
    with pytest.raises(Denied):
        require(people.bob, Right.EDIT, MINE)
    with pytest.raises(Denied):
        require(people.bob, Right.CLUSTER_EDIT, None)
    with pytest.raises(NotFound):
        require(people.dave, Right.CLUSTER_VIEW, None)
    require(people.carol, Right.EDIT, MINE)


def test_rights_cost_one_query_a_request(django_assert_num_queries: object) -> None:
    person = User.objects.get(pk=make_people().carol.pk)
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert may(person, Right.EDIT, MINE)
        assert not may(person, Right.EDIT, OTHER)
        assert namespaces(person) == [MINE]


def test_a_role_taken_away_and_a_person_shut_out_count_at_once() -> None:
    person = make_person("gil", [(Role.EDIT, "default")])
    assert may(User.objects.get(pk=person.pk), Right.EDIT, "default")
    RoleBinding.objects.all().delete()
    assert not may(User.objects.get(pk=person.pk), Right.EDIT, "default")

    person.is_superuser, person.is_active = True, False
    assert not may(person, Right.VIEW, "default")
