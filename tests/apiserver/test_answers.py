"""How the answers look: every no is a Status with its reason, and what is asked for in another dress comes in it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from inventory.models import MachineVersion
from tests.apiserver.conftest import Client
from tests.apiserver.manifests import SMALL

MACHINES = "/apis/vm.cluster.gke.io/v1/namespaces/a/virtualmachines"
CONFIGS = "/api/v1/namespaces/a/configmaps"
SECRETS = "/api/v1/namespaces/a/secrets"
MERGE = {"Content-Type": "application/merge-patch+json"}
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
PARTIAL = {"Accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"}


def small(**changes: Any) -> dict[str, Any]:
    manifest: dict[str, Any] = yaml.safe_load(SMALL)
    return {**manifest, **changes}


def config(name: str, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **more}


def refused(answer: Any) -> tuple[int, str, list[str]]:
    body = answer.json()
    assert (body["kind"], body["apiVersion"], body["status"]) == ("Status", "v1", "Failure")
    assert body["code"] == answer.status_code
    return body["code"], body["reason"], [cause.get("field", "") for cause in body.get("details", {}).get("causes", [])]


def test_every_no_has_its_reason(erin: Client, bob: Client, dave: Client) -> None:
    assert erin("POST", MACHINES, small()).status_code == 201
    assert refused(erin("POST", MACHINES, small()))[:2] == (409, "AlreadyExists")
    assert refused(erin("GET", f"{MACHINES}/nobody"))[:2] == (404, "NotFound")
    assert refused(bob("DELETE", f"{MACHINES}/vm1"))[:2] == (403, "Forbidden")
    assert refused(dave("GET", f"{MACHINES}/vm1"))[:2] == (404, "NotFound")
    assert refused(erin("GET", MACHINES, headers={"Authorization": "Bearer nothing"}))[:2] == (401, "Unauthorized")
    assert refused(erin("POST", f"{MACHINES}/vm1", {}))[:2] == (405, "MethodNotAllowed")
    assert refused(erin("GET", f"{MACHINES}/vm1", headers={"Accept": "image/png"}))[:2] == (406, "NotAcceptable")
    assert refused(erin("PATCH", f"{MACHINES}/vm1", {}))[:2] == (415, "UnsupportedMediaType")
    assert refused(erin("POST", MACHINES, "{"))[:2] == (400, "BadRequest")
    assert refused(erin("POST", MACHINES, "[" * 5000))[:2] == (400, "BadRequest")
    assert refused(erin("POST", MACHINES, b" " * (4 << 20)))[:2] == (413, "RequestEntityTooLarge")
    assert refused(erin("GET", "/apis/nothing.example/v1/things"))[:2] == (404, "NotFound")


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"compute": {"cpu": {"vcpus": 0}}}, "spec.compute.cpu.vcpus"),
        ({"compute": {"memory": {"capacity": "much"}}}, "spec.compute.memory.capacity"),
        ({"compute": {"virtualMachineTypeName": "x", "cpu": {}}}, "spec.compute.virtualMachineTypeName"),
        ({"disks": [{"virtualMachineDiskName": "a", "boot": True}] * 2}, "spec.disks"),
        ({"interfaces": [{"name": "a", "networkName": "n"}, {"name": "b", "networkName": "n"}]}, "spec.interfaces"),
        ({"runningState": "Perhaps"}, "spec.runningState"),
    ],
)
def test_what_is_invalid_names_its_field(erin: Client, spec: dict[str, Any], field: str) -> None:
    code, reason, fields = refused(erin("POST", MACHINES, small(spec=spec)))
    assert (code, reason) == (422, "Invalid") and field in fields


def test_unknown_fields_are_refused_told_or_dropped(erin: Client) -> None:
    odd = small(spec={"compute": {"memroy": {}}, "nosuch": 1})
    answer = erin("POST", f"{MACHINES}?fieldValidation=Strict", odd)
    assert refused(answer)[:2] == (400, "BadRequest")
    assert 'unknown field "spec.nosuch"' in answer.json()["message"]
    warned = erin("POST", f"{MACHINES}?dryRun=All", odd)
    assert warned.status_code == 201 and 'unknown field \\"spec.compute.memroy\\"' in warned.headers["warning"]
    ignored = erin("POST", f"{MACHINES}?fieldValidation=Ignore", odd)
    assert ignored.status_code == 201 and "warning" not in ignored.headers


def test_the_answer_to_a_change_of_disks_and_cards_is_what_is_there_now(erin: Client) -> None:
    assert erin("POST", MACHINES, small()).status_code == 201
    spec = {
        "disks": [{"virtualMachineDiskName": "other", "boot": True}],
        "interfaces": [{"name": "eth0", "networkName": "n2"}],
    }
    answered = erin("PATCH", f"{MACHINES}/vm1", {"spec": spec}, headers=MERGE).json()
    assert [disk["virtualMachineDiskName"] for disk in answered["spec"]["disks"]] == ["other"]
    assert [card["networkName"] for card in answered["spec"]["interfaces"]] == ["n2"]
    assert erin("GET", f"{MACHINES}/vm1").json()["spec"] == answered["spec"]
    kept = MachineVersion.objects.order_by("number").last()
    assert kept is not None
    assert [disk["virtualMachineDiskName"] for disk in kept.manifest["spec"]["disks"]] == ["other"]


def test_a_dry_run_leaves_nothing_behind(erin: Client) -> None:
    assert erin("POST", f"{MACHINES}?dryRun=All", small()).json()["metadata"]["uid"]
    assert refused(erin("GET", f"{MACHINES}/vm1"))[0] == 404
    erin("POST", MACHINES, small())
    before = erin("GET", f"{MACHINES}/vm1").json()
    patch = {"metadata": {"labels": {"a": "b"}}}
    assert erin("PATCH", f"{MACHINES}/vm1?dryRun=All", patch, headers=MERGE).json()["metadata"]["labels"] == {"a": "b"}
    assert erin("DELETE", f"{MACHINES}/vm1?dryRun=All").status_code == 200
    assert erin("GET", f"{MACHINES}/vm1").json() == before


def test_who_comes_second_is_told(erin: Client) -> None:
    first = erin("POST", CONFIGS, config("c", data={"a": "1"})).json()
    erin("PUT", f"{CONFIGS}/c", {**first, "data": {"a": "2"}})
    stale = erin("PUT", f"{CONFIGS}/c", {**first, "data": {"a": "3"}})
    assert refused(stale)[:2] == (409, "Conflict")
    assert erin("GET", f"{CONFIGS}/c").json()["data"] == {"a": "2"}
    wrong = {"preconditions": {"uid": "00000000-0000-0000-0000-000000000000"}}
    assert refused(erin("DELETE", f"{CONFIGS}/c", wrong))[:2] == (409, "Conflict")
    same = erin("PUT", f"{CONFIGS}/c", {**first, "metadata": {"name": "c"}, "data": {"a": "2"}}).json()
    assert same["metadata"]["resourceVersion"] == erin("GET", f"{CONFIGS}/c").json()["metadata"]["resourceVersion"]


def test_lists_in_pieces_skip_and_repeat_nothing(erin: Client) -> None:
    names = [f"c-{number:02}" for number in range(7)]
    for name in names:
        erin("POST", CONFIGS, config(name))
    found: list[str] = []
    token = ""
    while True:
        piece = erin("GET", f"{CONFIGS}?limit=3&continue={token}").json()
        found += [item["metadata"]["name"] for item in piece["items"]]
        token = piece["metadata"].get("continue", "")
        erin("DELETE", f"{CONFIGS}/{found[0]}")
        if not token:
            break
    assert found == names
    first = erin("GET", f"{CONFIGS}?limit=1").json()["metadata"]["continue"]
    assert refused(erin("GET", f"{MACHINES}?continue={first}"))[:2] == (400, "BadRequest")
    assert refused(erin("GET", f"{CONFIGS}?continue={first[:-2]}xx"))[:2] == (400, "BadRequest")


def test_tables_and_metadata(erin: Client) -> None:
    erin("POST", MACHINES, small())
    table = erin("GET", MACHINES, headers=TABLE).json()
    assert [column["name"] for column in table["columnDefinitions"]][:4] == ["Name", "Status", "Age", "IP"]
    assert table["rows"][0]["cells"][0] == "vm1" and table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    one = erin("GET", f"{MACHINES}/vm1?includeObject=Object", headers=TABLE).json()
    assert one["rows"][0]["object"]["kind"] == "VirtualMachine"
    listed = erin("GET", MACHINES, headers=PARTIAL).json()
    assert listed["kind"] == "PartialObjectMetadataList" and "spec" not in listed["items"][0]


def test_secrets_are_for_those_who_may_edit_and_one_at_a_time(erin: Client, bob: Client) -> None:
    secret = {"kind": "Secret", "metadata": {"name": "s"}, "stringData": {"p": "hunter2"}, "data": {"b": "/w=="}}
    assert erin("POST", SECRETS, secret).json()["data"] == {"b": "/w==", "p": "aHVudGVyMg=="}
    assert "data" not in bob("GET", f"{SECRETS}/s").json()
    for dress in ({}, TABLE, PARTIAL):
        listed = erin("GET", SECRETS, headers=dress).text
        assert "aHVudGVyMg" not in listed and "hunter2" not in listed
    changed = erin("PATCH", f"{SECRETS}/s", {"data": {"b": None}}, headers=MERGE).json()
    assert changed["data"] == {"p": "aHVudGVyMg=="}


def test_a_finalizer_holds_what_is_deleted(erin: Client) -> None:
    held = config("c")
    held["metadata"]["finalizers"] = ["example.org/hold"]
    erin("POST", CONFIGS, held)
    going = erin("DELETE", f"{CONFIGS}/c").json()
    assert going["kind"] == "ConfigMap" and going["metadata"]["deletionTimestamp"]
    erin("PATCH", f"{CONFIGS}/c", {"metadata": {"finalizers": None}}, headers=MERGE)
    assert refused(erin("GET", f"{CONFIGS}/c"))[0] == 404


@pytest.mark.parametrize("bad", ["a b", "é", "x" * 64, "-x"])
def test_labels_are_held_to_their_rules(erin: Client, bad: str) -> None:
    odd = config("c")
    odd["metadata"]["labels"] = {"key": bad}
    assert refused(erin("POST", CONFIGS, odd)) == (422, "Invalid", ["metadata.labels[key]"])


@pytest.mark.parametrize("kind", ["nodes", "events", "namespaces", "secrets"])
def test_selectors_of_kinds_without_labels(erin: Client, kind: str) -> None:
    assert erin("GET", f"/api/v1/{kind}?labelSelector=nobody%3Dknows").json()["items"] == []
    assert erin("GET", f"/api/v1/{kind}?labelSelector=!nobody").status_code == 200
    assert refused(erin("GET", f"/api/v1/{kind}?labelSelector=a%20b%20c"))[:2] == (400, "BadRequest")
    assert refused(erin("GET", f"/api/v1/{kind}?fieldSelector=spec.x%3D1"))[:2] == (400, "BadRequest")


def test_patches_that_make_no_sense(erin: Client) -> None:
    erin("POST", CONFIGS, config("c", data={"a": "1"}))
    json_patch = {"Content-Type": "application/json-patch+json"}
    where = f"{CONFIGS}/c"
    test_fails = [{"op": "test", "path": "/data/a", "value": "2"}]
    assert refused(erin("PATCH", where, test_fails, headers=json_patch))[:2] == (422, "Invalid")
    nowhere = [{"op": "replace", "path": "/nowhere/at/all", "value": 1}]
    assert refused(erin("PATCH", where, nowhere, headers=json_patch))[:2] == (422, "Invalid")
    assert refused(erin("PATCH", where, {"op": "add"}, headers=json_patch))[:2] == (400, "BadRequest")
    assert refused(erin("PATCH", where, {"metadata": {"name": "d"}}, headers=MERGE))[:2] == (400, "BadRequest")
    apply = {"Content-Type": "application/apply-patch+yaml"}
    assert refused(erin("PATCH", where, {}, headers=apply))[:2] == (415, "UnsupportedMediaType")
