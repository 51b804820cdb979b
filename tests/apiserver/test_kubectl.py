"""What people type at kubectl, typed at the real one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.apiserver.conftest import Kubectl
from tests.apiserver.manifests import EVERYTHING, SMALL
from tests.hosts import wait_until
from vmconsole.operations.models import Operation

LISTED = (
    *("gvm", "gdisk", "virtualmachinetypes", "networks", "networkinterfaces", "storageclasses"),
    *("namespaces", "secrets", "configmaps", "nodes", "events"),
)
WRITTEN = (
    *("gvm/vm1", "gdisk/data1", "vmtype/small", "gnet/vlan100", "gnic/kept-card"),
    *("secret/login", "cm/motd", "ns/lab"),
)


@pytest.mark.usefixtures("working")
def test_a_machine_comes_and_goes(kubectl: Kubectl) -> None:
    assert kubectl("apply", "-f", "-", stdin=SMALL) == "virtualmachine.vm.cluster.gke.io/vm1 created\n"
    kubectl("wait", "gvm/vm1", "--for=jsonpath={.status.state}=Running", "--timeout=20s")
    shown = kubectl("get", "gvm")
    assert shown.split()[:4] == ["NAME", "STATUS", "AGE", "IP"] and "Running" in shown
    assert kubectl("apply", "-f", "-", stdin=SMALL) == "virtualmachine.vm.cluster.gke.io/vm1 unchanged\n"
    assert kubectl("get", "vm", "vm1", "-o", "jsonpath={.spec.compute.cpu.vcpus}") == "1"
    assert "NODE" in kubectl("get", "gvm", "-o", "wide")
    assert "Running" in kubectl("describe", "gvm", "vm1")
    kubectl("delete", "gvm", "vm1", "--timeout=20s")
    assert "NotFound" in kubectl.refused("get", "gvm", "vm1")
    assert kubectl("get", "gvm", "-A", "-o", "name") == ""


@pytest.mark.usefixtures("working")
def test_everything_is_applied_and_a_second_time_nothing_changes(kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl("apply", "-f", "-", stdin=EVERYTHING)
    kubectl("wait", "gdisk", "--all", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=20s")
    wait_until(lambda: not Operation.objects.open().exists(), what="the loop to have done it all")

    def versions() -> dict[str, Any]:
        shown = [kubectl.json("get", what)["metadata"] for what in WRITTEN]
        return {each["name"]: (each.get("generation"), each["resourceVersion"]) for each in shown}

    before = versions()
    kubectl("apply", "-f", "-", stdin=EVERYTHING)
    assert kubectl("diff", "-f", "-", stdin=EVERYTHING) == ""
    assert versions() == before
    for what in LISTED:
        kubectl("get", what, "-o", "wide")
        assert "items" in kubectl.json("get", what)
    everything = kubectl("get", ",".join(LISTED), "-o", "yaml")
    assert "hunter2-canary" not in everything


def test_discovery_and_explain(kubectl: Kubectl) -> None:
    resources = kubectl("api-resources", "--no-headers")
    assert {"virtualmachines", "virtualmachinedisks", "networks", "secrets"} <= set(resources.split())
    assert "vm.cluster.gke.io/v1" in kubectl("api-versions")
    assert "virtualMachineDiskName" in kubectl("explain", "gvm.spec.disks")
    assert "KIND:       VirtualMachine" in kubectl("explain", "gvm", "--recursive")
    assert "data" in kubectl("explain", "secret")
    assert "Server Version: v1." in kubectl("version")


def test_who_may_what(kubectl: Kubectl, carols: Kubectl) -> None:
    assert kubectl("auth", "can-i", "delete", "networks").strip() == "yes"
    assert carols.run("auth", "can-i", "delete", "networks").stdout.strip() == "no"
    assert carols("auth", "can-i", "create", "gvm").strip() == "yes"
    assert carols.run("auth", "can-i", "create", "gvm", "-n", "b").stdout.strip() == "no"
    assert "carol" in carols("auth", "whoami")
    assert "virtualmachines" in carols("auth", "can-i", "--list")
    assert "NotFound" in carols.refused("get", "gvm", "-n", "b")


@pytest.mark.usefixtures("working")
def test_edit_patch_label_and_delete_by_label(kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl("apply", "-f", "-", stdin=SMALL)
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/vcpus: 1/vcpus: 2/' \"$1\"\n")
    editor.chmod(0o755)
    kubectl("wait", "gvm/vm1", "--for=condition=Ready", "--timeout=20s")
    kubectl("patch", "gvm", "vm1", "--type=merge", "-p", '{"spec":{"autoRestartOnConfigurationChange":true}}')
    assert "edited" in kubectl("edit", "gvm", "vm1", KUBE_EDITOR=str(editor))
    assert kubectl("get", "gvm", "vm1", "-o", "jsonpath={.spec.compute.cpu.vcpus}") == "2"
    kubectl("patch", "gvm", "vm1", "--type=merge", "-p", '{"metadata":{"annotations":{"a":"b"}}}')
    kubectl("label", "gvm", "vm1", "tier=web")
    kubectl("patch", "gvm", "vm1", "--type=json", "-p", '[{"op":"add","path":"/metadata/labels/app","value":"x"}]')
    assert kubectl("get", "gvm", "-l", "tier=web,app in (x,y)", "-o", "name").strip().endswith("/vm1")
    assert kubectl("get", "gvm", "-l", "tier!=web", "-o", "name") == ""
    assert kubectl("get", "gvm", "--field-selector=metadata.name=vm1", "-o", "name") != ""
    assert "Server-side apply is not offered here" in kubectl.refused("apply", "--server-side", "-f", "-", stdin=SMALL)
    kubectl("delete", "gvm", "-l", "tier=web", "--timeout=20s")
    assert "NotFound" in kubectl.refused("get", "gvm", "vm1")
