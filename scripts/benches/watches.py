"""A thousand open watches: memory of each, and how soon a change reaches all of them."""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from scripts.benches.results import Figure, show

ROOT = Path(__file__).resolve().parent.parent.parent
TOKENS = 10
ROUNDS = 20
PATH = "/apis/vm.cluster.gke.io/v1/namespaces/default/virtualmachines"


def bench(
    watches: Annotated[int, typer.Option(help="How many are open; the promise is for 1,000.")] = 1000,
    json_file: Annotated[Path | None, typer.Option("--json")] = None,
) -> None:
    with tempfile.TemporaryDirectory(prefix="vmc-watches-") as folder:
        os.environ.update(VMCONSOLE_STATE=folder, VMCONSOLE_RUNTIME="fake", VMCONSOLE_DOORBELL="collect")
        os.environ["VMCONSOLE_WATCHES_PER_TOKEN"] = str(watches)
        os.environ["DJANGO_SETTINGS_MODULE"] = "vmconsole.settings"
        for name in ("db", "run"):
            (Path(folder) / name).mkdir()
        import django

        django.setup()
        kept = show(f"{watches:,} watches", measured(watches), json_file)
    raise typer.Exit(0 if kept else 1)


def measured(watches: int) -> list[Figure]:
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    tokens, vm = filled()
    with web() as (port, process):
        return asyncio.run(watched(port, process, tokens, vm, watches))


def filled() -> tuple[list[str], Any]:
    """One machine, and the tokens of an administrator."""
    from datetime import timedelta

    from django.utils import timezone

    from inventory.models import VirtualMachine
    from inventory.services.asking import tell
    from vmconsole.access import tokening
    from vmconsole.access.actors import Actor
    from vmconsole.access.models import Namespace, User
    from vmconsole.access.rules import TokenRights

    Namespace.objects.get_or_create(name="default")
    person = User.objects.create(username="bench", is_superuser=True)
    vm = VirtualMachine.objects.create(
        namespace="default", name="one", spec_vcpus=1, spec_memory="64Mi", spec_memory_bytes=64 << 20
    )
    tell(vm, "ADDED")
    ends = timezone.now() + timedelta(hours=1)
    actor = Actor.system("bench")
    everything = TokenRights.EVERYTHING
    made = [
        tokening.create(person, actor, name=f"t{number}", rights=everything, places=None, expires_at=ends)[1]
        for number in range(TOKENS)
    ]
    return made, vm


@contextmanager
def web() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    port = listener.getsockname()[1]
    command = [sys.executable, "-m", "vmconsole.gateway.serve", "--fd", str(listener.fileno())]
    process = subprocess.Popen(
        command, cwd=ROOT, pass_fds=[listener.fileno()], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    listener.close()
    try:
        yield port, process
    finally:
        process.terminate()
        process.wait(30)


HELD: list[asyncio.StreamWriter] = []  # or connections are closed when nobody holds them


async def opened(port: int, token: str, version: int) -> asyncio.StreamReader:
    """A watch, up to the end of its head."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"GET {PATH}?watch=1&resourceVersion={version} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    writer.write(f"{head}Authorization: Bearer {token}\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
    if b" 200 " not in answer.partition(b"\r\n")[0]:
        raise RuntimeError(answer.decode())
    HELD.append(writer)
    return reader


def memory(process: subprocess.Popen[bytes]) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


async def watched(port: int, process: subprocess.Popen[bytes], tokens: list[str], vm: Any, count: int) -> list[Figure]:
    from observability import changes

    version = await asyncio.to_thread(changes.latest)
    warm = [await opened(port, tokens[0], version) for _ in range(20)]
    await reached(warm, vm, 0)
    before = memory(process)
    readers: list[asyncio.StreamReader] = []
    begun = time.perf_counter()
    while len(readers) < count:
        several = range(min(10, count - len(readers)))
        more = [opened(port, tokens[(len(readers) + each) % TOKENS], version + 1) for each in several]
        readers += await asyncio.gather(*more)
    opening = time.perf_counter() - begun
    each = (memory(process) - before) / count
    await reached(readers, vm, 1)
    times = [await reached(readers, vm, number + 2) for number in range(ROUNDS)]
    after = (memory(process) - before) / count
    slowest = max(max(one) for one in times)
    median = statistics.median(statistics.median(one) for one in times)
    return [
        Figure("memory of one", max(each, after) / 1024, "KiB", 50, detail=f"{each / 1024:.1f} before changes"),
        Figure("change to the last of all", slowest, "s", 1, detail=f"slowest of {ROUNDS} changes"),
        Figure("change to the middle one", median, "s"),
        Figure("opening all", opening, "s"),
    ]


async def reached(readers: list[asyncio.StreamReader], vm: Any, number: int) -> list[float]:
    """Seconds from the commit until each has the line of this change."""
    mark = f'"reason":"r{number}"'.encode()

    async def told(reader: asyncio.StreamReader) -> float:
        while mark not in await asyncio.wait_for(reader.readline(), 60):
            continue
        return time.perf_counter() - begun

    waiting = [asyncio.create_task(told(reader)) for reader in readers]
    await asyncio.sleep(0)
    begun = time.perf_counter()
    await asyncio.to_thread(change, vm, number)
    return list(await asyncio.gather(*waiting))


def change(vm: Any, number: int) -> None:
    from django.db import transaction

    from inventory.models import VirtualMachine
    from inventory.services.asking import tell

    with transaction.atomic():
        VirtualMachine.objects.filter(uid=vm.uid).update(status_reason=f"r{number}")
        tell(vm)
