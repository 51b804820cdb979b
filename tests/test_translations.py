"""Every sentence that a person can see exists in Japanese too.

The sentences are collected again, from a copy of the sources, so that a catalogue that was forgotten cannot pass.
"""

from __future__ import annotations

import gettext
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inventory.words import WORDS

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("vmconsole", "apiserver", "inventory", "networking", "storage", "observability", "templates")
CATALOGUE = ROOT / "locale/ja/LC_MESSAGES/django.po"
PLACES = re.compile(r"%\(\w+\)[sd]|\{\w*\}|%[sd]")

Messages = dict[str, str]


def read(po: Path, *options: str) -> Messages:
    """The finished translations of a catalogue: msgfmt leaves out what is empty or fuzzy."""
    compiled = po.with_suffix(".mo")
    run = ["msgfmt", *options, "--output-file", str(compiled), str(po)]
    subprocess.run(run, check=True, capture_output=True, text=True)
    with compiled.open("rb") as file:
        catalogue = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    return {key if isinstance(key, str) else key[0]: text for key, text in catalogue.items() if key}


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> Messages:
    """What the sources say today."""
    copy = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "migrations"))
    shutil.copy(ROOT / "manage.py", copy)
    (copy / "locale").mkdir()
    collect = [sys.executable, "manage.py", "makemessages", "--locale", "ja", "--no-location", "--verbosity", "0"]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "vmconsole.settings", "VMCONSOLE_STATE": str(copy)}
    subprocess.run(collect, cwd=copy, env=environment, check=True, capture_output=True, text=True)
    po = copy / "locale/ja/LC_MESSAGES/django.po"
    filled = po.with_name("filled.po")
    subprocess.run(["msgen", "--output-file", str(filled), str(po)], check=True)
    return read(filled)


@pytest.fixture(scope="module")
def japanese(tmp_path_factory: pytest.TempPathFactory) -> Messages:
    copy = tmp_path_factory.mktemp("catalogue") / "django.po"
    shutil.copy(CATALOGUE, copy)
    return read(copy, "--check-format")


def test_every_sentence_is_translated(sentences: Messages, japanese: Messages) -> None:
    assert len(sentences) > 100
    assert sorted(set(sentences) - set(japanese)) == []


def test_no_translation_is_left_of_a_sentence_that_is_gone(sentences: Messages, japanese: Messages) -> None:
    assert sorted(set(japanese) - set(sentences)) == []


def test_what_is_filled_in_is_filled_in_in_japanese_too(sentences: Messages, japanese: Messages) -> None:
    wrong = {
        source: text
        for source, text in japanese.items()
        if source in sentences and set(PLACES.findall(source)) - set(PLACES.findall(text))
    }
    # A plural's one form may say "a" where the other says how many.
    assert wrong == {}


def test_every_word_of_the_islands_is_among_the_sentences() -> None:
    """TypeScript asks for its words by `t('…')`; the server sends those it finds in one list."""
    called = re.compile(r"""\bt\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")""")
    sources = [path.read_text() for path in (ROOT / "frontend/src").rglob("*.ts")]
    said = {(one or two).replace("\\'", "'") for text in sources for one, two in called.findall(text)}
    assert said == set(WORDS)
