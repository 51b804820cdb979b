"""A repository of manifests as the only truth: kustomize, prune, owners."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from apiserver import garbage
from tests.apiserver.conftest import Client, Kubectl
from tests.apiserver.manifests import DISKS, SMALL

KUSTOMIZATION = """
resources: [machine.yaml, disks.yaml]
namePrefix: dev-
labels: [{pairs: {repo: lab}, includeSelectors: false}]
"""
CONFIGS = "/api/v1/namespaces/a/configmaps"


@pytest.mark.usefixtures("working")
def test_a_folder_is_applied_and_what_left_it_is_pruned(kubectl: Kubectl, tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text(KUSTOMIZATION)
    (tmp_path / "machine.yaml").write_text(SMALL)
    (tmp_path / "disks.yaml").write_text(DISKS)
    kubectl("apply", "-k", str(tmp_path))
    kubectl("wait", "gdisk", "--all", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=20s")
    kubectl("wait", "gvm", "--all", "--for=jsonpath={.status.state}=Running", "--timeout=20s")
    assert kubectl("diff", "-k", str(tmp_path)) == ""
    again = kubectl("apply", "-k", str(tmp_path)).splitlines()
    assert len(again) == 3 and all(line.endswith(" unchanged") for line in again)
    (tmp_path / "kustomization.yaml").write_text(KUSTOMIZATION.replace(", disks.yaml", ""))
    kinds = ["vm.cluster.gke.io/v1/VirtualMachine", "vm.cluster.gke.io/v1/VirtualMachineDisk"]
    allowed = [f"--prune-allowlist={kind}" for kind in kinds]
    pruned = kubectl("apply", "-k", str(tmp_path), "--prune", "-l", "repo=lab", *allowed)
    assert pruned.count("pruned") == 2
    kubectl("wait", "gdisk", "--all", "--for=delete", "--timeout=20s")
    assert kubectl("get", "gvm", "-o", "name").split() == ["virtualmachine.vm.cluster.gke.io/dev-vm1"]


def config(name: str, *owners: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": name, "ownerReferences": list(owners)}}


def owner_of(made: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": made["metadata"]["name"], "uid": made["metadata"]["uid"]}


def test_what_is_owned_goes_with_the_last_of_its_owners(erin: Client) -> None:
    first, second = (erin("POST", CONFIGS, config(name)).json() for name in ("first", "second"))
    erin("POST", CONFIGS, config("child", owner_of(first), owner_of(second)))
    erin("POST", CONFIGS, config("orphan", owner_of(second)))
    erin("DELETE", f"{CONFIGS}/first")
    swept()
    assert [ref["name"] for ref in owners(erin, "child")] == ["second"]
    erin("DELETE", f"{CONFIGS}/second", {"propagationPolicy": "Orphan"})
    swept()
    assert owners(erin, "child") == [] and owners(erin, "orphan") == []


def test_foreground_takes_what_is_owned_first(erin: Client) -> None:
    first = erin("POST", CONFIGS, config("first")).json()
    erin("POST", CONFIGS, config("child", owner_of(first)))
    erin("DELETE", f"{CONFIGS}/first", {"propagationPolicy": "Foreground"})
    assert erin("GET", f"{CONFIGS}/child").status_code == 404


def swept() -> None:
    for uid in garbage.unsettled():
        garbage.collect(uid)


def owners(client: Client, name: str) -> list[dict[str, Any]]:
    metadata = client("GET", f"{CONFIGS}/{name}").json()["metadata"]
    return list(metadata.get("ownerReferences", []))
