"""The systemd units start the same processes, as the same users, as scripts/up does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import host_setup
import processes
import pytest
from instance import ROOT, Instance

UNITS = ROOT / "deploy/systemd"


def unit(name: str) -> dict[str, list[str]]:
    settings: dict[str, list[str]] = {}
    for line in (UNITS / f"vmconsole-{name}.service").read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals:
            settings.setdefault(key, []).append(value)
    return settings


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, processes.Program]:
    for name in ("LIBVIRT_URI", "RUNTIME", "NETNS", "BROKER_URL", "PROMETHEUS_URL", "PROXIES", "RETENTION"):
        monkeypatch.delenv(f"VMCONSOLE_{name}", raising=False)
    (tmp_path / "supervisor").mkdir()
    (tmp_path / "supervisor/prometheus.port").write_text("9475")
    instance = Instance(tmp_path, "127.0.0.1", 8080, ROOT / ".venv/bin/python")
    return {program.name: program for program in processes.programs(instance)}


def words(command: str, state: Path | None = None) -> list[str]:
    """The command with places as units name them, and programs without their folder."""
    text = command.replace(f"{state}/app", "/opt/vmconsole").replace(str(state), "/var/lib/vmconsole")
    first, *rest = shlex.split(text)
    return [Path(first).name, *rest]


def test_every_process_of_up_has_its_unit(programs: dict[str, processes.Program]) -> None:
    units = {file.stem.removeprefix("vmconsole-") for file in UNITS.glob("*.service")}
    assert units == {*programs, "prepare"}
    wanted = re.findall(r"vmconsole-(\w+)\.service", (UNITS / "vmconsole.target").read_text())
    assert set(wanted) == units


def test_units_run_the_same_commands_as_the_same_users(programs: dict[str, processes.Program], tmp_path: Path) -> None:
    for name, program in programs.items():
        settings = unit(name)
        assert words(settings["ExecStart"][0]) == words(program.command, tmp_path)
        assert settings.get("User", ["root"]) == [program.user]
        umask = "0022" if program.user == "root" else "0007"
        assert settings["UMask"] == [umask]


def test_only_libvirt_runs_as_root_and_everything_else_is_caged() -> None:
    for file in UNITS.glob("*.service"):
        name = file.stem.removeprefix("vmconsole-")
        settings = unit(name)
        if name in ("libvirt", "prepare"):
            continue
        assert settings["User"][0] in (host_setup.WORKER, host_setup.WEB)
        assert settings["NoNewPrivileges"] == ["yes"]
        assert settings["ProtectSystem"] == ["strict"]


def test_every_setting_is_described() -> None:
    """A variable that no page names is one that nobody finds."""
    described = set(re.findall(r"VMCONSOLE_[A-Z_]+", (ROOT / "docs/settings.md").read_text()))
    read = set()
    for name in ("instance", "processes", "kvm_probe"):
        text = (ROOT / f"scripts/lib/{name}.py").read_text()
        read |= set(re.findall(r"environ(?:\.get)?[(\[]\"(VMCONSOLE_[A-Z_]+)\"", text))
    assert read <= described, read - described
