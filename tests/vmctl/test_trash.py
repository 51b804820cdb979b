"""Deleting by command line as people do it, and having it back."""

from __future__ import annotations

from pathlib import Path

from tests.vmctl.conftest import Vmctl

MANIFEST = """\
apiVersion: vm.cluster.gke.io/v1
kind: VirtualMachine
metadata: {name: oops}
spec: {compute: {cpu: {vcpus: 1}, memory: {capacity: 64Mi}}}
"""


def test_thrown_away_listed_restored_and_purged(vmctl: Vmctl, tmp_path: Path) -> None:
    file = tmp_path / "oops.yaml"
    file.write_text(MANIFEST)
    vmctl.ok("apply", "-f", file, "--wait")
    assert "moved to the trash" in vmctl.ok("delete", "gvm", "oops", "--yes", "--wait")
    vmctl.refused("get", "gvm", "oops", code=6)
    assert "oops" in vmctl.ok("trash")
    assert "in the trash" in vmctl.refused("apply", "-f", file, code=7)
    vmctl.ok("trash", "restore", "oops", "--wait")
    assert vmctl.yaml("get", "gvm", "oops")["status"]["state"] == "Stopped"
    vmctl.refused("trash", "restore", "oops", code=6)
    vmctl.ok("delete", "gvm/oops", "--yes")
    vmctl.ok("trash", "purge", "oops", "--yes", "--wait")
    assert "oops" not in vmctl.ok("trash") + vmctl.ok("get", "gvm", "-o", "name")
