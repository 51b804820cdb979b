"""Machines from wish to gone, on the fake runtime, through the real services and the real loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from inventory import watching
from inventory.manifests import manifest_of, parse_machine
from inventory.models import VirtualMachine
from inventory.reconcile import reconcile
from inventory.rules import Verb
from inventory.services.deleting import delete
from inventory.services.editing import declare, edit, manifest_now
from inventory.services.making import NewDisk, adopt, create
from inventory.services.power import power
from inventory.services.types import ensure_predefined
from inventory.showing import one
from networking.models import Network, NetworkInterface
from networking.services import delete_network
from observability.models import AuditEntry
from storage.models import Attachment, VirtualMachineDisk
from storage.services import create_disk, delete_disk
from tests.inventory.conftest import ACTOR, manifest
from tests.people import MINE, People
from tests.settle import settle
from vmconsole.access import secrets
from vmconsole.access.errors import Conflict, Denied, NotFound
from vmconsole.operations.models import Operation, State
from vmconsole.operations.services import request_cancel
from vmconsole.runtime import connect
from vmconsole.runtime.errors import Rejected
from vmconsole.runtime.models import Node
from vmconsole.runtime.types import MachineSpec, Power

pytestmark = pytest.mark.django_db(transaction=True)

GIB = 1 << 30
CARD = [{"name": "eth0", "networkName": "pod-network"}]


def now(vm: VirtualMachine) -> VirtualMachine:
    vm.refresh_from_db()
    return vm


def running(people: People, name: str = "web-1", **spec: Any) -> VirtualMachine:
    vm, _operation = create(people.carol, ACTOR, manifest(name, **spec))
    settle(lambda: now(vm).status_state == "Running")
    return vm


def test_a_machine_with_a_new_disk_and_a_card_from_wish_to_gone(people: People, fake_runtime: Any) -> None:
    vm, operation = create(
        people.carol,
        ACTOR,
        manifest(
            disks=[{"virtualMachineDiskName": "web-1-boot", "boot": True, "autoDelete": True}],
            interfaces=CARD,
        ),
        new_disks=[NewDisk("web-1-boot", GIB, {})],
    )
    assert now(vm).status_state in ("Pending", "Provisioning")
    settle(lambda: now(vm).status_state == "Running")
    operation.refresh_from_db()
    assert operation.state == State.DONE
    card = NetworkInterface.objects.get(machine_uid=vm.uid)
    assert vm.status_addresses[0]["ipAddresses"] == [card.ip_address]

    power(people.carol, ACTOR, vm, Verb.STOP)
    settle(lambda: now(vm).status_state == "Stopped")
    delete(people.carol, ACTOR, vm)
    settle(lambda: not VirtualMachine.objects.exists() and not VirtualMachineDisk.objects.exists())
    assert not NetworkInterface.objects.exists()
    assert fake_runtime.machines.list() == []
    assert fake_runtime.volumes.list() == []
    phases = list(AuditEntry.objects.filter(kind="VirtualMachine").order_by("id").values_list("action", "phase"))
    assert phases == [(verb, phase) for verb in ("create", "stop", "delete") for phase in ("accepted", "succeeded")]


def test_it_waits_for_what_is_missing_and_goes_on_by_itself(people: People, fake_runtime: Any) -> None:
    vm, operation = create(people.carol, ACTOR, manifest(disks=[{"virtualMachineDiskName": "late", "boot": True}]))
    settle()
    assert (now(vm).status_state, vm.status_reason) == ("ErrorPvcNotFound", "MachineDiskNotFound")
    operation.refresh_from_db()
    assert operation.is_open
    assert "late" in operation.message
    create_disk(people.carol, ACTOR, MINE, "late", size_bytes=GIB)
    settle(lambda: now(vm).status_state == "Running")


def test_a_missing_type_network_and_secret_each_say_so(people: People, fake_runtime: Any) -> None:
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "typed": ({"compute": {"virtualMachineTypeName": "no-such"}}, "MachineTypeNotFound"),
        "netted": ({"interfaces": [{"name": "eth0", "networkName": "no-such"}]}, "NetworkNotFound"),
        "seeded": ({"cloudInit": {"noCloud": {"secretRef": {"name": "no-such"}}}}, "ReferencedSecretDataNotFound"),
    }
    for name, (spec, reason) in cases.items():
        vm, _operation = create(people.carol, ACTOR, manifest(name, **spec))
        settle()
        assert (now(vm).status_state, vm.status_reason) == ("ErrorConfiguration", reason)
    ensure_predefined()


def test_two_starts_at_once_are_one(people: People, fake_runtime: Any) -> None:
    vm = running(people)
    power(people.carol, ACTOR, vm, Verb.STOP)
    settle(lambda: now(vm).status_state == "Stopped")
    power(people.carol, ACTOR, vm, Verb.START, idempotency_key="k")
    with pytest.raises(Conflict, match="Another operation"):
        power(people.carol, ACTOR, vm, Verb.START)
    settle(lambda: now(vm).status_state == "Running")
    assert Operation.objects.filter(verb="start").count() == 1


def test_a_start_that_fails_is_withdrawn(people: People, fake_runtime: Any) -> None:
    vm = running(people)
    power(people.carol, ACTOR, vm, Verb.STOP)
    settle(lambda: now(vm).status_state == "Stopped")
    fake_runtime.faults.arrange(no_memory=True)
    operation = power(people.carol, ACTOR, vm, Verb.START)
    settle()
    operation.refresh_from_db()
    assert operation.state == State.FAILED
    assert operation.message
    fake_runtime.faults.clear()
    settle()
    assert now(vm).spec_power == Power.OFF
    assert vm.status_state == "Stopped"


def test_a_guest_that_is_deaf_is_stopped_by_force_after_its_grace_period(people: People, fake_runtime: Any) -> None:
    vm = running(people)
    fake_runtime.faults.arrange(deaf=True)
    operation = power(people.carol, ACTOR, vm, Verb.STOP)
    settle(lambda: now(vm).status_state == "Stopping")
    Operation.objects.filter(uid=operation.uid).update(created_at=timezone.now() - timedelta(seconds=61))
    settle(lambda: now(vm).status_state == "Stopped")
    operation.refresh_from_db()
    assert operation.state == State.DONE


def test_a_restart_stops_and_starts(people: People, fake_runtime: Any) -> None:
    vm = running(people)
    began = now(vm).status_started_at
    operation = power(people.carol, ACTOR, vm, Verb.RESTART)
    settle(lambda: not Operation.objects.get(uid=operation.uid).is_open)
    assert now(vm).status_state == "Running"
    assert vm.status_started_at != began


def test_pause_and_resume(people: People, fake_runtime: Any) -> None:
    vm = running(people)
    power(people.carol, ACTOR, vm, Verb.PAUSE)
    settle(lambda: now(vm).status_state == "Paused")
    power(people.carol, ACTOR, vm, Verb.RESUME)
    settle(lambda: now(vm).status_state == "Running")


def test_power_changed_outside_is_followed_unless_declared(people: People, fake_runtime: Any) -> None:
    vm = running(people)
    fake_runtime.machines.set_power(vm.uid, Power.OFF, force=True)
    watching.look(connect.only(), vm.uid)
    settle()
    assert (now(vm).status_state, vm.spec_power) == ("Stopped", Power.OFF)
    declare(people.carol, ACTOR, vm, "Running")
    settle(lambda: now(vm).status_state == "Running")
    fake_runtime.machines.set_power(vm.uid, Power.OFF, force=True)
    watching.look(connect.only(), vm.uid)
    settle(lambda: now(vm).status_state == "Running")
    with pytest.raises(Conflict, match="declared"):
        power(people.carol, ACTOR, vm, Verb.STOP)


def test_editing_a_running_machine(people: People, fake_runtime: Any) -> None:
    vm = running(people)
    bigger = manifest_now(vm)
    assert bigger.spec.compute.cpu is not None
    bigger.spec.compute.cpu.vcpus = 3
    with pytest.raises(Conflict, match="compute cannot change"):
        edit(people.carol, ACTOR, vm, bigger)
    edit(people.carol, ACTOR, vm, bigger, when="next-start")
    settle()
    assert now(vm).status_pending
    operation = edit(people.carol, ACTOR, vm, _with_vcpus(vm, 4), when="restart")
    assert operation is not None
    settle(lambda: not Operation.objects.get(uid=operation.uid).is_open)
    assert (now(vm).status_state, vm.status_pending, vm.status_vcpus) == ("Running", False, 4)


def _with_vcpus(vm: VirtualMachine, vcpus: int) -> Any:
    changed = manifest_now(now(vm))
    assert changed.spec.compute.cpu is not None
    changed.spec.compute.cpu.vcpus = vcpus
    return changed


def test_a_second_change_goes_on_with_the_first(people: People, fake_runtime: Any) -> None:
    """As two patches of kubectl do, which waits for nothing."""
    vm = running(people)
    free = manifest_now(vm)
    free.spec.auto_restart_on_configuration_change = True
    first = edit(people.carol, ACTOR, vm, free)
    second = edit(people.carol, ACTOR, vm, _with_vcpus(vm, 4))
    third = edit(people.carol, ACTOR, vm, _with_vcpus(vm, 8))
    assert first and second and third
    settle(lambda: not Operation.objects.open().exists())
    ended = [Operation.objects.get(uid=each.uid).state for each in (first, second, third)]
    assert ended == [State.CANCELLED, State.CANCELLED, State.DONE]
    assert (now(vm).status_vcpus, vm.spec_auto_restart, vm.status_state) == (8, True, "Running")


def test_a_second_change_would_be_taken_back_to_before_the_first(people: People, fake_runtime: Any) -> None:
    vm = running(people)
    edit(people.carol, ACTOR, vm, _with_vcpus(vm, 4), when="next-start")
    last = edit(people.carol, ACTOR, vm, _with_vcpus(vm, 8), when="next-start")
    assert last and last.data["before"]["spec"]["compute"]["cpu"]["vcpus"] == 1


def test_labels_change_at_once_and_restart_nothing(people: People, fake_runtime: Any) -> None:
    vm = running(people)
    began = now(vm).status_started_at
    labelled = manifest_now(vm)
    labelled.metadata.labels = {"tier": "front"}
    assert edit(people.carol, ACTOR, vm, labelled) is None
    settle()
    assert now(vm).labels == {"tier": "front"}
    assert (vm.status_started_at, vm.generation) == (began, vm.observed_generation)


def test_an_edit_on_top_of_a_newer_edit_is_refused(people: People, fake_runtime: Any) -> None:
    vm = running(people)
    seen = vm.generation
    labelled = manifest_now(vm)
    labelled.metadata.labels = {"a": "b"}
    edit(people.carol, ACTOR, vm, labelled, expected_generation=seen)
    with pytest.raises(Conflict, match="somebody else"):
        edit(people.carol, ACTOR, vm, labelled, expected_generation=seen)


def test_a_disk_in_use_and_a_mac_in_use_leave_nothing_behind(people: People, fake_runtime: Any) -> None:
    create_disk(people.carol, ACTOR, MINE, "data", size_bytes=GIB)
    disks = [{"virtualMachineDiskName": "data", "boot": True}]
    first = running(people, "one", disks=disks, interfaces=CARD)
    with pytest.raises(Conflict, match="one"):
        create(people.carol, ACTOR, manifest("two", disks=disks))
    assert not VirtualMachine.objects.filter(name="two").exists()
    assert Attachment.objects.count() == 1
    mac = NetworkInterface.objects.get(machine_uid=first.uid).mac_address
    with pytest.raises(Conflict, match="one"):
        create(people.carol, ACTOR, manifest("three", interfaces=[CARD[0] | {"macAddress": mac}]))
    assert not VirtualMachine.objects.filter(name="three").exists()
    assert NetworkInterface.objects.count() == 1


def test_cloud_init_is_kept_as_a_secret_and_never_shown(people: People, fake_runtime: Any) -> None:
    canary = "hunter2-canary"
    vm = running(people, cloudInit={"noCloud": {"userData": f"#cloud-config\npassword: {canary}\n"}})
    assert canary not in str(manifest_of(now(vm)))
    assert secrets.reveal(MINE, "web-1-cloud-init") == {"userData": f"#cloud-config\npassword: {canary}\n"}
    assert canary not in str(list(AuditEntry.objects.values()))
    assert canary not in str(list(Operation.objects.values()))


def test_a_cancelled_create_leaves_nothing(people: People, fake_runtime: Any) -> None:
    _vm, operation = create(people.carol, ACTOR, manifest(disks=[{"virtualMachineDiskName": "never", "boot": True}]))
    settle()
    with transaction.atomic():
        request_cancel(Operation.objects.get(uid=operation.uid), ACTOR)
    settle(lambda: not VirtualMachine.objects.exists())
    operation.refresh_from_db()
    assert operation.state == State.CANCELLED
    assert fake_runtime.machines.list() == []


def test_a_machine_made_outside_is_listed_and_adopted_without_a_restart(people: People, fake_runtime: Any) -> None:
    spec = MachineSpec(uid=VirtualMachine().uid, namespace="", name="By Hand", vcpus=2, memory_bytes=GIB)
    fake_runtime.machines.apply(spec)
    fake_runtime.machines.set_power(spec.uid, Power.ON)
    store = fake_runtime._world.machines
    store.put(str(spec.uid), replace(store.get(str(spec.uid)), ours=False))
    watching.Watcher(lambda: True).resync(connect.only())
    vm = VirtualMachine.objects.get(uid=spec.uid)
    assert (vm.managed, vm.namespace, vm.name) == (False, "", "By Hand")
    with pytest.raises(NotFound):
        power(people.dave, ACTOR, vm, Verb.STOP)
    settle(lambda: watching.Watcher(lambda: True).resync(connect.only()) and now(vm).status_state == "Running")
    began = vm.status_started_at
    assert began is not None
    operation = adopt(people.erin, ACTOR, vm, namespace=MINE, name="by-hand")
    settle(lambda: not Operation.objects.get(uid=operation.uid).is_open)
    now(vm)
    assert (vm.managed, vm.namespace, vm.name, vm.spec_vcpus) == (True, MINE, "by-hand", 2)
    assert (vm.status_state, vm.status_started_at) == ("Running", began)
    assert vm.versions.get().manifest["spec"]["compute"]["cpu"] == {"vcpus": 2}


def test_removed_outside_stays_gone_until_somebody_starts_it(people: People, fake_runtime: Any) -> None:
    vm = running(people)
    fake_runtime.machines.delete(vm.uid)
    watching.Watcher(lambda: True).resync(connect.only())
    settle()
    assert (now(vm).status_state, vm.status_reason) == ("ErrorConfiguration", "MachineVanished")
    power(people.carol, ACTOR, vm, Verb.START)
    settle(lambda: now(vm).status_state == "Running")


def test_an_unreachable_runtime_is_said_and_forgotten(people: People, fake_runtime: Any) -> None:
    vm = running(people)
    watcher = watching.Watcher(lambda: True)
    fake_runtime.faults.arrange(unreachable=9)
    assert not watcher.resync(connect.only())
    assert now(vm).status_state == "Running"  # it may only be restarting
    watcher.unknown_after = 0
    assert not watcher.resync(connect.only())
    assert (now(vm).status_state, vm.status_reason) == ("Unknown", "RuntimeUnreachable")
    fake_runtime.faults.clear()
    assert watcher.resync(connect.only())
    assert now(vm).status_state == "Running"


def test_who_may(people: People, fake_runtime: Any) -> None:
    vm = running(people)
    with pytest.raises(Denied):
        power(people.bob, ACTOR, vm, Verb.STOP)
    with pytest.raises(NotFound):
        delete(people.dave, ACTOR, vm)
    with pytest.raises(Denied):
        create(people.bob, ACTOR, manifest("mine"))


def test_a_manifest_comes_back_as_it_went(people: People, fake_runtime: Any) -> None:
    given = manifest(
        metadata={"labels": {"app": "web"}, "annotations": {"vmconsole.dev/display-name": "Web — 1", "note": "x"}},
        disks=[{"virtualMachineDiskName": "web", "boot": True, "driver": "scsi"}],
        interfaces=[CARD[0] | {"default": True, "ipAddresses": ["10.76.0.77"], "model": "e1000"}],
        firmware={"bootloader": {"type": "uefi", "enableSecureBoot": False}, "serial": "A1"},
        scheduling={"nodeSelector": {"zone": "a"}},
    )
    vm, _operation = create(people.carol, ACTOR, given)
    assert parse_machine(manifest_of(now(vm))).spec == given.spec
    assert parse_machine(manifest_of(vm)).metadata.annotations == given.metadata.annotations


def test_an_edit_that_the_runtime_refuses_is_taken_back(people: People, fake_runtime: Any) -> None:
    vm = running(people)

    def refuse(spec: MachineSpec) -> None:
        raise Rejected("This machine cannot have that.")

    accept = fake_runtime.machines.apply
    fake_runtime.machines.apply = refuse
    operation = edit(people.carol, ACTOR, vm, _with_vcpus(vm, 4), when="next-start")
    assert operation is not None
    settle(lambda: not Operation.objects.get(uid=operation.uid).is_open)
    fake_runtime.machines.apply = accept
    operation.refresh_from_db()
    assert (operation.state, operation.message) == (State.FAILED, "This machine cannot have that.")
    assert now(vm).spec_vcpus == 1
    settle(lambda: now(vm).observed_generation == vm.generation)


def test_a_start_without_room_says_how_much_is_missing(people: People, fake_runtime: Any) -> None:
    watching.Watcher(lambda: True).resync(connect.only())
    Node.objects.update(status_memory_bytes=300 << 20)
    first = running(people, "first")
    second, _operation = create(people.carol, ACTOR, manifest("second"))
    settle()
    assert (now(second).status_state, second.status_reason) == ("ErrorUnschedulable", "InsufficientResources")
    assert "256 MiB" in second.status_message
    assert "212 MiB too little" in second.status_message
    power(people.carol, ACTOR, first, Verb.FORCE_STOP)
    settle(lambda: now(second).status_state == "Running")


def between(table: str, do: Callable[[], object]) -> Any:
    """`do` happens once, right after the first look into the table: as somebody else's transaction would."""
    left = [do]

    def execute(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        answer = run(sql, params, many, context)
        if left and f'FROM "{table}"' in sql:
            left.pop()()
        return answer

    return connection.execute_wrapper(execute)


@pytest.mark.parametrize("table", ["inventory_virtualmachine", "operations_operation"])
def test_a_request_during_a_look_is_not_taken_for_done(people: People, fake_runtime: Any, table: str) -> None:
    vm = running(people)
    with between(table, lambda: power(people.carol, ACTOR, vm, Verb.FORCE_STOP)):
        reconcile(vm.uid)
    settle(lambda: now(vm).status_state == "Stopped")
    assert now(vm).spec_power == Power.OFF


def test_an_outside_change_does_not_overrule_a_request_of_the_same_moment(people: People, fake_runtime: Any) -> None:
    vm = running(people)
    fake_runtime.machines.set_power(vm.uid, Power.OFF, force=True)
    settle(lambda: fake_runtime.machines.get(vm.uid).power is Power.OFF)
    VirtualMachine.objects.filter(uid=vm.uid).update(spec_power=Power.ON, status_power=Power.OFF)
    stale = now(vm)
    power(people.carol, ACTOR, vm, Verb.START)
    assert stale.accept(Power.OFF) is False
    settle(lambda: now(vm).status_state == "Running")


def test_what_is_in_use_goes_when_it_is_free(people: People, fake_runtime: Any) -> None:
    network = Network.objects.create(name="lab", spec_mode="bridge", spec_interface="br0")
    vm, _operation = create(
        people.carol,
        ACTOR,
        manifest(
            disks=[{"virtualMachineDiskName": "boot", "boot": True}],
            interfaces=[{"name": "eth0", "networkName": "lab"}],
        ),
        new_disks=[NewDisk("boot", GIB, {})],
    )
    settle(lambda: now(vm).status_state == "Running")
    disk = VirtualMachineDisk.objects.get()
    with pytest.raises(Conflict, match="in use"):
        delete_disk(people.carol, ACTOR, disk)
    with pytest.raises(Conflict, match="in use"):
        delete_network(people.erin, ACTOR, network)
    delete_disk(people.carol, ACTOR, disk, when_free=True)
    delete_network(people.erin, ACTOR, network, when_free=True)
    settle()
    assert VirtualMachineDisk.objects.exists() and Network.objects.filter(name="lab").exists()
    assert "lets go of it" in Operation.objects.get(subject_uid=disk.uid, verb="delete").message
    assert now(vm).status_state == "Running"
    delete(people.carol, ACTOR, vm)
    settle(lambda: not VirtualMachineDisk.objects.exists() and not Network.objects.filter(name="lab").exists())
    assert fake_runtime.volumes.list() == []


def test_declaring_it_stopped_stops_it_and_running_starts_it(people: People, fake_runtime: Any) -> None:
    vm = running(people)
    for wish, state in (("Stopped", "Stopped"), ("Running", "Running")):
        asked = manifest_of(now(vm), status=False)
        asked["spec"]["runningState"] = wish
        edit(people.carol, ACTOR, vm, parse_machine(asked))
        settle(lambda state=state: now(vm).status_state == state)  # type: ignore[misc]


def test_what_went_wrong_at_a_start_is_its_reason_until_it_runs(people: People, fake_runtime: Any) -> None:
    fake_runtime.faults.arrange(no_memory=True)
    vm, operation = create(people.carol, ACTOR, manifest())
    settle(lambda: not Operation.objects.get(uid=operation.uid).is_open)
    settle()
    assert (now(vm).status_state, vm.status_reason) == ("Stopped", "InsufficientMemory")
    assert "free memory" in vm.status_message
    assert one(people.carol, vm).why.key == "InsufficientMemory"  # type: ignore[union-attr]
    fake_runtime.faults.clear()
    power(people.carol, ACTOR, vm, Verb.START)
    settle(lambda: now(vm).status_state == "Running")
    assert (vm.status_reason, vm.status_fault, one(people.carol, vm).why) == ("", "", None)


def test_a_failure_is_told_until_something_else_is_asked(people: People, fake_runtime: Any) -> None:
    vm = running(people)
    failed = power(people.carol, ACTOR, vm, Verb.RESET)
    Operation.objects.filter(uid=failed.uid).update(
        state=State.FAILED, message="QEMU said no.", finished_at=timezone.now()
    )
    line = one(people.carol, vm).why
    assert line is not None
    assert (line.sentence, line.evidence) == ("“Reset” failed.", "QEMU said no. · Asked by carol.")
    power(people.carol, ACTOR, vm, Verb.STOP)
    settle(lambda: now(vm).status_state == "Stopped")
    assert one(people.carol, vm).why is None


def test_a_fix_that_somebody_may_not_do_says_why(people: People, fake_runtime: Any) -> None:
    vm, _operation = create(people.carol, ACTOR, manifest(interfaces=[{"name": "eth0", "networkName": "lab"}]))
    settle()
    now(vm)
    first, second = one(people.carol, vm).fixes
    assert (first.label, bool(first.why_not), second.why_not) == ("Create the network", True, "")
    assert one(people.erin, vm).fixes[0].url == "/networks/new?name=lab"
    assert all(fix.why_not for fix in one(people.bob, vm).fixes)
