"""Machines by search words over the API, and what the console says of itself."""

from __future__ import annotations

import pytest

from inventory.models import VirtualMachine
from tests.access.tokens import program_of, token_of
from tests.people import MINE, OTHER, client_of
from tests.world import make_world
from vmconsole.access.rules import TokenRights
from vmconsole.runtime.models import Runtime

pytestmark = pytest.mark.django_db


def names(answer: object) -> list[str]:
    return [row["name"] for row in answer.json()["results"]]  # type: ignore[attr-defined]


def test_the_words_of_the_page() -> None:
    world = make_world()
    VirtualMachine.objects.create(namespace=OTHER, name="theirs", status_state="Running")
    VirtualMachine.objects.create(namespace=MINE, name="web", status_state="Running", labels={"app": "web"})
    carol = client_of(world.people.carol)
    assert names(carol.get("/api/v1/search")) == ["canary-vm", "web"]
    assert names(carol.get("/api/v1/search", {"q": "state:running"})) == ["web"]
    assert names(carol.get("/api/v1/search", {"q": "-state:running canary"})) == ["canary-vm"]
    assert names(carol.get("/api/v1/search", {"q": "namespace:b"})) == []
    (found,) = carol.get("/api/v1/search", {"q": "label:app=web"}).json()["results"]
    assert found["labels"] == {"app": "web"} and found["state"] == "Running"
    refused = carol.get("/api/v1/search", {"q": "colour:blue"})
    assert refused.status_code == 422 and refused.json()["field"] == "q" and "colour" in refused.json()["detail"]


def test_pages_go_on_where_they_ended() -> None:
    world = make_world()
    for number in range(5):
        VirtualMachine.objects.create(namespace=MINE, name=f"vm-{number}")
    carol = client_of(world.people.carol)
    page = carol.get("/api/v1/search", {"q": "vm", "limit": "4"})
    assert names(page) == ["canary-vm", "vm-0", "vm-1", "vm-2"]
    assert names(carol.get(page.json()["next"])) == ["vm-3", "vm-4"]


def test_a_tokens_scope_narrows_the_search() -> None:
    world = make_world()
    VirtualMachine.objects.create(namespace=OTHER, name="theirs")
    for places, wanted in (([MINE], ["canary-vm"]), ([OTHER], ["theirs"]), (None, ["canary-vm", "theirs"])):
        _, raw = token_of(world.people.erin, TokenRights.READ, places)
        assert names(program_of(raw).get("/api/v1/search")) == wanted


def test_what_the_console_says_of_itself() -> None:
    world = make_world()
    Runtime.objects.update(status_message="on the host's own words")
    told = client_of(world.people.carol).get("/api/v1/settings").json()
    assert told["version"] and told["limits"]["upload_part_bytes"] == 8 << 20 and told["limits"]["token_days"] == 366
    assert told["runtimes"][0]["message"] == "on the host's own words"
    assert client_of(world.people.dave).get("/api/v1/settings").json()["runtimes"][0]["message"] == ""


@pytest.mark.parametrize(
    "label", ["app=web", "app", 'a"b=c', "a.b/c=1", "-x=", "=", "$[0]=x", "a__b=c", "a'b", "app=%", "0=1"]
)
def test_any_text_after_label_is_a_label(label: str) -> None:
    world = make_world()
    VirtualMachine.objects.create(namespace=MINE, name="web", labels={"app": "web"})
    answer = client_of(world.people.carol).get("/api/v1/search", {"q": f"label:{label}"})
    assert answer.status_code == 200 and names(answer) == (["web"] if label in ("app=web", "app") else [])
