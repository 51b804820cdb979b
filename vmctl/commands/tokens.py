"""`token`: how programs prove whose wishes they carry. One is shown once, to whom made it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer

from vmctl.errors import Exit, Failed
from vmctl.frame import Command, group
from vmctl.options import Context, Format, Output, Yes
from vmctl.output import note, say, show_rows
from vmctl.session import Session
from vmctl.words import _

app = group(_("Tokens: list, create, revoke."), no_args_is_help=True)
Days = Annotated[int, typer.Option("--days", min=1, max=365, help=_("How long it is good."))]
COLUMNS = {
    "id": _("NUMBER"), "name": _("NAME"), "prefix": _("BEGINS"), "owner": _("OWNER"), "rights": _("RIGHTS"),
    "namespaces": _("NAMESPACES"), "state": _("STATE"), "expires_at": _("ENDS"), "last_used_at": _("USED"),
    "created_at": _("AGE"),
}  # fmt: skip


class Rights(StrEnum):
    """A token's reach within its owner's, as the server names it."""

    READ = "read"
    READ_WRITE = "read-write"
    CONSOLE = "console"
    EVERYTHING = "everything"


def _usual(session: Session) -> str:
    """A month. No token makes one that lasts longer than itself, so it ends with ours at the latest."""
    ours = (session.api.get("/api/v1/me").get("token") or {}).get("expires_at")
    wanted = until(30)
    return min(wanted, str(ours), key=datetime.fromisoformat) if ours else wanted


def until(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


@app.command("list", cls=Command, help=_("Your tokens, without their secrets."))
def tokens(output: Output = Format.TABLE, context: Context = "") -> None:
    rows = list(Session(context).api.pages("/api/v1/tokens"))
    show_rows(rows, COLUMNS, output, wide=("prefix", "created_at"), name="name")


@app.command("create", cls=Command, help=_("A new one. It is shown once, alone on standard output."))
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help=_("What it is for."))],
    namespaces: Annotated[
        list[str], typer.Option("--only-namespace", metavar="NAME", help=_("Only there; repeat it for more."))
    ] = [],  # noqa: B006  # read only
    rights: Annotated[Rights, typer.Option("--rights", help=_("What it may do of what you may."))] = Rights.READ,
    days: Annotated[
        int | None, typer.Option(min=1, max=365, help=_("How long it is good; 30, or as long as your own."))
    ] = None,
    context: Context = "",
) -> None:
    session = Session(context)
    body: dict[str, Any] = {"name": name, "rights": rights, "expires_at": until(days) if days else _usual(session)}
    body |= {"namespaces": namespaces} if namespaces else {}
    answer = session.api.json("POST", "/api/v1/tokens", json=body)
    note(_("This token is shown only now. Keep it like a password."))
    say(str(answer["token"]))


@app.command("revoke", cls=Command, help=_("End one at once, and everything that was opened with it."))
def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME|NUMBER", help=_("Which, as the list shows it."))],
    yes: Yes = False,
    context: Context = "",
) -> None:
    session = Session(context)
    mine = list(session.api.pages("/api/v1/tokens"))
    found = [one for one in mine if name in (str(one["id"]), one["name"]) and one["state"] == "Good"]
    if len(found) != 1:
        sentence = _("There is no token “%(name)s”.") if not found else _("There are several tokens “%(name)s”.")
        raise Failed(sentence % {"name": name}, _("Take the number from: vmctl token list."), Exit.NOT_FOUND)
    if not yes and sys.stdin.isatty():
        typer.confirm(_("Revoke the token “%(name)s”?") % {"name": found[0]["name"]}, abort=True)
    session.api.request("DELETE", f"/api/v1/tokens/{found[0]['id']}")
    say(_("The token “%(name)s” is revoked.") % {"name": found[0]["name"]})
