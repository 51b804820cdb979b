"""Every driver behind the same fixtures: `runtime` is an open connection, `outsider` a machine made without us."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import libvirt
import pytest

from tests.hosts import LibvirtState
from vmconsole.runtime.contract import RuntimeConnection
from vmconsole.runtime.fake.connection import FakeConnection
from vmconsole.runtime.fake.connection import open_connection as open_fake
from vmconsole.runtime.libvirt.connection import open_connection as open_libvirt
from vmconsole.runtime.types import MachineSpec, VolumeSpec

MIB = 1 << 20
# Firmware and no disk: half a second to start, and enough to have a screen, counters and devices.
OUTSIDER = """
<domain type="qemu"><name>{name}</name><uuid>{uid}</uuid><memory unit="MiB">32</memory><vcpu>1</vcpu>
<os><type arch="x86_64" machine="q35">hvm</type></os><features><acpi/></features><devices>
<serial type="pty"/><graphics type="vnc" port="-1" listen="127.0.0.1" passwd="secret"/>
<video><model type="vga"/></video>
<interface type="user"><mac address="52:54:00:0a:0b:0c"/><model type="virtio"/></interface>
</devices></domain>
"""


@dataclass
class Bench:
    """A connection, and what a test made with it."""

    runtime: RuntimeConnection
    machines: list[UUID] = field(default_factory=list)
    volumes: list[UUID] = field(default_factory=list)
    networks: list[str] = field(default_factory=list)

    def spec(self, **changes: object) -> MachineSpec:
        uid = uuid4()
        self.machines.append(uid)
        values: dict[str, object] = {"namespace": "default", "name": f"m-{uid.hex[:8]}", "vcpus": 1}
        values |= {"memory_bytes": 32 * MIB} | changes
        return MachineSpec(uid=uid, **values)  # type: ignore[arg-type]

    def machine(self, **changes: object) -> MachineSpec:
        spec = self.spec(**changes)
        self.runtime.machines.apply(spec)
        return spec

    def volume(self, size_bytes: int = 8 * MIB) -> UUID:
        uid = uuid4()
        self.volumes.append(uid)
        self.runtime.volumes.create(VolumeSpec(uid, "default", f"d-{uid.hex[:8]}", size_bytes))
        return uid

    def clear(self) -> None:
        for machine in self.machines:
            self.runtime.machines.delete(machine)
        for volume in self.volumes:
            self.runtime.volumes.delete(volume)
        for network in self.networks:
            self.runtime.networks.delete(network)


@pytest.fixture(params=["fake", pytest.param("libvirt", marks=pytest.mark.libvirt)])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def libvirt_connection(libvirt_state: LibvirtState) -> Iterator[RuntimeConnection]:
    connection = open_libvirt(libvirt_state.uri, libvirt_state.state)
    yield connection
    connection.close()


@pytest.fixture
def fake_connection(tmp_path: Path) -> Iterator[FakeConnection]:
    connection = open_fake("fake:?seconds=0.05", tmp_path)
    yield connection
    connection.close()


@pytest.fixture
def runtime(kind: str, request: pytest.FixtureRequest) -> RuntimeConnection:
    connection: RuntimeConnection = request.getfixturevalue(f"{kind}_connection")
    return connection


@pytest.fixture
def bench(runtime: RuntimeConnection) -> Iterator[Bench]:
    bench = Bench(runtime)
    yield bench
    bench.clear()


@pytest.fixture
def outsider(bench: Bench, kind: str, request: pytest.FixtureRequest) -> Callable[[], UUID]:
    """Makes a machine the way others do."""

    def make() -> UUID:
        if kind == "fake":
            fake: FakeConnection = request.getfixturevalue("fake_connection")
            spec = bench.spec(namespace="", name="foreign")
            fake.machines.appear(spec)
            return spec.uid
        state: LibvirtState = request.getfixturevalue("libvirt_state")
        uid = uuid4()
        bench.machines.append(uid)
        host = libvirt.open(state.uri)
        host.defineXMLFlags(OUTSIDER.format(name=f"foreign-{uid.hex[:6]}", uid=uid))
        host.close()
        return uid

    return make
