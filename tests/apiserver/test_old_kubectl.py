"""The distribution's own kubectl, 1.20 on Debian 12: people have what their host has."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.apiserver.conftest import Kubectl
from tests.apiserver.manifests import SMALL

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache/kubernetes-client"


@pytest.fixture(scope="module")
def program() -> Path:
    """Only unpacked: installed it would take the place of another kubectl of the host."""
    found = CACHE / "usr/bin/kubectl"
    if not found.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-qq", "kubernetes-client"], cwd=CACHE, check=True)
        package = next(CACHE.glob("kubernetes-client_*.deb"))
        subprocess.run(["dpkg-deb", "-x", package, CACHE], check=True)
        package.unlink()
    return found


@pytest.fixture
def old(program: Path, kubectl: Kubectl) -> Kubectl:
    return replace(kubectl, program=str(program))


@pytest.fixture
def others(program: Path, carols: Kubectl) -> Kubectl:
    return replace(carols, program=str(program))


@pytest.fixture
def editor(tmp_path: Path) -> Path:
    script = tmp_path / "editor"
    script.write_text("#!/bin/sh\nsed -i 's/vcpus: 1/vcpus: 2/' \"$1\"\n")
    script.chmod(0o755)
    return script


@pytest.mark.usefixtures("working")
def test_a_machine_comes_and_goes(old: Kubectl, editor: Path) -> None:
    assert old("apply", "-f", "-", stdin=SMALL) == "virtualmachine.vm.cluster.gke.io/vm1 created\n"
    assert old("apply", "-f", "-", stdin=SMALL) == "virtualmachine.vm.cluster.gke.io/vm1 unchanged\n"
    assert old("diff", "-f", "-", stdin=SMALL) == ""
    assert old("get", "gvm").split()[:4] == ["NAME", "STATUS", "AGE", "IP"]
    assert "NODE" in old("get", "gvm", "-o", "wide")
    assert "kind: VirtualMachine" in old("get", "gvm", "vm1", "-o", "yaml")
    old("wait", "gvm/vm1", "--for=condition=Ready", "--timeout=20s")
    assert "Running" in old("describe", "gvm", "vm1")
    old("patch", "gvm", "vm1", "--type=merge", "-p", '{"spec":{"autoRestartOnConfigurationChange":true}}')
    assert "edited" in old("edit", "gvm", "vm1", KUBE_EDITOR=str(editor))
    assert old("get", "gvm", "vm1", "-o", "jsonpath={.spec.compute.cpu.vcpus}") == "2"
    old("label", "gvm", "vm1", "tier=web")
    old("delete", "gvm", "-l", "tier=web", "--timeout=20s")
    assert "NotFound" in old.refused("get", "gvm", "vm1")


def test_discovery_rights_and_explain(old: Kubectl, others: Kubectl) -> None:
    assert {"virtualmachines", "virtualmachinedisks", "networks"} <= set(old("api-resources", "--no-headers").split())
    assert "vm.cluster.gke.io/v1" in old("api-versions")
    assert old("auth", "can-i", "delete", "networks").strip() == "yes"
    assert others.run("auth", "can-i", "delete", "networks").stdout.strip() == "no"
    assert "virtualMachineDiskName" in old("explain", "gvm.spec.disks")
