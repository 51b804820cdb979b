"""Uploads as clients of the tus protocol make them: begun, cut, asked for, gone on with, complete."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from django.test import Client

from storage.models import Upload
from tests.access.tokens import program_of, token_of
from tests.people import MINE, make_people

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
