"""Deleting as people mean it: what the trash keeps, from whom, for how long, and what ends it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from inventory import watching
from inventory.models import VirtualMachine
from inventory.rules import Verb
from inventory.services.editing import declare
from inventory.services.making import NewDisk, create
from inventory.services.power import power
from inventory.services.trash import discard, purge, purge_due, restore
from networking.models import NetworkInterface
from observability.models import AuditEntry, Change
from storage.models import Attachment, VirtualMachineDisk
from storage.services import delete_disk
from tests.inventory.conftest import ACTOR, manifest
from tests.people import MINE, People, client_of
from tests.settle import settle
from vmconsole.access.errors import Conflict, Denied
from vmconsole.operations import loop
from vmconsole.operations.models import Operation, State
from vmconsole.operations.services import request_cancel
from vmconsole.runtime import connect
from vmconsole.runtime.types import Power

pytestmark = pytest.mark.django_db(transaction=True)

GIB = 1 << 30
CARD = [{"name": "eth0", "networkName": "pod-network"}]
DISK = [{"virtualMachineDiskName": "web-1-boot", "boot": True, "autoDelete": True}]


def now(vm: VirtualMachine) -> VirtualMachine:
    vm.refresh_from_db()
    return vm


def running(people: People, name: str = "web-1", **spec: Any) -> VirtualMachine:
    vm, _operation = create(
        people.carol, ACTOR, manifest(name, disks=DISK, interfaces=CARD, **spec),
        new_disks=[NewDisk("web-1-boot", GIB, {})],
    )  # fmt: skip
    settle(lambda: now(vm).status_state == "Running")
    return vm


def thrown_away(people: People, **spec: Any) -> VirtualMachine:
    vm = running(people, **spec)
    discard(people.carol, ACTOR, vm)
    settle(lambda: now(vm).is_off and not Operation.objects.open().exists())
    return vm


def test_it_stops_keeps_everything_and_comes_back_stopped(people: People, fake_runtime: Any) -> None:
    vm = running(people)
    card = NetworkInterface.objects.get()
    discard(people.carol, ACTOR, vm)
    assert not VirtualMachine.objects.visible_to(people.carol).exists()  # at once, while it still stops
    settle(lambda: now(vm).is_off)
    assert [seen.power for seen in fake_runtime.machines.list()] == [Power.OFF]
    assert NetworkInterface.objects.get() == card
    assert Attachment.objects.get().machine_uid == vm.uid

    restore(people.carol, ACTOR, vm)
    settle()
    assert (now(vm).status_state, vm.trashed_at, vm.delete_disks) == ("Stopped", None, [])
    power(people.carol, ACTOR, vm, Verb.START)
    settle(lambda: now(vm).status_state == "Running")
    assert vm.status_addresses[0]["macAddress"] == card.mac_address
    told = AuditEntry.objects.filter(action__in=["trash", "restore"]).order_by("id").values_list("action", "phase")
    assert list(told) == [(verb, phase) for verb in ("trash", "restore") for phase in ("accepted", "succeeded")]


def test_purged_it_is_gone_with_the_disks_that_were_to_go(people: People, fake_runtime: Any) -> None:
    vm = thrown_away(people)
    purge(people.carol, ACTOR, vm)
    assert VirtualMachine.objects.visible_to(people.carol).exists()  # a deletion like any other, to be seen
    settle(lambda: not VirtualMachine.objects.exists() and not VirtualMachineDisk.objects.exists())
    assert not NetworkInterface.objects.exists()
    assert fake_runtime.machines.list() == []
    assert AuditEntry.objects.filter(action="purge", phase="succeeded", actor_name="carol").exists()


def test_it_goes_by_itself_when_its_days_are_over(people: People, fake_runtime: Any, settings: Any) -> None:
    settings.TRASH_DAYS = 3
    vm = thrown_away(people)
    promised, thrown_at = now(vm).purge_at, vm.trashed_at
    assert promised and thrown_at and promised - thrown_at == timedelta(days=3)
    settings.TRASH_DAYS = 0  # what was promised holds
    assert purge_due() == 0
    VirtualMachine.objects.filter(uid=vm.uid).update(purge_at=timezone.now())
    assert purge_due() == 1
    settle(lambda: not VirtualMachine.objects.exists())
    assert AuditEntry.objects.filter(action="purge", phase="accepted").get().auth == "system"


def test_without_a_trash_deleted_is_deleted(people: People, fake_runtime: Any, settings: Any) -> None:
    settings.TRASH_DAYS = 0
    vm = running(people)
    assert discard(people.carol, ACTOR, vm).verb == Verb.DELETE
    settle(lambda: not VirtualMachine.objects.exists())


def test_nobody_else_takes_what_it_keeps_and_the_refusal_says_where_it_is(people: People, fake_runtime: Any) -> None:
    thrown_away(people)
    card = NetworkInterface.objects.get()
    with pytest.raises(Conflict, match="in the trash") as name:
        create(people.carol, ACTOR, manifest("web-1"))
    assert name.value.reason == "AlreadyExists"
    with pytest.raises(Conflict, match="in the trash"):
        create(people.carol, ACTOR, manifest("web-2", interfaces=[{**CARD[0], "macAddress": card.mac_address}]))
    with pytest.raises(Conflict, match="in the trash"):
        create(people.carol, ACTOR, manifest("web-2", disks=DISK))
    disk = VirtualMachineDisk.objects.get()
    for when_free in (False, True):
        with pytest.raises(Conflict, match="in the trash"):
            delete_disk(people.carol, ACTOR, disk, when_free=when_free)


def test_the_guest_is_asked_first_and_forced_when_its_time_is_over(people: People, fake_runtime: Any) -> None:
    vm = running(people)
    fake_runtime.faults.arrange(deaf=True)
    operation = discard(people.carol, ACTOR, vm)
    settle()
    assert not now(vm).is_off
    Operation.objects.filter(uid=operation.uid).update(created_at=timezone.now() - timedelta(minutes=5))
    settle(lambda: now(vm).is_off)


def test_what_does_not_stop_in_time_is_out_again(people: People, fake_runtime: Any) -> None:
    """Nothing that runs is out of sight: the operation fails, and the machine is where it was."""
    vm = running(people)
    operation = discard(people.carol, ACTOR, vm)
    Operation.objects.filter(uid=operation.uid).update(deadline_at=timezone.now() - timedelta(seconds=1))
    fake_runtime.faults.arrange(unreachable=1)
    settle(lambda: now(vm).trashed_at is None)
    operation.refresh_from_db()
    assert operation.state == State.FAILED
    settle()
    assert (now(vm).status_state, vm.spec_power) == ("Running", Power.ON)


def test_the_loop_leaves_it_alone_whatever_is_declared(people: People, fake_runtime: Any) -> None:
    vm = running(people)
    declare(people.carol, ACTOR, vm, "Running")
    settle()
    discard(people.carol, ACTOR, now(vm))
    settle(lambda: now(vm).is_off)
    for _round in range(3):
        loop.resync()
        settle()
    assert now(vm).is_off
    fake_runtime.machines.set_power(vm.uid, Power.ON)  # somebody on the host
    settle(lambda: fake_runtime.machines.get(vm.uid).power is Power.ON)
    watching.look(connect.only(), vm.uid)
    settle(lambda: now(vm).is_off)

    restore(people.carol, ACTOR, vm)
    settle()
    loop.resync()
    settle()
    assert (now(vm).is_off, vm.spec_running_state) == (True, "")
    assert "spec.runningState" in AuditEntry.objects.get(action="restore", phase="accepted").changes


def test_one_that_was_never_made_is_not_made_in_there_and_waits_again_afterwards(
    people: People, fake_runtime: Any
) -> None:
    vm, creating = create(people.carol, ACTOR, manifest(disks=[{"virtualMachineDiskName": "late", "boot": True}]))
    settle()
    discard(people.carol, ACTOR, vm)
    settle()
    loop.resync()
    settle()
    creating.refresh_from_db()
    assert creating.state == State.CANCELLED
    assert fake_runtime.machines.list() == []
    restore(people.carol, ACTOR, vm)
    settle()
    assert now(vm).status_state == "ErrorPvcNotFound"


def test_thought_better_of_it_while_it_stops(people: People, fake_runtime: Any) -> None:
    fake_runtime._world.transition_seconds = 5.0
    vm = running(people)
    operation = discard(people.carol, ACTOR, vm)
    request_cancel(operation, ACTOR)
    settle(lambda: now(vm).trashed_at is None)
    operation.refresh_from_db()
    assert operation.state == State.CANCELLED
    assert VirtualMachine.objects.visible_to(people.carol).get() == vm


def test_what_is_refused(people: People, fake_runtime: Any) -> None:
    vm = running(people)
    VirtualMachine.objects.filter(uid=vm.uid).update(deletion_protected=True)
    with pytest.raises(Conflict, match="protected"):
        discard(people.carol, ACTOR, vm)
    VirtualMachine.objects.filter(uid=vm.uid).update(deletion_protected=False)
    with pytest.raises(Denied):
        discard(people.bob, ACTOR, vm)
    with pytest.raises(Conflict, match="not in the trash"):
        restore(people.carol, ACTOR, vm)
    discard(people.carol, ACTOR, vm)
    for verb in (Verb.START, Verb.FORCE_STOP):
        with pytest.raises(Conflict, match="in the trash"):
            power(people.carol, ACTOR, vm, verb)
    with pytest.raises(Denied):
        restore(people.bob, ACTOR, vm)
    with pytest.raises(Denied):
        purge(people.bob, ACTOR, vm)


def test_who_watches_machines_hears_that_it_went_and_that_it_came(people: People, fake_runtime: Any) -> None:
    vm = thrown_away(people)
    told = Change.objects.filter(kind="VirtualMachine", uid=str(vm.uid)).order_by("id")
    last = told.last()
    assert last is not None and last.what == "DELETED"  # and nothing after it, while it stopped
    restore(people.carol, ACTOR, vm)
    assert told.filter(id__gt=last.id).values_list("what", flat=True)[0] == "ADDED"


def test_its_page_and_the_way_back(people: People, fake_runtime: Any) -> None:
    vm = running(people)
    carol, dave = client_of(people.carol), client_of(people.dave)
    assert carol.post(f"/vms/{MINE}/web-1/delete", {"typed": "web-"}).status_code == 422  # it runs
    assert carol.post(f"/vms/{MINE}/web-1/delete", {"typed": "web-1"}).status_code == 302
    settle(lambda: now(vm).is_off)
    assert "web-1" not in carol.get("/vms/").content.decode()
    gone = carol.get(f"/vms/{MINE}/web-1/")
    assert (gone.status_code, "in the trash" in gone.content.decode()) == (404, True)
    page = carol.get("/trash/").content.decode()
    assert "web-1" in page and "web-1-boot" in page
    assert "web-1" not in dave.get("/trash/").content.decode()
    assert carol.post(f"/trash/{vm.uid}/restore").headers["Location"] == f"/vms/{MINE}/web-1/"
    settle()
    assert carol.post(f"/vms/{MINE}/web-1/delete").status_code == 302  # off, and to be had back: one click
    settle()
    assert carol.post(f"/trash/{vm.uid}/purge", {"typed": "no"}).status_code == 422
    assert carol.post(f"/trash/{vm.uid}/purge", {"typed": "web-1"}).status_code == 302
    settle(lambda: not VirtualMachine.objects.exists())


def test_programs_throw_away_restore_and_purge(people: People, fake_runtime: Any) -> None:
    vm = running(people)
    carol = client_of(people.carol)
    asked = {"namespace": MINE, "name": "web-1"}
    assert carol.post("/api/v1/trash", asked, content_type="application/json").json()["verb"] == "trash"
    assert carol.post("/api/v1/trash", asked, content_type="application/json").status_code == 404
    (line,) = carol.get("/api/v1/trash").json()["results"]
    assert (line["name"], line["trashed_by"], line["delete_disks"]) == ("web-1", "carol", ["web-1-boot"])
    assert carol.post(f"/api/v1/trash/{vm.uid}/restore").status_code == 202
    settle()
    carol.post("/api/v1/trash", {**asked, "delete_disks": ["web-1-boot"]}, content_type="application/json")
    settle()
    assert carol.delete(f"/api/v1/trash/{vm.uid}").status_code == 202
    settle(lambda: not VirtualMachineDisk.objects.exists())
