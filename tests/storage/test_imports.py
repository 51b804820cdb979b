"""Imports over real connections that are cut, slow, lying or leading elsewhere; each ends whole or with its reason."""

from __future__ import annotations

import gzip
import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.storage import corpus
from tests.storage.conftest import ended, left_over, wait_for
from tests.storage.servers import Request, Server
from vmconsole.runtime.addresses import allow_list
from vmconsole.runtime.errors import Rejected
from vmconsole.runtime.libvirt.importer import jobs
from vmconsole.runtime.libvirt.importer.download import Download, Patience
from vmconsole.runtime.libvirt.importer.failures import ImportFailed
from vmconsole.runtime.libvirt.importer.progress import Progress
from vmconsole.runtime.libvirt.volume_places import VolumePlaces
from vmconsole.runtime.libvirt.volumes import STALLED, LibvirtVolumes
from vmconsole.runtime.types import BlankSource, FileSource, HttpSource, Phase, VolumeSource, VolumeSpec

MIB = 2**20
GIB = 2**30
HASTE = Patience(attempts=3, first_wait=0.01, longest_wait=0.05, silence_seconds=1.0, slow_bytes=2048, slow_seconds=0.5)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("image") / "image"
    corpus.good(path)
    return path.read_bytes()


def content(path: Path, folder: Path) -> str:
    """The hash of the disk inside a volume."""
    raw = folder / "content.raw"
    corpus.qemu_img("convert", "-f", "qcow2", "-O", "raw", path, raw)
    digest = hashlib.sha256(raw.read_bytes()[: 8 * MIB]).hexdigest()
    raw.unlink()
    return digest


def http(server: Server, path: str = "/image", **more: object) -> HttpSource:
    return HttpSource(server.url(path), **more)  # type: ignore[arg-type]


def test_an_image_comes_in_grown_and_as_a_flat_qcow2(
    volumes: LibvirtVolumes, server: Server, image: bytes, state: Path, tmp_path: Path
) -> None:
    server.answers["/image"] = lambda request: request.send_from(image)
    uid, checksum = uuid4(), f"sha256:{hashlib.sha256(image).hexdigest()}"
    volumes.create(VolumeSpec(uid, "default", "a", GIB, http(server, checksum=checksum)))
    seen = ended(volumes, uid)
    assert seen is not None
    assert (seen.phase, seen.size_bytes, seen.format) == (Phase.SUCCEEDED, GIB, "qcow2")
    original = tmp_path / "original"
    original.write_bytes(image)
    path = state / "disks" / f"{uid}.qcow2"
    assert content(path, tmp_path) == content(original, tmp_path)
    assert path.stat().st_mode & 0o7777 == 0o660
    told = subprocess.run(["qemu-img", "info", "-f", "qcow2", path], check=True, capture_output=True, text=True).stdout
    assert "backing" not in told
    wait_for(lambda: left_over(state) == [])


@pytest.mark.parametrize("kind", ["raw", "vmdk", "vdi", "vpc", "vhdx", "qcow2", "raw.gz", "qcow2.xz"])
def test_every_format_comes_in(kind: str, volumes: LibvirtVolumes, server: Server, state: Path, tmp_path: Path) -> None:
    path = tmp_path / "source"
    corpus.good(path, kind.split(".")[0])
    data = path.read_bytes()
    if kind.endswith(".gz"):
        data = gzip.compress(data, 1)
    if kind.endswith(".xz"):
        data = subprocess.run(["xz", "-1"], input=data, check=True, capture_output=True).stdout
    server.answers["/image"] = lambda request: request.send_from(data)
    uid = uuid4()
    volumes.create(VolumeSpec(uid, "default", "a", 0, http(server), image=True))
    seen = ended(volumes, uid)
    assert seen is not None
    assert seen.phase is Phase.SUCCEEDED, seen.message
    assert 8 * MIB <= seen.size_bytes <= 9 * MIB
    assert (state / "images" / f"{uid}.qcow2").exists()


# --- the download alone, impatiently ----------------------------------------------------------------------------
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


# --- the whole import -------------------------------------------------------------------------------------------
def test_another_file_than_the_one_that_was_meant(
    volumes: LibvirtVolumes, server: Server, image: bytes, state: Path
) -> None:
    server.answers["/image"] = lambda request: request.send_from(image)
    uid = uuid4()
    volumes.create(VolumeSpec(uid, "default", "a", GIB, http(server, checksum="sha256:" + "0" * 64)))
    seen = ended(volumes, uid)
    assert seen is not None
    assert (seen.phase, seen.reason) == (Phase.FAILED, "ChecksumMismatch")
    wait_for(lambda: left_over(state) == [f"{uid}.json"])


def test_a_disk_smaller_than_its_image(volumes: LibvirtVolumes, server: Server, image: bytes) -> None:
    server.answers["/image"] = lambda request: request.send_from(image)
    uid = uuid4()
    volumes.create(VolumeSpec(uid, "default", "a", 4 * MIB, http(server)))
    seen = ended(volumes, uid)
    assert seen is not None
    assert (seen.reason, "8Mi" in seen.message) == ("DiskTooSmall", True)


def test_a_failed_import_can_be_asked_for_again(volumes: LibvirtVolumes, server: Server, image: bytes) -> None:
    uid = uuid4()
    spec = VolumeSpec(uid, "default", "a", GIB, http(server))
    volumes.create(spec)
    seen = ended(volumes, uid)
    assert seen is not None
    assert seen.reason == "ImageNotFound"
    server.answers["/image"] = lambda request: request.send_from(image)
    volumes.create(spec)
    wait_for(lambda: (now := volumes.get(uid)) and now.phase is Phase.SUCCEEDED)


HOLD = """
import fcntl, sys
with open(sys.argv[1], "w") as lock:
    fcntl.lockf(lock, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_failure_is_told_when_its_importer_has_gone(volumes: LibvirtVolumes, server: Server, state: Path) -> None:
    """Asked for again between the two, it would be taken for the one that is under way, and never be made."""
    uid = uuid4()
    volumes.create(VolumeSpec(uid, "default", "a", GIB, http(server)))
    ended(volumes, uid)
    command = [sys.executable, "-c", HOLD, str(VolumePlaces(state).lock(uid))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as importer:
        assert importer.stdout is not None
        assert importer.stdout.readline() == b"held\n"
        seen = volumes.get(uid)
        assert seen is not None
        assert seen.phase is Phase.IMPORTING
        importer.communicate()
    seen = volumes.get(uid)
    assert seen is not None
    assert (seen.phase, seen.reason) == (Phase.FAILED, "ImageNotFound")


def halfway(server: Server, image: bytes) -> None:
    """The first request is held in the middle until the test is over; later ones get the rest."""

    def answer(request: Request) -> None:
        if request.number > 1:
            request.send_from(image)
            return
        request.send(200, image[: len(image) // 2], Content_Length=len(image), ETag='"one"')
        server.held.wait(60)

    server.answers["/image"] = answer


def worker(volumes: LibvirtVolumes, state: Path, uid: UUID) -> int:
    """The importer's process, once half of the image has arrived."""
    places = VolumePlaces(state)
    file = places.work(uid, "download", image=False)
    wait_for(lambda: file.exists() and file.stat().st_size > 0)
    return int(str(wait_for(lambda: jobs.worker_of(places, uid))))


def test_an_importer_that_was_killed_is_taken_up_where_it_was(
    volumes: LibvirtVolumes, server: Server, image: bytes, state: Path
) -> None:
    halfway(server, image)
    spec = VolumeSpec(uuid4(), "default", "a", GIB, http(server))
    volumes.create(spec)
    os.kill(worker(volumes, state, spec.uid), signal.SIGKILL)
    wait_for(lambda: (seen := volumes.get(spec.uid)) and seen.reason == STALLED)
    volumes.create(spec)
    seen = ended(volumes, spec.uid)
    assert seen is not None
    assert seen.phase is Phase.SUCCEEDED
    assert server.seen[1][1]["Range"].startswith("bytes=")
    wait_for(lambda: left_over(state) == [])


def test_asking_twice_starts_one_importer(volumes: LibvirtVolumes, server: Server, image: bytes, state: Path) -> None:
    halfway(server, image)
    spec = VolumeSpec(uuid4(), "default", "a", GIB, http(server))
    volumes.create(spec)
    first = worker(volumes, state, spec.uid)
    for _ in range(3):
        volumes.create(spec)
    assert jobs.worker_of(VolumePlaces(state), spec.uid) == first
    assert len(server.seen) == 1


def test_a_cancelled_import_leaves_nothing(volumes: LibvirtVolumes, server: Server, image: bytes, state: Path) -> None:
    halfway(server, image)
    spec = VolumeSpec(uuid4(), "default", "a", GIB, http(server))
    volumes.create(spec)
    worker(volumes, state, spec.uid)
    volumes.cancel(spec.uid)
    assert ended(volumes, spec.uid) is None
    wait_for(lambda: left_over(state) == [])
    volumes.cancel(spec.uid)


def test_a_cancel_after_the_importer_died_leaves_nothing_either(
    volumes: LibvirtVolumes, server: Server, image: bytes, state: Path
) -> None:
    halfway(server, image)
    spec = VolumeSpec(uuid4(), "default", "a", GIB, http(server))
    volumes.create(spec)
    os.kill(worker(volumes, state, spec.uid), signal.SIGKILL)
    wait_for(lambda: not jobs.worker_of(VolumePlaces(state), spec.uid))
    volumes.cancel(spec.uid)
    assert volumes.get(spec.uid) is None
    assert left_over(state) == []


def test_the_importer_is_nobodys_child_and_tells_nothing(
    volumes: LibvirtVolumes, server: Server, image: bytes, state: Path
) -> None:
    halfway(server, image)
    secret = "canary-secret-91"
    spec = VolumeSpec(uuid4(), "default", "a", GIB, http(server, headers=(("Authorization", secret),)))
    volumes.create(spec)
    pid = worker(volumes, state, spec.uid)
    status = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    parent, session, nice = int(status[1]), int(status[3]), int(status[16])
    assert parent != os.getpid()
    assert session not in (os.getsid(0), pid), "it leads no session, so no terminal can become its own"
    assert nice == 10
    for name in ("cmdline", "environ"):
        assert secret not in Path(f"/proc/{pid}/{name}").read_text()
    assert VolumePlaces(state).job(spec.uid).stat().st_mode & 0o7777 == 0o600
    assert secret in VolumePlaces(state).job(spec.uid).read_text()
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not jobs.worker_of(VolumePlaces(state), spec.uid))
    volumes.create(spec)
    ended(volumes, spec.uid)
    wait_for(lambda: left_over(state) == [])
    assert all(secret not in file.read_text() for file in (state / "jobs").iterdir())


def test_a_failed_import_keeps_no_secret(volumes: LibvirtVolumes, server: Server, state: Path) -> None:
    spec = VolumeSpec(uuid4(), "default", "a", GIB, http(server, headers=(("Authorization", "canary-secret-92"),)))
    volumes.create(spec)
    assert ended(volumes, spec.uid) is not None
    assert "canary-secret-92" not in VolumePlaces(state).job(spec.uid).read_text()


# --- disks that are there ---------------------------------------------------------------------------------------
def test_blank_clone_grow_delete(volumes: LibvirtVolumes, state: Path) -> None:
    first, second = uuid4(), uuid4()
    volumes.create(VolumeSpec(first, "default", "a", GIB, BlankSource()))
    seen = volumes.get(first)
    assert seen is not None
    assert (seen.phase, seen.size_bytes) == (Phase.SUCCEEDED, GIB)
    subprocess.run(
        ["qemu-io", "-f", "qcow2", "-c", "write -P 7 0 1M", state / "disks" / f"{first}.qcow2"],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    volumes.create(VolumeSpec(second, "default", "b", 2 * GIB, VolumeSource(first)))
    copy = ended(volumes, second)
    assert copy is not None
    assert copy.size_bytes == 2 * GIB
    read = ["qemu-io", "-f", "qcow2", "-r", "-c", "read -P 7 0 1M", str(state / "disks" / f"{second}.qcow2")]
    assert b"Pattern verification failed" not in subprocess.run(read, check=True, capture_output=True).stdout
    volumes.grow(second, 3 * GIB)
    volumes.grow(second, 3 * GIB)
    grown = volumes.get(second)
    assert grown is not None
    assert grown.size_bytes == 3 * GIB
    with pytest.raises(Rejected, match="larger"):
        volumes.grow(second, GIB)
    assert {one.uid for one in volumes.list()} == {first, second}
    for uid in (first, second, second):
        volumes.delete(uid)
    assert volumes.list() == []
    assert left_over(state) == []


def test_a_large_clone_is_made_by_an_importer(volumes: LibvirtVolumes, state: Path) -> None:
    first, second = uuid4(), uuid4()
    volumes.create(VolumeSpec(first, "default", "a", GIB, BlankSource()))
    path = state / "disks" / f"{first}.qcow2"
    write = ["qemu-io", "-f", "qcow2", "-c", "write -P 9 0 100M", str(path)]
    subprocess.run(write, check=True, stdout=subprocess.DEVNULL)
    volumes.create(VolumeSpec(second, "default", "b", 0, VolumeSource(first)))
    seen = ended(volumes, second)
    assert seen is not None
    assert (seen.phase, seen.size_bytes) == (Phase.SUCCEEDED, GIB)
    assert (state / "disks" / f"{second}.qcow2").read_bytes() == path.read_bytes()


def test_a_disk_that_a_machine_writes_to_is_not_copied(volumes: LibvirtVolumes, state: Path) -> None:
    first, second = uuid4(), uuid4()
    volumes.create(VolumeSpec(first, "default", "a", GIB, BlankSource()))
    path = state / "disks" / f"{first}.qcow2"
    machine = subprocess.Popen(
        ["qemu-system-x86_64", "-accel", "tcg", "-m", "16", "-display", "none", "-nodefaults", "-S", "-serial", "none",
         "-drive", f"file={path},format=qcow2,if=virtio", "-monitor", "stdio"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert machine.stdout is not None
    try:
        machine.stdout.read(4)  # its monitor answers: the disk is open by now
        with pytest.raises(Rejected, match="Stop the machine"):
            volumes.create(VolumeSpec(second, "default", "b", 0, VolumeSource(first)))
        assert left_over(state) == []
    finally:
        machine.kill()
        machine.communicate()


def test_nothing_but_an_upload_of_ours_is_taken_in(volumes: LibvirtVolumes, state: Path) -> None:
    for name in ("../disks/x", "/etc/passwd", "x", ""):
        with pytest.raises(Rejected):
            volumes.create(VolumeSpec(uuid4(), "default", "a", 0, FileSource(name)))
    upload, uid = uuid4(), uuid4()
    (state / "uploads" / str(upload)).symlink_to("/etc/passwd")
    volumes.create(VolumeSpec(uid, "default", "a", 0, FileSource(str(upload))))
    seen = ended(volumes, uid)
    assert seen is not None
    assert seen.reason == "SourceMissing"


def test_a_size_is_needed_for_an_empty_disk(volumes: LibvirtVolumes) -> None:
    with pytest.raises(Rejected, match="size"):
        volumes.create(VolumeSpec(uuid4(), "default", "a", 0, BlankSource()))
