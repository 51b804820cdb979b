"""The disks' and images' pages: what they show, how they search, and that their cost does not grow with the list."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from observability.models import AuditEntry
from storage.models import Attachment, Image, VirtualMachineDisk
from tests.people import MINE, OTHER, People, client_of, make_people
from tests.settle import fake_runtime
from tests.storage.test_services import come_to_rest, place
from vmconsole.runtime.types import Phase

__all__ = ["fake_runtime", "place"]

pytestmark = pytest.mark.django_db
GIB = 1 << 30


@pytest.fixture
def people(db: None) -> People:
    return make_people()


def disk(name: str, namespace: str = MINE, **more: Any) -> VirtualMachineDisk:
    values = {"status_phase": Phase.SUCCEEDED, "status_size_bytes": GIB, "spec_size_bytes": GIB, **more}
    return VirtualMachineDisk.objects.create(namespace=namespace, name=name, **values)


@pytest.fixture
def some(people: People) -> None:
    disk("web-boot", labels={"app": "web"}, spec_source={"image": {"name": "demo"}})
    disk("web-data", status_size_bytes=20 * GIB)
    disk("broken", status_phase=Phase.FAILED, status_message="It is damaged.")
    disk("coming", status_phase=Phase.IMPORTING, status_percent=40.0, spec_source={"http": {"url": "https://x/y"}})
    disk("theirs", OTHER)
    Attachment.objects.create(
        disk=VirtualMachineDisk.objects.get(name="web-boot"), machine_uid=uuid4(), machine_name="web-1"
    )


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", {"web-boot", "web-data", "broken", "coming"}),
        ("web", {"web-boot", "web-data"}),
        ("web data", {"web-data"}),
        ("-web", {"broken", "coming"}),
        ("state:failed", {"broken"}),
        ("state:busy", {"coming"}),
        ("state:ready", {"web-boot", "web-data"}),
        ("size>10Gi", {"web-data"}),
        ("size<=1Gi -state:busy", {"web-boot", "broken"}),
        ("vm:web-1", {"web-boot"}),
        ("attached:no", {"web-data", "broken", "coming"}),
        ("source:image", {"web-boot"}),
        ("source:http", {"coming"}),
        ("label:app=web", {"web-boot"}),
        ("label:app", {"web-boot"}),
        ("label:app__x=web", set()),
        ("ns:b", set()),
        ('name:"web-boot"', {"web-boot"}),
        ("nonsense:x", set()),
        ("size>big", set()),
        ("<script>", set()),
    ],
)
def test_the_search_finds(query: str, names: set[str], people: People, some: None) -> None:
    page = client_of(people.carol).get("/disks/", {"q": query})
    assert page.status_code == 200
    assert {row.name for row in page.context["page"]} == names


@pytest.mark.parametrize(
    ("sort", "first"), [("-size", "web-data"), ("name", "broken"), ("state", "broken"), ("nonsense", "broken")]
)
def test_the_list_sorts_on_the_server(sort: str, first: str, people: People, some: None) -> None:
    page = client_of(people.carol).get("/disks/", {"sort": sort})
    assert next(iter(page.context["page"])).name == first


def test_a_list_costs_the_same_however_long_it_is(people: People, some: None) -> None:
    carol = client_of(people.carol)
    Image.objects.create(namespace=MINE, name="one", status_phase=Phase.SUCCEEDED)

    def queries(path: str) -> int:
        carol.get(path)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert carol.get(path).status_code == 200
        return len(asked)

    few = queries("/disks/"), queries("/images/")  # not a full page, so nothing has to be counted
    for number in range(120):
        made = disk(f"many-{number}")
        Attachment.objects.create(disk=made, machine_uid=uuid4(), machine_name=f"vm-{number}")
        Image.objects.create(namespace=MINE, name=f"many-{number}", status_phase=Phase.SUCCEEDED)
    assert (queries("/disks/"), queries("/images/")) == (few[0] + 1, few[1] + 1)
    assert queries("/disks/?page=2") == few[0] + 1


def test_a_disk_is_made_from_the_form(people: People, place: Path) -> None:
    carol = client_of(people.carol)
    for kind in ("image", "blank", "address", "upload", "copy"):
        assert carol.get(f"/disks/new?source={kind}").status_code == 200
    answer = carol.post("/disks/new?source=blank", {"namespace": MINE, "name": "data", "size": "1Gi"})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/disks/{MINE}/data/")
    come_to_rest()
    page = carol.get(answer.headers["Location"]).content.decode()
    assert "1 GiB" in page
    assert "size: 1Gi" in page


def test_a_refused_form_keeps_what_was_typed_and_says_why(people: People, place: Path) -> None:
    carol = client_of(people.carol)
    asked = {"namespace": MINE, "name": "data", "size": "", "url": "http://169.254.169.254/x", "password": "canary-8"}
    answer = carol.post("/disks/new?source=address", asked)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "internal network" in page
    assert "169.254.169.254" in page
    assert "canary-8" not in page
    entry = AuditEntry.objects.latest("id")
    assert (entry.phase, entry.reason) == ("refused", "AddressForbidden")


@pytest.mark.parametrize("size", ["0", "ten", "10", "-1Gi", "9" * 40])
def test_a_size_that_is_none_is_said_beside_the_field(size: str, people: People, place: Path) -> None:
    answer = client_of(people.carol).post("/disks/new?source=blank", {"namespace": MINE, "name": "data", "size": size})
    assert answer.status_code == 422
    assert answer.context["form"].errors["size"]


def test_a_viewer_sees_buttons_that_say_why_not(people: People, some: None) -> None:
    page = client_of(people.bob).get(f"/disks/{MINE}/web-boot/").content.decode()
    assert page.count("disabled title=") >= 2
    assert "hx-post" not in page.split('id="disk"')[1].split("</main>")[0]


def test_text_of_people_is_text(people: People) -> None:
    payload = "<img src=x onerror=alert(1)>"
    image = Image.objects.create(
        namespace=MINE, name="a", title=payload, description=payload, status_phase=Phase.FAILED, status_message=payload
    )
    disk("b", status_phase=Phase.FAILED, status_message=payload, labels={payload: payload})
    carol = client_of(people.carol)
    for path in ("/images/", image.get_absolute_url(), "/disks/", f"/disks/{MINE}/b/"):
        page = carol.get(path).content.decode()
        assert payload not in page
        assert "&lt;img" in page


def test_growing_and_deleting_from_their_dialogs(people: People, place: Path) -> None:
    carol = client_of(people.carol)
    carol.post("/disks/new?source=blank", {"namespace": MINE, "name": "data", "size": "1Gi"})
    come_to_rest()
    there = f"/disks/{MINE}/data/"
    assert carol.get(there + "grow").status_code == 200
    assert carol.post(there + "grow", {"size": "512Mi"}).status_code == 422
    assert carol.post(there + "grow", {"size": "2Gi"}).status_code == 302
    come_to_rest()
    assert VirtualMachineDisk.objects.get().status_size_bytes == 2 * GIB
    assert "Everything on it is lost" in carol.get(there + "delete").content.decode()
    assert carol.post(there + "delete").status_code == 302
    come_to_rest()
    assert carol.get(there).status_code == 404


def test_an_image_is_described_on_its_page(people: People) -> None:
    image = Image.objects.create(namespace=MINE, name="a", status_phase=Phase.SUCCEEDED, observed_generation=1)
    told = {"title": "New", "os_type": "Linux", "default_size": "20Gi", "description": "x"}
    assert client_of(people.carol).post(image.get_absolute_url(), told).status_code == 302
    image.refresh_from_db()
    assert (image.title, image.default_size_bytes) == ("New", 20 * GIB)


def test_public_images_are_for_everybody_and_others_for_their_own(people: People) -> None:
    Image.objects.create(namespace="vm-system", name="shared", public=True)
    Image.objects.create(namespace=OTHER, name="theirs")
    names = {row.name for row in client_of(people.carol).get("/images/").context["page"]}
    assert names == {"shared"}
    assert client_of(people.carol).get("/images/vm-system/shared/").status_code == 200
    assert client_of(people.carol).post("/images/vm-system/shared/delete").status_code in (403, 404)
