"""What tests of disks stand on: a state folder with real importers, and web servers that misbehave."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from tests.storage.servers import Server
from vmconsole.runtime.libvirt.importer import jobs
from vmconsole.runtime.libvirt.volume_places import VolumePlaces
from vmconsole.runtime.libvirt.volumes import LibvirtVolumes
from vmconsole.runtime.types import Phase, VolumeSeen

FOLDERS = ("disks", "images", "jobs", "uploads", "run")


def wait_for(found: Callable[[], object], *, seconds: float = 60.0) -> object:
    """Look until there is something. The deadline only ends a test that failed anyway."""
    end = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < end, f"waited {seconds:.0f} s in vain"
        time.sleep(0.01)
    return answer


def ended(volumes: LibvirtVolumes, uid: UUID, *, seconds: float = 60.0) -> VolumeSeen | None:
    """The volume once nothing is being done to it any more."""
    last: VolumeSeen | None = None

    def found() -> bool:
        nonlocal last
        last = volumes.get(uid)
        return last is None or last.phase in (Phase.SUCCEEDED, Phase.FAILED)

    wait_for(found, seconds=seconds)
    return last


@pytest.fixture
def state(tmp_path: Path) -> Path:
    for name in FOLDERS:
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def volumes(state: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LibvirtVolumes]:
    """Real volumes. Imports may come from this machine, as the servers of these tests do."""
    monkeypatch.setenv("VMCONSOLE_IMPORT_ALLOW", "127.0.0.0/8")
    made = LibvirtVolumes(state, resize_live=lambda machine, volume, size: None)
    yield made
    places = VolumePlaces(state)
    for file in places.jobs.glob("*.json"):
        uid = UUID(file.stem)
        made.cancel(uid)
        wait_for(lambda uid=uid: not jobs.worker_of(places, uid), seconds=20)  # type: ignore[misc]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def left_over(state: Path) -> list[str]:
    """Everything in the state folder that is neither a finished volume nor a log."""
    files = [file for name in ("disks", "images", "jobs", "uploads") for file in (state / name).iterdir()]
    return sorted(file.name for file in files if file.suffix not in (".qcow2", ".log"))
