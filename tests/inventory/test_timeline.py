"""Versions of a configuration, and the axis on which everything that happened to a machine stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from inventory.differing import Difference, differences, is_frozen
from inventory.manifests import manifest_of, parse_machine
from inventory.models import MachineVersion, VirtualMachine
from inventory.rules import Verb
from inventory.services import versions
from inventory.services.editing import edit, manifest_now, restore
from inventory.services.making import create
from inventory.services.power import power
from inventory.services.versions import version_of
from inventory.timeline import PER_PAGE, Entry, cursor_of, kinds_for, timeline
from observability import audit, events
from observability.models import AuditEntry, Event
from tests.inventory.conftest import ACTOR, manifest
from tests.people import MINE, People, client_of
from tests.settle import settle
from vmconsole.access.errors import Conflict, Denied, NotFound
from vmconsole.operations.models import Operation

pytestmark = pytest.mark.django_db(transaction=True)
AT = replace(ACTOR, request_id="r-1")


def made(people: People, **spec: Any) -> VirtualMachine:
    vm, _operation = create(people.carol, ACTOR, manifest(**spec), start=False)
    settle()
    vm.refresh_from_db()
    return vm


def changed(people: People, vm: VirtualMachine, **compute: Any) -> None:
    document = manifest_of(vm, status=False)
    document["spec"]["compute"] |= compute
    edit(people.carol, ACTOR, vm, parse_machine(document))
    settle()
    vm.refresh_from_db()


def labelled(people: People, vm: VirtualMachine, **labels: str) -> None:
    wanted = manifest_now(vm)
    wanted.metadata.labels = labels
    edit(people.carol, AT, vm, wanted)
    vm.refresh_from_db()


def test_two_configurations_are_compared_field_by_field() -> None:
    disks = [{"virtualMachineDiskName": "a", "boot": True}, {"virtualMachineDiskName": "b"}]
    before = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"compute": {"cpu": {"vcpus": 1}}, "osType": "", "disks": disks},
    }
    after = {"metadata": {"labels": {}}, "spec": {"compute": {"cpu": {"vcpus": 2}}, "disks": disks[1:]}}
    assert differences(before, after) == [
        Difference("metadata.labels.app", "web", None),
        Difference("spec.compute.cpu.vcpus", "1", "2", frozen=True),
        Difference("spec.disks[a].boot", "true", None),
        Difference("spec.disks[a].virtualMachineDiskName", "a", None),
    ]
    assert [is_frozen(path) for path in ("spec.firmware.bootloader.type", "spec.runningState")] == [True, False]


def test_each_change_is_kept_and_can_be_brought_back(people: People, fake_runtime: Any) -> None:
    vm = made(people)
    changed(people, vm, cpu={"vcpus": 2})
    labelled(people, vm, app="web")
    assert list(MachineVersion.objects.values_list("number", flat=True)) == [3, 2, 1]
    operation = restore(people.carol, ACTOR, vm, version_of(vm, 1), expected_generation=3)
    settle()
    vm.refresh_from_db()
    assert (vm.spec_vcpus, vm.labels, vm.generation) == (1, {}, 4)
    latest = MachineVersion.objects.get(number=4)
    assert (latest.restored, latest.operation_uid) == (1, operation.uid)  # type: ignore[union-attr]
    entry = AuditEntry.objects.filter(action="edit", phase="accepted").latest("id")
    assert entry.changes["restored"] == [3, 1]
    assert entry.changes["metadata.labels"] == [{"app": "web"}, {}]


def test_to_bring_back_asks_the_same_as_to_edit(people: People, fake_runtime: Any) -> None:
    vm = made(people)
    changed(people, vm, cpu={"vcpus": 2})
    with pytest.raises(Denied):
        restore(people.bob, ACTOR, vm, version_of(vm, 1))
    with pytest.raises(Conflict, match="changed by somebody else"):
        restore(people.carol, ACTOR, vm, version_of(vm, 1), expected_generation=1)
    power(people.carol, ACTOR, vm, Verb.START)
    settle()
    with pytest.raises(Conflict, match="cannot change while"):
        restore(people.carol, ACTOR, vm, version_of(vm, 1))
    with pytest.raises(NotFound):
        version_of(vm, 77)
    assert vm.spec_vcpus == 2


def test_no_secret_is_in_a_version(people: People, fake_runtime: Any) -> None:
    seed = {"noCloud": {"userData": "#cloud-config\npassword: hunter2-canary"}}
    annotations = {
        "kubectl.kubernetes.io/last-applied-configuration": "hunter2-canary",
        "db-password": "hunter2-canary",
    }
    vm = made(people, cloudInit=seed, metadata={"name": "web-1", "namespace": MINE, "annotations": annotations})
    assert "hunter2-canary" not in str(list(MachineVersion.objects.values()))
    labelled(people, vm, app="web")
    restore(people.carol, ACTOR, vm, version_of(vm, 1))
    vm.refresh_from_db()
    assert (vm.labels, vm.annotations) == ({}, annotations)  # what was hidden is what it was


def titles(entries: Any) -> list[str]:
    return [entry.title for entry in entries]


def test_what_an_operation_did_is_folded_under_it(people: People, fake_runtime: Any) -> None:
    vm = made(people)
    changed(people, vm, cpu={"vcpus": 2})
    entries = timeline(people.carol, vm).entries
    assert titles(entries) == ["Edit", "Create"]
    edited, created = entries
    assert [change.path for change in edited.changes] == ["spec.compute.cpu.vcpus"]
    assert (edited.version, created.version, created.changes) == (2, 1, ())
    assert created.steps  # what was seen of it


def test_a_change_without_an_operation_has_its_audit_folded_under_it(people: People, fake_runtime: Any) -> None:
    vm = made(people)
    labelled(people, vm, app="web")
    newest = timeline(people.alice, vm).entries[0]
    assert (newest.kind, newest.who, titles(newest.steps)) == ("version", "carol", ["Edit: succeeded"])
    assert timeline(people.carol, vm).entries[0].steps == ()


def test_the_audit_is_for_those_who_may_read_it(people: People, fake_runtime: Any) -> None:
    vm = made(people)
    assert "audit" not in dict(kinds_for(people.carol, vm))
    assert timeline(people.carol, vm, kind="audit").entries == []
    assert titles(timeline(people.alice, vm, kind="audit").entries) == ["Create: succeeded", "Create: accepted"]
    page = client_of(people.carol).get(f"{vm.get_absolute_url()}events?kind=audit").content.decode()
    assert "Create: accepted" not in page


def test_pages_go_back_to_the_first_day_and_repeat_nothing(people: People, fake_runtime: Any) -> None:
    vm = made(people)
    began = timezone.now()
    for number in range(3 * PER_PAGE):
        events.record("VirtualMachine", vm.uid, vm.name, vm.namespace, "Seen", f"number {number}")
        Event.objects.filter(message=f"number {number}").update(last_at=began + timedelta(minutes=number + 1))
    for minute in (30, 60):
        operation = Operation.objects.get(uid=power(people.carol, ACTOR, vm, Verb.START).uid)
        at = began + timedelta(minutes=minute, seconds=-30)
        Operation.objects.filter(uid=operation.uid).update(
            state="done", created_at=at, finished_at=at + timedelta(minutes=3)
        )
    seen: list[Entry] = []
    before = None
    for _page in range(9):
        page = timeline(people.bob, vm, before=before)
        seen += page.entries
        before = cursor_of(page.following)
        if before is None:
            break
    folded = [step.text for entry in seen for step in entry.steps]
    told = [*(entry.text for entry in seen), *folded]
    assert sorted(text for text in told if text.startswith("number")) == sorted(f"number {n}" for n in range(120))
    assert [entry.at for entry in seen] == sorted((entry.at for entry in seen), reverse=True)
    assert titles(seen)[-1] == "Create"


@pytest.mark.parametrize("text", ["", "x", "2026-02-30T00:00:00+00:00", "2026-01-01T00:00:00", "0" * 5000])
def test_a_bad_cursor_is_the_beginning(text: str) -> None:
    assert cursor_of(text) is None


def test_the_page_shows_and_restores(people: People, fake_runtime: Any) -> None:
    vm = made(people)
    changed(people, vm, cpu={"vcpus": 2})
    browser, there = client_of(people.carol), vm.get_absolute_url()
    for kind in ("", "operation", "version", "boot", "event", "audit", "nonsense"):
        assert browser.get(f"{there}events?kind={kind}").status_code == 200
    dialog = browser.get(f"{there}versions/1").content.decode()
    assert "<del>2</del>" in dialog
    assert "<ins>1</ins>" in dialog
    assert client_of(people.bob).post(f"{there}versions/1").status_code == 403
    assert browser.post(f"{there}versions/1", {"generation": "2"}).status_code == 302
    vm.refresh_from_db()
    assert vm.spec_vcpus == 1
    assert browser.get(f"{there}versions/{1 << 70}").status_code == 404


@pytest.mark.parametrize(
    ("how", "was", "said"),
    [
        ("given", "mia", "mia handed it over to carol."),
        ("taken", "mia", "carol took it from mia."),
        ("idle", "mia", "carol took it: mia had typed nothing for a while."),
        ("left", "", "carol has it: nobody else did."),
        ("moved", "carol", "carol drives from another window."),
    ],
)
def test_who_drives_its_screen_is_told(how: str, was: str, said: str, people: People, fake_runtime: Any) -> None:
    vm = made(people)
    moved = {"from": was, "to": "carol", "how": how}
    with transaction.atomic():
        audit.record(
            ACTOR, "console.control", kind="Console", uid=vm.uid, name=vm.name, namespace=MINE,
            phase=audit.Phase.SUCCEEDED, extra=moved,
        )  # fmt: skip
    entry = timeline(people.alice, vm).entries[0]
    assert (entry.title, entry.text) == ("Moved control of the screen: succeeded", said)


def test_the_oldest_versions_give_way(people: People, fake_runtime: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "MOST", 3)
    vm = made(people)
    for number in range(2 * versions.PRUNE_EVERY):
        labelled(people, vm, count=str(number))
    kept = list(vm.versions.values_list("number", flat=True))
    assert vm.generation in kept
    assert 3 <= len(kept) <= 3 + versions.PRUNE_EVERY
    assert 1 not in kept
