"""Protobuf bodies: kubectl sends the few kinds it has compiled in so, and does not ask whether we like it.

Only reading, and only of what may come here: each message is a table of its fields' numbers. What is not in a table is
left out, as protobuf means it; answers are JSON, which every client takes.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from django.utils.translation import gettext as _

from apiserver.status import BadRequest

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\x00"
Shape = Literal["text", "bool", "int", "message", "map", "bytes map", "quantity map"]


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    shape: Shape = "text"
    of: str = ""
    many: bool = False


_META = Field("metadata", "message", "ObjectMeta")
MESSAGES: dict[str, dict[int, Field]] = {
    "ObjectMeta": {
        1: Field("name"),
        2: Field("generateName"),
        3: Field("namespace"),
        5: Field("uid"),
        6: Field("resourceVersion"),
        11: Field("labels", "map"),
        12: Field("annotations", "map"),
        13: Field("ownerReferences", "message", "OwnerReference", many=True),
        14: Field("finalizers", many=True),
    },
    "OwnerReference": {
        1: Field("kind"),
        3: Field("name"),
        4: Field("uid"),
        5: Field("apiVersion"),
        6: Field("controller", "bool"),
        7: Field("blockOwnerDeletion", "bool"),
    },
    "Namespace": {1: _META},
    "Secret": {
        1: _META,
        2: Field("data", "bytes map"),
        3: Field("type"),
        4: Field("stringData", "map"),
        5: Field("immutable", "bool"),
    },
    "ConfigMap": {
        1: _META,
        2: Field("data", "map"),
        3: Field("binaryData", "bytes map"),
        4: Field("immutable", "bool"),
    },
    "ResourceQuota": {1: _META, 2: Field("spec", "message", "QuotaSpec")},
    "QuotaSpec": {1: Field("hard", "quantity map")},
    "Quantity": {1: Field("string")},
    "SelfSubjectAccessReview": {2: Field("spec", "message", "AccessSpec")},
    "AccessSpec": {
        1: Field("resourceAttributes", "message", "ResourceAttributes"),
        2: Field("nonResourceAttributes", "message", "NonResourceAttributes"),
    },
    "ResourceAttributes": {
        1: Field("namespace"),
        2: Field("verb"),
        3: Field("group"),
        4: Field("version"),
        5: Field("resource"),
        6: Field("subresource"),
        7: Field("name"),
    },
    "NonResourceAttributes": {1: Field("path"), 2: Field("verb")},
    "SelfSubjectRulesReview": {2: Field("spec", "message", "RulesSpec")},
    "RulesSpec": {1: Field("namespace")},
    "SelfSubjectReview": {},
    "DeleteOptions": {
        1: Field("gracePeriodSeconds", "int"),
        2: Field("preconditions", "message", "Preconditions"),
        3: Field("orphanDependents", "bool"),
        4: Field("propagationPolicy"),
        5: Field("dryRun", many=True),
    },
    "Preconditions": {1: Field("uid"), 2: Field("resourceVersion")},
}
_TYPE = {1: Field("apiVersion"), 2: Field("kind")}


def decoded(body: bytes) -> dict[str, Any]:
    """The object, as its JSON would be."""
    try:
        return _object(body)
    except (ValueError, IndexError, UnicodeDecodeError, TypeError, RecursionError) as error:
        raise BadRequest(_("The body cannot be read as protobuf. Send JSON.")) from error


def _object(body: bytes) -> dict[str, Any]:
    if not body.startswith(MAGIC):
        raise ValueError("no magic")
    envelope = dict(_fields(body[len(MAGIC) :]))
    named = _message(bytes(envelope.get(1, b"")), _TYPE)
    table = MESSAGES.get(named.get("kind", ""))
    if table is None:
        raise ValueError("unknown kind")
    return {**named, **_message(bytes(envelope.get(2, b"")), table)}


def _fields(raw: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Number and value of each field: the wire format."""
    at = 0
    while at < len(raw):
        tag, at = _varint(raw, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(raw, at)
            yield number, value
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        elif wire == 2:
            size, at = _varint(raw, at)
            if at + size > len(raw):
                raise ValueError("cut off")
            yield number, raw[at : at + size]
            at += size
        else:
            raise ValueError("unknown wire type")


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("too long")


def _message(raw: bytes, table: dict[int, Field]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, value in _fields(raw):
        field = table.get(number)
        if field is None:
            continue
        if field.shape in _HELD:
            if isinstance(value, int):
                raise ValueError("a number where a map belongs")
            pair = dict(_fields(value))
            key, held = bytes(pair.get(1, b"")).decode(), bytes(pair.get(2, b""))
            found.setdefault(field.name, {})[key] = _HELD[field.shape](held)
        elif field.many:
            found.setdefault(field.name, []).append(_value(value, field))
        else:
            found[field.name] = _value(value, field)
    return found


# What stands behind a key of a map.
_HELD: dict[Shape, Callable[[bytes], str]] = {
    "map": lambda held: held.decode(),
    "bytes map": lambda held: base64.b64encode(held).decode(),
    "quantity map": lambda held: str(_message(held, MESSAGES["Quantity"]).get("string", "")),
}


def _value(value: bytes | int, field: Field) -> Any:
    if isinstance(value, int):
        if field.shape not in ("bool", "int"):
            raise ValueError("a number where none belongs")
        return bool(value) if field.shape == "bool" else value
    if field.shape == "message":
        return _message(value, MESSAGES[field.of])
    return value.decode()
