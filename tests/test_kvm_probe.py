"""KVM is believed only after a guest really ran with it, in the time that emulation needs."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import kvm_probe
import pytest

# A QEMU whose guests are up at once, but for what happens with KVM.
QEMU = """#!/bin/sh
case "$*" in
    *--version*) echo "QEMU emulator version {version}"; exit;;
    *"-accel kvm"*) {kvm};;
esac
echo started >> {runs}
echo "No bootable device"
exec sleep 30
"""


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state directory, a QEMU of ours first on the path, and a /dev/kvm that is there."""
    with tempfile.TemporaryDirectory(prefix="vmc-probe-", dir="/tmp") as folder:
        root = Path(folder)
        root.chmod(0o777)  # the probe's QEMU runs as another user
        for name in ("run", "cache", "bin"):
            (root / name).mkdir(mode=0o755)
        (root / "kvm").touch()
        monkeypatch.setattr(kvm_probe, "DEVICE", root / "kvm")
        monkeypatch.setenv("PATH", f"{root}/bin{os.pathsep}{os.environ['PATH']}")
        monkeypatch.delenv("VMCONSOLE_ACCEL", raising=False)
        yield root


def install(place: Path, *, kvm: str = ":", version: str = "1") -> None:
    program = place / "bin/qemu-system-x86_64"
    program.write_text(QEMU.format(kvm=kvm, version=version, runs=place / "runs"))
    program.chmod(0o755)


def runs(place: Path) -> int:
    return len((place / "runs").read_text().splitlines()) if (place / "runs").exists() else 0


def test_a_guest_that_starts_as_quickly_as_emulated_earns_kvm(place: Path) -> None:
    install(place)
    assert kvm_probe.verdict(place).accelerator == "kvm"
    assert runs(place) == 2
    assert json.loads((place / "run/accelerator.json").read_text())["accelerator"] == "kvm"


def test_a_kvm_that_opens_and_crawls_is_refused_with_the_reason(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kvm_probe, "GRACE", 0.2)
    install(place, kvm="exec sleep 30")
    verdict = kvm_probe.verdict(place)
    assert verdict.accelerator == "tcg"
    assert "was not through" in verdict.why


def test_a_kvm_that_may_not_be_opened_is_refused_in_qemus_words(place: Path) -> None:
    install(place, kvm='echo "Could not access KVM kernel module: Permission denied"; exit 1')
    verdict = kvm_probe.verdict(place)
    assert verdict.accelerator == "tcg"
    assert "Permission denied" in verdict.why


def test_without_the_device_no_guest_is_started(place: Path) -> None:
    install(place)
    (place / "kvm").unlink()
    assert kvm_probe.verdict(place).accelerator == "tcg"
    assert runs(place) == 0


def test_the_verdict_is_kept_until_qemu_changes(place: Path) -> None:
    install(place)
    first = kvm_probe.verdict(place)
    assert kvm_probe.verdict(place) == first
    assert runs(place) == 2
    install(place, version="2")
    kvm_probe.verdict(place)
    assert runs(place) == 4


@pytest.mark.parametrize("asked", ["kvm", "tcg"])
def test_the_owner_has_the_last_word(place: Path, monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    install(place, kvm="exit 1")
    monkeypatch.setenv("VMCONSOLE_ACCEL", asked)
    verdict = kvm_probe.verdict(place)
    assert verdict.accelerator == asked
    assert "VMCONSOLE_ACCEL" in verdict.why
    assert runs(place) == 0


def test_a_verdict_is_never_written_through_a_link(place: Path) -> None:
    """run/ belongs to the worker, and the probe is root."""
    install(place)
    victim = place / "victim"
    victim.write_text("precious")
    (place / "run/accelerator.json").symlink_to(victim)
    kvm_probe.verdict(place)
    assert victim.read_text() == "precious"
