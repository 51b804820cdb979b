"""Words of the tus protocol (resumable uploads, https://tus.io) that come as headers: what a new upload shall be."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as BadBase64
from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext as _

from vmconsole.access.errors import Unprocessable

VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,expiration,termination"
MOST_METADATA: Final = 8192
KNOWN: Final = ("kind", "namespace", "name", "checksum", "size", "title", "description", "os_type", "default_size")


def is_spoken(headers: Mapping[str, str]) -> bool:
    return "Upload-Length" in headers


def asked(headers: Mapping[str, str]) -> dict[str, str]:
    """The same fields as the JSON has. What clients add of their own, as a file's name, is not looked at."""
    told = {"length": headers["Upload-Length"]}
    metadata = headers.get("Upload-Metadata", "")
    if len(metadata) > MOST_METADATA:
        raise _unreadable()
    for pair in filter(None, (part.strip() for part in metadata.split(","))):
        key, _space, coded = pair.partition(" ")
        if key in KNOWN:
            told[key] = _decoded(coded)
    return told


def _decoded(coded: str) -> str:
    try:
        return b64decode(coded, validate=True).decode()
    except (BadBase64, ValueError) as error:
        raise _unreadable() from error


def _unreadable() -> Unprocessable:
    sentence = _("Upload-Metadata cannot be read. Write words and their base64, separated by commas.")
    return Unprocessable(sentence, field="Upload-Metadata", status=400)
