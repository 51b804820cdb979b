"""A namespace's quota where it counts: what is asked for, by whichever way, and two who ask at once."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections

from inventory.manifests import parse_type
from inventory.models import MachineVersion, VirtualMachine, VirtualMachineType
from inventory.services import editing, trash
from inventory.services.making import NewDisk, Wish, create, create_many
from inventory.services.types import save_type
from inventory.usage import used
from observability.models import AuditEntry
from storage import services as storage
from storage.models import Image, VirtualMachineDisk
from tests.inventory.conftest import ACTOR, manifest
from tests.people import MINE, OTHER, People, client_of
from tests.settle import settle
from tests.visitors import SMALL
from vmconsole.access.errors import OverQuota, Unprocessable
from vmconsole.access.models import ResourceQuota
from vmconsole.access.rules import Counted
from vmconsole.operations.models import Operation
from vmconsole.runtime.types import Phase

GIB, MIB = 1 << 30, 1 << 20
MACHINES, VCPUS, MEMORY, STORAGE = Counted
SHAPE: dict[str, Any] = {"compute": {"virtualMachineTypeName": "big"}}
pytestmark = pytest.mark.django_db(transaction=True)


def limit(**hard: int) -> None:
    names = {"machines": MACHINES, "vcpus": VCPUS, "memory": MEMORY, "storage": STORAGE}
    values = {names[name]: value for name, value in hard.items()}
    ResourceQuota.objects.update_or_create(namespace=MINE, defaults={"name": "quota", "hard": values})


def sized(vcpus: int, memory: str = "256Mi") -> dict[str, Any]:
    return {"compute": {"cpu": {"vcpus": vcpus}, "memory": {"capacity": memory}}}


def make(people: People, name: str = "web-1", disks: tuple[NewDisk, ...] = (), **spec: Any) -> VirtualMachine:
    return create(people.carol, ACTOR, manifest(name, **spec), new_disks=disks)[0]


def big(people: People, vcpus: int = 8) -> VirtualMachineType:
    spec = {"cpu": {"vcpus": vcpus}, "memory": {"capacity": "1Gi"}}
    document = {"apiVersion": "vm.cluster.gke.io/v1", "kind": "VirtualMachineType", "metadata": {"name": "big"}}
    existing = VirtualMachineType.objects.filter(name="big").first()
    return save_type(people.erin, ACTOR, parse_type({**document, "spec": spec}), existing=existing)


def taken(namespace: str = MINE) -> tuple[int, ...]:
    found = used([namespace])[namespace]
    return tuple(found[counted] for counted in Counted)


# --- what is counted ---
def test_what_was_asked_for_is_counted(people: People, fake_runtime: Any) -> None:
    big(people)
    assert taken() == (0, 0, 0, 0)
    make(people, **sized(3), disks=(NewDisk("data", 2 * GIB, {}),))
    make(people, "web-2", **SHAPE)
    make(people, "web-3", compute={"virtualMachineTypeName": "nowhere"})  # waits for it
    assert taken() == (3, 11, 256 * MIB + GIB, 2 * GIB)
    big(people, 16)  # larger for all of its machines: an administrator of the cluster did that
    assert taken()[1] == 19
    assert taken(OTHER) == (0, 0, 0, 0)


def test_a_disk_as_large_as_its_source_is_counted_so_before_it_is_made(people: People, fake_runtime: Any) -> None:
    Image.objects.create(
        namespace=MINE, name="demo", status_phase=Phase.SUCCEEDED, status_size_bytes=3 * GIB, public=True
    )
    for name in ("one", "two"):
        storage.create_disk(people.carol, ACTOR, MINE, name, size_bytes=0, source={"image": {"name": "demo"}})
    assert taken()[3] == 6 * GIB
    limit(storage=8 * GIB)
    with pytest.raises(
        OverQuota, match="8 GiB of disk space, uses 6 GiB, and this asks for 3 GiB more: 1 GiB too much"
    ):
        storage.create_disk(people.carol, ACTOR, MINE, "three", size_bytes=0, source={"image": {"name": "demo"}})


# --- what is refused ---
def test_a_machine_too_many_or_too_large_leaves_nothing_behind(people: People, fake_runtime: Any) -> None:
    limit(machines=2, vcpus=4, memory=GIB, storage=4 * GIB)
    make(people, **sized(3), disks=(NewDisk("data", 2 * GIB, {}),))
    for spec, disks, words in (
        (sized(2), (), "may have 4 vCPUs, uses 3, and this asks for 2 more: 1 too many"),
        (sized(1, "1Gi"), (), "1 GiB of memory, uses 256 MiB, and this asks for 1 GiB more: 256 MiB too much"),
        (sized(1), (NewDisk("more", 3 * GIB, {}),), "4 GiB of disk space, uses 2 GiB, and this asks for 3 GiB more"),
        (sized(9, "9Gi"), (), "4 vCPUs.*of memory"),
    ):
        with pytest.raises(OverQuota, match=words):
            make(people, "web-2", disks, **spec)
    assert [VirtualMachine.objects.count(), VirtualMachineDisk.objects.count(), Operation.objects.count()] == [1, 1, 2]
    make(people, "web-2", **sized(1))
    with pytest.raises(OverQuota, match="may have 2 virtual machines, has 2, and this asks for 1 more: 1 too many"):
        make(people, "web-3", **sized(1))


def test_several_are_refused_together_with_the_sum(people: People, fake_runtime: Any) -> None:
    limit(vcpus=4)
    wishes = [Wish(manifest(f"web-{number}", **sized(2))) for number in (1, 2, 3)]
    with pytest.raises(OverQuota, match="may have 4 vCPUs, uses 0, and this asks for 6 more: 2 too many"):
        create_many(people.carol, ACTOR, wishes)
    assert not VirtualMachine.objects.exists()
    assert len(create_many(people.carol, ACTOR, wishes[:2])) == 2


def test_an_edit_asks_for_what_it_adds(people: People, fake_runtime: Any) -> None:
    big(people)
    limit(vcpus=4)
    vm = make(people, **sized(3))
    settle(lambda: not Operation.objects.open().exists())
    first = MachineVersion.objects.latest("number")
    with pytest.raises(OverQuota, match="4 vCPUs, uses 3, and this asks for 3 more: 2 too many") as refused:
        editing.edit(people.carol, ACTOR, vm, manifest(**sized(6)), when="next-start")
    assert refused.value.field == "spec.compute.cpu.vcpus"
    with pytest.raises(OverQuota, match="this asks for 5 more") as refused:
        editing.edit(people.carol, ACTOR, vm, manifest(**SHAPE), when="next-start")
    assert refused.value.field == "spec.compute.virtualMachineTypeName"
    editing.edit(people.carol, ACTOR, vm, manifest(**sized(1)), when="next-start")
    settle(lambda: not Operation.objects.open().exists())
    limit(vcpus=2)
    with pytest.raises(OverQuota, match="2 vCPUs, uses 1, and this asks for 2 more"):
        editing.restore(people.carol, ACTOR, vm, first, when="next-start")
    limit(vcpus=0)  # below what is used: nothing is taken away, and everything else still changes
    editing.edit(people.carol, ACTOR, vm, manifest(**sized(1), runningState="Stopped"), when="next-start")
    assert taken()[:2] == (1, 1)


def test_a_machine_made_outside_has_to_fit_to_be_adopted(people: People, fake_runtime: Any) -> None:
    from inventory.services.making import adopt

    limit(memory=GIB)
    vm = VirtualMachine.objects.create(name="old", managed=False, status_vcpus=2, status_memory_bytes=2 * GIB)
    with pytest.raises(OverQuota, match="1 GiB of memory"):
        adopt(people.erin, ACTOR, vm, namespace=MINE)


def test_the_trash_counts_so_that_restoring_cannot_fail(people: People, fake_runtime: Any) -> None:
    limit(machines=1)
    vm = make(people)
    settle(lambda: not Operation.objects.open().exists())
    trash.discard(people.carol, ACTOR, vm)
    settle(lambda: not Operation.objects.open().exists())
    with pytest.raises(OverQuota) as refused:
        make(people, "web-2")
    assert "also from the trash" in refused.value.fix
    limit(machines=0)
    trash.restore(people.carol, ACTOR, vm)
    settle(lambda: not Operation.objects.open().exists())
    assert VirtualMachine.objects.living().get() == vm


def test_disks_are_made_grown_and_uploaded_within_the_quota(people: People, fake_runtime: Any) -> None:
    limit(storage=4 * GIB)
    disk = storage.create_disk(people.carol, ACTOR, MINE, "data", size_bytes=2 * GIB)
    settle(lambda: not Operation.objects.open().exists())
    disk.refresh_from_db()
    with pytest.raises(OverQuota, match="4 GiB of disk space, uses 2 GiB, and this asks for 3 GiB more") as refused:
        storage.grow_disk(people.carol, ACTOR, disk, 5 * GIB)
    assert refused.value.field == "size"
    storage.grow_disk(people.carol, ACTOR, disk, 3 * GIB)
    away = {"http": {"url": "https://images.example/disk.img"}}
    with pytest.raises(OverQuota):
        storage.create_disk(people.carol, ACTOR, MINE, "far", size_bytes=2 * GIB, source=away)
    with pytest.raises(Unprocessable, match="nobody knows yet how large this disk is"):
        storage.create_disk(people.carol, ACTOR, MINE, "far", size_bytes=0, source=away)
    begun: dict[str, Any] = {"kind": "VirtualMachineDisk", "namespace": MINE, "name": "mine", "size_bytes": 10}
    with pytest.raises(OverQuota):
        storage.begin_upload(people.carol, ACTOR, **begun, target={"size_bytes": 2 * GIB})
    with pytest.raises(Unprocessable, match="nobody knows yet"):
        storage.begin_upload(people.carol, ACTOR, **begun)
    storage.begin_upload(people.carol, ACTOR, **begun, target={"size_bytes": GIB})
    storage.begin_upload(people.carol, ACTOR, **{**begun, "kind": "Image"})


def at_once(*asked: Callable[[], Any]) -> list[str]:
    """What came of each, asked on a connection of its own at the same time."""
    together = Barrier(len(asked))

    def run(one: Callable[[], Any]) -> str:
        together.wait(10)
        try:
            one()
        except OverQuota as refusal:
            return refusal.reason
        finally:
            connections.close_all()
        return "made"

    with ThreadPoolExecutor(len(asked)) as pool:
        return sorted(pool.map(run, asked))


def test_two_at_once_do_not_both_find_the_same_room(people: People, fake_runtime: Any) -> None:
    limit(vcpus=4, storage=4 * GIB)
    machines = [lambda name=name: make(people, name, **sized(3)) for name in ("web-1", "web-2", "web-3")]
    assert at_once(*machines) == ["QuotaExceeded", "QuotaExceeded", "made"]
    disks = [
        lambda name=name: storage.create_disk(people.carol, ACTOR, MINE, name, size_bytes=3 * GIB)
        for name in ("one", "two")
    ]
    assert at_once(*disks) == ["QuotaExceeded", "made"]
    assert taken()[1] == 3 and taken()[3] == 3 * GIB


# --- pages ---
def said(answer: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def test_the_create_page_shows_the_quota_and_says_what_does_not_fit(people: People, fake_runtime: Any) -> None:
    carol = client_of(people.carol)
    form = {**SMALL, "namespace": MINE, "name": "web-{1..3}", "vcpus": "2"}
    review = {**form, "as": "review"}
    assert "quota" not in said(carol.post("/vms/new/preview", review))
    limit(machines=3, vcpus=4, storage=1 << 40)
    text = said(carol.post("/vms/new/preview", review))
    assert "Virtual machines: within the quota 0 used + 3 asked for, of 3" in text
    assert "vCPUs: more than the quota leaves 0 used + 6 asked for, of 4" in text
    answer = carol.post("/vms/new", form)
    assert answer.status_code == 422
    assert "vCPUs Namespace a may have 4 vCPUs, uses 0, and this asks for 6 more: 2 too many." in said(answer)
    assert "Ask an administrator of the cluster for more" in said(answer)
    refused = AuditEntry.objects.get(phase="refused")
    assert (refused.action, refused.actor_name, refused.reason) == ("create", "carol", "QuotaExceeded")
    assert not VirtualMachine.objects.exists()
    assert carol.post("/vms/new", {**form, "name": "web-{1..2}"}).status_code == 302


def test_forms_of_machines_and_disks_say_it_beside_the_field(people: People, fake_runtime: Any) -> None:
    carol = client_of(people.carol)
    limit(vcpus=4, storage=GIB)
    vm = make(people, **sized(1))
    settle(lambda: not Operation.objects.open().exists())
    changed = {"yaml": "apiVersion: vm.cluster.gke.io/v1\nkind: VirtualMachine\nmetadata: {name: web-1, namespace: a}\n"
               "spec: {compute: {cpu: {vcpus: 9}, memory: {capacity: 256Mi}}}\n", "when": "next-start"}  # fmt: skip
    answer = carol.post(f"{vm.get_absolute_url()}yaml", changed)
    assert answer.status_code == 422 and "this asks for 8 more: 5 too many" in said(answer)
    answer = carol.post("/disks/new?source=blank", {"namespace": MINE, "name": "big", "size": "2Gi"})
    assert answer.status_code == 422 and "1 GiB of disk space" in said(answer)
    reasons = AuditEntry.objects.filter(phase="refused").order_by("id").values_list("action", "reason")
    assert list(reasons) == [("edit", "QuotaExceeded"), ("create", "QuotaExceeded")]
