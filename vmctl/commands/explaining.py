"""`explain`: what a kind and its fields mean, from the schema that the server publishes."""

from __future__ import annotations

import textwrap
from typing import Annotated, Any

import typer

from vmctl import completing
from vmctl.discovery import Resource
from vmctl.errors import Exit, Failed
from vmctl.options import Context
from vmctl.output import say
from vmctl.session import Session
from vmctl.words import _

Schema = dict[str, Any]
DEEPEST = 30


def explain(
    what: Annotated[
        str, typer.Argument(metavar="KIND[.FIELD]...", help=_("As gvm.spec.disks."), autocompletion=completing.objects)
    ],
    recursive: Annotated[
        bool, typer.Option("--recursive", help=_("All fields below it, without their texts."))
    ] = False,
    context: Context = "",
) -> None:
    session = Session(context)
    word, *path = what.split(".")
    resource = session.resource(word)
    document = session.api.get(_place(session, resource))
    known = document.get("components", {}).get("schemas", {})
    schema = _of_kind(known, resource)
    for number, field in enumerate(path):
        schema = _field(known, schema, field, ".".join([word, *path[:number]]))
    say(_drawn(known, resource, path, schema, recursive=recursive))


def _place(session: Session, resource: Resource) -> str:
    paths = session.api.get("/openapi/v3").get("paths", {})
    wanted = resource.root.lstrip("/")
    if wanted not in paths:
        sentence = _("The server does not describe %(kind)s.") % {"kind": resource.kind}
        raise Failed(sentence, "", Exit.NOT_FOUND)
    return str(paths[wanted].get("serverRelativeURL") or f"/openapi/v3/{wanted}")


def _of_kind(known: dict[str, Schema], resource: Resource) -> Schema:
    wanted = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    for schema in known.values():
        if wanted in (schema.get("x-kubernetes-group-version-kind") or []):
            return schema
    raise Failed(_("The server does not describe %(kind)s.") % {"kind": resource.kind}, "", Exit.NOT_FOUND)


def resolved(known: dict[str, Schema], schema: Schema) -> Schema:
    """Through references, single alternatives and lists, to where the fields are; descriptions nearer by win."""
    described = str(schema.get("description") or "")
    for _step in range(DEEPEST):
        inner = schema.get("$ref") or _only(schema)
        if isinstance(inner, str):
            schema = known.get(inner.rpartition("/")[2], {})
        elif inner is not None:
            schema = inner
        else:
            break
        described = described or str(schema.get("description") or "")
    return {**schema, "description": described}


def _only(schema: Schema) -> Schema | None:
    for word in ("allOf", "anyOf", "oneOf"):
        parts = [part for part in schema.get(word) or [] if part.get("type") != "null"]
        if len(parts) == 1:
            return dict(parts[0])
    return None


def _fields(known: dict[str, Schema], schema: Schema) -> dict[str, Schema]:
    schema = resolved(known, schema)
    if schema.get("type") == "array":
        return _fields(known, schema.get("items") or {})
    values = schema.get("additionalProperties")
    return schema.get("properties") or (_fields(known, values) if isinstance(values, dict) else {})


def _field(known: dict[str, Schema], schema: Schema, name: str, place: str) -> Schema:
    fields = _fields(known, schema)
    if name not in fields:
        fix = _("It has: %(names)s.") % {"names": ", ".join(sorted(fields))} if fields else ""
        raise Failed(_("%(place)s has no field “%(name)s”.") % {"place": place, "name": name}, fix, Exit.NOT_FOUND)
    return fields[name]


def _type(known: dict[str, Schema], schema: Schema) -> str:
    schema = resolved(known, schema)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "")
    if kind == "array":
        return f"[]{_type(known, schema.get('items') or {})}"
    if kind == "object" or schema.get("properties"):
        values = schema.get("additionalProperties")
        return f"map[string]{_type(known, values)}" if isinstance(values, dict) and values else "Object"
    if schema.get("enum"):
        return "|".join(str(one) or '""' for one in schema["enum"])
    return str(kind or "any")


def _drawn(known: dict[str, Schema], resource: Resource, path: list[str], schema: Schema, *, recursive: bool) -> str:
    whole = resolved(known, schema)
    lines = [f"KIND:       {resource.kind}", f"VERSION:    {resource.api_version}", ""]
    if path:
        lines += [f"FIELD: {path[-1]} <{_type(known, schema)}>", ""]
    lines += ["DESCRIPTION:", textwrap.indent(textwrap.fill(whole["description"] or "-", 76), "    "), ""]
    fields = _fields(known, schema)
    if fields:
        lines += ["FIELDS:", *_listed(known, schema, recursive=recursive, depth=0)]
    return "\n".join(lines)


def _listed(known: dict[str, Schema], schema: Schema, *, recursive: bool, depth: int) -> list[str]:
    inner = resolved(known, schema)
    needed = set(
        (inner.get("items") or inner).get("required") or resolved(known, inner.get("items") or {}).get("required") or []
    )
    lines: list[str] = []
    for name, one in sorted(_fields(known, schema).items()):
        mark = " -required-" if name in needed else ""
        lines.append("  " * (depth + 1) + f"{name}\t<{_type(known, one)}>{mark}")
        if recursive and depth < DEEPEST:
            lines += _listed(known, one, recursive=True, depth=depth + 1)
        elif not recursive:
            text = resolved(known, one)["description"]
            lines += [*(["    " + line for line in textwrap.wrap(text, 76)]), ""]
    return lines
