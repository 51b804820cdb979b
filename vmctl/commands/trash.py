"""`trash`: machines that were deleted and can be had back."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vmctl import waiting
from vmctl.commands.making import TRASH
from vmctl.commands.records import Everywhere, Most
from vmctl.errors import Exit, Failed
from vmctl.frame import Command, group
from vmctl.options import Context, Format, Namespace, Output, Timeout, Wait, Yes
from vmctl.output import interactive, say, show_rows
from vmctl.session import Session
from vmctl.words import _

THROWN = {
    "namespace": _("NAMESPACE"), "name": _("NAME"), "trashed_by": _("WHO"), "trashed_at": _("AGE"),
    "until": _("UNTIL"),
}  # fmt: skip
Gone = Annotated[str, typer.Argument(metavar="NAME", help=_("A machine in the trash."))]

app = group(_("Deleted machines: list, restore, purge."), invoke_without_command=True)


@app.callback()
def trash(
    ctx: typer.Context, everywhere: Everywhere = False, limit: Most = 50, output: Output = Format.TABLE,
    namespace: Namespace = "", context: Context = "",
) -> None:  # fmt: skip
    if ctx.invoked_subcommand:
        return
    session = Session(context, namespace)
    rows = [row for row in _all(session) if everywhere or row["namespace"] == session.namespace]
    show_rows(rows[:limit], THROWN, output)


@app.command(cls=Command, help=_("Take one out again, stopped and with everything it had."))
def restore(
    name: Gone, wait: Wait = False, timeout: Timeout = waiting.SECONDS, namespace: Namespace = "", context: Context = ""
) -> None:
    session = Session(context, namespace)
    asked = session.api.json("POST", f"{TRASH}/{_found(session, name)}/restore")
    if wait:
        waiting.wait_operation(session, asked["uid"], seconds=timeout)
    say(_("%(name)s is restored.") % {"name": name})


@app.command(cls=Command, help=_("Delete one for good."))
def purge(
    name: Gone, wait: Wait = False, timeout: Timeout = waiting.SECONDS, yes: Yes = False, namespace: Namespace = "",
    context: Context = "",
) -> None:  # fmt: skip
    session = Session(context, namespace)
    uid = _found(session, name)
    if not yes and interactive():
        typer.confirm(_("Delete %(names)s for good?") % {"names": name}, abort=True)
    asked = session.api.json("DELETE", f"{TRASH}/{uid}")
    if wait:
        waiting.wait_operation(session, asked["uid"], seconds=timeout)
    say(_("%(name)s is purged.") % {"name": name})


def _all(session: Session) -> list[dict[str, Any]]:
    return [row | {"until": row["purge_at"][:16].replace("T", " ")} for row in session.api.pages(TRASH)]


def _found(session: Session, name: str) -> str:
    for row in _all(session):
        if (row["namespace"], row["name"]) == (session.namespace, name):
            return str(row["uid"])
    sentence = _("There is no machine %(name)s in the trash of namespace %(namespace)s.")
    raise Failed(
        sentence % {"name": name, "namespace": session.namespace}, _("See what is there: vmctl trash."), Exit.NOT_FOUND
    )
