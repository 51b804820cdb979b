"""The command palette: where it goes, what it does, and what it asks before it hurts."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from inventory.models import VirtualMachine
from tests.people import MINE, People, client_of
from vmconsole.runtime.models import Runtime
from vmconsole.runtime.types import Power

pytestmark = pytest.mark.django_db


@pytest.fixture
def machine(people: People) -> VirtualMachine:
    runtime, _ = Runtime.objects.get_or_create(name="here", defaults={"kind": "fake"})
    return VirtualMachine.objects.create(
        runtime=runtime, namespace=MINE, name="web-3", status_power=Power.ON, status_state="Running",
        observed_generation=1,
    )  # fmt: skip


def found(client: Client, text: str) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = client.get("/palette", {"q": text}).json()["results"]
    return results


@pytest.mark.parametrize("verb", ["stop", "restart", "force-stop", "reset"])
def test_it_asks_before_it_hurts(people: People, machine: VirtualMachine, verb: str) -> None:
    [entry] = found(client_of(people.carol), f"{verb} web-3")
    assert entry["post"]
    assert "web-3?" in entry["ask"]
    assert entry["yes"] == entry["label"].removesuffix(" web-3")


def test_pausing_is_no_harm(people: People, machine: VirtualMachine) -> None:
    [entry] = found(client_of(people.carol), "pause web")
    assert "ask" not in entry


def test_deleting_opens_the_dialog_in_which_the_name_is_typed(people: People, machine: VirtualMachine) -> None:
    [entry] = found(client_of(people.carol), "delete web-3")
    assert (entry["dialog"], entry["post"], entry["url"]) == (True, False, f"/vms/{MINE}/web-3/delete")


def test_who_may_only_look_is_told_why_not(people: People, machine: VirtualMachine) -> None:
    [entry] = found(client_of(people.bob), "stop web-3")
    assert "role" in entry["why"]
    assert found(client_of(people.dave), "stop web-3") == []
