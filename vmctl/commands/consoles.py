"""`console vnc screenshot ssh logs`: what a machine shows and says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from ipaddress import ip_interface
from pathlib import Path
from typing import Annotated, Any

import typer

from vmctl.errors import Exit, Failed, clean, usage
from vmctl.options import Context, Machine, Namespace
from vmctl.output import note, say
from vmctl.session import Session, machine_name
from vmctl.sockets import instance_path, open_console
from vmctl.words import _

Since = Annotated[
    str,
    typer.Option("--since", metavar="LENGTH", help=_("Only lines younger than that: 10m, 1h30m."), show_default=False),
]
SinceTime = Annotated[
    str,
    typer.Option(
        "--since-time", metavar="TIME", help=_("Only lines from then on: 2026-11-27T10:00:00Z."), show_default=False
    ),
]
Until = Annotated[
    str,
    typer.Option(
        "--until", metavar="LENGTH|TIME", help=_("Only lines up to then: 5m (ago), 2026-11-27T10:00:00Z."),
        show_default=False,
    ),
]  # fmt: skip
USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


def console(name: Machine, namespace: Namespace = "", context: Context = "") -> None:
    from vmctl import terminal

    session = Session(context, namespace)
    name = machine_name(name)
    terminal.need_terminal()
    connection = open_console(session, name, "console")
    note(_("The serial console of %(name)s. Leave it with Ctrl+].") % {"name": name})
    sys.stdout.flush()
    why = terminal.attach(connection, sys.stdin.fileno(), sys.stdout.fileno())
    if why:
        raise Failed(why, _("Look with: vmctl why %(name)s.") % {"name": name})


def vnc(
    name: Machine,
    proxy_only: Annotated[
        bool, typer.Option("--proxy-only", help=_("Only give a port for a VNC viewer of your choice."))
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help=_("The port; a free one if not given."))] = 0,
    namespace: Namespace = "",
    context: Context = "",
) -> None:
    from vmctl import screens

    session = Session(context, namespace)
    name = machine_name(name)
    open_console(session, name, "vnc").close()  # what is refused is refused now, not behind a viewer's back
    with screens.listen(port) as listener:
        chosen = listener.getsockname()[1]
        viewer = [] if proxy_only else screens.viewer_command(chosen)
        if not viewer and not proxy_only:
            note(_("There is no VNC viewer on this computer. Use one of your own at this port."))
        server = threading.Thread(
            target=screens.serve, args=(listener, lambda: open_console(session, name, "vnc"), note), daemon=True
        )
        server.start()
        if viewer:
            subprocess.run(viewer, check=False, stdin=subprocess.DEVNULL)
            return
        say(f"127.0.0.1:{chosen}")
        sys.stdout.flush()
        note(_("VNC viewers find %(name)s there. End with Ctrl+C.") % {"name": name})
        server.join()


def screenshot(
    name: Machine,
    file: Annotated[str, typer.Option("--file", "-f", metavar="FILE|-", help=_("Where to put it; NAME.png."))] = "",
    namespace: Namespace = "",
    context: Context = "",
) -> None:
    session = Session(context, namespace)
    name = machine_name(name)
    path = instance_path(session.namespace, name, "vnc/screenshot")
    picture = session.api.request("GET", path, headers={"Accept": "image/png, application/json"}).content
    if file == "-":
        sys.stdout.buffer.write(picture)
        return
    target = Path(file or f"{name}.png")
    try:
        target.write_bytes(picture)
    except OSError as error:
        raise Failed(_("%(file)s cannot be written: %(why)s.") % {"file": target, "why": error.strerror}) from error
    say(str(target))


def ssh(
    who: Annotated[str, typer.Argument(metavar="[USER@]NAME", help=_("The virtual machine, and as whom."))],
    rest: Annotated[list[str] | None, typer.Argument(metavar="[-- SSH ARGUMENTS]", help=_("What ssh gets."))] = None,
    namespace: Namespace = "",
    context: Context = "",
) -> None:
    user, at, name = who.rpartition("@")
    if at and not USER.fullmatch(user):
        raise usage(_("“%(user)s” is not a user name.") % {"user": user})
    address = address_of(Session(context, namespace).machine(name))
    target = f"{user}@{address}" if at else address
    try:
        os.execvp("ssh", ["ssh", *(rest or []), target] if _is_options(rest) else ["ssh", target, *(rest or [])])  # noqa: S606
    except FileNotFoundError as error:
        raise Failed(_("There is no ssh on this computer."), _("Install OpenSSH's client.")) from error


def _is_options(rest: list[str] | None) -> bool:
    return bool(rest) and rest[0].startswith("-") if rest else False


def address_of(machine: dict[str, Any]) -> str:
    """The first address of the machine. It comes from a guest's word, so nothing but an address is passed to ssh."""
    for card in (machine.get("status") or {}).get("interfaces") or []:
        for text in card.get("ipAddresses") or []:
            try:
                return str(ip_interface(str(text).partition("%")[0]).ip)
            except ValueError:
                continue
    name = machine["metadata"]["name"]
    fix = _("Wait until it has booted, or look with: vmctl why %(name)s.") % {"name": name}
    raise Failed(_("%(name)s has no address that we know.") % {"name": name}, fix, Exit.NOT_FOUND)


def logs(
    name: Machine,
    follow: Annotated[bool, typer.Option("--follow", "-f", help=_("Go on with what comes."))] = False,
    tail: Annotated[int, typer.Option(min=0, metavar="LINES", help=_("Only the last lines; 0 for all."))] = 0,
    raw: Annotated[bool, typer.Option("--raw", help=_("Exactly as the machine printed it."))] = False,
    since: Since = "",
    since_time: SinceTime = "",
    until: Until = "",
    namespace: Namespace = "",
    context: Context = "",
) -> None:
    from vmctl import seriallogs

    if since and since_time:
        raise usage(_("--since and --since-time say the same; give one of them."))
    if until and follow:
        raise usage(_("--follow has no end, so it does not go with --until."))
    session = Session(context, namespace)
    machine = session.machine(name)
    for text in seriallogs.read(session, machine, tail=tail, follow=follow, since=since or since_time, until=until):
        shown = text if raw or not sys.stdout.isatty() else clean(seriallogs.plain(text))
        sys.stdout.write(shown)
        sys.stdout.flush()
