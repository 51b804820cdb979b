"""`kubectl get quota` and its like: what Kubernetes' clients read, write and are told."""

from __future__ import annotations

import json

import pytest

from apiserver.status import of_error
from observability.models import AuditEntry
from tests.apiserver.conftest import Kubectl
from tests.apiserver.manifests import SMALL
from vmconsole.access.errors import OverQuota
from vmconsole.access.rules import Counted, Excess

QUOTA = """
apiVersion: v1
kind: ResourceQuota
metadata: {name: limits, labels: {team: a}}
spec:
  hard:
    count/virtualmachines.vm.cluster.gke.io: "2"
    requests.cpu: 2
    requests.memory: 1024Mi
    requests.storage: 10Gi
"""
LARGE = SMALL.replace("vcpus: 1", "vcpus: 3").replace("vm1", "large")


@pytest.mark.usefixtures("working")
def test_it_is_written_read_and_kept_to(kubectl: Kubectl, carols: Kubectl) -> None:
    assert kubectl("apply", "-f", "-", stdin=QUOTA) == "resourcequota/limits created\n"
    before = kubectl.json("get", "quota", "limits")["metadata"]["resourceVersion"]
    kubectl("apply", "-f", "-", stdin=QUOTA)
    carols("apply", "-f", "-", stdin=SMALL)
    shown = carols.json("get", "resourcequota/limits")
    assert shown["metadata"]["resourceVersion"] == before  # nothing new, nothing written
    assert shown["spec"]["hard"]["requests.memory"] == "1Gi"
    assert shown["status"]["hard"] == shown["spec"]["hard"]
    assert shown["status"]["used"] == {
        "count/virtualmachines.vm.cluster.gke.io": "1", "requests.cpu": "1", "requests.memory": "256Mi",
        "requests.storage": "0",
    }  # fmt: skip
    table = carols("get", "quota")
    assert table.split()[:4] == ["NAME", "REQUEST", "LIMIT", "AGE"]
    assert "count/virtualmachines.vm.cluster.gke.io: 1/2, requests.cpu: 1/2, requests.memory: 256Mi/1Gi" in table
    described = [line.split() for line in carols("describe", "quota", "limits").splitlines()]
    assert ["requests.cpu", "1", "2"] in described and ["requests.storage", "0", "10Gi"] in described
    assert "requests.memory" in kubectl("describe", "namespace", "a")

    refused = carols.refused("create", "-f", "-", stdin=LARGE)
    assert "Error from server (Forbidden)" in refused
    assert "exceeded quota: limits, requested: requests.cpu=3, used: requests.cpu=1, limited: requests.cpu=2" in refused
    assert "Namespace a may have 2 vCPUs, uses 1, and this asks for 3 more: 2 too many. Ask an admin" in refused
    carols("patch", "gvm", "vm1", "--type=merge", "-p", '{"spec":{"autoRestartOnConfigurationChange":true}}')
    refused = carols.refused("patch", "gvm", "vm1", "--type=merge", "-p", '{"spec":{"compute":{"cpu":{"vcpus":4}}}}')
    assert 'virtualmachines.vm.cluster.gke.io "vm1" is forbidden: exceeded quota: limits' in refused
    disk = {"apiVersion": "vm.cluster.gke.io/v1", "kind": "VirtualMachineDisk", "metadata": {"name": "d"}}
    refused = carols.refused("create", "-f", "-", stdin=json.dumps({**disk, "spec": {"size": "11Gi"}}))
    assert "requested: requests.storage=11Gi, used: requests.storage=0, limited: requests.storage=10Gi" in refused
    noted = AuditEntry.objects.filter(phase="refused", reason="QuotaExceeded", actor_name="carol")
    assert noted.count() == 3

    kubectl("patch", "quota", "limits", "--type=merge", "-p", '{"spec":{"hard":{"requests.cpu":null}}}')
    carols("create", "-f", "-", stdin=LARGE)
    kubectl("delete", "quota", "limits")
    assert "NotFound" in carols.refused("get", "quota", "limits")


def test_the_cluster_writes_and_the_namespace_reads(kubectl: Kubectl, carols: Kubectl) -> None:
    assert "cannot" not in kubectl("create", "quota", "limits", "--hard=requests.cpu=8,requests.memory=16G")
    assert kubectl.json("get", "quota", "limits")["spec"]["hard"] == {"requests.cpu": "8", "requests.memory": "16G"}
    assert carols.run("auth", "can-i", "update", "quota").stdout.strip() == "no"
    assert carols("auth", "can-i", "get", "quota").strip() == "yes"
    assert "Forbidden" in carols.refused("delete", "quota", "limits")
    assert "you may not do that" in carols.refused("create", "quota", "mine", "--hard=requests.cpu=80")
    assert carols.refused("get", "quota", "-n", "b")
    assert "hard" in kubectl("explain", "quota.spec")


@pytest.mark.parametrize(
    ("hard", "words"),
    [
        ("{pods: 3}", "“pods” is not counted here. Write limits for: count/virtualmachines.vm.cluster.gke.io"),
        ("{requests.cpu: 1500m}", "Write a whole number, such as 8."),
        ("{requests.cpu: 1.5}", "spec.hard"),
        ("{requests.cpu: -1}", "Write a whole number"),
        ("{requests.memory: lots}", "is not a size"),
        ("{requests.cpu: 99999999999999999999}", "spec.hard"),
        ("[1]", "spec.hard"),
    ],
)
def test_limits_that_nobody_would_keep_are_refused(kubectl: Kubectl, hard: str, words: str) -> None:
    document = QUOTA.partition("spec:")[0] + f"spec: {{hard: {hard}}}\n"
    refused = kubectl.refused("create", "--validate=false", "-f", "-", stdin=document)
    assert "is invalid" in refused and words in refused


def test_there_is_no_second_one(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=QUOTA)
    refused = kubectl.refused("create", "quota", "more", "--hard=requests.cpu=1")
    assert "Namespace a has a quota already: limits. Change that one" in refused
    assert "There is limits in namespace a already" in kubectl.refused("create", "quota", "limits")


def test_the_status_names_each_limit_and_the_field_that_asks_for_it() -> None:
    found = [Excess(Counted.VCPUS, 8, 6, 4), Excess(Counted.STORAGE, 1 << 40, 0, 3 << 39)]
    problems = [("spec.compute.cpu.vcpus", "Too many."), ("size", "Too much.")]
    error = OverQuota(problems, quota="limits", excess=found, fix="Ask.")
    body = of_error(error, {"name": "web-1", "group": "vm.cluster.gke.io", "kind": "virtualmachines"})
    assert (body["code"], body["reason"]) == (403, "Forbidden")
    assert body["message"] == (
        'virtualmachines.vm.cluster.gke.io "web-1" is forbidden: exceeded quota: limits, '
        "requested: requests.cpu=4,requests.storage=1536Gi, used: requests.cpu=6,requests.storage=0, "
        "limited: requests.cpu=8,requests.storage=1Ti. Too many. Too much. Ask."
    )
    assert body["details"]["causes"] == [
        {"reason": "QuotaExceeded", "message": sentence, "field": field} for field, sentence in problems
    ]
