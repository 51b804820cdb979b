"""`scripts/up`, once the environment is there: start, stop and look at the processes of one state directory.

Stopping never stops guests, as with libvirt: they are somebody's work, and the next start finds them again. Who wants
them down says so (`down --guests`).
"""

from __future__ import annotations

import sys
import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import guests
import host_setup
import launch
import libvirt_check
import logfiles
import typer
from instance import Instance, Trouble, from_environment
from processes import Supervisor
from rich.console import Console
from rich.table import Table

app = typer.Typer(add_completion=False, help="Start, stop and look at the console.", no_args_is_help=False)
out = Console(highlight=False)
# sys.executable, unresolved: the environment's own link, whose folder the processes see below another path.
PYTHON = Path(sys.executable)


@contextmanager
def told() -> Iterator[None]:
    """Trouble becomes a sentence and an exit code, not a traceback."""
    try:
        yield
    except Trouble as trouble:
        out.print(f"[red]{trouble}[/red]", soft_wrap=True)
        raise typer.Exit(1) from trouble
    except xmlrpc.client.Fault as fault:  # supervisord answers with nothing else while it stops
        out.print("[red]The console is just being stopped. Try again in a moment.[/red]")
        raise typer.Exit(1) from fault


def here() -> Instance:
    return from_environment(PYTHON)


@app.callback(invoke_without_command=True)
def up(
    context: typer.Context,
    detach: Annotated[bool, typer.Option("--detach", help="Come back when everything runs.")] = False,
) -> None:
    """Start everything. Without --detach stay, and stop the console (not the guests) on Ctrl-C."""
    if context.invoked_subcommand:
        return
    with told():
        instance = here()
        if Supervisor(instance.state).is_running():
            out.print("It runs already.")
            show(instance)
            return
        password = launch.start(instance, out)
        greet(instance, password)
        if not detach:
            launch.stay(instance, out)


@app.command()
def prepare() -> None:
    """Make users, folders, keys and database ready and start nothing: for service managers (see deploy/)."""
    with told():
        instance = here()
        password = launch.first_steps(instance, launch.make_ready(instance, out))
        if password:
            out.print(f"Sign in as admin with the password {password} (shown this once).", soft_wrap=True)


def greet(instance: Instance, password: str) -> None:
    out.print()
    out.print(f"  [bold]{instance.url}[/bold]")
    out.print(f"  From a terminal: scripts/vmctl login {instance.url.rstrip('/')}", soft_wrap=True)
    if password:
        out.print(f"  Sign in as [bold]admin[/bold] with the password [bold]{password}[/bold]", soft_wrap=True)
        out.print("  It is shown this once and good for one sign-in: you choose your own then.")
    accelerator, why = launch.acceleration(instance)
    if accelerator != "kvm":
        out.print(f"  [yellow]Guests run in software emulation, which is slow.[/yellow] {why}", soft_wrap=True)
    out.print()


@app.command()
def down(
    with_guests: Annotated[bool, typer.Option("--guests", help="Shut the guests down first.")] = False,
    patience: Annotated[int, typer.Option(help="Seconds a guest has before it is switched off.")] = 60,
) -> None:
    """Stop the console. Guests go on running, unless --guests."""
    with told():
        instance = here()
        supervisor = Supervisor(instance.state)
        if not supervisor.is_running():
            out.print("It does not run.")
            raise typer.Exit(0)
        if with_guests:
            for name in ("web", "controller", "worker"):  # nobody shall start again what is being shut down
                supervisor.stop(name)
            guests.shut_down(instance, patience, out)
        launch.stop(instance, out)


@app.command()
def status() -> None:
    """What runs, since when, and where. 3 when something does not."""
    with told():
        if not show(here()):
            raise typer.Exit(3)


@app.command()
def logs(
    process: Annotated[str, typer.Argument(help="web, worker, controller, libvirt, redis, prometheus")] = "",
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as lines come.")] = False,
    lines: Annotated[int, typer.Option("-n", help="How many old lines of each.")] = 20,
) -> None:
    """The last lines of the processes' logs."""
    with told():
        logfiles.show(here().state / "log", process, lines=lines, follow=follow)


def show(instance: Instance) -> bool:
    supervisor = Supervisor(instance.state)
    if not supervisor.is_running():
        out.print("It does not run.")
        return False
    table = Table("process", "state", "since", box=None, pad_edge=False)
    for process in supervisor.states():
        colour = "green" if process["statename"] == "RUNNING" else "red"
        table.add_row(process["name"], f"[{colour}]{process['statename'].lower()}[/{colour}]", process["description"])
    out.print(table)
    silent = libvirt_check.trouble(instance) if instance.runs_libvirt else ""
    if silent:
        out.print(f"[red]{silent}[/red]", soft_wrap=True)
    accelerator, _ = launch.acceleration(instance)
    out.print(
        f"{launch.address(instance)}   state in {instance.state}   guests: {guests.count(instance)} ({accelerator})"
    )
    return not silent


if __name__ == "__main__":
    if not host_setup.is_root():
        sys.exit("scripts/up needs root.")
    app()
