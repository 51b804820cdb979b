"""Words of the tus protocol (resumable uploads, https://tus.io) that come as headers.

What a new upload shall be, the checksum of a part, and what we can do. Our own page sends neither version nor checksum:
what is not said is not judged.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode
from binascii import Error as BadBase64
from collections.abc import Mapping
from hmac import compare_digest
from typing import Final

from django.utils.translation import gettext as _

from vmconsole.access.errors import Refused, Unprocessable

VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,expiration,termination,checksum"
ALGORITHMS: Final = ("sha256", "sha1")  # sha1 since the protocol wants every server to have it
OTHER_VERSION: Final = 412
CHECKSUM_MISMATCH: Final = 460  # the protocol's own number
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


def refuse_other_version(headers: Mapping[str, str]) -> None:
    """Who says no version gets ours; who says another gets none."""
    if headers.get("Tus-Resumable", VERSION) != VERSION:
        raise Refused(_("This server speaks version 1.0.0 of the tus protocol."), "TusVersion", status=OTHER_VERSION)


def refuse_other_bytes(headers: Mapping[str, str], data: bytes) -> None:
    """A part with a checksum that is not its own was damaged on the way: nothing of it is kept."""
    if "Upload-Checksum" not in headers:
        return
    algorithm, _space, coded = headers["Upload-Checksum"].partition(" ")
    if algorithm not in ALGORITHMS:
        sentence = _("Upload-Checksum takes sha256 or sha1.")
        raise Unprocessable(sentence, field="Upload-Checksum", status=400)
    try:
        wanted = b64decode(coded, validate=True)
    except (BadBase64, ValueError) as error:
        sentence = _("Upload-Checksum cannot be read. Write the algorithm and the base64 of the checksum.")
        raise Unprocessable(sentence, field="Upload-Checksum", status=400) from error
    if not compare_digest(hashlib.new(algorithm, data, usedforsecurity=False).digest(), wanted):
        raise Refused(_("This part was damaged on the way. Send it again."), "Checksum", status=CHECKSUM_MISMATCH)


def abilities(largest: int) -> dict[str, str]:
    """The answer to OPTIONS."""
    return {
        "Tus-Resumable": VERSION,
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(largest),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }


def _decoded(coded: str) -> str:
    try:
        return b64decode(coded, validate=True).decode()
    except (BadBase64, ValueError) as error:
        raise _unreadable() from error


def _unreadable() -> Unprocessable:
    sentence = _("Upload-Metadata cannot be read. Write words and their base64, separated by commas.")
    return Unprocessable(sentence, field="Upload-Metadata", status=400)
