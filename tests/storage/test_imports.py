"""Imports over real connections, by an importer of their own; each ends whole or with its reason."""

from __future__ import annotations

import gzip
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.storage import corpus
from tests.storage.conftest import ended, left_over, wait_for
from tests.storage.servers import Request, Server
from vmconsole.runtime.errors import Rejected
from vmconsole.runtime.libvirt.importer import jobs
from vmconsole.runtime.libvirt.volume_places import VolumePlaces
from vmconsole.runtime.libvirt.volumes import STALLED, LibvirtVolumes
from vmconsole.runtime.types import BlankSource, FileSource, HttpSource, Phase, VolumeSource, VolumeSpec

MIB = 2**20
GIB = 2**30


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
