"""Watches: nothing is lost, nothing is shown to who may not see it, and everything ends when it has to."""

from __future__ import annotations

import json
import os
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.db import transaction
from django.utils import timezone

from inventory.models import VirtualMachine
from inventory.services.asking import tell
from observability import changes
from observability.models import Change
from tests.access.tokens import token_of
from tests.apiserver.conftest import Client, client_with
from tests.gateway.conftest import Server
from tests.hosts import wait_until
from tests.people import MINE, OTHER, People
from vmconsole.access.models import RoleBinding, Token, User

MACHINES = "/apis/vm.cluster.gke.io/v1/virtualmachines"
MINES = f"/apis/vm.cluster.gke.io/v1/namespaces/{MINE}/virtualmachines"
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}


@pytest.fixture(autouse=True)
def something_happened_before(api: Server) -> None:
    """An outbox is empty only before its first change; tests empty it, and numbers go on."""
    changes.changed("Namespace", "x", "x", "", "MODIFIED")


def machine(name: str, namespace: str = MINE, **columns: Any) -> VirtualMachine:
    with transaction.atomic():
        vm = VirtualMachine.objects.create(
            namespace=namespace, name=name, spec_vcpus=1, spec_memory="64Mi", spec_memory_bytes=64 << 20, **columns
        )
        tell(vm, "ADDED")
    return vm


def becomes(vm: VirtualMachine, **columns: Any) -> None:
    with transaction.atomic():
        VirtualMachine.objects.filter(uid=vm.uid).update(**columns)
        tell(vm)


def vanishes(vm: VirtualMachine) -> None:
    with transaction.atomic():
        vm.refresh_from_db()
        uid = vm.uid
        vm.delete()
        vm.uid = uid
        tell(vm, "DELETED")


class Watching:
    """One open watch, read line by line."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.iter_lines()

    def next(self) -> dict[str, Any]:
        return dict(json.loads(next(self._lines)))

    def told(self, count: int) -> list[tuple[str, str]]:
        """Types and names of so many events."""
        found = [self.next() for _ in range(count)]
        return [(event["type"], event["object"]["metadata"]["name"]) for event in found]

    def rest(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._lines]


@contextmanager
def watching(client: Client, path: str = MINES, *, since: Any = None, **more: Any) -> Iterator[Watching]:
    headers = more.pop("headers", {})
    asked = {"watch": "1", "resourceVersion": changes.latest() or 1 if since is None else since, **more}
    with client.http.stream("GET", path, params=asked, headers=headers, timeout=10) as answer:
        assert answer.status_code == 200, answer.read()
        yield Watching(answer)


def test_each_change_once_and_in_order(carol: Client) -> None:
    with watching(carol) as seen:
        vm = machine("one")
        becomes(vm, status_state="Starting")
        vanishes(vm)
        events = [seen.next() for _ in range(3)]
    assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "DELETED"]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(set(versions))
    last = events[-1]["object"]
    assert (last["kind"], last["metadata"]["uid"]) == ("VirtualMachine", str(vm.uid))
    assert last["status"]["state"] == "Starting"


def test_every_state_is_seen_however_short(carol: Client) -> None:
    vm = machine("one")
    states = ["Starting", "Running", "Stopping", "Stopped", "Starting", "Running"] * 5
    with watching(carol) as seen:
        with transaction.atomic():  # nobody can look in between
            for state in states:
                becomes(vm, status_state=state)
        assert [seen.next()["object"]["status"]["state"] for _ in states] == states


def test_goes_on_from_any_version_that_is_kept(carol: Client) -> None:
    since = changes.latest() or 1
    vms = [machine(f"vm-{number}") for number in range(5)]
    vanishes(vms[1])
    with watching(carol, since=since) as seen:
        events = [seen.next() for _ in range(6)]
    assert [event["object"]["metadata"]["name"] for event in events] == [*(vm.name for vm in vms), "vm-1"]
    middle = events[2]["object"]["metadata"]["resourceVersion"]
    with watching(carol, since=middle) as seen:
        assert seen.told(3) == [("ADDED", "vm-3"), ("ADDED", "vm-4"), ("DELETED", "vm-1")]


def test_without_a_version_it_begins_with_what_is_there(carol: Client) -> None:
    for number in range(3):
        machine(f"vm-{number}")
    with watching(carol, since="0") as seen:
        assert seen.told(3) == [("ADDED", "vm-0"), ("ADDED", "vm-1"), ("ADDED", "vm-2")]
        machine("vm-3")
        assert seen.told(1) == [("ADDED", "vm-3")]


def test_initial_events_end_with_a_bookmark(carol: Client) -> None:
    machine("one")
    wanted = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
    with watching(carol, since="", **wanted) as seen:
        assert seen.told(1) == [("ADDED", "one")]
        mark = seen.next()
        assert mark["type"] == "BOOKMARK"
        assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        assert int(mark["object"]["metadata"]["resourceVersion"]) >= changes.latest()


def test_it_ends_in_time_with_a_bookmark(carol: Client) -> None:
    begun = time.monotonic()
    with watching(carol, timeoutSeconds="1", allowWatchBookmarks="true") as seen:
        changes.changed("Network", "x", "x", "", "MODIFIED")  # of others: the bookmark is newer all the same
        rest = seen.rest()
    assert time.monotonic() - begun < 5
    assert [event["type"] for event in rest] == ["BOOKMARK"]
    assert int(rest[0]["object"]["metadata"]["resourceVersion"]) == changes.latest()


def test_too_old_is_410(carol: Client) -> None:
    for number in range(3):
        machine(f"vm-{number}")
    Change.objects.filter(id__lt=changes.latest()).delete()
    for since in ("1", str(changes.latest() + 50)):
        with watching(carol, since=since) as seen:
            event = seen.next()
            assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
            assert seen.rest() == []


def test_labels_let_objects_come_and_go(carol: Client) -> None:
    vm, other = machine("one", labels={"app": "web"}), machine("two", labels={"app": "db"})
    since = changes.latest()
    becomes(vm, labels={"app": "db"})
    becomes(vm, labels={"app": "web", "tier": "x"})
    becomes(vm, status_state="Running")
    becomes(other, labels={"app": "web"})
    vanishes(other)
    machine("three", labels={"app": "db"})
    vanishes(vm)
    told = [("DELETED", "one"), ("ADDED", "one"), ("MODIFIED", "one"), ("ADDED", "two"), ("DELETED", "two")]
    told.append(("DELETED", "one"))
    for _ in range(2):  # from the outbox, and from what is held
        with watching(carol, since=since, labelSelector="app in (web)") as seen:
            assert seen.told(6) == told


def test_fields_let_objects_come_and_go(carol: Client) -> None:
    vm = machine("one", status_state="Running")
    machine("two", status_state="Running")
    with watching(carol, fieldSelector="status.state=Running,metadata.name=one") as seen:
        becomes(vm, status_state="Stopping")
        becomes(vm, status_state="Stopped")
        becomes(vm, status_state="Running")
        assert seen.told(2) == [("DELETED", "one"), ("ADDED", "one")]


def test_tables_and_metadata(carol: Client) -> None:
    with (
        watching(carol, headers=TABLE) as table,
        watching(carol, headers={"Accept": "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"}) as partial,
    ):
        machine("one", status_state="Running")
        event = table.next()
        assert (event["object"]["kind"], event["object"]["rows"][0]["cells"][:2]) == ("Table", ["one", "Running"])
        assert event["object"]["columnDefinitions"][0]["name"] == "Name"
        assert partial.next()["object"]["kind"] == "PartialObjectMetadata"


def test_only_of_namespaces_that_are_theirs(carol: Client, erin: Client, dave: Client) -> None:
    assert dave("GET", MINES, headers={}).status_code == 404
    assert dave("GET", f"{MINES}?watch=1").status_code == 404
    with watching(carol, MACHINES) as mine, watching(erin, MACHINES) as all_:
        machine("hidden", OTHER)
        machine("shown")
        assert mine.told(1) == [("ADDED", "shown")]
        assert all_.told(2) == [("ADDED", "hidden"), ("ADDED", "shown")]


@pytest.mark.parametrize("how", ["revoked", "expired", "role", "person"])
def test_it_ends_soon_after_the_right(how: str, api: Server, people: People) -> None:
    carol = client_with(api, people.carol)
    with watching(carol) as seen:
        match how:
            case "revoked":
                Token.objects.filter(user=people.carol).update(revoked_at=timezone.now())
            case "expired":
                Token.objects.filter(user=people.carol).update(expires_at=timezone.now())
            case "role":
                RoleBinding.objects.filter(user=people.carol).delete()
            case "person":
                User.objects.filter(pk=people.carol.pk).update(is_active=False)
        begun = time.monotonic()
        event = seen.next()
        assert seen.rest() == []
        assert time.monotonic() - begun < 5
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410 if how == "role" else 401)


def test_as_many_as_a_token_may_have(carol: Client, api: Server) -> None:
    with ExitStack() as stack:
        for _ in range(20):  # tests/gateway/settings.py
            stack.enter_context(watching(carol))
        refused = carol("GET", f"{MINES}?watch=1")
        assert (refused.status_code, refused.json()["reason"]) == (429, "TooManyRequests")
        assert refused.headers["retry-after"] == "5"
    wait_until(lambda: carol("GET", f"{MINES}?watch=1&timeoutSeconds=1").status_code == 200, what="free places")


@pytest.mark.parametrize(
    "query",
    [
        "resourceVersion=x",
        "timeoutSeconds=-1",
        "labelSelector=((",
        "fieldSelector=status.nothing=1",
        "sendInitialEvents=true",
        "resourceVersion=99999999999999999999",
    ],
)
def test_what_cannot_be_read(carol: Client, query: str) -> None:
    answer = carol("GET", f"{MINES}?watch=1&{query}")
    assert (answer.status_code, answer.json()["kind"]) == (400, "Status")


def test_who_does_not_read_is_cut_and_costs_nobody(api: Server, carol: Client, people: People) -> None:
    """A client that reads nothing for the patience of the server; meanwhile others hear everything at once."""
    raw = token_of(people.carol)[1]
    others = open_sockets(api)
    deaf = plain_socket(api)
    head = f"GET {MINES}?watch=1&resourceVersion={changes.latest()} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    deaf.sendall(f"{head}Authorization: Bearer {raw}\r\n\r\n".encode())
    vm = machine("one", annotations={"padding": "x" * 20_000})
    before = api.memory()
    wait_until(lambda: open_sockets(api) == others + 1, what="the deaf one")
    with watching(carol) as seen:
        for number in range(300):
            becomes(vm, status_state=f"State{number}")
            assert seen.next()["object"]["status"]["state"] == f"State{number}"
    assert api.memory() - before < 40 << 20
    carol.http.close()
    wait_until(lambda: open_sockets(api) <= others, seconds=180, what="the end of the deaf one")
    deaf.close()


def plain_socket(api: Server) -> socket.socket:
    assert api.certificate
    trusted = ssl.create_default_context(cafile=str(api.certificate[0]))
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect(("127.0.0.1", api.port))
    return trusted.wrap_socket(raw, server_hostname="127.0.0.1")


def open_sockets(api: Server) -> int:
    """The kernel may keep the other half of a cut connection; the server does not."""
    assert api.process is not None
    links = []
    for link in Path(f"/proc/{api.process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            links.append(os.readlink(link))
    return sum(link.startswith("socket:") for link in links)
