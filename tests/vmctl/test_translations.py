"""Every sentence of the command line exists in Japanese too, and a Japanese terminal shows it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import polib
import pytest

from tests.vmctl.conftest import ROOT, Vmctl

CATALOGUE = ROOT / "vmctl/locale/ja/LC_MESSAGES/vmctl.po"
PLACES = re.compile(r"%\(\w+\)[sd]|\{\w*\}|--[a-z-]+|\b[A-Z]{3,}\b(?= URL|\.png)")


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What the sources say today."""
    pot = tmp_path_factory.mktemp("words") / "vmctl.pot"
    sources = sorted(str(path) for path in (ROOT / "vmctl").rglob("*.py"))
    options = ["--language=Python", "--from-code=UTF-8", "--keyword=_", f"--output={pot}"]
    subprocess.run(["xgettext", *options, *sources], check=True)
    return {entry.msgid for entry in polib.pofile(str(pot))}


@pytest.fixture(scope="module")
def japanese() -> dict[str, str]:
    return {entry.msgid: entry.msgstr for entry in polib.pofile(str(CATALOGUE)) if entry.translated()}


def test_every_sentence_is_translated(sentences: set[str], japanese: dict[str, str]) -> None:
    assert len(sentences) > 200
    assert sorted(sentences - set(japanese)) == []


def test_no_translation_is_left_of_a_sentence_that_is_gone(sentences: set[str], japanese: dict[str, str]) -> None:
    assert sorted(set(japanese) - sentences) == []


def test_what_is_filled_in_is_filled_in_in_japanese_too(japanese: dict[str, str]) -> None:
    wrong = {one: two for one, two in japanese.items() if set(PLACES.findall(one)) != set(PLACES.findall(two))}
    assert wrong == {}


def test_no_sentence_is_made_at_run_time() -> None:
    """`_(f"…")` and `_(name)` are never found in a catalogue."""
    wrong = re.compile(r"""(?<![\w.])_\((?!\s*["'(])""")
    found = [str(path) for path in (ROOT / "vmctl").rglob("*.py") if wrong.search(path.read_text())]
    assert found == []


def test_a_japanese_terminal_shows_it(tmp_path: Path) -> None:
    subprocess.run(["msgfmt", "--check-format", "-o", str(CATALOGUE.with_suffix(".mo")), str(CATALOGUE)], check=True)
    terminal = Vmctl(tmp_path / "config", language="ja_JP.UTF-8")
    assert "マシンを起動します。" in terminal.ok("--help")
    assert "この説明を表示して終わります。" in terminal.ok("start", "--help")
    assert "まずサインインしてください" in terminal.refused("get", "gvm", code=4)
    assert "Start machines." in Vmctl(tmp_path / "config").ok("--help")
