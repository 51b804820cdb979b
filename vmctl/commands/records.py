"""`events operations audit`: what happened, what is under way, and who asked."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vmctl import waiting
from vmctl.commands.looking import event_rows
from vmctl.discovery import EVENT
from vmctl.frame import Command, group
from vmctl.options import Context, Format, Namespace, Output, Timeout
from vmctl.output import columns, dump, note, say, show_rows
from vmctl.session import Session
from vmctl.words import _

Most = Annotated[int, typer.Option("--limit", min=1, max=10_000, metavar="NUMBER", help=_("How many at the most."))]
Everywhere = Annotated[bool, typer.Option("--all-namespaces", "-A", help=_("In every namespace."))]

OPERATIONS = {
    "uid": _("UID"), "verb": _("VERB"), "subject_kind": _("KIND"), "namespace": _("NAMESPACE"),
    "subject_name": _("NAME"), "state": _("STATE"), "percent": "%", "actor_name": _("WHO"), "created_at": _("AGE"),
    "message": _("MESSAGE"),
}  # fmt: skip
AUDIT = {
    "id": _("NUMBER"), "at": _("AGE"), "actor_name": _("WHO"), "action": _("VERB"), "phase": _("OUTCOME"),
    "kind": _("KIND"), "namespace": _("NAMESPACE"), "name": _("NAME"), "source": _("FROM"), "hash": _("HASH"),
}  # fmt: skip

app = group(_("Requests in flight and ended; cancel one."), invoke_without_command=True)


def events(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help=_("Only of this virtual machine."))] = "",
    everywhere: Everywhere = False, watch: Annotated[bool, typer.Option("--watch", "-w", help=_("Go on."))] = False,
    output: Output = Format.TABLE, namespace: Namespace = "", context: Context = "",
) -> None:  # fmt: skip
    session = Session(context, namespace)
    place = "" if everywhere else session.namespace
    query = {"fieldSelector": f"involvedObject.uid={session.machine(name)['metadata']['uid']}"} if name else {}
    found = list(session.list(EVENT, place, **query))
    if output in (Format.YAML, Format.JSON):
        typer.echo(dump({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": found}, output))
        return
    heads = [_("TYPE"), _("REASON"), _("AGE"), _("COUNT"), _("OBJECT"), _("MESSAGE")]
    if found:
        say(columns(heads, _rows(found)))
    elif not watch:
        note(_("There are no events."))
    if watch:
        _follow(session, place, query)


def _rows(found: list[dict[str, Any]]) -> list[list[str]]:
    from vmctl.commands.looking import when

    ordered = sorted(found, key=when)
    about = [one.get("involvedObject") or {} for one in ordered]
    shown = zip(event_rows(ordered), about, strict=True)
    return [[*cells[:4], f"{one.get('kind', '')}/{one.get('name', '')}", cells[4]] for cells, one in shown]


def _follow(session: Session, place: str, query: dict[str, str]) -> None:
    from vmctl.watching import changes

    version = session.api.get(EVENT.path(place), params={**query, "limit": "1"})["metadata"]["resourceVersion"]
    for change in changes(session, EVENT, place, version, query):
        if change["type"] != "DELETED":
            say(columns([], _rows([change["object"]]), headless=True))


@app.callback()
def operations(
    ctx: typer.Context, everywhere: Everywhere = False, open_only: Annotated[
        bool, typer.Option("--open", help=_("Only those under way."))] = False,
    limit: Most = 50, output: Output = Format.TABLE, namespace: Namespace = "", context: Context = "",
) -> None:  # fmt: skip
    if ctx.invoked_subcommand:
        return
    session = Session(context, namespace)
    query = {} if everywhere else {"namespace": session.namespace}
    query |= {"state": "open"} if open_only else {}
    rows = list(session.api.pages("/api/v1/operations", query, limit))
    show_rows(rows, OPERATIONS, output, wide=("subject_kind", "message"))


@app.command(cls=Command, help=_("Stop one that can be stopped."))
def cancel(
    uid: Annotated[str, typer.Argument(metavar="UID", help=_("Which, as the list shows it."))],
    wait: Annotated[bool, typer.Option("--wait", help=_("Come back when it is done."))] = False,
    timeout: Timeout = waiting.SECONDS, context: Context = "",
) -> None:  # fmt: skip
    from urllib.parse import quote

    session = Session(context)
    place = f"/api/v1/operations/{quote(uid, safe='')}"
    session.api.request("POST", f"{place}/cancel")
    if wait:
        waiting.wait_operation(session, uid, seconds=timeout)
    say(
        _("Operation %(uid)s is cancelled.") % {"uid": uid}
        if wait
        else _("Operation %(uid)s is asked to stop.") % {"uid": uid}
    )


def audit(
    everywhere: Everywhere = False,
    about: Annotated[str, typer.Option("--name", metavar="NAME", help=_("Only about this object."))] = "",
    who: Annotated[str, typer.Option("--who", metavar="USER", help=_("Only what this person asked for."))] = "",
    limit: Most = 50, output: Output = Format.TABLE, namespace: Namespace = "", context: Context = "",
) -> None:  # fmt: skip
    session = Session(context, namespace)
    asked = {"object": about, "person": who, "namespace": "" if everywhere else session.namespace}
    rows = list(session.api.pages("/api/v1/audit", {key: value for key, value in asked.items() if value}, limit))
    show_rows(rows, AUDIT, output, wide=("source", "hash"), name="id")
