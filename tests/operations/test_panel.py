"""The operations panel: a failure stays in front until somebody who can do something about it has seen it."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.operations.test_api import operation
from tests.people import People, client_of, make_people
from vmconsole.access.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> People:
    return make_people()


def page_for(person: User, url: str) -> str:
    return client_of(person).get(url).content.decode()


@pytest.mark.parametrize("url", ["operations:panel", "operations:operation_list"])
def test_only_who_may_edit_can_put_a_failure_aside(people: People, url: str) -> None:
    failed = operation("web-1", state="failed", seen=False)
    address = reverse("operations:operation_seen", args=[failed.uid])
    assert address in page_for(people.carol, reverse(url))
    shown = page_for(people.bob, reverse(url))
    assert "web-1" in shown and address not in shown


def test_a_failure_that_was_seen_is_seen_for_all(people: People) -> None:
    failed = operation("web-1", state="failed", seen=False)
    client_of(people.carol).post(reverse("operations:operation_seen", args=[failed.uid]))
    failed.refresh_from_db()
    assert failed.seen
    assert "is-unseen" not in page_for(people.bob, reverse("operations:panel"))
