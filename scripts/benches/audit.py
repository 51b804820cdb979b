"""The audit log: appending, and verifying a million entries; tampering in the last of them is found."""

from __future__ import annotations

import os
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from scripts.benches.results import Figure, show

BATCH = 10_000
APPENDS = 500


def bench(
    entries: Annotated[int, typer.Option(help="How many; the promise is for a million.")] = 1_000_000,
    json_file: Annotated[Path | None, typer.Option("--json")] = None,
) -> None:
    with tempfile.TemporaryDirectory(prefix="vmc-bench-", dir="/tmp") as folder:
        database(Path(folder))
        from observability import chain
        from observability.models import AuditEntry

        each = appending()
        fill(entries - APPENDS)
        begun = time.perf_counter()
        verdict = chain.verify()
        seconds = time.perf_counter() - begun
        if not verdict.intact or verdict.checked != entries:
            raise SystemExit(f"the honest log was doubted: {verdict}")
        found = tampered(AuditEntry, entries)
    limit = 30.0 * entries / 1_000_000
    figures = [
        Figure("appending an entry", 1000 * each, "ms", detail=f"a transaction each, {APPENDS} of them"),
        Figure(
            f"verifying {entries:,} entries", seconds, "s", limit=limit, detail=f"{1e6 * seconds / entries:.1f} µs each"
        ),
        Figure("the flipped entry is named", float(found), "", limit=1, at_least=True),
    ]
    if not show("Audit log", figures, json_file):
        raise SystemExit(1)


def database(state: Path) -> None:
    """A database of the product's own making, which nobody minds losing."""
    os.environ["VMCONSOLE_STATE"] = str(state)
    os.environ["DJANGO_SETTINGS_MODULE"] = "vmconsole.settings"
    (state / "db").mkdir()
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def note() -> Any:
    from observability import audit
    from vmconsole.access.actors import Actor

    return audit.record(
        Actor(7, "alice", "session", "", "5e55a0", "192.0.2.1", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140", "r-1"),
        "edit",
        kind="VirtualMachine",
        uid="b3a0cf9e-0000-4000-8000-000000000000",
        name="web-1",
        namespace="default",
        phase=audit.Phase.ACCEPTED,
        operation_uid="0c6a1111-0000-4000-8000-000000000000",
        diff={"spec.compute.cpu.vcpus": [1, 2], "spec.compute.memory.capacity": ["1Gi", "2Gi"]},
    )


def appending() -> float:
    begun = time.perf_counter()
    for _ in range(APPENDS):
        note()
    return (time.perf_counter() - begun) / APPENDS


def fill(count: int) -> None:
    """Many more like the last, chained as `record` does, written in bulk because we have not got all day."""
    from copy import copy

    from observability import chain, rules
    from observability.models import AuditEntry, AuditHead

    last = AuditEntry.objects.latest("id")
    left = count
    while left:
        batch = []
        for _ in range(min(BATCH, left)):
            entry = copy(last)
            entry.id, entry.previous, entry.at = last.id + 1, last.hash, last.at + timedelta(milliseconds=7)
            entry.hash = rules.digest(entry.fields())
            batch.append(entry)
            last = entry
        AuditEntry.objects.bulk_create(batch, batch_size=1000)
        left -= len(batch)
    AuditHead.objects.update(entry_id=last.id, hash=last.hash, seal=chain.seal(last.id, last.hash))


def tampered(entries: Any, number: int) -> bool:
    """One letter of the last entry, changed behind the triggers' back: is it named?"""
    from django.db import connection

    from observability import chain, triggers

    with triggers.lifted(connection):
        entries.objects.filter(id=number).update(actor_name="alicf")
    return chain.verify(after=number - 1000).fault_id == number
