"""One of everything, in the namespace where alice, bob and carol work, for tests that knock at every door.

Everything is called canary-something, so that a page which shows it to somebody it is not for can be caught by its
text alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from apiserver.kinds.seen import event_name
from inventory.manifests import manifest_of
from inventory.models import MachineVersion, SavedView, VirtualMachine, VirtualMachineType
from networking.models import Network, NetworkInterface
from observability import audit, events
from observability.models import Event
from storage.classes import ensure_local
from storage.models import Image, Upload, VirtualMachineDisk
from storage.services.uploads import path_of
from tests.access.tokens import token_of
from tests.people import MINE, People, make_people
from vmconsole.access import secrets
from vmconsole.access.actors import Actor
from vmconsole.access.models import ConfigMap, ResourceQuota, RoleBinding, Token
from vmconsole.access.rules import Counted
from vmconsole.operations.models import Operation
from vmconsole.runtime.models import Node, Runtime
from vmconsole.runtime.types import Phase, Power

GIB = 1024**3
CANARY = "canary"


@dataclass(frozen=True)
class World:
    people: People
    vm: VirtualMachine
    thrown_away: VirtualMachine
    disk: VirtualMachineDisk
    image: Image
    upload: Upload
    network: Network
    interface: NetworkInterface
    type: VirtualMachineType
    node: Node
    operation: Operation
    entry: int
    sitting: int
    binding: RoleBinding
    token: Token
    event: str
    view: SavedView


def make_world() -> World:
    people = make_people()
    runtime, _ = Runtime.objects.get_or_create(name="here", defaults={"kind": "fake", "status_reachable": True})
    node, _ = Node.objects.get_or_create(runtime=runtime, name="canary-node", defaults={"status_cpus": 8})
    network = Network.objects.create(name="canary-net", spec_mode="bridge", spec_interface="br0")
    vm, thrown_away = machine_of(runtime, "canary-vm"), machine_of(runtime, "canary-gone")
    in_trash = {"trashed_at": timezone.now(), "trashed_by": "alice", "purge_at": timezone.now() + timedelta(days=7)}
    VirtualMachine.objects.filter(uid=thrown_away.uid).update(**in_trash)
    MachineVersion.objects.create(
        machine=vm, number=1, actor_name="carol", manifest=manifest_of(vm, status=False),
    )  # fmt: skip
    secrets.put(MINE, "canary-secret", {"password": "canary-value"})
    ConfigMap.objects.create(namespace=MINE, name="canary-config", data={"motd": "canary-text"})
    ResourceQuota.objects.create(namespace=MINE, name="canary-quota", hard={Counted.VCPUS: 1000})
    ensure_local()
    entry = history_of(vm)
    return World(
        people=people,
        vm=vm,
        thrown_away=thrown_away,
        disk=disk_of("canary-disk"),
        image=Image.objects.create(
            namespace=MINE, name="canary-image", status_phase=Phase.SUCCEEDED, status_size_bytes=GIB
        ),
        upload=upload_of(people.carol.pk),
        network=network,
        interface=NetworkInterface.objects.create(
            namespace=MINE, name="canary-card", network=network, mac_address="52:54:00:00:00:01"
        ),
        type=VirtualMachineType.objects.create(
            name="canary-type", spec_vcpus=1, spec_memory="1Gi", spec_memory_bytes=GIB
        ),
        node=node,
        operation=operation_on(vm.uid),
        entry=entry,
        sitting=sitting_of(vm),
        event=event_name(Event.objects.get(message="canary-event")),
        binding=RoleBinding.objects.get(user=people.bob, namespace=MINE),
        token=token_of(people.carol, name="canary-token")[0],
        view=SavedView.objects.create(namespace=MINE, name="canary-view", query="canary"),
    )


def machine_of(runtime: Runtime, name: str) -> VirtualMachine:
    return VirtualMachine.objects.create(
        runtime=runtime, namespace=MINE, name=name, spec_vcpus=1, spec_memory="64Mi",
        spec_memory_bytes=64 * 1024**2, spec_power=Power.OFF, status_power=Power.OFF, status_state="Stopped",
    )  # fmt: skip


def disk_of(name: str) -> VirtualMachineDisk:
    return VirtualMachineDisk.objects.create(
        namespace=MINE, name=name, spec_size_bytes=GIB, status_phase=Phase.SUCCEEDED, status_size_bytes=GIB
    )


def upload_of(user_id: int) -> Upload:
    upload = Upload.objects.create(
        namespace=MINE, name="canary-upload", kind="Image", size_bytes=1024, actor_user_id=user_id, actor_name="carol",
        expires_at=timezone.now() + timedelta(hours=1),
    )  # fmt: skip
    path_of(upload).touch()
    return upload


def operation_on(uid: UUID) -> Operation:
    return Operation.objects.create(
        verb="stop", subject_kind="VirtualMachine", subject_uid=uid, subject_name="canary-vm", namespace=MINE,
        actor_name="alice", state="failed", deadline_at=timezone.now() + timedelta(minutes=10),
    )  # fmt: skip


def sitting_of(vm: VirtualMachine) -> int:
    """Somebody opened its serial console; the number of that entry."""
    entry = audit.record(
        Actor.system("test"), "console.serial", kind="Console", uid=vm.uid, name=vm.name, namespace=MINE,
        phase="started", extra={"session": "canary-session", "log_file": 1, "log_at": 0},
    )  # fmt: skip
    return entry.id


def history_of(vm: VirtualMachine) -> int:
    """An event and an audit entry; the entry's number."""
    events.record("VirtualMachine", vm.uid, vm.name, vm.namespace, "Stopped", "canary-event")
    entry = audit.record(
        Actor.system("test"), "stop", kind="VirtualMachine", uid=vm.uid, name=vm.name, namespace=MINE, phase="accepted"
    )
    return entry.id
