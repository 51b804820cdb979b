"""Deleting by command line as people do it, and having it back."""

from __future__ import annotations

from tests.vmctl.conftest import Vmctl


def test_thrown_away_listed_restored_and_purged(vmctl: Vmctl) -> None:
    vmctl.ok("create", "vm", "oops", "--image", "demo", "--memory", "64Mi", "--wait")
    assert "moved to the trash" in vmctl.ok("delete", "gvm", "oops", "--yes", "--wait")
    vmctl.refused("get", "gvm", "oops", code=6)
    assert "oops" in vmctl.ok("trash")
    assert "trash" in vmctl.refused("create", "vm", "oops", "--image", "demo", code=7)
    vmctl.ok("trash", "restore", "oops", "--wait")
    assert vmctl.yaml("get", "gvm", "oops")["status"]["state"] == "Stopped"
    vmctl.refused("trash", "restore", "oops", code=6)
    vmctl.ok("delete", "gvm/oops", "--yes")
    vmctl.ok("trash", "purge", "oops", "--yes", "--wait")
    assert "oops" not in vmctl.ok("trash") + vmctl.ok("get", "gvm", "-o", "name")
