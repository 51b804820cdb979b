"""Downloads that are cut, slow, lying or leading elsewhere: the importer's own client, with little patience."""

from __future__ import annotations

import os
import time
from pathlib import Path
from uuid import uuid4

import pytest

from tests.storage.servers import Request, Server
from vmconsole.runtime.addresses import allow_list
from vmconsole.runtime.libvirt.importer import jobs
from vmconsole.runtime.libvirt.importer.download import Download, Patience
from vmconsole.runtime.libvirt.importer.failures import ImportFailed
from vmconsole.runtime.libvirt.importer.progress import Progress
from vmconsole.runtime.libvirt.volume_places import VolumePlaces

MIB = 2**20
GIB = 2**30
HASTE = Patience(attempts=3, first_wait=0.01, longest_wait=0.05, silence_seconds=1.0, slow_bytes=2048, slow_seconds=0.5)


def download(state: Path, server: Server, path: str = "/image", **job: object) -> Path:
    uid = uuid4()
    url = path if "://" in path else server.url(path)
    asked = jobs.JobFile(uid=uid, namespace="default", name="a", size_bytes=0, url=url, **job)  # type: ignore[arg-type]
    target = state / "disks" / f"{uid}.download"
    progress = Progress(VolumePlaces(state).job(uid), asked)
    Download(asked, target, progress, allow=allow_list("127.0.0.9/32"), patience=HASTE).run()
    return target


def refused(state: Path, server: Server, path: str = "/image") -> str:
    with pytest.raises(ImportFailed) as failure:
        download(state, server, path)
    assert failure.value.sentence.endswith(".")
    return failure.value.reason


def test_a_cut_download_goes_on_where_it_was(state: Path, server: Server) -> None:
    data = os.urandom(MIB)
    server.answers["/image"] = lambda request: request.send_from(data, cut_after=200_000)
    assert download(state, server).read_bytes() == data
    asked = [headers.get("Range", "") for _, headers in server.seen]
    assert asked == ["", "bytes=200000-", "bytes=400000-", "bytes=600000-", "bytes=800000-", "bytes=1000000-"]


def test_an_image_that_changed_meanwhile_is_fetched_anew(state: Path, server: Server) -> None:
    old, new = os.urandom(MIB), os.urandom(MIB)

    def answer(request: Request) -> None:
        if request.number == 1:
            request.send_from(old, etag='"old"', cut_after=300_000)
        else:
            request.send_from(new, etag='"new"')

    server.answers["/image"] = answer
    assert download(state, server).read_bytes() == new


def test_without_a_tag_nothing_is_continued(state: Path, server: Server) -> None:
    data = os.urandom(MIB)

    def answer(request: Request) -> None:
        assert "Range" not in request.headers
        body = data[:100] if request.number == 1 else data
        request.send(200, body, Content_Length=len(data))
        request.handler.close_connection = True

    server.answers["/image"] = answer
    assert download(state, server).read_bytes() == data


def test_a_server_that_never_sends_all_of_it(state: Path, server: Server) -> None:
    server.answers["/image"] = lambda request: request.send(200, b"x" * 100, Content_Length=MIB, Connection="close")
    assert refused(state, server) == "DownloadCut"
    assert len(server.seen) == HASTE.attempts + 1, "the first brought something"


def test_a_server_that_is_not_there(state: Path, server: Server) -> None:
    assert refused(state, server, "http://127.0.0.9:1/image") == "DownloadCut"


def test_a_server_that_crawls(state: Path, server: Server) -> None:
    def answer(request: Request) -> None:
        request.send(200, b"x", Content_Length=MIB)
        while not server.held.wait(0.1):
            request.handler.wfile.write(b"x")

    server.answers["/image"] = answer
    assert refused(state, server) == "DownloadTooSlow"


def test_a_server_that_falls_silent(state: Path, server: Server) -> None:
    def answer(request: Request) -> None:
        request.send(200, b"x" * 100, Content_Length=MIB)
        server.held.wait(30)

    server.answers["/image"] = answer
    begun = time.monotonic()
    assert refused(state, server) == "DownloadCut"
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (404, "ImageNotFound"),
        (410, "ImageNotFound"),
        (403, "AccessDenied"),
        (401, "AccessDenied"),
        (418, "ServerError"),
    ],
)
def test_a_plain_no_is_taken_at_once(status: int, reason: str, state: Path, server: Server) -> None:
    server.answers["/image"] = lambda request: request.send(status, b"no")
    assert refused(state, server) == reason
    assert len(server.seen) == 1


def test_a_server_in_trouble_gets_another_chance(state: Path, server: Server) -> None:
    def answer(request: Request) -> None:
        request.send(503) if request.number == 1 else request.send_from(b"data")

    server.answers["/image"] = answer
    assert download(state, server).read_bytes() == b"data"


def test_a_part_that_was_not_asked_for_is_not_taken(state: Path, server: Server) -> None:
    def answer(request: Request) -> None:
        if request.number == 1:
            request.send_from(b"x" * 1000, cut_after=500)
        else:
            request.send(206, b"y" * 900, Content_Range="bytes 100-999/1000", ETag='"one"')

    server.answers["/image"] = answer
    assert refused(state, server) == "ServerConfused"


# --- where it may not lead --------------------------------------------------------------------------------------
INSIDE = [
    "http://127.1.1.1/x",
    "http://localhost/x",
    "http://[::1]/x",
    "http://[::ffff:127.0.0.1]/x",
    "http://[::ffff:10.0.0.1]/x",
    "http://[64:ff9b::7f00:1]/x",
    "http://[2002:7f00:1::]/x",
    "http://0x7f.1/x",
    "http://2130706433/x",
    "http://017700000001/x",
    "http://127.1/x",
    "http://0/x",
    "http://0.0.0.0/x",
    "http://169.254.169.254/latest/meta-data",
    "http://[fe80::1%25lo]/x",
    "http://10.0.0.1/x",
    "http://172.16.0.1/x",
    "http://192.168.1.1/x",
    "http://100.64.0.1/x",
    "http://[fd00::1]/x",
    "http://224.0.0.1/x",
    "http://255.255.255.255/x",
    "file:///etc/passwd",
    "gopher://127.0.0.1/x",
    "ftp://127.0.0.1/x",
    "//127.0.0.1/x",
    "http://user:secret@example.com/x",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("target", INSIDE)
def test_a_redirect_to_the_inside_is_not_followed(target: str, state: Path, server: Server) -> None:
    server.answers["/image"] = lambda request: request.send(302, Location=target)
    assert refused(state, server) == "AddressForbidden"


def test_a_name_that_leads_inside_is_not_asked(state: Path, server: Server) -> None:
    """The address is judged after the name was looked up, so no name helps."""
    uid = uuid4()
    asked = jobs.JobFile(
        uid=uid, namespace="default", name="a", size_bytes=0, url=server.url("/image", host="localhost")
    )
    progress = Progress(VolumePlaces(state).job(uid), asked)
    with pytest.raises(ImportFailed) as failure:
        Download(asked, state / "disks" / "x", progress, allow=(), patience=HASTE).run()
    assert failure.value.reason == "AddressForbidden"
    assert server.seen == []


def test_twenty_redirects_are_too_many(state: Path, server: Server) -> None:
    for number in range(20):
        server.answers[f"/{number}"] = lambda request, to=number + 1: request.send(302, Location=f"/{to}")  # type: ignore[misc]
    assert refused(state, server, "/0") == "TooManyRedirects"
    assert len(server.seen) == 6


def test_credentials_do_not_follow_to_another_server(state: Path, server: Server) -> None:
    with Server() as other:
        other.answers["/image"] = lambda request: request.send_from(b"data")
        server.answers["/image"] = lambda request: request.send(302, Location=other.url("/image"))
        target = download(state, server, headers=(("Authorization", "Basic c2VjcmV0"),))
        assert target.read_bytes() == b"data"
        assert server.seen[0][1]["Authorization"] == "Basic c2VjcmV0"
        assert "Authorization" not in other.seen[0][1]
