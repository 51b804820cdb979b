"""When it does not work: one sentence, what to do, and an exit code that scripts can count on.

The server says no in two dresses, Kubernetes' Status and RFC 9457's problem. Both become a Failed here, and nowhere
else, so that a person reads the same words whichever door they came by.
"""

from __future__ import annotations

import unicodedata
from enum import IntEnum
from typing import Any

from vmctl.words import _


class Exit(IntEnum):
    """Documented in docs/vmctl.md: numbers do not change their meaning."""

    DONE = 0
    DIFFERENT = 1
    USAGE = 2
    UNREACHABLE = 3
    SIGNED_OUT = 4
    FORBIDDEN = 5
    NOT_FOUND = 6
    CONFLICT = 7
    INVALID = 8
    TIMEOUT = 9
    FAILED = 10


class Failed(Exception):
    """What went wrong, what to do, and how the process ends."""

    def __init__(self, sentence: str, fix: str = "", code: Exit = Exit.FAILED, reason: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.fix = fix
        self.code = code
        self.reason = reason

    def __str__(self) -> str:
        return clean(f"{self.sentence} {self.fix}".strip())


def usage(sentence: str, fix: str = "") -> Failed:
    return Failed(sentence, fix, Exit.USAGE)


def clean(text: object, *, keep: str = "\n\t") -> str:
    """Text for a terminal. Names, messages and logs come from guests and strangers, and escape sequences do things."""
    return "".join(letter for letter in str(text) if letter in keep or unicodedata.category(letter)[0] != "C")


CODES = {
    401: Exit.SIGNED_OUT, 403: Exit.FORBIDDEN, 404: Exit.NOT_FOUND, 409: Exit.CONFLICT, 410: Exit.CONFLICT,
    400: Exit.INVALID, 405: Exit.INVALID, 413: Exit.INVALID, 415: Exit.INVALID, 422: Exit.INVALID,
    503: Exit.UNREACHABLE, 504: Exit.TIMEOUT,
}  # fmt: skip


def fix_of(status: int, context: str) -> str:
    """What somebody can do about it, when the server does not say."""
    if status == 401:
        return _("Sign in again: vmctl login URL --context %(context)s.") % {"context": context}
    fixes = {
        403: _("Ask an administrator of the namespace for a role that may do it."),
        404: _("See what there is with “vmctl get”, and mind the namespace (-n)."),
        409: _("Look at it again with “vmctl get”, then repeat."),
        429: _("Wait a moment, then repeat."),
        503: _("Wait until the console runs again, then repeat."),
    }
    return fixes.get(status, "")


def from_answer(status: int, body: Any, context: str, retry_after: str = "") -> Failed:
    """The failure of an answer; `body` is its JSON, or None when it had none."""
    told = body if isinstance(body, dict) else {}
    code = CODES.get(status, Exit.FAILED)
    sentence, fix = _of_status(told) if told.get("kind") == "Status" else _of_problem(told)
    if not sentence:
        sentence = _("The server answered %(status)s.") % {"status": status}
    if retry_after.isdigit() and status == 429:
        fix = fix or _("Repeat in %(seconds)s seconds.") % {"seconds": retry_after}
    return Failed(_ended(sentence), fix or fix_of(status, context), code, str(told.get("reason") or ""))


def _of_status(told: dict[str, Any]) -> tuple[str, str]:
    sentence = str(told.get("message") or "")
    causes = (told.get("details") or {}).get("causes") or []
    said = [_cause(cause) for cause in causes if isinstance(cause, dict)]
    missing = [one for one in said if one and one.rpartition(": ")[2] not in sentence]
    return " ".join([_ended(sentence), *missing]) if missing else sentence, ""


def _cause(cause: dict[str, Any]) -> str:
    field, message = cause.get("field") or "", cause.get("message") or ""
    return f"{field}: {message}" if field and field not in message else str(message)


def _of_problem(told: dict[str, Any]) -> tuple[str, str]:
    sentence = str(told.get("detail") or told.get("title") or "")
    errors = told.get("errors")
    if isinstance(errors, dict):
        said = [f"{field}: {' '.join(map(str, _listed(texts)))}".lstrip(": ") for field, texts in errors.items()]
        sentence = " ".join([_ended(sentence), *said])
    return sentence, str(told.get("fix") or "")


def _listed(texts: Any) -> list[Any]:
    return texts if isinstance(texts, list) else [texts]


def _ended(sentence: str) -> str:
    sentence = sentence.strip()
    return sentence if not sentence or sentence[-1] in ".!?。！？”)" else f"{sentence}."
