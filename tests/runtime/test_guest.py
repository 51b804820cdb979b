"""One real guest from the demo image: what only an operating system can show."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.contract.conftest import MIB, Bench
from tests.contract.test_machines import look
from tests.hosts import wait_until
from vmconsole.runtime.libvirt.connection import Connection
from vmconsole.runtime.libvirt.volume_places import VolumePlaces
from vmconsole.runtime.types import (
    CloudInit,
    DiskSpec,
    MachineSpec,
    NetworkMode,
    NetworkSpec,
    NicSpec,
    Power,
    Reservation,
    Sample,
    VolumeSource,
    VolumeSpec,
)

pytestmark = pytest.mark.libvirt
MAC, ADDRESS = "52:54:00:00:0d:01", "10.98.0.77"
SEED = CloudInit("i-1", "demo-7", user_data="#cloud-config\npassword: opensesame\n")


class Demo:
    def __init__(self, connection: Connection, state: Path, spec: MachineSpec) -> None:
        self.connection = connection
        self.state = state
        self.spec = spec

    @property
    def log(self) -> str:
        return (self.state / "serial" / f"{self.spec.uid}.log").read_text(errors="replace")


@pytest.fixture(scope="module")
def demo(libvirt_connection: Connection, libvirt_state: object, demo_image: Path) -> Iterator[Demo]:
    """Booted once for all tests here."""
    state: Path = libvirt_state.state  # type: ignore[attr-defined]
    bench = Bench(libvirt_connection)
    root = copy_of(demo_image, bench, state)
    bench.networks.append("guests")
    libvirt_connection.networks.apply(
        NetworkSpec("guests", NetworkMode.NAT, "vmcguest0", "10.98.0.0/24", (Reservation(MAC, ADDRESS, "demo-7"),))
    )
    spec = bench.machine(
        memory_bytes=160 * MIB,
        disks=(DiskSpec("root", root, boot=True),),
        nics=(NicSpec("eth0", "guests", MAC, addresses=(ADDRESS,)),),
        cloud_init=SEED,
    )
    libvirt_connection.machines.set_power(spec.uid, Power.ON)
    demo = Demo(libvirt_connection, state, spec)
    wait_until(lambda: "login:" in demo.log, seconds=240, what="the login prompt on the serial port")
    yield demo
    bench.clear()


def copy_of(image: Path, bench: Bench, state: Path) -> UUID:
    """The demo image in the catalogue, and a disk made from it."""
    uid, root = uuid4(), uuid4()
    target = VolumePlaces(state).target(uid, image=True)
    target.write_bytes(image.read_bytes())
    target.chmod(0o660)
    bench.volumes += [uid, root]
    bench.runtime.volumes.create(VolumeSpec(root, "default", "root", 0, VolumeSource(uid)))
    wait_until(lambda: (bench.runtime.volumes.get(root) or 0) and VolumePlaces(state).volume(root), what="the disk")
    return root


def test_the_serial_log_is_written_from_boot_on(demo: Demo) -> None:
    assert "demo-7 login:" in demo.log


def test_the_agent_tells_who_it_is(demo: Demo) -> None:
    def known() -> bool:
        guest = demo.connection.machines.guest(demo.spec.uid)
        return guest is not None and any(ADDRESS in nic.addresses for nic in guest.nics)

    wait_until(known, seconds=60, what="the agent and its address")
    guest = demo.connection.machines.guest(demo.spec.uid)
    assert guest is not None
    assert guest.hostname == "demo-7"
    assert guest.agent_version
    assert guest.kernel
    assert {nic.mac for nic in guest.nics} >= {MAC}


def test_the_reserved_address_is_leased(demo: Demo) -> None:
    def leased() -> bool:
        seen = demo.connection.networks.get("guests")
        return seen is not None and (MAC, ADDRESS) in {(lease.mac, lease.address) for lease in seen.leases}

    wait_until(leased, seconds=30, what="the lease")


def test_counters_have_the_names_people_gave(demo: Demo) -> None:
    def sampled() -> Sample:
        [sample] = demo.connection.metrics.sample([demo.spec.uid])
        return sample

    # a machine that is busy for the agent tells no disk counters
    told: deque[Sample] = deque(maxlen=1)

    def complete() -> bool:
        told.append(sampled())
        return bool(told[-1].disks)

    wait_until(complete, seconds=20, what="counters of the disk")
    named = {disk.name: disk for disk in told[-1].disks}
    assert named["root"].read_bytes > 0
    assert named["root"].capacity_bytes > 0
    assert [nic.name for nic in told[-1].nics] == ["eth0"]
    assert told[-1].nics[0].receive_bytes > 0


def test_screen_and_serial_port_listen_on_sockets(demo: Demo) -> None:
    screen = look(demo.connection, demo.spec.uid).screen
    with socket.socket(socket.AF_UNIX) as vnc:
        vnc.connect(screen.vnc_socket)
        assert vnc.recv(12) == b"RFB 003.008\n"
    with socket.socket(socket.AF_UNIX) as serial:
        serial.connect(screen.serial_socket)
        serial.sendall(b"\n")
        assert serial.recv(1)
    assert demo.connection.machines.screenshot(demo.spec.uid).startswith(b"\x89PNG")


def test_a_disk_comes_and_goes_while_it_runs(demo: Demo) -> None:
    volume = uuid4()
    demo.connection.volumes.create(VolumeSpec(volume, "default", "data", 8 * MIB))
    wider = replace(demo.spec, disks=(*demo.spec.disks, DiskSpec("data", volume)))
    demo.connection.machines.apply(wider)
    wait_until(lambda: "data" in disks(demo), seconds=20, what="the disk to be counted")
    demo.connection.volumes.grow(volume, 16 * MIB, in_use_by=demo.spec.uid)
    demo.connection.machines.apply(demo.spec)
    wait_until(lambda: not look(demo.connection, demo.spec.uid).pending, seconds=20, what="the guest to let go")
    assert "data" not in disks(demo)
    demo.connection.volumes.delete(volume)


def disks(demo: Demo) -> list[str]:
    return [disk.name for disk in demo.connection.metrics.sample([demo.spec.uid])[0].disks]


def test_the_seed_is_closed_to_others(demo: Demo) -> None:
    seed = demo.state / "seeds" / f"{demo.spec.uid}.iso"
    assert seed.stat().st_mode & 0o777 == 0o640
    assert b"opensesame" in seed.read_bytes()
    assert "opensesame" not in repr(demo.spec)


def test_at_last_the_guest_is_asked_to_stop(demo: Demo) -> None:
    machines = demo.connection.machines
    wait_until(lambda: stopped(demo), seconds=60, what="the guest to obey the power button")
    assert look(demo.connection, demo.spec.uid).stop_reason == "shutdown"
    machines.delete(demo.spec.uid)
    assert not list(demo.state.glob(f"**/{demo.spec.uid}*"))


def stopped(demo: Demo) -> bool:
    demo.connection.machines.set_power(demo.spec.uid, Power.OFF)
    return look(demo.connection, demo.spec.uid).power is Power.OFF
