"""The search over everything: in groups, by the words of the lists, and nothing that is not one's own."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.models import SavedView
from tests.people import client_of
from tests.world import World, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return make_world()


def found(person: Any, text: str) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for entry in client_of(person).get("/palette", {"q": text}).json()["results"]:
        groups.setdefault(entry["group"], []).append(entry["label"])
    return groups


def test_one_of_everything_in_groups(world: World) -> None:
    assert found(world.people.erin, "canary") == {
        "Virtual machines": ["canary-vm"],
        "Disks": ["canary-disk"],
        "Images": ["canary-image"],
        "Networks": ["canary-net"],
        "Nodes": ["canary-node"],
        "Views": ["canary-view"],
    }


def test_nothing_that_is_not_ones_own(world: World) -> None:
    SavedView.objects.create(owner=world.people.carol, name="canary-own")
    assert found(world.people.dave, "canary") == {"Networks": ["canary-net"]}  # of all who have a namespace
    assert "canary-own" not in str(found(world.people.erin, "canary"))
    assert found(world.people.dave, "stop canary") == {}


def test_the_words_of_the_lists(world: World) -> None:
    assert found(world.people.erin, "state:stopped") == {"Virtual machines": ["canary-vm"]}
    assert found(world.people.erin, "state:ready size<2Gi")["Disks"] == ["canary-disk"]
    assert found(world.people.erin, "\x00") is not None


def test_things_to_do_say_why_not(world: World) -> None:
    (entry,) = client_of(world.people.bob).get("/palette", {"q": "start canary"}).json()["results"]
    assert entry["label"] == "Start canary-vm" and entry["post"] and entry["why"]
    (entry,) = client_of(world.people.carol).get("/palette", {"q": "start canary"}).json()["results"]
    assert "why" not in entry
    assert found(world.people.carol, "create disk")["Do"] == ["Create a disk"]
    assert "Do" not in found(world.people.bob, "create disk")


def test_it_costs_the_same_for_any_number(world: World, django_assert_max_num_queries: Any) -> None:
    client = client_of(world.people.carol)
    client.get("/palette", {"q": "canary"})
    with django_assert_max_num_queries(20):
        client.get("/palette", {"q": "canary"})
