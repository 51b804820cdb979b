"""`get` and `describe`: what is there."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from textwrap import indent
from typing import Annotated, Any

import typer

from vmctl import completing, tables
from vmctl.discovery import EVENT, Resource
from vmctl.errors import usage
from vmctl.merging import without_note
from vmctl.options import Context, Format, Namespace, Output, Selector
from vmctl.output import age, columns, dump, dump_yaml, note, say
from vmctl.searching import fitting, only
from vmctl.session import Session
from vmctl.words import _

What = Annotated[
    list[str],
    typer.Argument(
        metavar="KIND [NAME]...", help=_("A kind and names of it, or KIND/NAME."), autocompletion=completing.objects
    ),
]
Wanted = list[tuple[Resource, list[str]]]


def get(
    what: What,
    output: Output = Format.TABLE,
    namespace: Namespace = "",
    context: Context = "",
    everywhere: Annotated[bool, typer.Option("--all-namespaces", "-A", help=_("In every namespace."))] = False,
    selector: Selector = "",
    field_selector: Annotated[
        str, typer.Option("--field-selector", metavar="FIELDS", help=_("Only objects with these fields."))
    ] = "",
    search: Annotated[
        str,
        typer.Option("--search", "-q", metavar="WORDS", help=_("Only machines that fit, as on the console's page.")),
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", "-w", help=_("Go on and show every change."))] = False,
    headless: Annotated[bool, typer.Option("--no-headers", help=_("Rows only."))] = False,
) -> None:
    session = Session(context, namespace)
    wanted = parse(session, what)
    query = {"labelSelector": selector, "fieldSelector": field_selector}
    if search and watch:
        raise usage(_("Watch one kind, or one object."))
    uids = fitting(session, search, wanted) if search else None
    if watch:
        _watch(session, wanted, query, everywhere=everywhere, wide=output is Format.WIDE, headless=headless)
    elif output in (Format.TABLE, Format.WIDE):
        for number, (resource, names) in enumerate(wanted):
            pages = _tables(session, resource, names, query, everywhere=everywhere)
            pages = pages if uids is None else only(pages, uids)
            many = everywhere and resource.namespaced
            text = tables.drawn(pages, wide=output is Format.WIDE, namespaces=many, headless=headless)
            place = session.namespace if resource.namespaced and not everywhere else ""
            say(("\n" if number and text else "") + text) if text else note(tables.nothing(place))
    else:
        found = _objects(session, wanted, query, everywhere=everywhere)
        _show([one for one in found if uids is None or one["metadata"]["uid"] in uids], wanted, output)


def parse(session: Session, what: list[str]) -> Wanted:
    """`gvm`, `gvm,gdisk`, `gvm web-1 web-2`, `gvm/web-1 gdisk/data`."""
    if any("/" in word for word in what):
        if not all("/" in word for word in what):
            raise usage(_("Write either KIND NAME or KIND/NAME, not both."))
        pairs = [word.split("/", 1) for word in what]
        return [(session.resource(kind), [name]) for kind, name in pairs]
    kinds, names = what[0].split(","), what[1:]
    if len(kinds) > 1 and names:
        raise usage(_("Names go with one kind only."))
    return [(session.resource(kind), names) for kind in kinds if kind]


def _tables(
    session: Session, resource: Resource, names: list[str], query: dict[str, str], *, everywhere: bool
) -> Iterable[dict[str, Any]]:
    if not names:
        return session.list_pages(resource, "" if everywhere else session.namespace, accept=tables.ACCEPT, **query)
    headers = {"Accept": tables.ACCEPT}
    return [session.api.get(resource.path(session.namespace, name), headers=headers) for name in names]


def _objects(session: Session, wanted: Wanted, query: dict[str, str], *, everywhere: bool) -> Iterable[dict[str, Any]]:
    for resource, names in wanted:
        if names:
            yield from (session.get(resource, name) for name in names)
        else:
            yield from session.list(resource, "" if everywhere else session.namespace, **query)


def _show(found: list[dict[str, Any]], wanted: Wanted, output: Format) -> None:
    if output is Format.NAME:
        titles = {(resource.api_version, resource.kind): resource.title for resource, _names in wanted}
        for one in found:
            say(f"{titles[one['apiVersion'], one['kind']]}/{one['metadata']['name']}")
        return
    single = len(wanted) == 1 and len(wanted[0][1]) == 1
    whole = found[0] if single else {"apiVersion": "v1", "kind": "List", "metadata": {}, "items": found}
    typer.echo(dump(whole, output))


def _watch(
    session: Session, wanted: Wanted, query: dict[str, str], *, everywhere: bool, wide: bool, headless: bool
) -> None:
    from vmctl.watching import changes

    if len(wanted) > 1 or len(wanted[0][1]) > 1:
        raise usage(_("Watch one kind, or one object."))
    resource, names = wanted[0]
    if names:
        query = {**query, "fieldSelector": f"metadata.name={names[0]}"}
    namespace = "" if everywhere else session.namespace
    many = everywhere and resource.namespaced
    pages = list(session.list_pages(resource, namespace, accept=tables.ACCEPT, **query))
    definitions = pages[0].get("columnDefinitions") or []
    text = tables.drawn(pages, wide=wide, namespaces=many, headless=headless)
    widths = _widths(text or columns(tables.heads(definitions, wide=wide, namespaces=many), []))
    say(text) if text else note(tables.nothing(namespace if resource.namespaced else ""))
    version = pages[-1]["metadata"]["resourceVersion"]
    for change in changes(session, resource, namespace, version, query, accept=tables.ACCEPT):
        definitions = change["object"].get("columnDefinitions") or definitions
        for row in tables.rows(change["object"], definitions, wide=wide, namespaces=many):
            say("".join(f"{cell:<{size}}" for cell, size in zip(row, [*widths, *[16] * 20], strict=False)).rstrip())


def _widths(text: str) -> list[int]:
    """How wide the columns of the first table came out, so that what follows stands below them."""
    head = text.partition("\n")[0]
    starts = [at for at, letter in enumerate(head) if letter != " " and (at == 0 or head[at - 2 : at] == "  ")]
    return [after - start for start, after in pairwise(starts)]


def describe(
    what: What,
    namespace: Namespace = "",
    context: Context = "",
) -> None:
    session = Session(context, namespace)
    for number, (resource, names) in enumerate(parse(session, what)):
        found = [session.get(resource, name) for name in names] if names else session.list(resource, session.namespace)
        for one in found:
            say(("\n\n" if number else "") + described(one))
            say(events_of(session, one))


def described(thing: dict[str, Any]) -> str:
    metadata = dict(without_note(thing)["metadata"])
    created = str(metadata.get("creationTimestamp") or "")
    first: dict[str, Any] = {"Name": metadata.get("name")}
    if metadata.get("namespace"):
        first["Namespace"] = metadata["namespace"]
    first["Kind"] = f"{thing.get('kind')} ({thing.get('apiVersion')})"
    if created:
        first["Created"] = _("%(when)s (%(age)s ago)") % {"when": created, "age": age(created)}
    for key, title in (("labels", "Labels"), ("annotations", "Annotations"), ("finalizers", "Finalizers")):
        if metadata.get(key):
            first[title] = metadata[key]
    rest = {key: value for key, value in thing.items() if key not in ("apiVersion", "kind", "metadata") and value}
    return dump_yaml(first | {key[:1].upper() + key[1:]: value for key, value in rest.items()})


def events_of(session: Session, thing: dict[str, Any], most: int = 20) -> str:
    """The newest events of an object, as the foot of its description."""
    uid = thing["metadata"].get("uid", "")
    namespace = thing["metadata"].get("namespace") or ""
    found = list(session.list(EVENT, namespace, fieldSelector=f"involvedObject.uid={uid}"))
    if not found:
        return "Events: " + _("none")
    table = columns(["TYPE", "REASON", "AGE", "COUNT", "MESSAGE"], event_rows(sorted(found, key=when)[-most:]))
    return "Events:\n" + indent(table, "  ")


def event_rows(found: Iterable[dict[str, Any]]) -> Iterable[list[str]]:
    ordered = sorted(found, key=when)
    for one in ordered:
        yield [
            str(one.get("type", "")), str(one.get("reason", "")), age(when(one)), str(one.get("count") or 1),
            str(one.get("message", "")),
        ]  # fmt: skip


def when(event: dict[str, Any]) -> str:
    moments = (event.get("lastTimestamp"), event.get("eventTime"), event.get("firstTimestamp"))
    created = (event.get("metadata") or {}).get("creationTimestamp")
    return str(next((moment for moment in (*moments, created) if moment), ""))
