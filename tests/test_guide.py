"""The guide and its pictures: what is shown exists, and what exists is shown."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEXTS = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]


def pictures_shown() -> set[Path]:
    return {
        (text.parent / name).resolve()
        for text in TEXTS
        for name in re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", text.read_text(encoding="utf-8"))
    }


def test_every_picture_that_is_shown_exists() -> None:
    missing = [str(path) for path in pictures_shown() if not path.is_file()]
    assert missing == []


def test_every_picture_that_exists_is_shown_and_is_taken_by_the_script() -> None:
    there = {path.resolve() for path in (ROOT / "docs" / "images").iterdir()}
    assert there == {path for path in pictures_shown() if path.parent == ROOT / "docs" / "images"}
    taken = set(re.findall(r'Scene\("([a-z-]+)"', (ROOT / "scripts" / "lib" / "shots.py").read_text(encoding="utf-8")))
    assert {path.stem for path in there} == taken


def test_pictures_are_small() -> None:
    large = [path.name for path in (ROOT / "docs" / "images").iterdir() if path.stat().st_size > 120_000]
    assert large == []


def test_every_picture_says_what_it_shows() -> None:
    for text in TEXTS:
        assert "![](" not in text.read_text(encoding="utf-8"), text
