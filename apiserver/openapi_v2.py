"""OpenAPI v2 in protobuf: the only form in which kubectl of before 1.24 reads what it may apply, explain and diff.

It is the third version's documents said again in the older one's words, written with the numbers of gnostic's
`OpenAPIv2.proto`; nothing in it is new. A reference stands alone there, and what has no type may be anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import msgspec
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from apiserver import discovery
from apiserver.kinds import KINDS
from apiserver.openapi import META, SHARED, Schema, paths, schemas

LENGTH_DELIMITED = 2
V3, V2 = "#/components/schemas/", "#/definitions/"
GVK, ACTION = "x-kubernetes-group-version-kind", "x-kubernetes-action"
# Of gnostic's messages, the numbers of the fields that kubectl reads.
DOCUMENT = {"swagger": 1, "info": 2, "paths": 8, "definitions": 9}
SCHEMA = {
    "$ref": 1, "format": 2, "description": 4, "required": 19, "additionalProperties": 21, "type": 22, "items": 23,
    "properties": 25, "extension": 31,
}  # fmt: skip
METHODS = {"get": 2, "put": 3, "post": 4, "delete": 5, "patch": 8}
OPERATION = {"operationId": 5, "parameters": 8, "extension": 13}
PARAMETER = {"in": 2, "name": 4, "type": 6}  # of a query
EXTENSIONS = (GVK, ACTION, "x-kubernetes-preserve-unknown-fields")


def varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def field(number: int, value: str | bytes) -> bytes:
    """Text, or a message that is written already."""
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | LENGTH_DELIMITED) + varint(len(raw)) + raw


def named(number: int, name: str, value: bytes) -> bytes:
    """An entry of what the proto has instead of maps."""
    return field(number, field(1, name) + field(2, value))


def extensions(number: int, of: Schema) -> bytes:
    """Their values are YAML, and JSON is that."""
    found = ((key, msgspec.json.encode(of[key]).decode()) for key in EXTENSIONS if key in of)
    return b"".join(named(number, key, field(2, text)) for key, text in found)


def schema(of: Schema) -> bytes:
    only = of["allOf"][0] if len(of.get("allOf", ())) == 1 else of
    if "$ref" in only:
        written = field(SCHEMA["$ref"], only["$ref"].replace(V3, V2))
        return written + field(SCHEMA["description"], of.get("description", ""))
    written = b"".join(field(SCHEMA[key], of[key]) for key in ("format", "description") if key in of)
    written += b"".join(field(SCHEMA["required"], name) for name in of.get("required", ()))
    if isinstance(of.get("additionalProperties"), dict):
        written += field(SCHEMA["additionalProperties"], field(1, schema(of["additionalProperties"])))
    if "type" in of:
        written += field(SCHEMA["type"], field(1, of["type"]))
    if "items" in of:
        written += field(SCHEMA["items"], field(1, schema(of["items"])))
    if of.get("properties"):
        parts = (named(1, name, schema(part)) for name, part in of["properties"].items())
        written += field(SCHEMA["properties"], b"".join(parts))
    return written + extensions(SCHEMA["extension"], of)


def parameter(of: Schema) -> bytes:
    """A query's; those of paths are not read by anybody."""
    words = {"in": "query", "name": of["name"], "type": of["schema"]["type"]}
    query = b"".join(field(PARAMETER[key], value) for key, value in words.items())
    return field(1, field(2, field(3, query)))  # an item: a parameter: one that is no body: of the query


def operation(of: Schema) -> bytes:
    written = field(OPERATION["operationId"], of["operationId"])
    queries = (each for each in of["parameters"] if each["in"] == "query")
    written += b"".join(field(OPERATION["parameters"], parameter(each)) for each in queries)
    return written + extensions(OPERATION["extension"], of)


def path(of: Schema) -> bytes:
    return b"".join(field(number, operation(of[method])) for method, number in METHODS.items() if method in of)


def entries(number: int, of: Iterable[tuple[str, bytes]]) -> bytes:
    return b"".join(named(number, name, value) for name, value in of)


@cache
def document() -> bytes:
    shared = ((f"{META}.{name}", schema(each)) for name, each in SHARED.items())
    own = ((name, schema(each)) for kind in KINDS for name, each in schemas(kind).items())
    where = ((address, path(each)) for kind in KINDS for address, each in paths(kind).items())
    info = field(1, "vmconsole") + field(2, discovery.VERSION["gitVersion"])
    return b"".join(
        [
            field(DOCUMENT["swagger"], "2.0"),
            field(DOCUMENT["info"], info),
            field(DOCUMENT["paths"], entries(2, where)),
            field(DOCUMENT["definitions"], entries(1, [*shared, *own])),
        ]
    )


def old(request: HttpRequest) -> HttpResponseBase:  # noqa: ARG001
    """`/openapi/v2`. In JSON nobody asks for it: clients that read JSON read the third version."""
    return HttpResponse(document(), content_type="application/octet-stream")  # its real name is no media type
