"""What kubectl notes of an applied manifest, without its secrets.

`kubectl apply` puts the whole manifest into an annotation, which all who see the object see. What is kept sealed
elsewhere must not stand there in plain text. kubectl then sends these fields again with every apply, and they are found
to be the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def without(annotations: dict[str, str], *paths: Sequence[str]) -> dict[str, str]:
    """The annotations with these fields taken out of the note. A note that cannot be read is not kept."""
    if LAST_APPLIED not in annotations:
        return annotations
    rest = {key: value for key, value in annotations.items() if key != LAST_APPLIED}
    try:
        applied = msgspec.json.decode(annotations[LAST_APPLIED])
    except (msgspec.DecodeError, RecursionError):
        return rest
    if not isinstance(applied, dict):
        return rest
    for path in paths:
        _take_out(applied, path)
    return {**rest, LAST_APPLIED: msgspec.json.encode(applied).decode() + "\n"}


def _take_out(document: Any, path: Sequence[str]) -> None:
    *way, last = path
    for key in way:
        document = document.get(key) if isinstance(document, dict) else None
    if isinstance(document, dict):
        document.pop(last, None)
