"""Statistics of real running guests: one look of the collector against the bare libvirt call it is made of."""

from __future__ import annotations

import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated
from uuid import UUID, uuid4

import libvirt
import typer

from scripts.benches._processes import ROOT, wait
from scripts.benches.results import Figure, show
from vmconsole.runtime.contract import RuntimeConnection
from vmconsole.runtime.types import DiskSpec, FileSource, MachineSpec, Phase, Power, VolumeSource, VolumeSpec

MIB = 1 << 20
ROUNDS = 30
HALT = bytes.fromhex("fa f4 eb fd")  # cli; again: hlt; jmp again


@contextmanager
def private_host() -> Iterator[tuple[str, Path]]:
    """A libvirtd of our own, as the tests have one; every guest of it is gone at the end."""
    sys.path.insert(0, str(ROOT / "scripts" / "lib"))
    from private_libvirt import running_guests

    from tests.hosts import kill_leftovers, start_libvirt

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # whoever loses patience must not leave fifty guests
    with tempfile.TemporaryDirectory(prefix="vmc-", dir="/tmp") as folder:
        state = Path(folder)
        state.chmod(0o711)
        subprocess.run(["ip", "netns", "add", state.name], check=True)
        supervisor = start_libvirt(state, state.name)
        try:
            yield f"qemu+unix:///system?socket={state}/libvirt/run/libvirt-sock", state
        finally:
            kill_leftovers(state)
            wait(lambda: not running_guests(state / "libvirt" / "run"))  # with guests left it would leave virtlogd too
            supervisor.terminate()
            supervisor.wait(30)
            subprocess.run(["ip", "netns", "delete", state.name], check=True)


def bench(
    guests: Annotated[int, typer.Option(help="How many run; the promise is for 50.")] = 50,
    json_file: Annotated[Path | None, typer.Option("--json")] = None,
) -> None:
    from observability.collector import Collector
    from vmconsole.runtime.libvirt.connection import open_connection
    from vmconsole.runtime.libvirt.metrics import GROUPS, NOWAIT, RUNNING

    with private_host() as (uri, state):
        connection = open_connection(uri, state)
        host = libvirt.open(uri)
        start(connection, state, guests)
        collector = Collector(lambda: connection)
        collector.look()
        bare, ours = taking_turns(lambda: host.getAllDomainStats(GROUPS, NOWAIT | RUNNING), collector.look)
        seen = len(collector.last)
        host.close()
        connection.close()
    if seen != guests:
        raise SystemExit(f"{seen} of {guests} guests were seen")
    figures = [
        Figure("bare libvirt call", 1000 * bare.wall, "ms", detail=f"{guests} guests, median of {ROUNDS}"),
        Figure("one look of the collector", 1000 * ours.wall, "ms", detail="sampled, turned into rates, stored"),
        Figure("look / bare call", ours.wall / bare.wall, "x", limit=1.2),
        Figure("CPU of a look in our process", 1000 * ours.cpu, "ms", detail=f"bare call: {1000 * bare.cpu:.1f} ms"),
    ]
    if not show("Statistics", figures, json_file):
        raise SystemExit(1)


def start(connection: RuntimeConnection, state: Path, guests: int) -> None:
    """Machines that run and do nothing: their boot sector halts the processor. Counters like any other."""
    upload = str(uuid4())
    (state / "uploads" / upload).write_bytes(HALT.ljust(510, b"\0") + b"\x55\xaa" + bytes(MIB - 512))
    first = made(connection, FileSource(upload))
    for number in range(guests):
        disk, uid = made(connection, VolumeSource(first)), uuid4()
        spec = MachineSpec(
            uid, "default", f"m-{number}", vcpus=1, memory_bytes=32 * MIB,
            disks=(DiskSpec("disk0", disk, boot=True),),
        )  # fmt: skip
        connection.machines.apply(spec)
        connection.machines.set_power(uid, Power.ON)


def made(connection: RuntimeConnection, source: FileSource | VolumeSource) -> UUID:
    uid = uuid4()
    connection.volumes.create(VolumeSpec(uid, "default", f"d-{uid.hex[:8]}", 0, source))
    wait(partial(is_made, connection, uid))
    return uid


def is_made(connection: RuntimeConnection, disk: UUID) -> bool:
    volume = connection.volumes.get(disk)
    return volume is not None and volume.phase is Phase.SUCCEEDED


class Cost:
    """Median wall and CPU seconds of one call."""

    def __init__(self, walls: list[float], cpus: list[float]) -> None:
        self.wall = statistics.median(walls)
        self.cpu = statistics.median(cpus)


def taking_turns(*calls: Callable[[], object]) -> list[Cost]:
    """Each call once, then each again: whatever else the machine does hits all alike."""
    walls: list[list[float]] = [[] for _ in calls]
    cpus: list[list[float]] = [[] for _ in calls]
    for _round in range(ROUNDS):
        for number, call in enumerate(calls):
            wall, cpu = time.perf_counter(), time.process_time()
            call()
            walls[number].append(time.perf_counter() - wall)
            cpus[number].append(time.process_time() - cpu)
    return [Cost(wall, cpu) for wall, cpu in zip(walls, cpus, strict=True)]
