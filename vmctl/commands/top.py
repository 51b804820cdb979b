"""`top`: who uses CPU and memory now, asked of the metrics every few seconds."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

import typer

from vmctl.commands.records import Everywhere
from vmctl.discovery import MACHINE
from vmctl.errors import Exit, Failed, clean
from vmctl.options import Context, Format, Namespace, Output
from vmctl.output import columns, dump, note, say
from vmctl.session import Session
from vmctl.waiting import state_of
from vmctl.words import _

Row = dict[str, Any]
MOST = 40  # machines asked about each time: two questions each
ON = ("Running", "Paused", "Stopping")


def top(
    once: Annotated[bool, typer.Option("--once", help=_("One look, then end."))] = False,
    every: Annotated[float, typer.Option(min=1, metavar="SECONDS", help=_("How often to look."))] = 3,
    everywhere: Everywhere = False, output: Output = Format.TABLE, namespace: Namespace = "", context: Context = "",
) -> None:  # fmt: skip
    session = Session(context, namespace)
    place = "" if everywhere else session.namespace
    if output in (Format.YAML, Format.JSON):
        typer.echo(dump(figures(session, place), output))
    elif once or not sys.stdout.isatty():
        rows = figures(session, place)
        say(columns(_heads(), _cells(rows))) if rows else note(_("No machine is running."))
    else:
        _live(session, place, every)


def _live(session: Session, place: str, every: float) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table

    def drawn() -> Table:
        table = Table(*_heads(), box=None, header_style="bold")
        for row in _cells(figures(session, place)):
            table.add_row(*(clean(cell, keep="") for cell in row))
        return table

    with Live(drawn(), console=Console(markup=False), auto_refresh=False) as live:
        while True:
            time.sleep(every)
            live.update(drawn(), refresh=True)


def figures(session: Session, place: str) -> list[Row]:
    """Running machines with their newest figures, the busiest first."""
    running = [one for one in session.list(MACHINE, place) if state_of(one) in ON]
    if len(running) > MOST:
        note(_("Only the first %(count)s machines are shown. Choose a namespace with -n.") % {"count": MOST})
    rows = [_row(session, machine) for machine in running[:MOST]]
    return sorted(rows, key=lambda row: -(row["cpu_percent"] or 0))


def _row(session: Session, machine: dict[str, Any]) -> Row:
    metadata = machine["metadata"]
    cpu, memory = (newest(session, metadata["uid"], metric) for metric in ("cpu", "memory"))
    return {
        "namespace": metadata["namespace"], "name": metadata["name"], "state": state_of(machine),
        "cpu_percent": cpu.get("cpu"), "memory_host_bytes": memory.get("memory_host"),
        "memory_guest_bytes": memory.get("memory_guest"), "memory_given_bytes": memory.get("memory_domain"),
    }  # fmt: skip


def newest(session: Session, uid: str, metric: str) -> dict[str, float | None]:
    """The last known value of each line of a chart; nothing of a machine that went away meanwhile."""
    try:
        chart = session.api.get("/api/v1/metrics/range", params={"uid": uid, "metric": metric, "range": "10m"})
    except Failed as failed:
        if failed.code in (Exit.NOT_FOUND, Exit.FAILED):
            return {}
        raise
    return {
        line["key"]: next((value for value in reversed(line["values"]) if value is not None), None)
        for line in chart.get("series", [])
    }


def _heads() -> list[str]:
    return [_("NAMESPACE"), _("NAME"), _("STATE"), "CPU %", _("MEMORY"), _("GUEST"), _("GIVEN")]


def _cells(rows: list[Row]) -> list[list[str]]:
    return [
        [
            row["namespace"], row["name"], row["state"], percent(row["cpu_percent"]),
            mib(row["memory_host_bytes"]), mib(row["memory_guest_bytes"]), mib(row["memory_given_bytes"]),
        ]
        for row in rows
    ]  # fmt: skip


def percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1f}"


def mib(count: float | None) -> str:
    return "-" if count is None else f"{count / (1 << 20):.0f}Mi"
