"""`login` and `status`: who we are to which server.

Passwords and tokens are asked on the terminal or read from standard input. They are never arguments, which every
process of the computer could read, and never printed.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from vmctl import kubeconfig
from vmctl.client import LOOPBACK, Api
from vmctl.commands.tokens import Days, until
from vmctl.errors import Exit, Failed, usage
from vmctl.options import Context, Format, Output
from vmctl.output import columns, dump, say
from vmctl.session import Session
from vmctl.words import _

TOKEN_CHARS = 4096
ME = "/api/v1/me"


def login(
    url: Annotated[str, typer.Argument(metavar="URL", help=_("Where the console is."))],
    user: Annotated[str, typer.Option("--user", "-u", metavar="NAME", help=_("Your name; asked if not given."))] = "",
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help=_("Read a token from standard input instead."))
    ] = False,
    context: Annotated[str, typer.Option("--context", metavar="NAME", help=_("What to call it."))] = kubeconfig.NAME,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", metavar="NAME", help=_("The namespace to work in."))
    ] = "default",
    authority: Annotated[
        str, typer.Option("--certificate-authority", metavar="FILE", help=_("PEM file of who signed its certificate."))
    ] = "",
    plain: Annotated[
        bool, typer.Option("--plain-http", help=_("Send secrets unencrypted, over a network you trust."))
    ] = False,
    days: Days = 30,
) -> None:
    server = _checked(url, plain=plain)
    found = kubeconfig.Context(context, server, "", namespace, kubeconfig.text_of(Path(authority)) if authority else "")
    found = _by_https(found)
    if token_stdin:
        raw, who = _token_from_stdin(), ""
    else:
        raw, who, found = _signed_in(found, user, days)
    made = kubeconfig.Context(found.name, found.server, raw, found.namespace, found.authority)
    who = who or str(Api(made).get(ME).get("username", ""))
    path = kubeconfig.write(made)
    say(_("Signed in to %(server)s as %(who)s.") % {"server": made.server, "who": who})
    say(_("The context “%(context)s” is in %(file)s.") % {"context": made.name, "file": path})
    say(_("Try: kubectl --context %(context)s get gvm") % {"context": made.name})


def _checked(url: str, *, plain: bool) -> str:
    server = url if "://" in url else f"https://{url}"
    try:
        parts = urlsplit(server)
        _port = parts.port
    except ValueError as error:
        raise usage(_("That is not an address: %(why)s.") % {"why": error}) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise usage(_("That is not an address: %(why)s.") % {"why": url}, _("Write it as https://console.example."))
    if parts.username or parts.password or parts.query or parts.fragment:
        raise usage(_("The address has more in it than a place."), _("Leave names, passwords and queries out of it."))
    if parts.scheme == "http" and parts.hostname not in LOOPBACK and not plain:
        raise usage(
            _("Over http your password and token could be read on the way."),
            _("Use https, or --plain-http where you trust the network."),
        )
    return server.rstrip("/")


def _by_https(context: kubeconfig.Context) -> kubeconfig.Context:
    """The console's own https door where there is one: kubectl sends no token over http."""
    if context.server.startswith("https://"):
        return context
    try:
        told = Api(context).get("/api/v1/server")
    except Failed as failed:
        if failed.code is Exit.NOT_FOUND:
            return context
        raise
    if not told.get("port"):
        return context
    host = urlsplit(context.server).hostname or ""
    server = f"https://{f'[{host}]' if ':' in host else host}:{int(told['port'])}"
    return kubeconfig.Context(context.name, server, "", context.namespace, str(told["certificate_authority"]))


def _token_from_stdin() -> str:
    raw = sys.stdin.readline(TOKEN_CHARS).strip()
    if not raw or not raw.isascii() or not raw.isprintable() or " " in raw:
        raise usage(_("There is no token on standard input."), _("Write: vmctl login URL --token-stdin < FILE"))
    return raw


def _signed_in(context: kubeconfig.Context, user: str, days: int) -> tuple[str, str, kubeconfig.Context]:
    if not sys.stdin.isatty():
        raise usage(_("There is no terminal to ask for the password on."), _("Use --token-stdin with a token."))
    name = user or typer.prompt(_("Name"), err=True)
    password = typer.prompt(_("Password"), hide_input=True, err=True)
    body = {"username": name, "password": password, "name": f"vmctl@{socket.gethostname()}"[:60],
            "expires_at": until(days)}  # fmt: skip
    answer = Api(context).json("POST", "/api/v1/login", json=body)
    raw = str(answer.get("token") or "")
    if not raw:
        raise Failed(_("%(server)s gave no token.") % {"server": context.server}, "", Exit.SIGNED_OUT)
    return raw, name, context


def status(output: Output = Format.TABLE, context: Context = "") -> None:
    session = Session(context)
    told = {
        "context": session.context.name,
        "server": session.context.server,
        "version": session.api.get("/version").get("gitVersion", ""),
        "user": session.api.get(ME).get("username", ""),
        "namespace": session.namespace,
    }
    from vmctl.discovery import MACHINE, NODE
    from vmctl.waiting import state_of

    states: dict[str, int] = {}
    for machine in session.list(MACHINE):
        states[state_of(machine) or "Unknown"] = states.get(state_of(machine) or "Unknown", 0) + 1
    nodes = {one["metadata"]["name"]: _ready(one) for one in _seen(session, NODE)}
    if output in (Format.YAML, Format.JSON):
        typer.echo(dump({**told, "nodes": nodes, "machines": states}, output))
        return
    titles = {"context": _("Context"), "server": _("Server"), "version": _("Version"), "user": _("Signed in as"),
              "namespace": _("Namespace")}  # fmt: skip
    rows = [[titles[key], value] for key, value in told.items()]
    rows += [[_("Node"), f"{name} {state}"] for name, state in nodes.items()]
    count = ", ".join(f"{number} {state}" for state, number in sorted(states.items())) or _("none")
    say(columns([], [*rows, [_("Machines"), count]], headless=True))


def _seen(session: Session, resource: Any) -> list[dict[str, Any]]:
    try:
        return list(session.list(resource))
    except Failed as failed:
        if failed.code in (Exit.FORBIDDEN, Exit.NOT_FOUND):
            return []
        raise


def _ready(node: dict[str, Any]) -> str:
    conditions = (node.get("status") or {}).get("conditions") or []
    ready = next((one.get("status") for one in conditions if one.get("type") == "Ready"), "Unknown")
    return {"True": "Ready", "False": "NotReady"}.get(str(ready), "Unknown")
