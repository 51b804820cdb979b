"""`start stop restart pause resume`: what a machine's buttons do."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vmctl import completing, waiting
from vmctl.discovery import MACHINE
from vmctl.errors import Exit, Failed
from vmctl.options import Context, Namespace, Timeout, Wait
from vmctl.output import say
from vmctl.session import Session, machine_name
from vmctl.sockets import instance_path, machine_path
from vmctl.words import _

Names = Annotated[
    list[str],
    typer.Argument(metavar="NAME...", help=_("Virtual machines."), autocompletion=completing.machines),
]
Force = Annotated[bool, typer.Option("--force", help=_("Switch it off at once, as pulling the plug does."))]


def start(names: Names, wait: Wait = False, timeout: Timeout = waiting.SECONDS, namespace: Namespace = "",
          context: Context = "") -> None:  # fmt: skip
    done = waiting.is_state("Running")
    _ask(Session(context, namespace), names, "start", _("%(name)s is asked to start."), wait, timeout, done)


def stop(names: Names, force: Force = False, wait: Wait = False, timeout: Timeout = waiting.SECONDS,
         namespace: Namespace = "", context: Context = "") -> None:  # fmt: skip
    body = {"gracePeriod": 0} if force else {}
    done = waiting.is_state("Stopped")
    _ask(Session(context, namespace), names, "stop", _("%(name)s is asked to stop."), wait, timeout, done, body)


def restart(names: Names, force: Force = False, wait: Wait = False, timeout: Timeout = waiting.SECONDS,
            namespace: Namespace = "", context: Context = "") -> None:  # fmt: skip
    body = {"gracePeriodSeconds": 0} if force else {}
    done = waiting.is_state("Running")
    _ask(Session(context, namespace), names, "restart", _("%(name)s is asked to restart."), wait, timeout, done, body)


def pause(names: Names, wait: Wait = False, timeout: Timeout = waiting.SECONDS, namespace: Namespace = "",
          context: Context = "") -> None:  # fmt: skip
    done = waiting.is_state("Paused")
    _ask(Session(context, namespace), names, "pause", _("%(name)s is asked to pause."), wait, timeout, done)


def resume(names: Names, wait: Wait = False, timeout: Timeout = waiting.SECONDS, namespace: Namespace = "",
           context: Context = "") -> None:  # fmt: skip
    done = waiting.is_state("Running")
    _ask(Session(context, namespace), names, "unpause", _("%(name)s is asked to go on."), wait, timeout, done)


def _ask(
    session: Session, names: list[str], verb: str, asked: str, wait: bool, timeout: int, done: waiting.Condition,
    body: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """Each in turn; one that is refused keeps nobody else from being asked."""
    refused: list[Failed] = []
    for name in map(machine_name, names):
        try:
            _ask_one(session, name, verb, asked, wait, timeout, done, body or {})
        except Failed as failed:
            if len(names) == 1 or failed.code in (Exit.SIGNED_OUT, Exit.UNREACHABLE):
                raise
            typer.echo(f"vmctl: {name}: {failed}", err=True)
            refused.append(failed)
    if refused:
        sentence = _("%(count)s of %(all)s were refused.") % {"count": len(refused), "all": len(names)}
        raise Failed(sentence, code=refused[0].code)


def _ask_one(
    session: Session, name: str, verb: str, asked: str, wait: bool, timeout: int, done: waiting.Condition,
    body: dict[str, Any],
) -> None:  # fmt: skip
    place = instance_path if verb in ("pause", "unpause") else machine_path
    session.api.request("PUT", place(session.namespace, name, verb), json=body)
    if not wait:
        say(asked % {"name": name})
        return
    operation = str(waiting.latest(session, session.machine(name)).get("uid", ""))
    thing = waiting.wait(session, MACHINE, session.namespace, name, done, seconds=timeout, since=operation)
    say(_("%(name)s is %(state)s.") % {"name": name, "state": waiting.state_of(thing)})
