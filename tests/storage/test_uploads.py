"""Uploads over the door that browsers use: part by part, cut and continued, two at once, left alone, too large."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from observability.models import AuditEntry
from storage.models import Image, Upload, VirtualMachineDisk
from storage.services import uploads
from tests.people import MINE, People, client_of, make_people
from tests.settle import fake_runtime, settle
from tests.storage import corpus
from tests.storage.conftest import left_over
from tests.storage.test_services import come_to_rest, place
from vmconsole.operations import loop
from vmconsole.runtime.types import Phase

__all__ = ["fake_runtime", "place"]

pytestmark = pytest.mark.django_db
MIB = 1 << 20
UPLOADS = "/api/v1/uploads/"
PART = "application/offset+octet-stream"


@pytest.fixture
def people(db: None) -> People:
    return make_people()


@pytest.fixture
def image(tmp_path: Path) -> bytes:
    path = tmp_path / "image"
    corpus.good(path)
    return path.read_bytes()


def begin(client: Client, length: int, name: str = "mine", **more: Any) -> Any:
    asked = {"kind": "VirtualMachineDisk", "namespace": MINE, "name": name, "length": length, **more}
    return client.post(UPLOADS, asked)


def send(client: Client, url: str, data: bytes, offset: int) -> Any:
    return client.patch(url, data, content_type=PART, headers={"Upload-Offset": str(offset)})


def test_an_upload_cut_at_half_goes_on_and_becomes_a_disk(people: People, place: Path, image: bytes) -> None:
    carol, half = client_of(people.carol), len(image) // 2
    begun = begin(carol, len(image), size="1Gi", checksum=f"sha256:{hashlib.sha256(image).hexdigest()}")
    assert begun.status_code == 201
    told = begun.json()
    assert send(carol, told["url"], image[:half], 0).headers["Upload-Offset"] == str(half)
    again = begin(carol, len(image), size="1Gi", checksum=f"sha256:{hashlib.sha256(image).hexdigest()}").json()
    assert (again["url"], again["offset"]) == (told["url"], half), "the same file by the same person goes on"
    looked = carol.head(told["url"])
    assert (looked.headers["Upload-Offset"], looked.headers["Upload-Length"]) == (str(half), str(len(image)))
    assert send(carol, told["url"], image[half:], half).status_code == 204
    assert told["done"] == f"/disks/{MINE}/mine/"
    come_to_rest()
    disk = VirtualMachineDisk.objects.get()
    assert (disk.status_phase, disk.status_size_bytes) == (Phase.SUCCEEDED, 1 << 30)
    assert left_over(place) == []
    phases = list(AuditEntry.objects.filter(kind="Upload").order_by("id").values_list("phase", flat=True))
    assert phases == ["started", "succeeded"]


def test_an_upload_becomes_an_image_with_its_description(people: People, place: Path, image: bytes) -> None:
    carol = client_of(people.carol)
    told = begin(carol, len(image), kind="Image", title="Mine", os_type="Linux", default_size="20Gi").json()
    send(carol, told["url"], image, 0)
    come_to_rest()
    made = Image.objects.get()
    assert (made.title, made.os_type, made.default_size_bytes) == ("Mine", "Linux", 20 << 30)
    assert made.status_phase == Phase.SUCCEEDED


def test_a_hostile_upload_is_refused_and_not_kept(people: People, place: Path, tmp_path: Path) -> None:
    secret = tmp_path / "shadow"
    secret.write_text("canary" * 100)
    corpus.qcow2_backing_file(tmp_path / "bad", secret)
    data, carol = (tmp_path / "bad").read_bytes(), client_of(people.carol)
    told = begin(carol, len(data)).json()
    send(carol, told["url"], data, 0)
    come_to_rest()
    disk = VirtualMachineDisk.objects.get()
    assert (disk.status_phase, disk.status_reason) == (Phase.FAILED, "ImageRefersToOtherFiles")
    assert not list((place / "uploads").iterdir())
    page = carol.get(told["done"]).content.decode()
    assert "backing file" in page
    assert "The uploaded file was not kept" in page


def test_only_the_next_part_is_taken(people: People, place: Path) -> None:
    carol = client_of(people.carol)
    url = begin(carol, 100).json()["url"]
    assert send(carol, url, b"x" * 10, 0).status_code == 204
    for offset in (0, 5, 11, 99):
        refused = send(carol, url, b"y" * 10, offset)
        assert (refused.status_code, refused.json()["reason"]) == (409, "WrongOffset")
    assert send(carol, url, b"x" * 91, 10).status_code == 422
    assert carol.head(url).headers["Upload-Offset"] == "10"


@pytest.mark.parametrize("offset", ["", "x", "-1", "1e3", "٣", "9" * 30])
def test_an_offset_that_is_none(offset: str, people: People, place: Path) -> None:
    carol = client_of(people.carol)
    url = begin(carol, 100).json()["url"]
    sent = carol.patch(url, b"x", content_type=PART, headers={"Upload-Offset": offset})
    assert sent.status_code == 400


def test_a_part_is_8_mib_at_most(people: People, place: Path) -> None:
    carol = client_of(people.carol)
    url = begin(carol, 20 * MIB).json()["url"]
    assert send(carol, url, bytes(8 * MIB + 1), 0).status_code == 413
    assert send(carol, url, bytes(8 * MIB), 0).status_code == 204


def test_another_kind_of_body_is_not_a_part(people: People, place: Path) -> None:
    carol = client_of(people.carol)
    url = begin(carol, 100).json()["url"]
    sent = carol.patch(url, b"x", content_type="application/json", headers={"Upload-Offset": "0"})
    assert sent.status_code == 415


def test_one_of_two_uploads_of_a_name_wins(people: People, place: Path, image: bytes) -> None:
    carol, alice = client_of(people.carol), client_of(people.alice)
    url = begin(carol, len(image)).json()["url"]
    second = begin(alice, len(image))
    assert second.status_code == 409
    assert "carol" in second.json()["detail"]
    assert begin(carol, len(image) + 1).status_code == 409, "another file under the same name"
    assert send(carol, url, image, 0).status_code == 204
    assert begin(alice, len(image)).status_code == 409, "the disk is there now"
    assert Upload.objects.count() == 1


def test_a_name_taken_meanwhile_leaves_the_last_part_unsent(people: People, place: Path, image: bytes) -> None:
    carol = client_of(people.carol)
    url = begin(carol, len(image)).json()["url"]
    VirtualMachineDisk.objects.create(namespace=MINE, name="mine")
    refused = send(carol, url, image, 0)
    assert (refused.status_code, refused.json()["reason"]) == (409, "AlreadyExists")
    assert carol.head(url).headers["Upload-Offset"] == "0"


def test_nobody_else_goes_on_with_it(people: People, place: Path) -> None:
    url = begin(client_of(people.carol), 100).json()["url"]
    for who in (people.alice, people.bob, people.dave, people.erin):
        assert client_of(who).head(url).status_code == 404
        assert send(client_of(who), url, b"x", 0).status_code == 404
        assert client_of(who).delete(url).status_code == 404
    assert begin(client_of(people.bob), 100, name="bobs").status_code == 403
    assert begin(client_of(people.dave), 100, name="daves").status_code == 404


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"length": 0}, 422),
        ({"length": -1}, 422),
        ({"length": (1 << 40) + 1}, 413),
        ({"length": 1 << 39}, 507),
        ({"length": 1, "name": "../x"}, 422),
        ({"length": 1, "kind": "Secret"}, 422),
        ({"length": 1, "checksum": "md5:1"}, 422),
        ({"length": 1, "namespace": "nowhere"}, 404),
        ({"length": "many"}, 422),
        ({"length": 1, "size": "big"}, 422),
    ],
)
def test_what_cannot_be_begun(asked: dict[str, Any], status: int, people: People, place: Path) -> None:
    refused = client_of(people.carol).post(
        UPLOADS, {"kind": "VirtualMachineDisk", "namespace": MINE, "name": "mine", **asked}
    )
    assert refused.status_code == status
    assert refused.json()["detail"]
    assert not Upload.objects.exists()


def test_space_that_was_promised_is_counted_once(people: People, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two uploads that fit one at a time do not fit together, and what has arrived is not promised any more."""
    import os

    disk = os.statvfs(place)
    free = disk.f_bavail * disk.f_frsize - uploads.KEEP_FREE
    monkeypatch.setattr(uploads, "LARGEST", 1 << 60)
    carol = client_of(people.carol)
    assert begin(carol, free * 2 // 3, name="one").status_code == 201
    assert begin(carol, free * 2 // 3, name="two").status_code == 507
    Upload.objects.update(offset=free * 2 // 3)
    assert begin(carol, free // 2, name="two").status_code == 201


def test_giving_up_removes_what_arrived(people: People, place: Path) -> None:
    carol = client_of(people.carol)
    url = begin(carol, 100).json()["url"]
    send(carol, url, b"x" * 50, 0)
    assert carol.delete(url).status_code == 204
    assert list((place / "uploads").iterdir()) == []
    assert carol.head(url).status_code == 404


def test_what_nobody_goes_on_with_is_dropped_after_a_day(people: People, place: Path) -> None:
    carol = client_of(people.carol)
    old, new = begin(carol, 100, name="old").json()["url"], begin(carol, 100, name="new").json()["url"]
    send(carol, old, b"x" * 50, 0)
    send(carol, new, b"x" * 50, 0)
    Upload.objects.filter(name="old").update(expires_at=timezone.now() - timedelta(seconds=1))
    loop.resync()
    settle()
    assert carol.head(old).status_code == 404
    assert carol.head(new).headers["Upload-Offset"] == "50"
    assert len(list((place / "uploads").iterdir())) == 1


def test_an_upload_that_is_being_written_is_not_written_twice(people: People, place: Path) -> None:
    import fcntl

    carol = client_of(people.carol)
    url = begin(carol, 100).json()["url"]
    send(carol, url, b"x", 0)
    with (place / "uploads" / url.split("/")[-2]).open("r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert send(carol, url, b"x", 1).status_code == 423
    assert send(carol, url, b"x", 1).status_code == 204
