"""A machine's life by command line: made, watched, changed, understood, gone."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.vmctl.conftest import Vmctl

TWO = """\
apiVersion: vm.cluster.gke.io/v1
kind: VirtualMachineDisk
metadata: {name: data}
spec: {size: 1Gi}
---
apiVersion: vm.cluster.gke.io/v1
kind: VirtualMachine
metadata: {name: web-1, labels: {tier: web}}
spec:
  compute: {cpu: {vcpus: 1}, memory: {capacity: 64Mi}}
  disks: [{virtualMachineDiskName: data, boot: true}]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "two.yaml"
    path.write_text(TWO)
    return path


@pytest.fixture
def web(vmctl: Vmctl, file: Path) -> str:
    vmctl.ok("apply", "-f", file, "--wait")
    return "web-1"


def state(vmctl: Vmctl, name: str) -> str:
    return str(vmctl.yaml("get", "gvm", name)["status"]["state"])


def test_a_refused_machine_leaves_no_disk(vmctl: Vmctl) -> None:
    said = vmctl.refused("create", "vm", "web-3", "--image", "demo", "--memory", "1Pi", code=8)
    assert "spec.compute.memory.capacity" in said
    vmctl.refused("get", "gdisk", "web-3-boot", code=6)


def test_checking_only_changes_nothing(vmctl: Vmctl) -> None:
    assert "dry run" in vmctl.ok("create", "vm", "web-4", "--image", "demo", "--dry-run")
    vmctl.refused("get", "gvm", "web-4", code=6)


def test_its_buttons_wait_for_what_was_asked(vmctl: Vmctl, web: str) -> None:
    for verb, then in (
        ("stop", "Stopped"), ("start", "Running"), ("pause", "Paused"), ("resume", "Running"), ("restart", "Running"),
    ):  # fmt: skip
        assert vmctl.ok(verb, web, "--wait") == f"{web} is {then}.\n"
        assert state(vmctl, web) == then
    assert vmctl.ok("stop", web, "--force", "--wait") == f"{web} is Stopped.\n"
    assert vmctl.refused("pause", web, code=7)


def test_apply_twice_changes_once(vmctl: Vmctl, file: Path) -> None:
    first = vmctl.ok("apply", "-f", file, "--wait")
    assert first.splitlines()[:2] == [
        "virtualmachinedisk.vm.cluster.gke.io/data created",
        "virtualmachine.vm.cluster.gke.io/web-1 created",
    ]
    before = vmctl.yaml("get", "gvm", "web-1")["metadata"]["resourceVersion"]
    assert {line.split()[1] for line in vmctl.ok("apply", "-f", file).splitlines()} == {"unchanged"}
    assert vmctl("diff", "-f", file).returncode == 0
    assert vmctl.yaml("get", "gvm", "web-1")["metadata"]["resourceVersion"] == before
    assert {line.split()[1] for line in vmctl.kubectl("apply", "-f", file).splitlines()} == {"unchanged"}


def test_diff_shows_what_apply_would_do(vmctl: Vmctl, web: str) -> None:
    vmctl.ok("stop", web, "--wait")
    changed = TWO.replace("64Mi", "96Mi").replace("tier: web", "tier: front")
    shown = vmctl("diff", "-f", "-", say=changed)
    assert shown.returncode == 1
    assert "+      capacity: 96Mi" in shown.stdout and "-      capacity: 64Mi" in shown.stdout
    assert "configured" in vmctl.ok("apply", "-f", "-", say=changed)
    assert vmctl("diff", "-f", "-", say=changed).returncode == 0
    assert vmctl.yaml("get", "gvm", web)["metadata"]["labels"] == {"tier": "front"}


def test_bad_manifests_are_refused_before_anything_is_made(vmctl: Vmctl) -> None:
    assert "apiVersion" in vmctl.refused("apply", "-f", "-", say=f"{TWO}---\nspaceship: 1\n", code=8)
    assert "line" in vmctl.refused("apply", "-f", "-", say="{ not yaml", code=8)
    vmctl.refused("get", "gvm", "web-1", code=6)
    typo = TWO.replace("vcpus", "vcpu")
    assert "vcpu" in vmctl.refused("apply", "-f", "-", say=typo, code=8)


def test_get_in_every_form(vmctl: Vmctl, web: str) -> None:
    lines = vmctl.ok("get", "gvm").splitlines()
    assert lines[0].split()[:2] == ["NAME", "STATUS"]
    assert lines[1].split()[:2] == [web, "Running"]
    assert len(vmctl.ok("get", "gvm", "-o", "wide").splitlines()[0].split()) >= len(lines[0].split())
    assert vmctl.ok("get", "gvm", "-A").splitlines()[1].split()[:2] == ["default", web]
    assert vmctl.ok("get", "gvm", "-o", "name").strip() == f"virtualmachine.vm.cluster.gke.io/{web}"
    assert json.loads(vmctl.ok("get", "gvm", web, "-o", "json"))["kind"] == "VirtualMachine"
    assert len(yaml.safe_load(vmctl.ok("get", "gvm,gdisk", "-o", "yaml"))["items"]) == 2
    assert vmctl.ok("get", "gvm", "-l", "tier=back") == ""


def test_get_by_the_search_words_of_the_page(vmctl: Vmctl, web: str) -> None:
    assert vmctl.ok("get", "vm", "-q", "state:running label:tier=web").splitlines()[1].split()[:2] == [web, "Running"]
    assert vmctl.ok("get", "gvm", "-q", "-state:running", "-o", "name") == ""
    assert web in vmctl.ok("get", "gvm", "-q", "vcpu<4", "-o", "name")
    assert "colour" in vmctl.refused("get", "gvm", "-q", "colour:blue", code=8)
    assert "virtual machines" in vmctl.refused("get", "gdisk", "-q", "state:ready", code=2)


def test_why_and_describe_bring_evidence(vmctl: Vmctl) -> None:
    lonely = TWO.partition("---\n")[2]
    vmctl.ok("apply", "-f", "-", say=lonely)
    late = vmctl("apply", "-f", "-", "--wait", "--timeout", "1", say=lonely)
    assert late.returncode == 9, late.stderr
    told = vmctl.yaml("why", "web-1")
    assert told["reason"] == "MachineDiskNotFound"
    assert "data" in told["sentence"]
    assert told["fixes"][0]["label"] == "Create the disk"
    assert "What may help: Create the disk" in vmctl.ok("why", "web-1")
    assert "Events:" in vmctl.ok("describe", "gvm", "web-1")
    assert "web-1" in vmctl.ok("operations")
    assert "web-1" in vmctl.ok("audit", "--name", "web-1")


def test_a_time_that_is_none_is_refused(vmctl: Vmctl, web: str) -> None:
    assert "“soon” is no moment" in vmctl.refused("logs", web, "--since", "soon", code=8)
    for words in (("--since", "1m", "--since-time", "2026-11-27T10:00:00Z"), ("--follow", "--until", "1m")):
        vmctl.refused("logs", web, *words, code=2)
    assert vmctl.ok("logs", web, "--since", "10m", "--until", "1m") == ""


def test_watching_shows_each_state(vmctl: Vmctl, web: str) -> None:
    watching = vmctl.terminal("get", "gvm", "-w")
    watching.expect(rf"{web}\s+Running")
    vmctl.ok("stop", web, "--wait")
    watching.expect(rf"{web}\s+Stopped")
    watching.close(force=True)


def test_explain_describes_fields(vmctl: Vmctl) -> None:
    shown = vmctl.ok("explain", "gvm.spec.disks")
    assert "FIELD: disks <[]Object>" in shown
    assert "virtualMachineDiskName\t<string> -required-" in shown
    assert "noCloud" in vmctl.ok("explain", "gvm", "--recursive")
    assert "It has:" in vmctl.refused("explain", "gvm.spec.wings", code=6)


def test_completion_offers_commands_and_names(vmctl: Vmctl, web: str) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "_VMCTL_COMPLETE" in vmctl.ok("completion", shell)
    assert offered(vmctl, "vmctl sta") == {"status", "start"}
    assert offered(vmctl, "vmctl stop ") == {web}
    assert offered(vmctl, "vmctl get gdisk ") == {"data"}
    assert "vm-system" in offered(vmctl, "vmctl get gvm -n ")
    assert offered(replace(vmctl, kubeconfig=Path("/nowhere/config")), "vmctl stop ") == set()


def offered(vmctl: Vmctl, typed: str) -> set[str]:
    """What bash would show behind these words."""
    asked = {"_VMCTL_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    done = subprocess.run(
        vmctl.program, env=vmctl.environment | asked, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stderr == ""
    return set(done.stdout.split())


def test_top_shows_figures(vmctl: Vmctl, web: str) -> None:
    rows = vmctl.yaml("top", "--once")
    assert [row["name"] for row in rows] == [web]
    assert web in vmctl.ok("top", "--once")
