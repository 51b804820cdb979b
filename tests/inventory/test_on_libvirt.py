"""The same wishes on a real libvirt with real guests: what the fake cannot prove."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from inventory import watching
from inventory.models import VirtualMachine
from inventory.rules import Verb
from inventory.services.deleting import delete
from inventory.services.editing import declare
from inventory.services.making import NewDisk, create
from inventory.services.power import power
from networking.models import NetworkInterface
from observability.models import AuditEntry, Event
from storage.models import Image, VirtualMachineDisk
from tests.hosts import LibvirtState
from tests.inventory.conftest import ACTOR, manifest
from tests.people import People
from tests.settle import fresh_connections, quiet, settle
from vmconsole.runtime import connect
from vmconsole.runtime.models import Runtime

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.libvirt]

CARD = [{"name": "eth0", "networkName": "pod-network"}]
MIB = 1 << 20


@pytest.fixture
def host(libvirt_state: LibvirtState, settings: Any, people: People) -> Iterator[LibvirtState]:
    """The session's real libvirt as the console's runtime; every machine and volume is removed afterwards."""
    settings.RUNTIME_KIND = "libvirt"
    settings.LIBVIRT_URI = libvirt_state.uri
    settings.STATE = libvirt_state.state
    settings.IMAGES_DIR = libvirt_state.state / "images"
    settings.DOORBELL = "collect"
    fresh_connections()
    with quiet():
        yield libvirt_state
    runtime = connect.default()
    for machine in runtime.machines.list():
        runtime.machines.delete(machine.uid)
    for volume in runtime.volumes.list():
        runtime.volumes.cancel(volume.uid)
        runtime.volumes.delete(volume.uid)
    fresh_connections()


def now(vm: VirtualMachine) -> VirtualMachine:
    vm.refresh_from_db()
    return vm


def serial(vm: VirtualMachine, host: LibvirtState) -> str:
    log = host.state / "serial" / f"{vm.uid}.log"
    return log.read_text(errors="replace") if log.exists() else ""


def firmware_only(people: People, name: str = "bios", **spec: Any) -> VirtualMachine:
    """A guest of 16 MiB that never gets beyond its firmware: enough for power, and up in a moment."""
    small = {"cpu": {"vcpus": 1}, "memory": {"capacity": "16Mi"}}
    vm, _operation = create(people.carol, ACTOR, manifest(name, compute=small, **spec))
    settle(lambda: now(vm).status_state == "Running")
    return vm


def test_from_the_demo_image_to_login_and_to_gone(people: People, host: LibvirtState, demo_image: Path) -> None:
    call_command("register_demo_image", str(demo_image))
    settle(lambda: Image.objects.get(name="demo").status_phase == "Succeeded")
    spec = {
        "compute": {"cpu": {"vcpus": 1}, "memory": {"capacity": "160Mi"}},
        "disks": [{"virtualMachineDiskName": "demo-boot", "boot": True, "autoDelete": True}],
        "interfaces": CARD,
        "cloudInit": {"noCloud": {"userData": "#cloud-config\npassword: open-sesame\n"}},
    }
    image = {"image": {"namespace": "vm-system", "name": "demo"}}
    vm, _operation = create(
        people.carol, ACTOR, manifest("demo", **spec), new_disks=[NewDisk("demo-boot", 512 * MIB, image)]
    )
    settle(lambda: now(vm).status_state == "Running")
    settle(lambda: "login:" in serial(vm, host), seconds=90, pause=0.5)
    assert "demo login:" in serial(vm, host)
    card = NetworkInterface.objects.get(machine_uid=vm.uid)
    runtime = connect.only()
    settle(lambda: bool(asked(vm, runtime).status_guest), seconds=60, pause=0.5)
    assert vm.status_guest["hostname"] == "demo"
    power(people.carol, ACTOR, vm, Verb.STOP)
    settle(lambda: now(vm).status_state == "Stopped", seconds=60, pause=0.5)
    clone = cloned(people, host, vm, spec)
    assert NetworkInterface.objects.get(machine_uid=clone.uid).mac_address != card.mac_address
    for machine in (vm, clone):
        delete(people.carol, ACTOR, machine)
    settle(lambda: not VirtualMachine.objects.exists() and not VirtualMachineDisk.objects.exists())
    assert not list((host.state / "seeds").glob(f"{vm.uid}*"))
    assert card.ip_address
    assert "open-sesame" not in str(list(AuditEntry.objects.values()))


def cloned(people: People, host: LibvirtState, vm: VirtualMachine, spec: dict[str, Any]) -> VirtualMachine:
    """A machine like it, which has been seen to boot from its copy of the disk under its own name."""
    copied = {"virtualMachineDisk": {"name": "demo-boot"}}
    like = {**spec, "disks": [{**spec["disks"][0], "virtualMachineDiskName": "twin-boot"}]}
    twin, _operation = create(
        people.carol, ACTOR, manifest("twin", **like), new_disks=[NewDisk("twin-boot", 512 * MIB, copied)], like=vm
    )
    settle(lambda: now(twin).status_state == "Running", seconds=60, pause=0.5)
    settle(lambda: "twin login:" in serial(twin, host), seconds=90, pause=0.5)
    return twin


def test_a_killed_guest_comes_back_when_declared_and_is_shown_stopped_when_not(
    people: People, host: LibvirtState
) -> None:
    kept = firmware_only(people, "kept")
    declare(people.carol, ACTOR, kept, "Running")
    settle(lambda: now(kept).observed_generation == kept.generation)
    loose = firmware_only(people, "loose")
    for vm in (kept, loose):
        os.kill(host.machine(f"a_{vm.name}"), signal.SIGKILL)
    settle(lambda: looked_at(loose).status_state == "Stopped")
    assert loose.status_reason == "Crashed"
    settle(lambda: looked_at(kept).status_state == "Running" and kept.status_crashes != [])
    assert Event.objects.filter(uid=kept.uid, reason="Crashed").exists()


def looked_at(vm: VirtualMachine) -> VirtualMachine:
    """What the controller does when an event names a machine."""
    watching.look(connect.only(), vm.uid)
    return now(vm)


def asked(vm: VirtualMachine, runtime: Runtime) -> VirtualMachine:
    """What the controller does once a minute: ask the agents."""
    watching.refresh_guests(runtime)
    return now(vm)
