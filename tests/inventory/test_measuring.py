"""Machines by their figures: comparing, judging, and the first page, by right and without a controller."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from inventory import fleet, marks
from inventory.models import VirtualMachine
from observability import events
from observability.charts import LINES
from observability.marks import Kind
from tests.people import MINE, OTHER, People, client_of
from vmconsole.operations.models import Operation
from vmconsole.runtime.models import Node, Runtime


@pytest.fixture(autouse=True)
def no_controller(settings: Any, tmp_path: Any) -> None:
    settings.CONTROLLER_SOCKET = tmp_path / "none.sock"
    cache.clear()


@pytest.fixture
def bob(people: People) -> Client:
    return client_of(people.bob)


def made(name: str, namespace: str = MINE, **status: Any) -> VirtualMachine:
    row: VirtualMachine = VirtualMachine.objects.create(namespace=namespace, name=name, **status)
    return row


def asked(vm: VirtualMachine, verb: str, state: str = "done", **more: Any) -> Operation:
    now = timezone.now()
    return Operation.objects.create(
        verb=verb, subject_kind="VirtualMachine", subject_uid=vm.uid, subject_name=vm.name, namespace=vm.namespace,
        actor_name="carol", state=state, finished_at=now, deadline_at=now, **more,
    )  # fmt: skip


def test_comparing_shows_only_what_one_sees(bob: Client) -> None:
    made("web-1")
    made("web-2")
    made("secret-1", OTHER)
    page = bob.get(f"/metrics/compare?vm={MINE}/web-1&vm={MINE}/web-2")
    assert page.status_code == 200
    assert page.content.decode().count("<vm-chart") == len(LINES) - 1, "what it was given is no line of its own"
    assert bob.get(f"/metrics/compare?vm={MINE}/web-1&vm={OTHER}/secret-1").status_code == 404
    assert "secret-1" not in bob.get(f"/metrics/compare?vm={MINE}/web-1").content.decode()


def test_comparing_what_was_ticked_in_the_list(bob: Client) -> None:
    ticked = [made("web-2"), made("web-1"), made("secret-1", OTHER)]
    query = "&".join(f"uid={vm.uid}" for vm in ticked)
    there = f"/metrics/compare?vm={MINE}%2Fweb-1&vm={MINE}%2Fweb-2"
    assert bob.get(f"/metrics/compare?{query}").headers["Location"] == there
    assert bob.get(f"/metrics/compare?{query}", headers={"HX-Request": "true"}).headers["HX-Redirect"] == there
    many = "&".join(f"uid={uuid4()}" for _number in range(9))
    assert bob.get(f"/metrics/compare?{many}").status_code == 422


def test_comparing_says_what_is_wrong(bob: Client) -> None:
    made("web-1")
    assert bob.get("/metrics/compare").status_code == 200, "nothing yet: the page says what to do"
    assert bob.get("/metrics/compare?vm=web-1").status_code == 422
    many = "&".join(f"vm={MINE}/web-{number}" for number in range(9))
    assert "Up to 8" in bob.get(f"/metrics/compare?{many}").content.decode()
    assert bob.get(f"/metrics/compare?vm={MINE}/web-1&from=9&to=1").status_code == 422


def test_why_it_is_slow_without_a_controller(bob: Client) -> None:
    made("web-1")
    page = bob.get(f"/vms/{MINE}/web-1/slow")
    assert page.status_code == 200
    assert "The controller does not answer" in page.content.decode()


def test_marks_tell_boots_stops_crashes_and_changes(people: People) -> None:
    now = timezone.now()
    vm = made("web-1", status_started_at=now - timedelta(hours=3))
    asked(vm, "restart")
    asked(vm, "edit")
    asked(vm, "stop", "failed", message="The guest did not obey.")
    asked(vm, "start", "cancelled")
    for reason, level in (("Running", "Normal"), ("Starting", "Normal"), ("Crashed", "Warning")):
        events.record("VirtualMachine", vm.uid, vm.name, MINE, reason, f"{reason}!", level)
    found = marks.of_machine(vm.uid, now - timedelta(hours=4), timezone.now())
    told = {(mark.kind, mark.text) for mark in found}
    assert told == {
        (Kind.BOOT, "Restarted by carol"),
        (Kind.CHANGE, "Configuration changed by carol"),
        (Kind.OTHER, "Stop, asked by carol, failed: The guest did not obey."),
        (Kind.OTHER, "Start, asked by carol, was cancelled"),
        (Kind.CRASH, "Crashed!"),
        (Kind.BOOT, "It started"),  # three hours ago: another boot
    }


def test_the_first_page_says_what_needs_attention(people: People) -> None:
    runtime = Runtime.objects.create(name="one", kind="fake", status_reachable=True, status_as_of=timezone.now())
    Node.objects.create(
        runtime=runtime, name="n1", status_cpus=2, status_used_vcpus=3, status_memory_bytes=100,
        status_used_memory_bytes=150, status_storage_bytes=100, status_storage_free_bytes=5,
        status_as_of=timezone.now() - timedelta(hours=1),
    )  # fmt: skip
    disk = {"mountpoint": "/var", "total_bytes": 100, "used_bytes": 97}
    vm = made("web-1", status_guest={"filesystems": [disk]}, status_guest_as_of=timezone.now())
    made("loop", status_state="CrashLoopBackOff")
    asked(vm, "stop", "failed", seen=False, message="The guest did not obey.")
    page = client_of(people.erin).get("/").content.decode()
    for sentence in (
        "Nobody has looked at n1", "storage of n1 is nearly full", "memory of n1 is overcommitted", "150 % given",
        "/var is 97 % full", "Stop web-1 failed", "The guest did not obey.", "Crash loop",
        "nobody knows who takes what",
    ):  # fmt: skip
        assert sentence in page, sentence
    strangers = client_of(people.dave).get("/").content.decode()
    assert "web-1" not in strangers and "n1 is" not in strangers


def test_the_first_page_asks_the_same_few_queries(people: People) -> None:
    erin = client_of(people.erin)

    def queries() -> int:
        cache.clear()
        with CaptureQueriesContext(
            connection,
        ) as found:
            assert erin.get("/").status_code == 200
        return len(found)

    made("web-0", status_state="DataVolumeError")
    queries()
    few = queries()
    rows = [VirtualMachine(uid=uuid4(), namespace=MINE, name=f"vm-{number}") for number in range(300)]
    VirtualMachine.objects.bulk_create(rows)
    full = [{"mountpoint": "/", "total_bytes": 10, "used_bytes": 10}]
    VirtualMachine.objects.update(
        status_state="CrashLoopBackOff", status_guest={"filesystems": full}, status_guest_as_of=timezone.now()
    )
    assert queries() <= few + 1, "one more for whose disks are full"


@pytest.mark.parametrize(
    "guest", [{}, {"filesystems": None}, {"filesystems": [{}]}, {"filesystems": [{"total_bytes": 5, "used_bytes": 50}]}]
)
def test_a_guest_that_talks_nonsense_of_its_disks(guest: dict[str, Any]) -> None:
    assert fleet.filled(guest) == []


def test_the_list_asks_the_same_few_queries_for_more_rows(people: People) -> None:
    erin = client_of(people.erin)

    def queries() -> int:
        cache.clear()
        with CaptureQueriesContext(connection) as found:
            assert erin.get("/vms/").status_code == 200
        return len(found)

    made("vm-0", status_state="Stopped", status_power="off", observed_generation=1)
    queries()
    few = queries()
    for number in range(1, 20):
        made(f"vm-{number}", status_state="Stopped", status_power="off", observed_generation=1)
    assert queries() == few, "what a row shows is read with the page"
