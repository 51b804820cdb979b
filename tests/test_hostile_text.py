"""Whatever text got into the database, it stays text: on every page, in every export, for everybody.

Names are checked on the way in; guests' host names, file names, messages of hypervisors and image titles are not ours.
So every text of every row is hostile here, however it would have come there.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from django.apps import apps
from django.db.models import CharField, JSONField, Model, TextField
from django.utils import timezone

from inventory.models import VirtualMachine
from networking.models import Network
from storage.models import Image
from tests.doors import DOORS
from tests.people import client_of
from tests.test_doors import OURS, body_of, knock, url_map
from tests.world import make_world
from vmconsole.access.models import Secret, User
from vmconsole.operations.models import Operation
from vmconsole.runtime.types import FileSystem, GuestNic, GuestSeen

MARKUP = '"><img src=x onerror=alert(1)>{{7*7}}'
LINK = "javascript:alert(1)"
SHEET = "=HYPERLINK(1)"

# What makes a row findable or is a choice of ours: not text, or the page would not be reached at all.
KEPT = {
    "namespace",
    "name",
    "kind",
    "status_phase",
    "status_state",
    "spec_mode",
    "state",
    "hash",
    "previous",
    "segment",
}


def poison(text: str) -> None:
    """Put the text into every free text column there is."""
    for app in apps.get_app_configs():
        if app.name.split(".")[0] not in OURS:
            continue
        for model in app.get_models():
            if model not in (Secret, User) and not model._meta.label.startswith(("access.", "observability.Audit")):
                fill(model, text)


def fill(model: type[Model], text: str) -> None:
    changes: dict[str, Any] = {}
    for field in model._meta.get_fields():
        name = field.name
        if (
            name in KEPT
            or name.startswith("spec_")
            or getattr(field, "primary_key", False)
            or getattr(field, "choices", None)
        ):
            continue
        if type(field) in (CharField, TextField) and not getattr(field, "unique", False):
            limit = getattr(field, "max_length", None)
            changes[name] = text[:limit] if limit else text
        elif isinstance(field, JSONField) and name in ("labels", "annotations"):
            changes[name] = {text: text}
    if changes:
        model._default_manager.update(**changes)


def guest_says(text: str) -> None:
    """What a guest's agent reports, as it is stored."""
    nic = GuestNic(name=text, mac="52:54:00:00:00:01", addresses=(text,))
    files = FileSystem(mountpoint=text, kind=text, used_bytes=1, total_bytes=2)
    guest = GuestSeen(text, text, text, text, text, (text,), (files,), (nic,))
    card = {"name": text, "resourceName": text, "networkName": text, "macAddress": text, "ipAddresses": [text]}
    VirtualMachine.objects.update(
        status_guest=asdict(guest), status_addresses=[card], status_guest_as_of=timezone.now(), status_power="on"
    )


@pytest.mark.django_db
@pytest.mark.parametrize("door", [door for door, methods in DOORS.items() if "GET" in methods])
def test_markup_stays_text(door: str) -> None:
    world = make_world()
    poison(MARKUP)
    answer = knock(client_of(world.people.erin), world, door, "GET", url_map()[door])
    assert answer.status_code != 500, "hostile text broke the page"
    kind = answer.headers.get("Content-Type", "")
    if kind.startswith("text/html"):
        text = body_of(answer).decode()
        assert "<img src=x" not in text
        assert f'href="{LINK}' not in text
    elif answer.status_code == 200:
        assert answer.headers.get("X-Content-Type-Options") == "nosniff"


@pytest.mark.django_db
@pytest.mark.parametrize("door", ["vm_detail", "vm_side", "vm_header", "vm_list", "vm_row", "vm_network", "vm_yaml"])
def test_what_a_guest_says_stays_text(door: str) -> None:
    world = make_world()
    guest_says(MARKUP)
    name = f"inventory:{door}"
    answer = knock(client_of(world.people.erin), world, name, "GET", url_map()[name])
    assert answer.status_code == 200
    assert "<img src=x" not in body_of(answer).decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "door",
    [
        "inventory:vm_export", "observability:audit_export", "storage:disk_export", "storage:image_export",
        "networking:network_export", "operations:operation_export",
    ],
)  # fmt: skip
def test_a_spreadsheet_gets_no_formula(door: str) -> None:
    world = make_world()
    VirtualMachine.objects.update(display_name=SHEET, status_message=SHEET, status_reason=SHEET)
    Image.objects.update(title=SHEET, status_reason=SHEET)
    Network.objects.update(spec_interface=SHEET[:15])
    Operation.objects.update(message=SHEET, actor_name=SHEET)
    erin = client_of(world.people.erin)
    erin.post("/settings/people/new", {"username": "x"}, headers={"User-Agent": SHEET})
    text = body_of(knock(erin, world, door, "GET", url_map()[door])).decode()
    assert [line for line in text.splitlines() if line.startswith("=") or ",=" in line or ',"=' in line] == []
