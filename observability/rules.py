"""What may be written down, and how: redaction, escaping and the chain's arithmetic.

Pure, so that whoever verifies an export years later needs nothing but this file. Redaction errs on the safe side: a
field that only sounds like a secret is hidden too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec

HIDDEN = "***"
GENESIS = "0" * 64
MAX_JSON = 64 * 1024
MAX_DEPTH = 16

_SECRET_WORDS = (
    "password", "passwd", "passphrase", "userdata", "networkdata", "secret", "token", "privatekey", "apikey",
    "credential", "authorization", "cookie", "chpasswd",
)  # fmt: skip
_SECRET_VALUES = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|^\s*#cloud-config|^\s*Bearer\s+\S+|^\s*Basic\s+\S+", re.IGNORECASE
)
_URL_LOGIN = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s@]+@", re.IGNORECASE)
# C0, DEL, C1, line separators, and the bidirectional overrides that make a log line read backwards.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def is_secret(name: str) -> bool:
    """Whether a field's name, or its dotted path, says that its value must not be written down."""
    plain = re.sub(r"[^a-z]", "", name.lower())
    return plain.endswith(("key", "keys")) or any(word in plain for word in _SECRET_WORDS)


def redacted(value: Any, depth: int = 0) -> Any:
    """A copy that is safe to keep: plain JSON, secrets hidden, control characters escaped."""
    if depth > MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return _redacted_mapping(value, depth)
    if isinstance(value, (list, tuple, set, frozenset)):
        items = list(value)
        if len(items) == 2 and isinstance(items[0], str) and isinstance(items[1], str) and is_secret(items[0]):
            return [escaped(items[0]), HIDDEN]  # a header or variable written as a pair
        return [redacted(item, depth + 1) for item in items]
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    return _redacted_text(str(value))


def _redacted_mapping(value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    named = value.get("name")
    pair = isinstance(named, str) and is_secret(named)  # {"name": "DB_PASSWORD", "value": "…"}
    return {
        escaped(str(key)): HIDDEN if is_secret(str(key)) or (pair and key == "value") else redacted(item, depth + 1)
        for key, item in value.items()
    }


def _redacted_text(text: str) -> str:
    if _SECRET_VALUES.search(text):
        return HIDDEN
    return escaped(_URL_LOGIN.sub(rf"\1{HIDDEN}@", text))


def escaped(text: str, limit: int = 4096) -> str:
    """Text that cannot forge a log line: control characters become visible escapes."""
    seen = _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", text)
    return seen if len(seen) <= limit else seen[: limit - 1] + "…"


def canonical(value: Any) -> str:
    """The one way to write a value as JSON: sorted keys, no spaces, UTF-8."""
    return msgspec.json.encode(value, order="sorted").decode()


def kept(value: Mapping[str, Any] | None) -> str:
    """A dictionary as the text that an entry keeps, empty for nothing."""
    if not value:
        return ""
    text = canonical(redacted(value))
    if len(text) <= MAX_JSON:
        return text
    return canonical({"cut": len(text), "sha256": hashlib.sha256(text.encode()).hexdigest()})


def digest(fields: Mapping[str, Any]) -> str:
    """The hash of an entry. `fields` holds everything but the hash itself, the previous hash included."""
    return hashlib.sha256(msgspec.json.encode(fields, order="sorted")).hexdigest()
