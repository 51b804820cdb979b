"""The console pipe against websockify: CPU per GiB and per small message, delivery, memory when nobody reads."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from uuid import UUID, uuid4

import typer

from scripts.benches._processes import cpu_seconds, memory_bytes, running, wait
from scripts.benches._traffic import CHUNK, Door, Echoes, chat, take
from scripts.benches.results import Figure, show

GIB = 2**30
FLOOD = 400 * 2**20


@dataclass(frozen=True)
class Rival:
    """A server that stands between guest and browser. `pid` is what its CPU is counted of."""

    name: str
    pid: int
    port: int
    socket: Path
    ours: bool


@contextmanager
def our_server(state: Path) -> Iterator[Rival]:
    """The whole product's web process, as `scripts/up` starts it, with sessions and tickets."""
    uid, port = uuid4(), free_port()
    env = {"VMCONSOLE_CONSOLES_PER_USER": "1000", "VMCONSOLE_CONSOLES": "1000"}
    app = ["--app", "scripts.benches._webapp:application", "--port", str(port)]
    command = [sys.executable, "-m", "vmconsole.gateway.serve", *app]
    with running(command, lambda: listens(port), env) as pid:
        yield Rival("vmconsole", pid, port, state / "console" / f"{uid}.vnc", True)


@contextmanager
def websockify(state: Path) -> Iterator[Rival]:
    port, path = free_port(), state / "run" / "websockify.sock"
    command = [sys.executable, "-m", "websockify", f"--unix-target={path}", f"127.0.0.1:{port}"]
    with running(command, lambda: listens(port)) as pid:
        yield Rival("websockify", pid, port, path, False)


@contextmanager
def guest(rival: Rival, mode: str, chunk: int = CHUNK) -> Iterator[None]:
    command = [sys.executable, "-m", "scripts.benches._traffic", "guest", str(rival.socket), mode, str(chunk)]
    for left in rival.socket.parent.glob("*.vnc"):
        left.unlink()
    rival.socket.unlink(missing_ok=True)
    with running(command, rival.socket.exists):
        yield


def door(rival: Rival, tickets: int) -> Door:
    if not rival.ours:
        return Door(rival.port)
    from django.contrib.auth import get_user_model

    from vmconsole.gateway import tickets as desk

    uids = [UUID(rival.socket.stem), *(another(rival.socket) for _ in range(tickets - 1))]
    user = get_user_model().objects.get(username="bench")
    key = session_of(user)
    sold = [desk.issue(user, key, uid, "default", "vnc", writable=True) for uid in uids]
    origin = f"http://127.0.0.1:{rival.port}"
    return Door(rival.port, [f"/console/{uid}/vnc" for uid in uids], origin, f"vmconsole-session={key}", sold)


def another(screen: Path) -> UUID:
    """One more machine with the same screen: at one machine's only one person drives."""
    uid = uuid4()
    (screen.parent / f"{uid}.vnc").hardlink_to(screen)
    return uid


def session_of(user: object) -> str:
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)  # type: ignore[attr-defined]
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()  # type: ignore[attr-defined]
    session.create()
    return str(session.session_key)


def cpu_per_gib(rival: Rival, chunk: int, gib: float) -> float:
    """CPU of one session with `gib` down and a hundred small frames a second up."""
    size = int(gib * GIB)
    with guest(rival, str(size + 8 * CHUNK), chunk), door(rival, 1).open() as browser:
        take(browser, 1)  # the session stands; what opening costs is not a byte's price
        before = cpu_seconds(rival.pid)
        take(browser, size, chatter_every=0.01)
        return (cpu_seconds(rival.pid) - before) / gib


def cpu_per_message(rival: Rival, browsers: int, seconds: float) -> tuple[float, Echoes]:
    """Microseconds for a message of 16 bytes there and back, and what was delivered."""
    with guest(rival, "echo"):
        return asyncio.run(_talked(rival, browsers, seconds))


async def _talked(rival: Rival, browsers: int, seconds: float) -> tuple[float, Echoes]:
    entrance = await asyncio.to_thread(door, rival, browsers)
    talking = asyncio.create_task(chat(entrance, browsers, 10, seconds))
    await asyncio.to_thread(wait, lambda: not entrance.tickets)
    await asyncio.sleep(0.4)
    before, begun = cpu_seconds(rival.pid), time.monotonic()
    await asyncio.sleep(seconds - 0.5)
    cost, lasted = cpu_seconds(rival.pid) - before, time.monotonic() - begun
    echoes = await talking
    return cost / (browsers * 10 * lasted) * 1e6, echoes


def growth_when_nobody_reads(rival: Rival) -> int:
    """Private memory more, while a guest wants to say 400 MiB to a browser that stopped reading."""
    with guest(rival, str(FLOOD)):
        with door(rival, 1).open() as warm_up:
            take(warm_up, 64 * CHUNK)
        time.sleep(1)
        with door(rival, 1).open():
            before = memory_bytes(rival.pid)  # the guest begins a moment after it was reached
            time.sleep(5)
            return memory_bytes(rival.pid) - before


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as knock:
        return knock.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def laboratory() -> Iterator[Path]:
    """A state folder with an empty database and one person who may do everything."""
    state = Path(tempfile.mkdtemp(prefix="vmc-bench-", dir="/tmp"))
    for name in ("db", "run", "console", "serial"):
        (state / name).mkdir()
    os.environ.update(
        VMCONSOLE_STATE=str(state), DJANGO_SETTINGS_MODULE="vmconsole.settings", VMCONSOLE_SECRET_KEY="bench",
        VMCONSOLE_LOG_LEVEL="WARNING",
    )  # fmt: skip
    try:
        import django

        django.setup()
        from django.contrib.auth import get_user_model
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        get_user_model().objects.create_superuser("bench", password="only for this bench")
        yield state
    finally:
        shutil.rmtree(state, ignore_errors=True)


def bench(
    rounds: int = 3,
    gib: float = 1.0,
    seconds: float = 10.0,
    json_file: Annotated[Path | None, typer.Option("--json")] = None,
) -> None:
    with laboratory() as state, our_server(state) as ours, websockify(state) as theirs:
        wait(lambda: listens(ours.port))
        figures = measure(ours, theirs, rounds, gib, seconds)
    if not show(f"Console pipe, {os.cpu_count()} cores", figures, json_file):
        raise typer.Exit(1)


def measure(ours: Rival, theirs: Rival, rounds: int, gib: float, seconds: float) -> list[Figure]:
    large: dict[str, list[float]] = {"vmconsole": [], "websockify": []}
    small: dict[str, list[float]] = {"vmconsole": [], "websockify": []}
    pieces: dict[str, list[float]] = {"vmconsole": [], "websockify": []}
    for _ in range(rounds):  # turn by turn, so that a noisy minute hits both
        for rival in (ours, theirs):
            large[rival.name].append(cpu_per_gib(rival, CHUNK, gib))
            pieces[rival.name].append(cpu_per_gib(rival, 4096, gib / 4))
            small[rival.name].append(cpu_per_message(rival, 50, seconds / 2)[0])
    _, echoes = cpu_per_message(ours, 200, seconds)
    growth = growth_when_nobody_reads(ours)
    delay = statistics.median(echoes.delays) * 1000 if echoes.delays else float("nan")
    return [
        ratio("CPU per GiB, 64 KiB writes", large, 1.3, "s"),
        ratio("CPU per GiB, 4 KiB writes", pieces, None, "s"),
        ratio("CPU per small message, 50 sessions", small, 0.7, "µs"),
        Figure(
            "delivered, 200 sessions × 10/s",
            echoes.received / echoes.sent * 100,
            "%",
            100,
            at_least=True,
            detail=f"{echoes.received} of {echoes.sent}, median {delay:.1f} ms",
        ),
        Figure("growth, 400 MiB to a stalled browser", growth / 2**20, "MiB", 1.0),
        Figure("growth, the same, websockify", growth_when_nobody_reads(theirs) / 2**20, "MiB"),
    ]


def ratio(name: str, measured: dict[str, list[float]], limit: float | None, unit: str) -> Figure:
    ours, theirs = (statistics.median(measured[who]) for who in ("vmconsole", "websockify"))
    return Figure(name, ours / theirs, "× websockify", limit, detail=f"{ours:.3g} {unit} to {theirs:.3g} {unit}")
