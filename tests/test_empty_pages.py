"""A page without anything on it teaches: what the thing is for, and a button, or the reason why there is none."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tests.people import People, client_of, make_people

pytestmark = pytest.mark.django_db

# The page, the button of those who may make such a thing, and who may: somebody who edits, or runs the cluster.
MAKING = {
    "/vms/": ("/vms/new", "carol"),
    "/disks/": ("/disks/new", "carol"),
    "/images/": ("/images/new", "carol"),
    "/networks/": ("/networks/new", "erin"),
    "/types/": ("/types/new", "erin"),
}
READING = ("/nodes/", "/operations/", "/settings/tokens/")


@pytest.fixture
def people(db: None) -> People:
    from inventory.models import VirtualMachineType
    from networking.models import Network
    from observability.models import Event
    from storage.models import Image

    found = make_people()
    for model in (VirtualMachineType, Network, Event, Image):
        model.objects.all().delete()
    return found


def blank(client: Client, path: str) -> tuple[str, str]:
    """The text of the empty state, and where its button leads."""
    answer = client.get(path)
    assert answer.status_code == 200, path
    page = answer.content.decode()
    found = re.search(r'<div class="blank">(.*?)</div>\s*</div>|<div class="blank">.*', page, flags=re.DOTALL)
    assert found, f"{path} shows nothing and says nothing"
    part = page[found.start() : found.start() + 2500]
    paragraph = re.search(r"<p>(.*?)</p>", part, flags=re.DOTALL)
    button = re.search(r'<a class="btn btn-primary" href="([^"]+)"', part)
    return (paragraph[1] if paragraph else "", button[1] if button else "")


@pytest.mark.parametrize("path", MAKING)
def test_who_may_make_one_finds_the_button(people: People, path: str) -> None:
    there, who = MAKING[path]
    text, button = blank(client_of(getattr(people, who)), path)
    assert len(text) > 40, text
    assert button == there


@pytest.mark.parametrize("path", MAKING)
def test_who_may_not_is_told_why(people: People, path: str) -> None:
    text, button = blank(client_of(people.bob), path)
    assert button == ""
    assert re.search(r"role|may not", text), text


@pytest.mark.parametrize("path", READING)
def test_pages_to_read_say_what_will_be_there(people: People, path: str) -> None:
    for person in (people.erin, people.bob):
        text, _button = blank(client_of(person), path)
        assert len(text) > 40, text
