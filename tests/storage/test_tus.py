"""Uploads as clients of the tus protocol make them: begun, cut, asked for, gone on with, complete."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django.live_server_helper import LiveServer
from tusclient.client import TusClient

from storage.models import Image, Upload, UploadState
from storage.services.uploads import path_of
from tests.access.tokens import program_of, token_of
from tests.people import MINE, OTHER, make_people
from vmconsole.access.models import RoleBinding, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def carol() -> Client:
    """A program of hers."""
    return program_of(token_of(make_people().carol)[1])


def begin(client: Client, length: int = 10, **told: str) -> Any:
    words = {"kind": "Image", "namespace": MINE, "name": "small", "filename": "small.img", **told}
    metadata = ",".join(f"{key} {b64encode(value.encode()).decode()}" for key, value in words.items())
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(length), "Upload-Metadata": metadata}
    return client.post("/api/v1/uploads/", headers=headers)


def send(client: Client, place: str, offset: int, data: bytes) -> Any:
    kind = "application/offset+octet-stream"
    return client.generic("PATCH", place, data, content_type=kind, headers={"Upload-Offset": str(offset)})


def test_an_upload_goes_on_where_it_was_cut(carol: Client) -> None:
    begun = begin(carol)
    place = begun.headers["Location"]
    assert (begun.status_code, begun.headers["Tus-Resumable"]) == (201, "1.0.0")
    assert send(carol, place, 0, b"01234").status_code == 204
    asked = carol.head(place)
    assert (asked.status_code, asked.headers["Upload-Offset"], asked.headers["Upload-Length"]) == (200, "5", "10")
    assert asked.headers["Cache-Control"] == "no-store"
    assert send(carol, place, 3, b"34567").status_code == 409
    assert begin(carol).headers["Location"] == place  # the same file again is the same upload


def test_words_of_its_own_are_not_looked_at_and_bad_ones_are_refused(carol: Client) -> None:
    assert begin(carol, title="Ein Bild, groß").status_code == 201
    assert Upload.objects.get().target["title"] == "Ein Bild, groß"
    refused = carol.post("/api/v1/uploads/", headers={"Upload-Length": "1", "Upload-Metadata": "name %%%"})
    assert (refused.status_code, refused.json()["field"]) == (400, "Upload-Metadata")
    huge = carol.post("/api/v1/uploads/", headers={"Upload-Length": "1", "Upload-Metadata": "name " + "A" * 9000})
    assert huge.status_code == 400


@pytest.mark.parametrize("length", ["-1", "x", ""])
def test_a_length_is_a_number(carol: Client, length: str) -> None:
    assert carol.post("/api/v1/uploads/", headers={"Upload-Length": length}).status_code == 422


def checked(client: Client, place: str, data: bytes, checksum: str) -> Any:
    headers = {"Upload-Offset": "0", "Upload-Checksum": checksum, "Tus-Resumable": "1.0.0"}
    return client.generic("PATCH", place, data, content_type="application/offset+octet-stream", headers=headers)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_damaged_part_is_not_kept(carol: Client, algorithm: str) -> None:
    place = begin(carol).headers["Location"]
    right = f"{algorithm} {b64encode(hashlib.new(algorithm, b'01234').digest()).decode()}"
    damaged = checked(carol, place, b"01235", right)
    assert (damaged.status_code, damaged.json()["reason"]) == (460, "Checksum")
    assert carol.head(place).headers["Upload-Offset"] == "0"
    assert checked(carol, place, b"01234", right).status_code == 204
    assert carol.head(place).headers["Upload-Offset"] == "5"


@pytest.mark.parametrize("checksum", ["md5 AAAA", "sha256", "sha256 %%%", "", "sha256 AAAA"])
def test_checksums_that_are_none(carol: Client, checksum: str) -> None:
    place = begin(carol).headers["Location"]
    assert checked(carol, place, b"01234", checksum).status_code in (400, 460)
    assert carol.head(place).headers["Upload-Offset"] == "0"


def test_what_the_server_can(carol: Client) -> None:
    answer = carol.options("/api/v1/uploads/")
    assert answer.status_code == 204 and answer.headers["Tus-Version"] == "1.0.0"
    assert set(answer.headers["Tus-Extension"].split(",")) == {"creation", "expiration", "termination", "checksum"}
    assert answer.headers["Tus-Checksum-Algorithm"] == "sha256,sha1"
    other = carol.post("/api/v1/uploads/", headers={"Tus-Resumable": "0.2.2", "Upload-Length": "1"})
    assert other.status_code == 412 and other.headers["Tus-Version"] == "1.0.0"
    assert carol.get(f"/api/v1/uploads/{uuid4()}/").headers["Tus-Resumable"] == "1.0.0"


def test_given_up(carol: Client) -> None:
    place = begin(carol).headers["Location"]
    assert carol.delete(place, headers={"Tus-Resumable": "1.0.0"}).status_code == 204
    assert carol.head(place).status_code == 404


def test_a_token_of_another_namespace_sees_no_upload_of_its_own_person(carol: Client) -> None:
    place = begin(carol).headers["Location"]
    person = User.objects.get(username="carol")
    RoleBinding.objects.create(user=person, role="edit", namespace_id=OTHER)
    elsewhere = program_of(token_of(person, places=[OTHER])[1])
    assert elsewhere.head(place).status_code == 404 and elsewhere.get("/api/v1/uploads/").json() == []


def test_a_client_of_the_protocol_uploads_is_cut_and_goes_on(live_server: LiveServer, tmp_path: Path) -> None:
    """tuspy, unmodified; the image is made from every byte it sent."""
    _, raw = token_of(make_people().carol)
    file = tmp_path / "small.img"
    file.write_bytes(bytes(range(256)) * 1200)
    client = TusClient(f"{live_server.url}/api/v1/uploads/", headers={"Authorization": f"Bearer {raw}"})
    about = {"kind": "Image", "namespace": MINE, "name": "small"}
    begun = client.uploader(str(file), chunk_size=100_000, metadata=about, upload_checksum=True)
    begun.upload_chunk()  # type: ignore[no-untyped-call]
    begun.upload_chunk()  # type: ignore[no-untyped-call]
    again = client.uploader(str(file), chunk_size=100_000, url=begun.url, upload_checksum=True)
    assert again.offset == 200_000
    again.upload()
    upload = Upload.objects.get()
    assert upload.state == UploadState.DONE and path_of(upload).read_bytes() == file.read_bytes()
    assert Image.objects.get().name == "small"
