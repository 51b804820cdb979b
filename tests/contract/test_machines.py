"""What every driver promises about machines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from tests.contract.conftest import MIB, Bench
from tests.hosts import wait_until
from vmconsole.runtime.contract import RuntimeConnection
from vmconsole.runtime.errors import Missing, Rejected, RuntimeFault
from vmconsole.runtime.types import Bus, Can, DiskSpec, MachineSeen, NicSpec, Power

MAC = "52:54:00:00:00:21"


def look(runtime: RuntimeConnection, uid: UUID) -> MachineSeen:
    seen = runtime.machines.get(uid)
    assert seen is not None
    return seen


def settle(runtime: RuntimeConnection, uid: UUID, power: Power) -> MachineSeen:
    wait_until(lambda: look(runtime, uid).power is power, seconds=20, what=f"the machine to be {power}")
    return look(runtime, uid)


def test_what_was_never_made_is_not_there(runtime: RuntimeConnection) -> None:
    assert runtime.machines.get(uuid4()) is None


def test_a_made_machine_is_shown_as_asked(bench: Bench, runtime: RuntimeConnection) -> None:
    spec = bench.machine(vcpus=2, smbios_serial="A-1")
    seen = look(runtime, spec.uid)
    assert (seen.spec, seen.power, seen.ours, seen.pending) == (spec, Power.OFF, True, False)
    assert spec.uid in {machine.uid for machine in runtime.machines.list()}


def test_applying_again_changes_nothing(bench: Bench, runtime: RuntimeConnection) -> None:
    spec = bench.machine(disks=(DiskSpec("root", bench.volume(), boot=True),))
    revision = look(runtime, spec.uid).revision
    runtime.machines.apply(spec)
    assert look(runtime, spec.uid).revision == revision


def test_only_a_change_of_the_definition_changes_the_revision(bench: Bench, runtime: RuntimeConnection) -> None:
    spec = bench.machine()
    revisions = [look(runtime, spec.uid).revision]
    for power in (Power.ON, Power.PAUSED, Power.OFF):
        runtime.machines.set_power(spec.uid, power, force=True)
        revisions.append(settle(runtime, spec.uid, power).revision)
    assert len(set(revisions)) == 1
    runtime.machines.apply(replace(spec, memory_bytes=64 * MIB))
    assert look(runtime, spec.uid).revision != revisions[0]


def test_power_is_safe_to_repeat(bench: Bench, runtime: RuntimeConnection) -> None:
    uid = bench.machine().uid
    for power in (Power.OFF, Power.ON, Power.ON, Power.PAUSED, Power.PAUSED, Power.ON, Power.OFF, Power.OFF):
        runtime.machines.set_power(uid, power, force=True)
        settle(runtime, uid, power)


def test_a_forced_stop_says_so(bench: Bench, runtime: RuntimeConnection) -> None:
    uid = bench.machine().uid
    runtime.machines.set_power(uid, Power.ON)
    started = settle(runtime, uid, Power.ON)
    assert started.started_at is not None
    assert started.stop_reason == ""
    runtime.machines.set_power(uid, Power.OFF, force=True)
    stopped = settle(runtime, uid, Power.OFF)
    assert (stopped.stop_reason, stopped.started_at) == ("destroyed", None)


def test_the_reset_button_leaves_it_on(bench: Bench, runtime: RuntimeConnection) -> None:
    uid = bench.machine().uid
    runtime.machines.set_power(uid, Power.ON)
    settle(runtime, uid, Power.ON)
    runtime.machines.reset(uid)
    assert look(runtime, uid).power is Power.ON


@pytest.mark.parametrize("verb", ["set_power", "reset", "reboot", "screenshot", "adopt"])
def test_asking_something_of_nothing_is_missing(runtime: RuntimeConnection, verb: str) -> None:
    arguments = {"set_power": (Power.ON,), "adopt": ("default",)}.get(verb, ())
    with pytest.raises(Missing):
        getattr(runtime.machines, verb)(uuid4(), *arguments)


@pytest.mark.parametrize("verb", ["reset", "reboot", "screenshot"])
def test_asking_something_of_a_machine_that_is_off_is_refused(
    bench: Bench, runtime: RuntimeConnection, verb: str
) -> None:
    uid = bench.machine().uid
    with pytest.raises(RuntimeFault) as refused:
        getattr(runtime.machines, verb)(uid)
    assert refused.value.public.endswith(".")


def test_gone_is_gone(bench: Bench, runtime: RuntimeConnection) -> None:
    uid = bench.machine().uid
    runtime.machines.set_power(uid, Power.ON)
    runtime.machines.delete(uid)
    assert runtime.machines.get(uid) is None
    runtime.machines.delete(uid)


def test_a_machine_too_large_for_the_host_is_refused_with_a_sentence(bench: Bench, runtime: RuntimeConnection) -> None:
    uid = bench.machine(memory_bytes=1 << 50).uid
    with pytest.raises(Rejected) as refused:
        runtime.machines.set_power(uid, Power.ON)
    assert refused.value.reason == "InsufficientMemory"
    assert look(runtime, uid).power is Power.OFF


def test_a_machine_whose_disk_is_gone_does_not_start(bench: Bench, runtime: RuntimeConnection) -> None:
    uid = bench.machine(disks=(DiskSpec("root", uuid4()),)).uid
    with pytest.raises(Rejected) as refused:
        runtime.machines.set_power(uid, Power.ON)
    assert refused.value.reason == "DiskMissing"


def test_processors_wait_for_the_next_start(bench: Bench, runtime: RuntimeConnection) -> None:
    spec = bench.machine()
    runtime.machines.set_power(spec.uid, Power.ON)
    settle(runtime, spec.uid, Power.ON)
    runtime.machines.apply(replace(spec, vcpus=2))
    seen = look(runtime, spec.uid)
    assert seen.pending
    assert seen.spec == replace(spec, vcpus=2)
    runtime.machines.set_power(spec.uid, Power.OFF, force=True)
    settle(runtime, spec.uid, Power.OFF)
    runtime.machines.set_power(spec.uid, Power.ON)
    assert not settle(runtime, spec.uid, Power.ON).pending


def test_a_disk_is_plugged_into_a_running_machine(bench: Bench, runtime: RuntimeConnection) -> None:
    if Can.LIVE_DISKS not in runtime.capabilities:
        return
    spec = bench.machine()
    runtime.machines.set_power(spec.uid, Power.ON)
    settle(runtime, spec.uid, Power.ON)
    wider = replace(spec, disks=(DiskSpec("data", bench.volume()),))
    runtime.machines.apply(wider)
    seen = look(runtime, spec.uid)
    assert (seen.spec, seen.pending) == (wider, False)


def test_a_medium_is_changed_and_ejected(bench: Bench, runtime: RuntimeConnection) -> None:
    drive = DiskSpec("cd", cdrom=True, read_only=True, bus=Bus.SATA)
    spec = bench.machine(disks=(drive,))
    runtime.machines.set_power(spec.uid, Power.ON)
    settle(runtime, spec.uid, Power.ON)
    for medium in (bench.volume(), None):
        spec = replace(spec, disks=(replace(drive, volume=medium),))
        runtime.machines.apply(spec)
        seen = look(runtime, spec.uid)
        assert (seen.spec, seen.pending) == (spec, False)


def test_a_drive_that_must_not_boot_first_keeps_its_place(bench: Bench, runtime: RuntimeConnection) -> None:
    disks = tuple(DiskSpec(name, bench.volume(), boot=name == "b") for name in "abc")
    spec = bench.machine(disks=disks)
    assert look(runtime, spec.uid).spec == spec
    moved = tuple(replace(disk, boot=disk.name == "c") for disk in disks)
    runtime.machines.apply(replace(spec, disks=moved))
    assert look(runtime, spec.uid).spec == replace(spec, disks=moved)


def test_a_machine_made_outside_is_listed_started_and_adopted(
    bench: Bench, runtime: RuntimeConnection, outsider: Callable[[], UUID]
) -> None:
    uid = outsider()
    found = next(machine for machine in runtime.machines.list() if machine.uid == uid)
    assert not found.ours
    assert found.spec is not None
    assert found.spec.memory_bytes == 32 * MIB
    runtime.machines.set_power(uid, Power.ON)
    started = settle(runtime, uid, Power.ON)
    runtime.machines.adopt(uid, "default")
    adopted = look(runtime, uid)
    assert started.started_at is not None
    assert (adopted.ours, adopted.power, adopted.started_at) == (True, Power.ON, started.started_at)
    assert adopted.spec == replace(found.spec, namespace="default")
    assert not adopted.pending
    runtime.machines.adopt(uid, "default")


def test_two_cards_keep_their_names(bench: Bench, runtime: RuntimeConnection) -> None:
    cards = (NicSpec("front", "", MAC, bridge="br0"), NicSpec("back", "", "52:54:00:00:00:22", bridge="br1"))
    cards = tuple(replace(card, network=f"net-{card.bridge}") for card in cards)  # type: ignore[assignment]
    spec = bench.machine(nics=cards)
    assert look(runtime, spec.uid).spec == spec
    runtime.machines.apply(replace(spec, nics=cards[1:]))
    assert look(runtime, spec.uid).spec == replace(spec, nics=cards[1:])


def test_the_screen_is_a_picture(bench: Bench, runtime: RuntimeConnection) -> None:
    uid = bench.machine().uid
    runtime.machines.set_power(uid, Power.ON)
    settle(runtime, uid, Power.ON)
    assert runtime.machines.screenshot(uid).startswith(b"\x89PNG")
