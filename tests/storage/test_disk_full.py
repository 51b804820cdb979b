"""A host that runs out of space: refused before the work where it can be known, and cleaned up where it cannot."""

from __future__ import annotations

import gzip
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.storage import corpus
from tests.storage.conftest import FOLDERS, ended, left_over, wait_for
from tests.storage.servers import Server
from vmconsole.runtime.libvirt.volumes import LibvirtVolumes
from vmconsole.runtime.types import BlankSource, HttpSource, Phase, VolumeSource, VolumeSpec

MIB = 2**20


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state folder on a file system of 24 MiB."""
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", small], check=True)
    try:
        for name in FOLDERS:
            (small / name).mkdir()
        yield small
    finally:
        subprocess.run(["umount", "-l", small], check=True)


def full(volumes: LibvirtVolumes, state: Path, spec: VolumeSpec) -> None:
    volumes.create(spec)
    seen = ended(volumes, spec.uid)
    assert seen is not None
    assert (seen.phase, seen.reason) == (Phase.FAILED, "DiskFull")
    assert "space" in seen.message
    wait_for(lambda: left_over(state) == [f"{spec.uid}.json"])
    volumes.delete(spec.uid)
    assert volumes.list() == []
    assert left_over(state) == []


def test_a_download_that_cannot_fit_is_not_begun(volumes: LibvirtVolumes, state: Path, server: Server) -> None:
    server.answers["/image"] = lambda request: request.send(200, b"x", Content_Length=100 * MIB)
    full(volumes, state, VolumeSpec(uuid4(), "default", "a", 0, HttpSource(server.url("/image"))))
    assert len(server.seen) == 1


def test_a_download_of_unknown_length_that_fills_the_disk(volumes: LibvirtVolumes, state: Path, server: Server) -> None:
    data = os.urandom(40 * MIB)
    server.answers["/image"] = lambda request: request.send(200, data, Content_Length="none", Connection="close")
    full(volumes, state, VolumeSpec(uuid4(), "default", "a", 0, HttpSource(server.url("/image"))))


def test_unpacking_that_fills_the_disk(volumes: LibvirtVolumes, state: Path, server: Server, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    corpus.disk(plain, 64 * MIB)
    with plain.open("r+b") as file:
        file.seek(2 * MIB)
        file.write(bytes(range(1, 251)) * (40 * MIB // 250))
    packed = gzip.compress(plain.read_bytes(), 1)
    assert len(packed) < 8 * MIB
    server.answers["/image"] = lambda request: request.send_from(packed)
    full(volumes, state, VolumeSpec(uuid4(), "default", "a", 0, HttpSource(server.url("/image"))))


def test_converting_that_fills_the_disk(volumes: LibvirtVolumes, state: Path, server: Server, tmp_path: Path) -> None:
    """The image fits, and beside it what qemu-img makes of it does not."""
    source = tmp_path / "source"
    corpus.disk(source, 64 * MIB)
    with source.open("r+b") as file:
        file.seek(2 * MIB)
        file.write(bytes(range(1, 251)) * (40 * MIB // 250))
    packed = tmp_path / "packed"
    corpus.qemu_img("convert", "-c", "-f", "raw", "-O", "qcow2", source, packed)
    data = packed.read_bytes()
    assert len(data) < 16 * MIB
    server.answers["/image"] = lambda request: request.send_from(data)
    full(volumes, state, VolumeSpec(uuid4(), "default", "a", 0, HttpSource(server.url("/image"))))


def test_when_space_returns_the_same_goes_through(volumes: LibvirtVolumes, state: Path, server: Server) -> None:
    hog = state / "hog"
    hog.write_bytes(os.urandom(20 * MIB))
    image = state / "run" / "image"
    corpus.good(image)
    data = image.read_bytes()
    image.unlink()
    server.answers["/image"] = lambda request: request.send_from(data)
    spec = VolumeSpec(uuid4(), "default", "a", 0, HttpSource(server.url("/image")))
    hog.write_bytes(os.urandom(22 * MIB))
    volumes.create(spec)
    seen = ended(volumes, spec.uid)
    assert seen is not None
    assert seen.reason == "DiskFull"
    hog.unlink()
    volumes.create(spec)
    wait_for(lambda: (now := volumes.get(spec.uid)) and now.phase is Phase.SUCCEEDED)


def test_a_copy_that_cannot_fit(volumes: LibvirtVolumes, state: Path) -> None:
    from vmconsole.runtime.errors import Rejected

    first = uuid4()
    volumes.create(VolumeSpec(first, "default", "a", 64 * MIB, BlankSource()))
    path = state / "disks" / f"{first}.qcow2"
    write = ["qemu-io", "-f", "qcow2", "-c", "write -P 9 0 16M", str(path)]
    subprocess.run(write, check=True, stdout=subprocess.DEVNULL)
    with pytest.raises(Rejected, match="space"):
        volumes.create(VolumeSpec(uuid4(), "default", "b", 0, VolumeSource(first)))
    assert left_over(state) == []
