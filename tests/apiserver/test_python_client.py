"""Kubernetes' own client for Python: it lists, watches and changes our resources, and misses nothing."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections, transaction
from kubernetes import client, dynamic, watch
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from inventory.models import VirtualMachine
from observability import changes
from tests.access.tokens import token_of
from tests.apiserver.test_watch import becomes, machine, something_happened_before
from tests.gateway.conftest import Server
from tests.hosts import wait_until
from tests.people import MINE, People

__all__ = ["something_happened_before"]

GROUP = ("vm.cluster.gke.io", "v1", MINE, "virtualmachines")
MANY = 10_000


@pytest.fixture
def api_client(api: Server, people: People) -> Iterator[client.ApiClient]:
    assert api.certificate
    configuration = client.Configuration(host=api.origin)
    configuration.api_key["authorization"] = f"Bearer {token_of(people.carol)[1]}"
    configuration.ssl_ca_cert = str(api.certificate[0])
    with client.ApiClient(configuration) as made:
        yield made


class Informer(threading.Thread):
    """What every controller does: list, watch from there, go on where a watch ended, list again when told so."""

    def __init__(self, objects: client.CustomObjectsApi) -> None:
        super().__init__(daemon=True)
        self.objects = objects
        self.known: dict[str, dict[str, Any]] = {}
        self.versions: list[int] = []
        self.lists = self.watches = 0
        self.errors: Counter[str] = Counter()
        self.ended = threading.Event()
        self.listed = threading.Event()

    def run(self) -> None:
        while not self.ended.is_set():
            try:
                self.follow(self.list())
            except ApiException as error:
                self.errors[str(error.status)] += 1
            except HTTPError as error:
                self.errors[type(error).__name__] += 1

    def list(self) -> str:
        found = self.objects.list_namespaced_custom_object(*GROUP)
        self.known = {each["metadata"]["name"]: each for each in found["items"]}
        self.lists += 1
        self.listed.set()
        return str(found["metadata"]["resourceVersion"])

    def follow(self, version: str) -> None:
        while not self.ended.is_set():
            stream = watch.Watch()
            self.watches += 1
            more = {"resource_version": version, "timeout_seconds": 30, "_request_timeout": 40}
            try:
                for event in stream.stream(self.objects.list_namespaced_custom_object, *GROUP, **more):
                    version = event["object"]["metadata"]["resourceVersion"]
                    self.take(event["type"], event["object"], int(version))
            except HTTPError as error:  # the server went away: go on from where we are
                self.errors[type(error).__name__] += 1
                self.ended.wait(0.1)

    def take(self, what: str, found: dict[str, Any], version: int) -> None:
        self.versions.append(version)
        if what == "DELETED":
            self.known.pop(found["metadata"]["name"], None)
        else:
            self.known[found["metadata"]["name"]] = found


@pytest.fixture
def informer(api_client: client.ApiClient) -> Iterator[Informer]:
    made = Informer(client.CustomObjectsApi(api_client))
    made.start()
    assert made.listed.wait(10)
    yield made
    made.ended.set()


def told() -> list[int]:
    from observability.models import Change

    return list(Change.objects.filter(kind="VirtualMachine").order_by("id").values_list("id", flat=True))


def change_often(vms: list[VirtualMachine], count: int) -> None:
    """In batches, as a busy console writes them."""
    for begin in range(0, count, 50):
        with transaction.atomic():
            for number in range(begin, begin + 50):
                becomes(vms[number % len(vms)], status_reason=f"r{number}")


def test_ten_thousand_changes_without_a_lost_one(informer: Informer) -> None:
    vms = [machine(f"vm-{number}") for number in range(20)]
    change_often(vms, MANY)
    wait_until(lambda: len(informer.versions) >= MANY + 20, seconds=120, what="every change")
    assert informer.versions == told()
    assert informer.lists == 1
    reasons = {name: each["status"]["reason"] for name, each in informer.known.items()}
    assert reasons == {f"vm-{number}": f"r{MANY - 20 + number}" for number in range(20)}


def test_a_web_process_that_dies_loses_nothing(informer: Informer, api: Server) -> None:
    vms = [machine(f"vm-{number}") for number in range(5)]
    ended = threading.Event()

    def keep_changing() -> None:
        number = 0
        while not ended.is_set():
            becomes(vms[number % 5], status_reason=f"r{number}")
            number += 1
            ended.wait(0.01)
        connections.close_all()

    writer = threading.Thread(target=keep_changing)
    writer.start()
    try:
        for how in (signal.SIGKILL, signal.SIGTERM):
            before = len(informer.versions)
            wait_until(lambda before=before: len(informer.versions) > before + 20, what="changes")
            api.stop(how)
            api.start()
            after = len(informer.versions)
            wait_until(lambda after=after: len(informer.versions) > after + 20, what="changes again")
    finally:
        ended.set()
        writer.join()
    wait_until(lambda: informer.versions[-1:] == told()[-1:], what="the last change")
    assert informer.versions == told()
    assert informer.lists == 1
    assert informer.watches >= 3


def test_too_old_is_listed_again(informer: Informer) -> None:
    from observability.models import Change

    machine("one")
    wait_until(lambda: informer.versions != [], what="the first")
    stream = watch.Watch()
    changes.changed("Namespace", "x", "x", "", "MODIFIED")
    Change.objects.filter(id__lt=changes.latest()).delete()
    since = stream.stream(
        informer.objects.list_namespaced_custom_object, *GROUP, resource_version="1", timeout_seconds=5
    )
    with pytest.raises(ApiException) as refused:
        next(since)
    assert refused.value.status == 410


@pytest.mark.usefixtures("working")
def test_the_dynamic_client(api_client: client.ApiClient) -> None:
    kinds = dynamic.DynamicClient(api_client)
    machines = kinds.resources.get(api_version="vm.cluster.gke.io/v1", kind="VirtualMachine")
    body = {
        "apiVersion": "vm.cluster.gke.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": "dyn", "labels": {"app": "web"}},
        "spec": {
            "compute": {"cpu": {"vcpus": 1}, "memory": {"capacity": "64Mi"}},
            "interfaces": [{"name": "eth0", "networkName": "pod-network"}],
        },
    }
    seen: list[tuple[str, str]] = []
    version = machines.get(namespace=MINE).metadata.resourceVersion
    machines.create(body=body, namespace=MINE)
    reached(machines, version, seen, lambda: ("MODIFIED", "Running") in seen)
    machines.patch(
        name="dyn", namespace=MINE, body={"metadata": {"labels": {"app": None, "tier": "x"}}},
        content_type="application/merge-patch+json",
    )  # fmt: skip
    assert machines.get(name="dyn", namespace=MINE).metadata.labels.to_dict() == {"tier": "x"}
    machines.delete(name="dyn", namespace=MINE)
    reached(machines, version, seen, lambda: any(what == "DELETED" for what, _state in seen))
    states = [state for _what, state in seen]
    assert [state for state in ("Starting", "Running", "Terminating") if state not in states] == []


def reached(machines: Any, version: str, seen: list[tuple[str, str]], done: Callable[[], bool]) -> None:
    seen.clear()
    for event in machines.watch(namespace=MINE, resource_version=version, timeout=30):
        seen.append((event["type"], event["object"].status.state))
        if done():
            return
    raise AssertionError(seen)


def test_the_typed_client(api_client: client.ApiClient) -> None:
    core = client.CoreV1Api(api_client)
    assert MINE in [each.metadata.name for each in core.list_namespace().items]
    version = core.list_namespaced_config_map(MINE).metadata.resource_version
    made = core.create_namespaced_config_map(MINE, client.V1ConfigMap(metadata={"name": "settings"}, data={"a": "1"}))
    core.patch_namespaced_config_map("settings", MINE, {"data": {"a": "2"}})
    core.delete_namespaced_config_map("settings", MINE)
    stream, found = watch.Watch(), []
    more = {"resource_version": version, "timeout_seconds": 10}
    for event in stream.stream(core.list_namespaced_config_map, MINE, **more):
        found.append((event["type"], event["object"].metadata.uid))
        if event["type"] == "DELETED":
            stream.stop()
    assert found == [(what, made.metadata.uid) for what in ("ADDED", "MODIFIED", "DELETED")]
