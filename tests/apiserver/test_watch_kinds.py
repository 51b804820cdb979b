"""Watches of every kind: what is told of it, and to whom; and the limits of one token's requests."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.db import transaction

from apiserver.kinds import KINDS
from apiserver.limits import Rates
from apiserver.status import TooMany
from observability import changes, events
from tests.apiserver.conftest import Client
from tests.apiserver.test_watch import machine, something_happened_before, watching
from tests.people import MINE, OTHER
from vmconsole.runtime.models import Node, Runtime

__all__ = ["something_happened_before"]

CORE = f"/api/v1/namespaces/{MINE}"
GKE = "/apis/vm.cluster.gke.io/v1"
NETWORKING = "/apis/networking.gke.io/v1"


def made(client: Client, path: str, body: dict[str, Any]) -> str:
    answer = client("POST", path, body)
    assert answer.status_code == 201, answer.text
    return f"{path}/{body['metadata']['name']}"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.resource)
def test_every_kind_can_be_watched(kind: Any, erin: Client) -> None:
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    with watching(erin, f"{root}/{kind.plural}", timeoutSeconds="1", allowWatchBookmarks="true") as seen:
        assert [event["type"] for event in seen.rest()] == ["BOOKMARK"]


def test_secrets_are_told_without_their_values(carol: Client) -> None:
    with watching(carol, f"{CORE}/secrets") as seen:
        value = base64.b64encode(b"canary-value").decode()
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "data": {"password": value}}
        carol("DELETE", made(carol, f"{CORE}/secrets", body))
        told = [seen.next(), seen.next()]
    assert [event["type"] for event in told] == ["ADDED", "DELETED"]
    assert all("data" not in event["object"] for event in told)
    assert value not in str(told) and "canary" not in str(list(changes.since(0)))
    assert all(event["object"]["metadata"]["name"] == "key" for event in told)


def test_the_clusters_own_kinds(erin: Client, dave: Client, bob: Client) -> None:
    shape = {
        "apiVersion": "vm.cluster.gke.io/v1", "kind": "VirtualMachineType", "metadata": {"name": "big"},
        "spec": {"cpu": {"vcpus": 2}, "memory": {"capacity": "1Gi"}},
    }  # fmt: skip
    with watching(bob, f"{GKE}/virtualmachinetypes") as bobs, watching(dave, f"{GKE}/virtualmachinetypes") as daves:
        place = made(erin, f"{GKE}/virtualmachinetypes", shape)
        assert erin("DELETE", place).status_code == 200
        assert bobs.told(2) == daves.told(2) == [("ADDED", "big"), ("DELETED", "big")]


def test_namespaces_that_are_not_theirs_are_not_told(erin: Client, dave: Client) -> None:
    with watching(erin, "/api/v1/namespaces") as all_, watching(dave, "/api/v1/namespaces") as daves:
        made(erin, "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "hidden"}})
        assert all_.told(1) == [("ADDED", "hidden")]
        erin("PATCH", f"/api/v1/namespaces/{OTHER}", {"metadata": {"labels": {"a": "b"}}},
             headers={"Content-Type": "application/merge-patch+json"})  # fmt: skip
        assert daves.told(1) == [("MODIFIED", OTHER)]


def test_events_and_nodes(carol: Client, dave: Client) -> None:
    runtime = Runtime.objects.create(name="elsewhere", kind="fake", status_reachable=True)
    with watching(carol, f"{CORE}/events") as seen, watching(carol, "/api/v1/nodes") as nodes:
        vm = machine("one")
        for _ in range(2):
            events.record("VirtualMachine", vm.uid, vm.name, MINE, "Started", "It runs.")
        told = [seen.next(), seen.next()]
        assert [(event["type"], event["object"]["count"]) for event in told] in (
            [("ADDED", 1), ("MODIFIED", 2)], [("ADDED", 2), ("MODIFIED", 2)],  # counted before the first was read
        )  # fmt: skip
        with transaction.atomic():
            node = Node.objects.create(runtime=runtime, name="node-1", status_cpus=8)
            changes.changed("Node", str(node.pk), node.name, "", "MODIFIED")
        assert nodes.next()["object"]["metadata"]["name"] == "node-1"
    with watching(dave, "/api/v1/nodes", timeoutSeconds="1") as none:
        changes.changed("Node", str(node.pk), node.name, "", "MODIFIED")
        assert none.rest() == []


def take_often(rates: Rates, times: int) -> None:
    for _ in range(times):
        rates.take(1)


def test_a_bucket_fills_again(settings: Any) -> None:
    settings.API_RATE, settings.API_BURST = 50.0, 3
    rates = Rates()
    take_often(rates, 3)
    with pytest.raises(TooMany) as refused:
        take_often(rates, 3)
    assert 0 < (refused.value.retry_in or 0) <= 1 / 50
    rates.take(2)  # another's is its own


def test_too_many_requests_have_their_status(carol: Client) -> None:
    answers = [carol("GET", "/version") for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}  # strangers' doors count nothing
    for _ in range(1000):  # tests/gateway/settings.py says after how many
        answer = carol("GET", f"{CORE}/configmaps")
        if answer.status_code != 200:
            break
    assert (answer.status_code, answer.json()["reason"]) == (429, "TooManyRequests")
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["details"]["retryAfterSeconds"] == 1
