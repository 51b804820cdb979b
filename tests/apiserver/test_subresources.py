"""Sub-resources on KubeVirt's addresses, and machines in KubeVirt's words."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from inventory.models import VirtualMachine
from observability.models import AuditEntry
from tests.apiserver.conftest import Client, Kubectl
from tests.apiserver.test_watch import becomes, machine, watching
from tests.hosts import wait_until
from tests.people import MINE
from vmconsole.operations.models import Operation

SUB = "/apis/subresources.kubevirt.io"
INSTANCES = f"/apis/kubevirt.io/v1/namespaces/{MINE}/virtualmachineinstances"


def address(word: str, name: str = "one", version: str = "v1") -> str:
    plural = "virtualmachines" if word in ("start", "stop", "restart") else "virtualmachineinstances"
    return f"{SUB}/{version}/namespaces/{MINE}/{plural}/{name}/{word}"


def put(client: Client, word: str, body: Any = None, **more: Any) -> tuple[int, Any]:
    answer = client("PUT", address(word, **more), body)
    return answer.status_code, answer.json() if answer.content else None


def running(**columns: Any) -> VirtualMachine:
    seen = {"status_power": "on", "status_state": "Running", "status_started_at": timezone.now(), **columns}
    return machine("one", observed_generation=1, **seen)


@pytest.mark.parametrize(
    ("word", "verb", "power"),
    [
        ("start", "start", "off"),
        ("stop", "stop", "on"),
        ("restart", "restart", "on"),
        ("pause", "pause", "on"),
        ("unpause", "resume", "paused"),
        ("softreboot", "restart", "on"),
        ("reset", "reset", "on"),
    ],
)
@pytest.mark.parametrize("version", ["v1", "v1alpha3"])
def test_power(carol: Client, word: str, verb: str, power: str, version: str) -> None:
    vm = running(status_power=power)
    assert put(carol, word, version=version) == (202, None)
    operation = Operation.objects.get(subject_uid=vm.uid)
    assert (operation.verb, operation.actor_name) == (verb, "carol")
    assert AuditEntry.objects.filter(action=verb, phase="accepted", auth="token").exists()
    assert put(carol, word, version=version)[0] == 409  # one at a time


def test_options(carol: Client) -> None:
    vm = running()
    assert put(carol, "stop", {"gracePeriod": 0, "dryRun": ["All"]})[0] == 202
    assert not Operation.objects.exists()
    assert put(carol, "stop", {"gracePeriod": 30, "dryRun": None})[0] == 202
    operation = Operation.objects.get(subject_uid=vm.uid)
    assert (operation.verb, operation.data["grace"]) == ("stop", 30)
    assert put(carol, "stop", {"gracePeriod": 0})[0] == 202  # replaces it
    assert Operation.objects.open().get().verb == "force-stop"
    for body in ({"gracePeriod": -1}, {"gracePeriod": "x"}, {"dryRun": ["Some"]}, "[]", "{"):
        assert put(carol, "stop", body)[0] == 400, body
    assert put(carol, "start", {"paused": True})[0] == 400


def test_what_cannot_be(carol: Client, bob: Client, dave: Client) -> None:
    machine("one", status_power="off", observed_generation=1)
    code, status = put(carol, "stop")
    assert (code, status["kind"], status["reason"]) == (409, "Status", "Conflict")
    assert [put(each, "start")[0] for each in (bob, dave)] == [403, 404]
    assert put(carol, "start", name="nobody")[0] == 404
    assert carol("GET", address("start")).status_code == 405
    assert carol("GET", address("vnc")).status_code == 400
    assert carol("GET", address("vnc/screenshot")).status_code == 400
    assert bob("GET", address("vnc/screenshot")).status_code == 403
    assert carol("GET", address("migrate")).status_code == 404


def test_the_guest(carol: Client, bob: Client) -> None:
    vm = running()
    assert carol("GET", address("guestosinfo")).json()["message"].startswith("VMI does not have guest agent connected")
    guest = {
        "hostname": "web", "os_name": "Debian GNU/Linux 12", "kernel": "6.1", "timezone": "UTC",
        "agent_version": "9", "users": ["root"],
        "filesystems": [{"mountpoint": "/", "kind": "ext4", "total_bytes": 10, "used_bytes": 5}], "nics": [],
    }  # fmt: skip
    becomes(vm, status_guest=guest)
    said = bob("GET", address("guestosinfo")).json()
    assert (said["hostname"], said["os"]["name"], said["guestAgentVersion"]) == ("web", "Debian", "9")
    systems = bob("GET", address("filesystemlist")).json()
    assert (systems["kind"], systems["items"][0]["mountPoint"]) == ("VirtualMachineInstanceFileSystemList", "/")
    assert bob("GET", address("userlist")).json()["items"] == [{"userName": "root"}]


def test_a_picture_needs_the_controller(carol: Client) -> None:
    running()
    answer = carol("GET", address("vnc/screenshot"))
    assert (answer.status_code, answer.json()["reason"]) == (503, "ServiceUnavailable")


def test_discovery(carol: Client) -> None:
    group = carol("GET", SUB).json()
    assert group["preferredVersion"]["groupVersion"] == "subresources.kubevirt.io/v1"
    assert [each["version"] for each in group["versions"]] == ["v1", "v1alpha3"]
    for version in ("v1", "v1alpha3"):
        assert carol("GET", f"{SUB}/{version}/version").json()["gitVersion"].startswith("v1.")
        names = {each["name"] for each in carol("GET", f"{SUB}/{version}").json()["resources"]}
        assert {"virtualmachines/start", "virtualmachineinstances/vnc", "version"} <= names


def test_in_kubevirts_words(carol: Client) -> None:
    vm = running(
        status_node="here",
        status_addresses=[{"name": "eth0", "macAddress": "52:54:00:00:00:01", "ipAddresses": ["10.0.0.5/24"]}],
    )
    shown = carol("GET", f"/apis/kubevirt.io/v1/namespaces/{MINE}/virtualmachines/one").json()
    assert (shown["status"]["printableStatus"], shown["status"]["ready"]) == ("Running", True)
    assert shown["spec"]["template"]["spec"]["domain"]["memory"] == {"guest": "65536Ki"}
    instance = carol("GET", f"{INSTANCES}/one").json()
    assert (instance["status"]["phase"], instance["status"]["nodeName"]) == ("Running", "here")
    assert instance["status"]["interfaces"][0]["ipAddress"] == "10.0.0.5"
    assert instance["metadata"]["ownerReferences"][0]["uid"] == str(vm.uid)
    assert instance["metadata"]["uid"] != str(vm.uid)
    assert carol("POST", INSTANCES, {}).status_code == 405
    assert carol("DELETE", f"{INSTANCES}/one").status_code == 405


def test_an_instance_is_there_while_its_machine_runs(carol: Client) -> None:
    vm = machine("one", status_power="off")
    assert carol("GET", INSTANCES).json()["items"] == []
    with watching(carol, INSTANCES) as seen:
        becomes(vm, status_power="starting", status_state="Starting")
        becomes(vm, status_power="on", status_state="Running")
        becomes(vm, status_power="off", status_state="Stopped")
        events = [seen.next() for _ in range(3)]
    phases = [(event["type"], event["object"]["status"]["phase"]) for event in events]
    assert phases == [("ADDED", "Scheduling"), ("MODIFIED", "Running"), ("DELETED", "Succeeded")]


@pytest.mark.usefixtures("working")
def test_kubectl_reads_them(carols: Kubectl) -> None:
    running(status_node="here")
    wait_until(lambda: "one" in carols("get", "vmi"), what="the instance")
    assert carols("get", "vmi").split()[:6] == ["NAME", "AGE", "PHASE", "IP", "NODENAME", "READY"]
    assert "Running" in carols("get", "virtualmachines.kubevirt.io")
    assert carols("get", "vm", "-o", "jsonpath={.items[0].apiVersion}") == "vm.cluster.gke.io/v1"
