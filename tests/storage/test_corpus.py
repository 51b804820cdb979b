"""No image made to harm is taken in, none costs much to refuse, and nothing of the host comes out of any."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import pytest

from tests.storage import corpus
from tests.storage.conftest import ended, left_over, wait_for
from vmconsole.runtime.images import BadImage, container_of, inspect, unpack
from vmconsole.runtime.libvirt.volumes import LibvirtVolumes
from vmconsole.runtime.types import FileSource, Phase, VolumeSpec

CANARY = "canary-7f3a-of-this-host"
SECONDS = 10.0
MEMORY = 256 * 2**20
JUDGED = Path(__file__).with_name("judged.py")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file of the host that images try to show."""
    path = tmp_path / "shadow"
    path.write_text((CANARY + "\n") * 200)
    return path


def test_the_corpus_is_large_enough() -> None:
    assert len(corpus.BUILDERS) >= 60


@pytest.mark.parametrize("name", corpus.BUILDERS)
def test_it_is_refused_in_an_importer(name: str, secret: Path, state: Path, volumes: LibvirtVolumes) -> None:
    """The whole way, as an upload: real importer, real qemu-img behind it."""
    build, reason = corpus.BUILDERS[name]
    upload, uid = uuid4(), uuid4()
    build(state / "uploads" / str(upload), secret)
    for stray in (state / "uploads").iterdir():
        if stray.name != str(upload):
            stray.unlink()
    begun = time.monotonic()
    volumes.create(VolumeSpec(uid, "default", "x", 0, FileSource(str(upload))))
    seen = ended(volumes, uid)
    assert seen is not None
    assert (seen.phase, seen.reason) == (Phase.FAILED, reason)
    assert seen.message.endswith(".")
    assert CANARY not in seen.message
    assert str(secret) not in seen.message
    assert time.monotonic() - begun < SECONDS
    wait_for(lambda: left_over(state) == [f"{uid}.json"], seconds=5)  # its reason, and nothing else
    assert list((state / "disks").iterdir()) == []


@pytest.mark.parametrize("name", ["gz_bomb", "xz_bomb", "xz_wanting_much_memory", "qcow2_petabyte", "qcow2_huge_map"])
def test_refusing_takes_little_memory(name: str, tmp_path: Path, secret: Path) -> None:
    """In a process of its own, whose address space ends where the limit is."""
    build, reason = corpus.BUILDERS[name]
    path = tmp_path / "image"
    build(path, secret)
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (2 * MEMORY, 2 * MEMORY))  # noqa: E731
    told = subprocess.run(
        [sys.executable, JUDGED, path], check=True, capture_output=True, text=True, timeout=SECONDS, preexec_fn=limit
    )
    judged = json.loads(told.stdout)
    assert judged["reason"] == reason
    assert judged["memory"] < MEMORY


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("qcow2", ""),
        ("qcow2", "compat=0.10"),
        ("qcow2", "compression_type=zstd"),
        ("qcow2", "extended_l2=on,cluster_size=131072"),
        ("vmdk", "subformat=monolithicSparse"),
        ("vmdk", "subformat=streamOptimized"),
        ("vdi", ""),
        ("vpc", ""),
        ("vpc", "subformat=fixed"),
        ("vhdx", ""),
        ("raw", ""),
    ],
)
def test_a_proper_image_is_known_for_what_it_is(kind: str, options: str, tmp_path: Path) -> None:
    path = tmp_path / "image"
    corpus.good(path, kind, options=options)
    with path.open("rb") as file:
        header = inspect(file)
    assert header.format == kind
    # VHD counts in cylinders, so it may be a little larger.
    assert 8 * corpus.MIB <= header.virtual_bytes <= 9 * corpus.MIB


def test_a_raw_disk_whose_guest_wrote_a_header_stays_what_it_is(tmp_path: Path, secret: Path) -> None:
    """The first bytes belong to the guest. As an import they are judged like any image's."""
    path = tmp_path / "image"
    corpus.qcow2_backing_file(path, secret)
    with path.open("rb") as file, pytest.raises(BadImage, match="backing file"):
        inspect(file)


def refusal_of(file: BinaryIO) -> str:
    try:
        inspect(file)
    except BadImage as refusal:
        return refusal.sentence
    return ""


def test_no_refusal_repeats_the_file(tmp_path: Path, secret: Path) -> None:
    for name, (build, _reason) in corpus.BUILDERS.items():
        path = tmp_path / name
        build(path, secret)
        with path.open("rb") as file:
            if container_of(file):
                continue
            said = refusal_of(file)
        assert CANARY not in said
        assert str(secret) not in said


def test_what_is_unpacked_is_what_was_packed(tmp_path: Path) -> None:
    import gzip
    import lzma

    disk = tmp_path / "disk"
    corpus.disk(disk)
    data = disk.read_bytes()
    for name, packed in (("gz", gzip.compress(data[:MIB5]) + gzip.compress(data[MIB5:])), ("xz", lzma.compress(data))):
        path, out = tmp_path / name, tmp_path / "out"
        path.write_bytes(packed + bytes(512))
        with path.open("rb") as source, out.open("wb") as target:
            assert container_of(source) == name
            assert unpack(source, target, name, most_bytes=2**30) == len(data)
        assert out.read_bytes() == data
        assert out.stat().st_blocks * 512 < len(data), "zeros became blocks"


MIB5 = 5 * 2**20
