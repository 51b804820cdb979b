"""The command line alone: built as a wheel, installed into an environment that has nothing else, and run there."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.vmctl.conftest import ROOT, Vmctl

UV = Path(sys.executable).parent / "uv"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", folder, ROOT / "vmctl"], check=True)
    (built,) = folder.glob("*.whl")
    return built


def test_it_has_the_command_line_and_its_words_and_nothing_of_the_server(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"vmctl"}
    assert "vmctl/main.py" in names and "vmctl/commands/looking.py" in names
    assert "vmctl/locale/ja/LC_MESSAGES/vmctl.mo" in names
    assert not [name for name in names if name.endswith((".toml", "build_catalogues.py", ".pyc"))]


def test_it_runs_where_nothing_else_is(wheel: Path, tmp_path: Path) -> None:
    place = tmp_path / "venv"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, place], check=True)
    subprocess.run([UV, "pip", "install", "--quiet", "--python", place / "bin/python", wheel], check=True)
    alone = Vmctl(tmp_path / "config", program=[str(place / "bin/vmctl")], checkout=False)
    assert alone.ok("--version").startswith("vmctl ")
    assert "console" in alone.ok("--help")
    assert "vmctl login" in alone.refused("get", "gvm", code=4)
    alone.language = "ja_JP.UTF-8"
    assert "マシンを起動します。" in alone.ok("--help")
