"""A machine's configuration page: what would change, what waits, what is taken back, and two people at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from inventory.configuring import merged
from inventory.explaining import explained_fields
from inventory.manifests import dump_yaml, manifest_of, parse_machine
from inventory.models import VirtualMachine
from inventory.rules import Verb
from inventory.services.editing import edit, manifest_now
from inventory.services.making import NewDisk, create
from inventory.services.power import power
from inventory.waiting import pending, taken_back
from observability.models import AuditEntry
from storage.services import create_disk
from tests.inventory.conftest import ACTOR, manifest
from tests.people import MINE, People, client_of
from tests.settle import settle
from vmconsole.access.models import ResourceQuota
from vmconsole.access.rules import Counted
from vmconsole.operations.models import Operation

pytestmark = pytest.mark.django_db(transaction=True)
GIB = 1 << 30
FORM = {
    "sizing": "own", "vcpus": "1", "memory": "256Mi", "running_state": "", "grace": "60", "os_type": "",
    "firmware": "bios", "display_name": "",
}  # fmt: skip
ROWS = {f"{kind}-{word}_FORMS": "0" for kind in ("label", "disk", "card") for word in ("TOTAL", "INITIAL")}


@pytest.fixture
def vm(people: People, fake_runtime: Any) -> VirtualMachine:
    made, _operation = create(
        people.carol, ACTOR,
        manifest(
            disks=[{"virtualMachineDiskName": "boot", "boot": True, "cdrom": {"ejected": True}}],
            interfaces=[{"name": "lan", "networkName": "pod-network"}],
        ),
        new_disks=[NewDisk("boot", GIB, {})],
    )  # fmt: skip
    settle(lambda: now(made).status_state == "Running")
    return made


def now(vm: VirtualMachine) -> VirtualMachine:
    vm.refresh_from_db()
    return vm


def page(vm: VirtualMachine, part: str = "configuration") -> str:
    return f"{vm.get_absolute_url()}{part}"


def post(client: Client, vm: VirtualMachine, part: str = "configuration", **values: str) -> Any:
    return client.post(page(vm, part), {"generation": str(vm.generation), **FORM, **values})


def test_the_preview_says_what_would_change_and_changes_nothing(people: People, vm: VirtualMachine) -> None:
    carol = client_of(people.carol)
    assert "it is as it was saved" in post(carol, vm, "configuration/preview").content.decode()
    told = post(carol, vm, "configuration/preview", vcpus="2", when="restart").content.decode()
    assert "spec.compute.cpu.vcpus" in told
    assert 'data-take-back="vcpus" data-value="1"' in told
    assert "It is restarted to take the marked fields." in told
    assert "Nothing is restarted." in post(carol, vm, "configuration/preview", display_name="x").content.decode()
    wrong = post(carol, vm, "configuration/preview", memory="much").content.decode()
    assert "not right yet" in wrong
    assert post(client_of(people.bob), vm, "configuration/preview").status_code == 403
    assert now(vm).generation == 1


def test_the_preview_says_what_of_the_quota_a_larger_machine_takes(people: People, vm: VirtualMachine) -> None:
    carol = client_of(people.carol)
    assert "quota" not in post(carol, vm, "configuration/preview", vcpus="3").content.decode()
    ResourceQuota.objects.create(namespace=vm.namespace, name="quota", hard={Counted.VCPUS: 4})
    assert "vCPUs: within the quota" in post(carol, vm, "configuration/preview", vcpus="4").content.decode()
    assert "vCPUs: more than the quota leaves" in post(carol, vm, "configuration/preview", vcpus="5").content.decode()
    assert "quota" not in post(carol, vm, "configuration/preview", display_name="x").content.decode()


def test_the_preview_of_yaml_names_the_wrong_field(people: People, vm: VirtualMachine) -> None:
    carol = client_of(people.carol)
    text = "apiVersion: vm.cluster.gke.io/v1\nkind: VirtualMachine\nmetadata: {name: web-1}\nspec: {memroy: 4Gi}"
    told = carol.post(page(vm, "configuration/preview"), {"yaml": text}).content.decode()
    assert "memroy" in told
    assert carol.post(page(vm, "configuration/preview"), {"yaml": "a: [1"}).status_code == 200


def test_what_waits_for_the_next_start_is_shown_and_taken_back(people: People, vm: VirtualMachine) -> None:
    carol = client_of(people.carol)
    assert post(carol, vm, vcpus="2", memory="512Mi", when="next-start").status_code == 302
    settle(lambda: bool(now(vm).status_running))
    shown = carol.get(page(vm)).content.decode()
    assert shown.count("Take back</button>") == 2
    answer = carol.post(page(vm, "configuration/revert"), {"field": "vcpus"})
    assert answer.status_code == 302
    settle()
    assert (now(vm).spec_vcpus, vm.spec_memory) == (1, "512Mi")
    assert carol.post(page(vm, "configuration/revert"), {"field": "vcpus"}).status_code == 409
    assert carol.post(page(vm, "configuration/revert"), {"field": "memory"}).status_code == 302
    settle(lambda: not now(vm).status_pending)
    assert (vm.spec_memory_bytes, vm.status_running) == (256 << 20, {})


def test_devices_that_wait_are_taken_back_as_they_were_plugged_in(people: People, vm: VirtualMachine) -> None:
    carol = client_of(people.carol)
    create_disk(people.carol, ACTOR, vm.namespace, "data", size_bytes=GIB)
    settle()
    disk = {"disk-TOTAL_FORMS": "2", "disk-INITIAL_FORMS": "1", "disk-0-disk": "boot", "disk-0-boot": "on",
            "disk-0-cdrom": "on", "disk-1-disk": "data", "disk-1-driver": "scsi", "disk-1-read_only": "on"}  # fmt: skip
    settle(lambda: post(carol, vm, **disk).status_code == 302)
    settle(lambda: now(vm).observed_generation == vm.generation)
    edit(people.carol, ACTOR, vm, taken_out(vm, "data"))
    settle(lambda: now(vm).observed_generation == vm.generation)
    # A guest that has not let go of the disk, and has not been given its card.
    running = {"vcpus": 1, "memory_bytes": 256 << 20, "firmware": "bios", "secure_boot": False, "chipset": "q35"}
    waits = {"status_pending": True, "status_running": {**running, "disks": ["boot", "data"], "cards": []}}
    VirtualMachine.objects.filter(uid=vm.uid).update(**waits)
    assert [(each.field, each.now, each.next) for each in pending(now(vm))] == [
        ("disks:data", "plugged in", "–"), ("cards:pod-network", "–", "plugged in"),
    ]  # fmt: skip
    again = taken_back(vm, manifest_of(vm, status=False), "disks:data")
    assert again is not None
    assert again["spec"]["disks"][1] == {"virtualMachineDiskName": "data", "driver": "scsi", "readOnly": True}
    without = taken_back(vm, manifest_of(vm, status=False), "cards:pod-network")
    assert without is not None
    assert without["spec"]["interfaces"] == []
    assert taken_back(vm, again, "disks:boot") is None
    answer = carol.post(page(vm, "configuration/revert"), {"field": "disks:data"})
    assert (answer.status_code, [disk.disk_name for disk in now(vm).disks.all()]) == (302, ["boot", "data"])


def taken_out(vm: VirtualMachine, disk: str) -> Any:
    manifest = manifest_of(vm, status=False)
    manifest["spec"]["disks"] = [each for each in manifest["spec"]["disks"] if each["virtualMachineDiskName"] != disk]
    return parse_machine(manifest)


def test_both_views_of_two_people_at_once(people: People, vm: VirtualMachine) -> None:
    carol = client_of(people.carol)
    text = carol.get(page(vm, "yaml")).content.decode()
    assert "spec.compute.cpu.vcpus" in text  # what fields mean
    mine = dump_yaml(manifest_of(vm, status=False)).replace("web-1\n", "web-1\n  labels: {mine: '1'}\n", 1)
    theirs = manifest_now(vm)
    theirs.metadata.annotations = {"theirs": "1"}
    edit(people.alice, ACTOR, vm, theirs)
    answer = carol.post(page(vm, "yaml"), {"generation": str(vm.generation), "yaml": mine})
    told = answer.content.decode()
    assert answer.status_code == 409
    assert "mine: &#x27;1&#x27;" in told
    assert "theirs: &#x27;1&#x27;" in told
    assert f'name="generation" value="{now(vm).generation}"' in told


def test_labels_disks_and_cards_are_rows(people: People, vm: VirtualMachine) -> None:
    create_disk(people.carol, ACTOR, MINE, "data", size_bytes=GIB)
    settle()
    rows = {
        **ROWS, "label-TOTAL_FORMS": "1", "label-0-key": "app", "label-0-value": "web",
        "disk-TOTAL_FORMS": "2", "disk-INITIAL_FORMS": "1", "disk-0-disk": "boot", "disk-0-boot": "on",
        "disk-0-cdrom": "on", "disk-0-driver": "virtio", "disk-1-disk": "data", "disk-1-driver": "scsi",
        "card-TOTAL_FORMS": "1", "card-INITIAL_FORMS": "1", "card-0-name": "lan", "card-0-network": "pod-network",
        "card-0-model": "e1000",
    }  # fmt: skip
    assert post(client_of(people.carol), vm, when="next-start", **rows).status_code == 302
    now(vm)
    assert vm.labels == {"app": "web"}
    told = [(disk.disk_name, disk.driver, disk.boot, disk.ejected) for disk in vm.disks.all()]
    assert told == [("boot", "virtio", True, True), ("data", "scsi", False, False)]
    assert [(card.name, card.model) for card in vm.interfaces.all()] == [("lan", "e1000")]
    settle()
    gone = {**rows, "disk-1-DELETE": "on", "label-0-DELETE": "on", "label-INITIAL_FORMS": "1"}
    assert post(client_of(people.carol), vm, when="next-start", **gone).status_code == 302
    assert ([disk.disk_name for disk in vm.disks.all()], now(vm).labels) == (["boot"], {})


def test_a_row_that_makes_no_sense_is_refused_whole(people: People, vm: VirtualMachine) -> None:
    rows = {**ROWS, "disk-TOTAL_FORMS": "1", "disk-0-disk": "nobody-s", "disk-0-driver": "virtio"}
    answer = post(client_of(people.carol), vm, vcpus="2", when="next-start", **rows)
    assert (answer.status_code, now(vm).generation) == (422, 1)


def test_two_people_at_once_lose_nothing(people: People, vm: VirtualMachine) -> None:
    power(people.carol, ACTOR, vm, Verb.STOP)
    settle(lambda: now(vm).status_state == "Stopped")
    before = vm.generation
    theirs = manifest_now(vm)
    theirs.metadata.labels = {"owner": "alice"}
    edit(people.alice, ACTOR, vm, theirs)
    answer = client_of(people.carol).post(page(vm), {"generation": str(before), **FORM, "vcpus": "2"})
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "metadata.labels.owner" in text
    assert "spec.compute.cpu.vcpus" in text
    assert f'name="generation" value="{now(vm).generation}"' in text
    assert 'name="vcpus" value="2"' in text
    assert (vm.spec_vcpus, vm.labels) == (1, {"owner": "alice"})


def test_two_changes_are_laid_over_each_other() -> None:
    base = {"a": 1, "b": {"c": 1, "d": 1}, "list": [1], "gone": 1}
    theirs = {"a": 2, "b": {"c": 1, "d": 1, "new": 5}, "list": [1], "gone": 1}
    mine = {"a": 1, "b": {"c": 9, "d": 1}, "list": [1, 2]}
    assert merged(base, theirs, mine) == {"a": 2, "b": {"c": 9, "d": 1, "new": 5}, "list": [1, 2]}


def test_every_field_of_the_schema_has_its_help() -> None:
    fields = {field.path: field for field in explained_fields()}
    assert fields["spec.compute.cpu.vcpus"].kind == "integer"
    assert fields["spec.disks[].driver"].kind == "sata | scsi | virtio"
    assert [field.path for field in fields.values() if not field.text] == []


def test_what_was_misspelt_is_put_right_while_it_is_being_made(people: People, fake_runtime: Any) -> None:
    vm, making = create(people.carol, ACTOR, manifest(interfaces=[{"name": "eth0", "networkName": "pod-netwrok"}]))
    settle()
    assert now(vm).status_reason == "NetworkNotFound"
    rows = {**ROWS, "card-TOTAL_FORMS": "1", "card-INITIAL_FORMS": "1", "card-0-name": "eth0",
            "card-0-network": "pod-network", "card-0-model": "virtio"}  # fmt: skip
    assert post(client_of(people.carol), vm, **rows).status_code == 302
    settle(lambda: now(vm).status_state == "Running")
    making.refresh_from_db()
    assert (making.state, Operation.objects.count()) == ("done", 1)
    assert AuditEntry.objects.filter(action="edit", phase="succeeded", operation_uid=str(making.uid)).count() == 1


def test_the_help_beside_form_and_yaml_is_in_the_readers_language(people: People, vm: VirtualMachine) -> None:
    japanese = client_of(people.carol)
    japanese.defaults["HTTP_ACCEPT_LANGUAGE"] = "ja"
    for part in ("configuration", "yaml"):
        with translation.override("en"):  # an answer's language stays with the thread
            text = japanese.get(f"{vm.get_absolute_url()}{part}").content.decode()
        assert "Running はクラッシュやシャットダウンの後に起動し直し" in text, part
        assert "A standing wish" not in text
