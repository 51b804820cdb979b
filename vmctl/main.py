"""`vmctl`: the list of commands, and what happens when one of them fails.

Only the command that was asked for is imported and built: reading the signatures of all of them would take longer than
most of them run (`scripts/bench vmctl`).
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, NamedTuple

import typer

from vmctl import __version__
from vmctl.commands.shells import COMPLETING
from vmctl.errors import Failed
from vmctl.frame import Command, Group, group
from vmctl.words import _


class Entry(NamedTuple):
    """Where a command is: a function, or an app with commands of its own."""

    module: str
    name: str
    sentence: str


COMMANDS: dict[str, dict[str, Entry]] = {
    _("Sign in"): {
        "login": Entry("signing", "login", _("Sign in, and write a context for kubectl and vmctl.")),
        "status": Entry("signing", "status", _("The server, who you are there, nodes and machines.")),
        "token": Entry("tokens", "app", _("Tokens: list, create, revoke.")),
    },
    _("Look"): {
        "get": Entry("looking", "get", _("List objects, or show some.")),
        "describe": Entry("looking", "describe", _("Everything about an object, with its events.")),
        "why": Entry("reasons", "why", _("Why a machine is as it is, with evidence.")),
        "top": Entry("top", "top", _("CPU and memory of machines, live.")),
        "logs": Entry("consoles", "logs", _("What a machine printed on its serial port.")),
        "events": Entry("records", "events", _("What happened.")),
        "operations": Entry("records", "app", _("Requests in flight and ended; cancel one.")),
        "audit": Entry("records", "audit", _("Who asked for what.")),
        "explain": Entry("explaining", "explain", _("What a kind and its fields mean.")),
    },
    _("Change"): {
        "create": Entry("creating", "app", _("Make something new, from flags or manifests.")),
        "apply": Entry("making", "apply", _("Make it as manifests say.")),
        "diff": Entry("making", "diff", _("What apply would change; exit code 1 when it would.")),
        "delete": Entry("making", "delete", _("Delete objects.")),
        "trash": Entry("trash", "app", _("Deleted machines: list, restore, purge.")),
        "start": Entry("power", "start", _("Start machines.")),
        "stop": Entry("power", "stop", _("Stop machines.")),
        "restart": Entry("power", "restart", _("Restart machines.")),
        "pause": Entry("power", "pause", _("Pause machines.")),
        "resume": Entry("power", "resume", _("Let paused machines go on.")),
        "image": Entry("files", "app", _("Images: list, add from a URL, delete.")),
        "upload": Entry("files", "upload", _("Upload a disk image; go on after a cut.")),
    },
    _("Work in a machine"): {
        "console": Entry("consoles", "console", _("The serial console, here; leave it with Ctrl+].")),
        "vnc": Entry("consoles", "vnc", _("The screen, in a VNC viewer.")),
        "screenshot": Entry("consoles", "screenshot", _("The screen as a PNG file.")),
        "ssh": Entry("consoles", "ssh", _("ssh to the machine's address.")),
    },
    _("The rest"): {
        "completion": Entry("shells", "completion", _("Print what a shell needs for completion.")),
    },
}
ENTRIES = {name: entry for group in COMMANDS.values() for name, entry in group.items()}


def built(name: str) -> Any:
    """The command itself, made from its signature."""
    entry = ENTRIES[name]
    found = getattr(import_module(f"vmctl.commands.{entry.module}"), entry.name)
    if isinstance(found, typer.Typer):
        return typer.main.get_command(found)
    alone = group()
    alone.command(name, help=entry.sentence, cls=Command)(found)
    return typer.main.get_command(alone)


class Commands(Group):
    """Knows its commands by name and sentence, and builds the one that is run."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(ENTRIES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return Command(cmd_name, help=ENTRIES[cmd_name].sentence) if cmd_name in ENTRIES else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and built(str(command.name)), rest

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for title, commands in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<10}", entry.sentence) for name, entry in commands.items()])


app = group(
    _("Virtual machines of a vmconsole: make them, watch them, work in them."),
    cls=Commands,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"vmctl {__version__}")
        raise typer.Exit


@app.callback()
def vmctl(
    _asked: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help=_("Print the version.")),
) -> None:
    """Options that stand before every command."""


def main() -> None:
    if COMPLETING in os.environ:
        # The library knows how to talk to shells only when it may install things itself.
        from typer._completion_classes import completion_init

        completion_init()
    try:
        typer.main.get_command(app)(prog_name="vmctl")
    except Failed as failed:
        typer.echo(f"vmctl: {failed}", err=True)
        sys.exit(failed.code)
    except KeyboardInterrupt:
        sys.exit(130)
