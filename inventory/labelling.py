"""Labels as people type them for many machines: `app=web tier=front -old`, and a folder.

Pure. What Kubernetes takes as a label is taken here; only a folder may have slashes, which make its levels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from inventory.models import FOLDER, FOLDER_CHARS
from vmconsole.access.errors import Unprocessable

PART = r"[A-Za-z0-9](?:[-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?"
KEY = re.compile(rf"(?:[a-z0-9][-.a-z0-9]{{0,251}}[a-z0-9]/)?{PART}")
VALUE = re.compile(rf"(?:{PART})?")
FOLDERS = re.compile(rf"{PART}(?:/{PART})*")
MOST = 50
NO_FOLDER = "/"


@dataclass(frozen=True, slots=True)
class Change:
    """Labels to set, and keys to take away."""

    put: tuple[tuple[str, str], ...] = ()
    drop: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.put or self.drop)

    def applied(self, labels: Mapping[str, str]) -> dict[str, str]:
        kept = {key: value for key, value in labels.items() if key not in self.drop}
        return {**kept, **dict(self.put)}


def parse(text: str, folder: str = "") -> Change:
    """What was typed, or a refusal that says which word is wrong."""
    words = text.split()
    if len(words) > MOST:
        raise Unprocessable(_("Change at most %(most)d labels at once.") % {"most": MOST}, field="labels")
    put: dict[str, str] = {}
    drop: list[str] = []
    for word in words:
        if word.startswith("-"):
            drop.append(checked(KEY, word[1:], word))
            continue
        key, equals, value = word.partition("=")
        if not equals:
            raise Unprocessable(
                _("“%(word)s” is no label. Write key=value, or -key to remove one.") % {"word": word[:80]},
                field="labels",
            )
        put[checked(KEY, key, word)] = checked(VALUE, value, word)
    folder = folder.strip()
    if folder == NO_FOLDER:
        drop.append(FOLDER)
    elif folder:
        put[FOLDER] = in_folder(folder)
    return Change(tuple(put.items()), tuple(drop))


def checked(shape: re.Pattern[str], text: str, word: str) -> str:
    if not shape.fullmatch(text):
        said = _("“%(word)s” cannot be a label: letters, digits, “-”, “_” and “.”, at most 63 of them.")
        raise Unprocessable(said % {"word": word[:80]}, field="labels")
    return text


def in_folder(text: str) -> str:
    path = text.strip("/")
    if len(path) > FOLDER_CHARS or not FOLDERS.fullmatch(path):
        said = _("“%(word)s” cannot be a folder. Write names of letters and digits with “/” between them: prod/web.")
        raise Unprocessable(said % {"word": text[:80]}, field="folder")
    return path
