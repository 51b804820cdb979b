"""What is installed before there is a Python: the distribution's packages, and a browser where it packages none."""

from __future__ import annotations

import subprocess
from pathlib import Path

import browser
import pytest

from tests.hosts import SCRIPTS

LIST = """
coreutils                  # there on every Debian
? dpkg                     # known, so wanted
? mail-transport-agent     # provided by others only, who would be installed in its place
? no-such-package
test bash
?test no-such-package-either
"""


def wanted(root: Path, words: str) -> list[str]:
    (root / "scripts/lib").mkdir(parents=True, exist_ok=True)
    (root / "scripts/lib/packages").write_text(LIST)
    program = f"root={root}; . {SCRIPTS}/packages.sh; wanted_packages {words}"
    return subprocess.run(["sh", "-euc", program], check=True, capture_output=True, text=True).stdout.split()


def test_an_optional_package_is_wanted_where_it_really_exists(tmp_path: Path) -> None:
    assert wanted(tmp_path, "") == ["coreutils", "dpkg"]


def test_testing_wants_more(tmp_path: Path) -> None:
    assert wanted(tmp_path, "test") == ["coreutils", "dpkg", "bash"]


def test_without_a_browser_it_is_said_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(browser, "DISTRIBUTIONS", tmp_path / "usr/bin/chromium")
    monkeypatch.setattr(browser, "OURS", tmp_path / "chromium")
    assert not browser.is_here()
    with pytest.raises(FileNotFoundError, match="scripts/test installs one"):
        browser.chromium()
    (tmp_path / "chromium").touch()
    assert browser.chromium() == tmp_path / "chromium"
