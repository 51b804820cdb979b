"""/api/v1/operations: found by what they are about, seen by whom they concern, cancelled by who may."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from tests.access.tokens import program_of, token_of
from tests.people import MINE, OTHER, People, make_people
from vmconsole.operations.models import Operation

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> People:
    return make_people()


def operation(name: str, namespace: str = MINE, **more: Any) -> Operation:
    told: dict[str, Any] = {
        "verb": "create",
        "subject_kind": "VirtualMachineDisk",
        "subject_uid": uuid4(),
        "actor_name": "carol",
    }
    return Operation.objects.create(
        subject_name=name, namespace=namespace, deadline_at=timezone.now(), **{**told, **more}
    )


def ask(person: Any, path: str = "", **query: str) -> Any:
    return program_of(token_of(person)[1]).get(f"/api/v1/operations{path}", query)


def names(answer: Any) -> list[str]:
    return [row["subject_name"] for row in answer.json()["results"]]


def test_they_are_found_by_subject_and_state(people: People) -> None:
    one, two = operation("one"), operation("two", state="done")
    operation("theirs", OTHER)
    assert names(ask(people.bob)) == ["two", "one"]
    assert names(ask(people.bob, subject=str(one.subject_uid))) == ["one"]
    assert names(ask(people.bob, state="done")) == ["two"]
    assert ask(people.bob, f"/{two.uid}").json()["state"] == "done"
    assert ask(people.dave, f"/{two.uid}").status_code == 404


def test_one_that_can_be_cancelled_is_asked_to_end(people: People) -> None:
    one = operation("one", can_cancel=True)
    carol = program_of(token_of(people.carol)[1])
    answer = carol.post(f"/api/v1/operations/{one.uid}/cancel", content_type="application/json")
    assert (answer.status_code, answer.json()["cancel_requested"]) == (202, True)
    two = operation("two")
    refused = carol.post(f"/api/v1/operations/{two.uid}/cancel", content_type="application/json")
    assert refused.status_code == 409
