"""Fields nobody knows: refused, warned about or dropped, as `fieldValidation` says.

The walk follows the kind's schema, so what is unknown is exactly what the schema does not have. Types and ranges are
checked afterwards, by the schema itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
from django.utils.translation import gettext as _
from msgspec import inspect

from apiserver.bodies import Options
from apiserver.kinds import Kind, Manifest
from apiserver.status import BadRequest

# ObjectMeta in full: clients send back what they were given.
METADATA = frozenset(
    {
        "name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation", "creationTimestamp",
        "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences", "finalizers",
        "managedFields",
    }
)  # fmt: skip
TOP = frozenset({"apiVersion", "kind", "metadata", "status"})
MOST_WARNINGS = 20


@cache
def fields_of(struct: type[msgspec.Struct]) -> dict[str, inspect.Type]:
    shape = inspect.type_info(struct)
    assert isinstance(shape, inspect.StructType)
    return {field.encode_name: field.type for field in shape.fields}


def known_only(kind: Kind, manifest: Manifest, options: Options) -> tuple[Manifest, list[str]]:
    """The manifest without what nobody knows, and a sentence for each such field. Strict refuses them instead."""
    kept = {key: value for key, value in manifest.items() if key != "status"}
    unknown = list(_unknown_top(kind, kept))
    if unknown and options.validation == "Strict":
        told = ", ".join(f'unknown field "{path}"' for path in unknown[:MOST_WARNINGS])
        sentence = _(
            "%(kind)s in version “%(version)s” cannot be handled as a %(kind)s: strict decoding error: %(told)s"
        )
        raise BadRequest(sentence % {"kind": kind.name, "version": kind.version, "told": told})
    warnings = [f'unknown field "{path}"' for path in unknown[:MOST_WARNINGS]] if options.validation == "Warn" else []
    return kept, warnings


def _unknown_top(kind: Kind, manifest: Manifest) -> Iterator[str]:
    known = fields_of(kind.schema)
    for key in [key for key in manifest if key not in TOP and key not in known]:
        del manifest[key]
        yield key[:80]
    metadata = manifest.get("metadata")
    if isinstance(metadata, dict):
        manifest["metadata"] = metadata = dict(metadata)
        for key in [key for key in metadata if key not in METADATA]:
            del metadata[key]
            yield f"metadata.{key[:80]}"
    for key, shape in known.items():
        if key in manifest and manifest[key] is None:
            del manifest[key]
        elif key not in TOP and key in manifest:
            manifest[key], found = _pruned(manifest[key], shape, key)
            yield from found


def _pruned(value: Any, shape: inspect.Type, path: str) -> tuple[Any, list[str]]:
    shape = _plain(shape)
    if isinstance(shape, inspect.StructType) and isinstance(value, dict):
        return _pruned_struct(value, shape, path)
    if isinstance(shape, inspect.ListType) and isinstance(value, list):
        pairs = [_pruned(each, shape.item_type, f"{path}[{number}]") for number, each in enumerate(value)]
        return [each for each, _found in pairs], [one for _each, found in pairs for one in found]
    return value, []


def _pruned_struct(value: dict[str, Any], shape: inspect.StructType, path: str) -> tuple[Any, list[str]]:
    fields = {field.encode_name: field.type for field in shape.fields}
    kept, unknown = {}, []
    for key, each in value.items():
        if key not in fields:
            unknown.append(f"{path}.{key[:80]}")
            continue
        if each is None:  # as good as left out
            continue
        kept[key], found = _pruned(each, fields[key], f"{path}.{key}")
        unknown += found
    return kept, unknown


def _plain(shape: inspect.Type) -> inspect.Type:
    """Without the “or null”, and without what describes it."""
    if isinstance(shape, inspect.Metadata):
        return _plain(shape.type)
    if isinstance(shape, inspect.UnionType):
        rest = [each for each in shape.types if not isinstance(each, inspect.NoneType)]
        return _plain(rest[0]) if len(rest) == 1 else shape
    return shape
