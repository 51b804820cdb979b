"""What every field of a machine's manifest means, out of the schema itself, so that no help can be out of date.

The YAML page lists it whole; a form gives each of its fields the help of the field in the manifest that it stands for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django import forms
from django.utils.translation import gettext, gettext_lazy
from msgspec import inspect

from inventory.schema import VirtualMachineSpec


@dataclass(frozen=True, slots=True)
class Field:
    path: str
    kind: str
    source: str

    @property
    def text(self) -> str:
        """In the reader's language."""
        return gettext(self.source) if self.source else ""


@cache
def explained_fields() -> tuple[Field, ...]:
    """Every field of the spec, in the schema's order."""
    return tuple(_walk(inspect.type_info(VirtualMachineSpec), "spec"))


def give_help(form: forms.Form, paths: Mapping[str, str]) -> None:
    """Say with each field of the form what its path in the manifest means, unless it says something of its own."""
    for path, name in paths.items():
        field = form.fields[name]
        field.help_text = field.help_text or gettext_lazy(_sources()[path])


@cache
def _sources() -> dict[str, str]:
    return {field.path: field.source for field in explained_fields()}


def _walk(kind: Any, path: str) -> Iterator[Field]:
    for field in kind.fields:
        there, inner = f"{path}.{field.encode_name}", _plain(field.type)
        yield Field(there, _word(inner), _text(field.type))
        if isinstance(inner, inspect.ListType):
            inner, there = _plain(inner.item_type), f"{there}[]"
        if isinstance(inner, inspect.StructType):
            yield from _walk(inner, there)


def _plain(kind: Any) -> Any:
    """Without its notes, and without the None of what may be left out."""
    while isinstance(kind, inspect.Metadata | inspect.UnionType):
        if isinstance(kind, inspect.Metadata):
            kind = kind.type
        else:
            kind = next(part for part in kind.types if not isinstance(part, inspect.NoneType))
    return kind


def _text(kind: Any) -> str:
    if isinstance(kind, inspect.Metadata):
        return str((kind.extra_json_schema or {}).get("description", "")) or _text(kind.type)
    return str(kind.cls.__doc__ or "") if isinstance(kind, inspect.StructType) else ""


def _word(kind: Any) -> str:
    if isinstance(kind, inspect.LiteralType):
        return " | ".join(str(value) for value in kind.values if value != "")
    words: dict[Any, str] = {
        inspect.IntType: "integer", inspect.StrType: "text", inspect.BoolType: "true | false",
        inspect.ListType: "list", inspect.DictType: "mapping", inspect.StructType: "mapping",
    }  # fmt: skip
    return words.get(type(kind), "")
