"""Uploads by the tus protocol: the file in parts, and after any cut on from the byte that the server has.

Few requests make the whole protocol's core, so they stand here; the client library for it would bring a second HTTP
stack. See https://tus.io/protocols/resumable-upload.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from vmctl.client import Api
from vmctl.errors import Exit, Failed
from vmctl.words import _

VERSION = "1.0.0"
PART = 8 << 20  # the server's largest; smaller ones cost a request each
PATIENCE = 120.0  # how long a server may be away before we give up; the upload itself is kept for days
PAUSE = 1.0
Tell = Callable[[int], None]


def begin(api: Api, path: str, size: int, metadata: dict[str, str]) -> str:
    """Where the upload's parts go. The same file of the same person again is the same upload, with what it has."""
    coded = ",".join(f"{key} {b64encode(value.encode()).decode()}" for key, value in metadata.items() if value)
    headers = {"Tus-Resumable": VERSION, "Upload-Length": str(size), "Upload-Metadata": coded}
    answer = api.request("POST", path, headers=headers)
    place: str = urlsplit(str(answer.headers.get("Location", ""))).path
    if not place:
        raise Failed(_("The server took the upload and does not say where it goes on."))
    return place


def offset_of(api: Api, place: str) -> int:
    answer = api.request("HEAD", place, headers={"Tus-Resumable": VERSION})
    return int(answer.headers.get("Upload-Offset", "0"))


def send(api: Api, place: str, file: Path, tell: Tell, *, patience: float = PATIENCE) -> None:
    """Until all of it is there. Cuts are waited out: only a server that stays away ends it."""
    size = file.stat().st_size
    with file.open("rb") as opened:
        offset, lost = _where(api, place, 0.0, patience)
        while offset < size:
            tell(offset)
            try:
                offset = _part(api, place, opened, offset)
                lost = 0.0
            except Failed as failed:
                if not _may_go_on(failed):
                    raise
                lost = lost or time.monotonic()
                offset, lost = _where(api, place, lost, patience)
    tell(size)


def _part(api: Api, place: str, opened: BinaryIO, offset: int) -> int:
    opened.seek(offset)
    data = opened.read(PART)
    headers = {
        "Tus-Resumable": VERSION, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream",
        "Upload-Checksum": f"sha256 {b64encode(sha256(data).digest()).decode()}",
    }  # fmt: skip
    answer = api.request("PATCH", place, headers=headers, content=data, timeout=120)
    told = answer.headers.get("Upload-Offset", "")
    return int(told) if told.isdigit() else offset + len(data)


def _where(api: Api, place: str, lost: float, patience: float) -> tuple[int, float]:
    """How far the server has it, asked again until it answers."""
    while True:
        try:
            return offset_of(api, place), lost
        except Failed as failed:
            lost = lost or time.monotonic()
            if not _may_go_on(failed) or time.monotonic() - lost > patience:
                raise
            time.sleep(PAUSE)


def _may_go_on(failed: Failed) -> bool:
    """Away, overtaken by ourselves, busy writing our last part, or damaged on the way: worth another look."""
    return failed.code in (Exit.UNREACHABLE, Exit.CONFLICT, Exit.TIMEOUT) or failed.reason in ("Busy", "Checksum")
