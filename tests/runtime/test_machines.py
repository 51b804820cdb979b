"""What only libvirt has: firmware variables, foreign definitions, refusals in its own words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import libvirt
import pytest

from tests.contract.conftest import MIB, OUTSIDER, Bench
from tests.contract.test_machines import look, settle
from tests.hosts import LibvirtState
from vmconsole.runtime.errors import Rejected
from vmconsole.runtime.types import (
    CloudInit,
    DiskSpec,
    Firmware,
    MachineSpec,
    NetworkMode,
    NetworkSpec,
    NicSpec,
    Power,
)

pytestmark = pytest.mark.libvirt


@pytest.fixture
def host(libvirt_state: LibvirtState) -> Iterator[libvirt.virConnect]:
    """libvirt as somebody else sees it."""
    connection = libvirt.open(libvirt_state.uri)
    yield connection
    connection.close()


def nvram(state: LibvirtState, spec: MachineSpec) -> list[Path]:
    return [*state.state.glob(f"libvirt/lib/qemu/nvram/{spec.namespace}_{spec.name}*")]


@pytest.mark.parametrize("secure", [False, True])
def test_uefi_variables_live_and_go_with_the_machine(bench: Bench, libvirt_state: LibvirtState, secure: bool) -> None:
    spec = bench.machine(memory_bytes=128 * MIB, firmware=Firmware.UEFI, secure_boot=secure)
    before = look(bench.runtime, spec.uid)
    assert before.spec == spec
    bench.runtime.machines.set_power(spec.uid, Power.ON)
    running = settle(bench.runtime, spec.uid, Power.ON)
    assert (running.spec, running.pending, running.revision) == (spec, False, before.revision)
    [variables] = nvram(libvirt_state, spec)
    assert variables.stat().st_mode & 0o007 == 0
    bench.runtime.machines.set_power(spec.uid, Power.OFF, force=True)
    assert look(bench.runtime, spec.uid).revision == before.revision
    assert nvram(libvirt_state, spec)
    bench.runtime.machines.delete(spec.uid)
    assert not nvram(libvirt_state, spec)


def test_a_machine_changes_from_bios_to_uefi_and_back(bench: Bench) -> None:
    spec = bench.machine(memory_bytes=128 * MIB)
    for firmware, secure in ((Firmware.UEFI, True), (Firmware.UEFI, False), (Firmware.BIOS, False)):
        spec = replace(spec, firmware=firmware, secure_boot=secure)
        bench.runtime.machines.apply(spec)
        assert look(bench.runtime, spec.uid).spec == spec
    bench.runtime.machines.set_power(spec.uid, Power.ON)
    settle(bench.runtime, spec.uid, Power.ON)


def test_an_adopted_machine_keeps_what_we_have_no_words_for(bench: Bench, host: libvirt.virConnect) -> None:
    uid = uuid4()
    bench.machines.append(uid)
    domain = host.defineXMLFlags(OUTSIDER.format(name=f"virt-install-{uid.hex[:4]}", uid=uid))
    bench.runtime.machines.set_power(uid, Power.ON)
    number = domain.ID()
    bench.runtime.machines.adopt(uid, "team-a")
    seen = look(bench.runtime, uid)
    assert (seen.ours, domain.ID()) == (True, number)
    assert seen.screen.vnc_port >= 5900
    assert (seen.screen.vnc_socket, seen.screen.serial_socket) == ("", "")
    assert seen.spec is not None
    bench.runtime.machines.apply(replace(seen.spec, vcpus=2))
    assert look(bench.runtime, uid).pending
    definition = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE)
    assert "passwd='secret'" in definition
    assert "<interface type='user'>" in definition


def test_a_change_made_with_virsh_changes_the_revision(bench: Bench, host: libvirt.virConnect) -> None:
    spec = bench.machine()
    before = look(bench.runtime, spec.uid).revision
    text = host.lookupByUUID(spec.uid.bytes).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    host.defineXMLFlags(text)
    assert look(bench.runtime, spec.uid).revision == before
    host.defineXMLFlags(text.replace("<on_crash>destroy</on_crash>", "<on_crash>restart</on_crash>"))
    seen = look(bench.runtime, spec.uid)
    assert seen.revision != before
    assert seen.spec == spec


def test_a_card_is_plugged_in_and_moved_while_it_runs(bench: Bench) -> None:
    for name, bridge, cidr in (("left", "vmcl0", "10.97.0.0/28"), ("right", "vmcr0", "10.97.1.0/28")):
        bench.networks.append(name)
        bench.runtime.networks.apply(NetworkSpec(name, NetworkMode.NAT, bridge, cidr))
    spec = bench.machine()
    bench.runtime.machines.set_power(spec.uid, Power.ON)
    settle(bench.runtime, spec.uid, Power.ON)
    for network in ("left", "right"):
        spec = replace(spec, nics=(NicSpec("eth0", network, "52:54:00:00:0e:01"),))
        bench.runtime.machines.apply(spec)
        seen = look(bench.runtime, spec.uid)
        assert (seen.spec, seen.pending) == (spec, False)
        assert [nic.name for nic in bench.runtime.metrics.sample([spec.uid])[0].nics] == ["eth0"]
    with pytest.raises(Rejected) as refusal:
        bench.runtime.networks.apply(NetworkSpec("right", NetworkMode.NAT, "vmcr0", "10.97.2.0/28"))
    assert refusal.value.reason == "NetworkInUse"


def test_a_seed_comes_changes_and_goes(bench: Bench, libvirt_state: LibvirtState) -> None:
    spec = bench.machine(cloud_init=CloudInit("i-1", "one", user_data="#cloud-config\n# first"))
    file = libvirt_state.state / "seeds" / f"{spec.uid}.iso"
    assert b"# first" in file.read_bytes()
    bench.runtime.machines.apply(replace(spec, cloud_init=CloudInit("i-1", "one", user_data="#cloud-config\n# second")))
    assert b"# second" in file.read_bytes()
    bench.runtime.machines.apply(replace(spec, cloud_init=None))
    assert not file.exists()
    seen = look(bench.runtime, spec.uid)
    assert seen.spec is not None
    assert seen.spec.cloud_init is None
    bench.runtime.machines.set_power(spec.uid, Power.ON)
    settle(bench.runtime, spec.uid, Power.ON)


def test_one_disk_for_two_writers_is_refused_in_words(bench: Bench) -> None:
    disk = DiskSpec("data", bench.volume())
    first, second = bench.machine(disks=(disk,)), bench.machine(disks=(disk,))
    bench.runtime.machines.set_power(first.uid, Power.ON)
    with pytest.raises(Rejected) as refusal:
        bench.runtime.machines.set_power(second.uid, Power.ON)
    assert refusal.value.reason == "DiskInUse"
    assert str(disk.volume) not in refusal.value.public


def test_readers_share_a_disk(bench: Bench) -> None:
    disk = DiskSpec("data", bench.volume(), read_only=True)
    machines = [bench.machine(disks=(disk,)).uid for _ in range(2)]
    for uid in machines:
        bench.runtime.machines.set_power(uid, Power.ON)
        settle(bench.runtime, uid, Power.ON)


def test_two_machines_cannot_have_one_name(bench: Bench) -> None:
    first = bench.machine()
    with pytest.raises(Rejected) as refusal:
        bench.machine(name=first.name)
    assert refusal.value.reason == "NameInUse"


@pytest.mark.parametrize("name", ["日本語", "<&>\"'", " ", "a" * 63])
def test_libvirt_takes_every_name_that_we_take(bench: Bench, name: str) -> None:
    spec = bench.machine(
        name=name,
        smbios_serial=name,
        disks=(DiskSpec(name, bench.volume(), boot=True),),
        cloud_init=CloudInit(name, name),
    )
    assert look(bench.runtime, spec.uid).spec == spec
    bench.runtime.machines.set_power(spec.uid, Power.ON)
    settle(bench.runtime, spec.uid, Power.ON)


def test_two_networks_cannot_have_one_range(bench: Bench) -> None:
    bench.networks += ["first", "second"]
    bench.runtime.networks.apply(NetworkSpec("first", NetworkMode.NAT, "vmcf0", "10.96.0.0/28"))
    with pytest.raises(Rejected) as refusal:
        bench.runtime.networks.apply(NetworkSpec("second", NetworkMode.NAT, "vmcs0", "10.96.0.0/28"))
    assert refusal.value.reason == "RangeInUse"


def test_nothing_a_machine_leaves_is_open_to_others(bench: Bench, libvirt_state: LibvirtState) -> None:
    spec = bench.machine(disks=(DiskSpec("a", bench.volume()),), cloud_init=CloudInit("i", "h"))
    bench.runtime.machines.set_power(spec.uid, Power.ON)
    settle(bench.runtime, spec.uid, Power.ON)
    files = [*libvirt_state.state.glob(f"*/{spec.uid}*"), *libvirt_state.state.glob("disks/*")]
    assert len(files) >= 5
    assert [file for file in files if file.stat().st_mode & 0o007 and file.parent.stat().st_mode & 0o007] == []
    sockets = [libvirt_state.state / "console" / f"{spec.uid}.{kind}" for kind in ("vnc", "serial")]
    assert all(socket.stat().st_mode & 0o020 for socket in sockets), "the console's group cannot connect"


def test_a_machine_with_things_we_have_no_words_for_is_listed(bench: Bench, host: libvirt.virConnect) -> None:
    odd = uuid4()
    bench.machines.append(odd)
    host.defineXMLFlags(
        f"<domain type='qemu'><name>odd-{odd.hex[:4]}</name><uuid>{odd}</uuid><memory>16384</memory>"
        "<os><type arch='x86_64' machine='pc'>hvm</type></os><devices>"
        "<disk type='network' device='disk'><source protocol='nbd' name='x'><host name='h'/></source>"
        "<target dev='vda' bus='virtio'/></disk><disk type='file' device='floppy'><target dev='fda'/></disk>"
        "<interface type='user'/></devices></domain>"
    )
    [seen] = [machine for machine in bench.runtime.machines.list() if machine.uid == odd]
    assert seen.spec is not None
    assert seen.spec.memory_bytes == 16 * MIB
    assert [disk.location for disk in seen.spec.disks] == ["nbd:x"]
    assert [nic.network for nic in seen.spec.nics] == ["user"]
