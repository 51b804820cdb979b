"""The resources' API over 100,000 machines: reads, lists, tables and sustained applies, at the real web process."""

from __future__ import annotations

import http.client
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import typer

from scripts.benches import fleet
from scripts.benches._processes import memory_bytes, running
from scripts.benches.results import Figure, show

ROUNDS = 100
LIST_ROUNDS = 10
APPLIES = 300
WRITERS = 4
ROOT = "/apis/vm.cluster.gke.io/v1"
MACHINES = f"{ROOT}/namespaces/team-7/virtualmachines"
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}


def bench(
    machines: Annotated[int, typer.Option(help="Rows; the promise is for 100,000.")] = 100_000,
    port: Annotated[int, typer.Option(help="Where the web process listens meanwhile.")] = 18234,
    json_file: Annotated[Path | None, typer.Option("--json")] = None,
) -> None:
    with tempfile.TemporaryDirectory(prefix="vmc-api-") as folder:
        os.environ.update(VMCONSOLE_STATE=folder, VMCONSOLE_RUNTIME="fake", VMCONSOLE_DOORBELL="collect")
        (Path(folder) / "db").mkdir()
        os.environ["VMCONSOLE_FERNET_KEY"] = "dGVzdHMgb25seTogdGhpcyBrZXkgaXMgbm8gc2VjcmU="
        os.environ["DJANGO_SETTINGS_MODULE"] = "vmconsole.settings"
        import django

        django.setup()
        token = prepared(machines)
        command = [sys.executable, "-m", "vmconsole.gateway.serve", "--port", str(port)]
        with running(command, lambda: answers(port)) as pid:
            kept = show(f"API, {machines:,} machines", measured(port, token, pid), json_file)
    raise typer.Exit(0 if kept else 1)


def prepared(machines: int) -> str:
    """The rows, and a token of somebody who may do everything."""
    from datetime import timedelta

    from django.core.management import call_command
    from django.utils import timezone

    from vmconsole.access import tokening
    from vmconsole.access.actors import Actor
    from vmconsole.access.models import User
    from vmconsole.access.rules import TokenRights

    call_command("migrate", verbosity=0)
    fleet.fill(machines)
    root = User.objects.get(username="root")
    lasts = timezone.now() + timedelta(hours=1)
    actor = Actor(user_id=root.pk, name="root")
    rights = TokenRights.EVERYTHING
    return tokening.create(root, actor, name="bench", rights=rights, places=None, expires_at=lasts)[1]


def answers(port: int) -> bool:
    try:
        Client(port, "").ask("GET", "/healthz")
    except OSError:
        return False
    return True


class Client:
    """One kept-alive connection, with as little of its own as there can be."""

    def __init__(self, port: int, token: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> bytes:
        raw = None if body is None else json.dumps(body)
        self.connection.request(method, path, raw, {**self.headers, **(headers or {})})
        answer = self.connection.getresponse()
        found = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {found[:300]!r}")
        return found


def measured(port: int, token: str, pid: int) -> list[Figure]:
    client = Client(port, token)
    one = f"{MACHINES}/vm-000007"
    return [
        timed("GET of one object", pid, lambda: client.ask("GET", one), ROUNDS, 5),
        timed("list of 500", pid, lambda: client.ask("GET", f"{ROOT}/virtualmachines?limit=500"), LIST_ROUNDS, 60),
        timed("list of 500 of a namespace", pid, lambda: client.ask("GET", f"{MACHINES}?limit=500"), LIST_ROUNDS, 60),
        timed("rare label", pid, lambda: client.ask("GET", f"{MACHINES}?labelSelector=app%3Dapp-7"), LIST_ROUNDS),
        *table(client, pid),
        sustained("applies that make a machine", port, token, pid, made),
        sustained("applies that change one", port, token, pid, changed),
        sustained("applies that change nothing", port, token, pid, the_same),
    ]


def cpu_seconds(pid: int) -> float:
    """CPU of the process, also of threads that have ended since."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def timed(name: str, pid: int, ask: Callable[[], bytes], rounds: int, limit: float | None = None) -> Figure:
    size = len(ask())
    times, cpu = [], cpu_seconds(pid)
    for _round in range(rounds):
        begun = time.perf_counter()
        ask()
        times.append((time.perf_counter() - begun) * 1000)
    p95 = statistics.quantiles(times, n=20)[-1]
    cpu = (cpu_seconds(pid) - cpu) / rounds * 1000
    detail = f"median {statistics.median(times):.1f} ms, CPU {cpu:.1f} ms, {size / 1000:.1f} kB"
    return Figure(name, p95, "ms p95", limit=limit, detail=detail)


def table(client: Client, pid: int) -> list[Figure]:
    """Ten thousand lines in one answer, and what the process holds afterwards."""
    path = f"{ROOT}/virtualmachines?limit=10000"
    client.ask("GET", path, headers=TABLE)
    before = memory_bytes(pid)
    times = []
    for _round in range(5):
        begun = time.perf_counter()
        body = client.ask("GET", path, headers=TABLE)
        times.append(time.perf_counter() - begun)
    lines = len(json.loads(body)["rows"])
    grown = (memory_bytes(pid) - before) / 2**20
    detail = f"median {statistics.median(times):.2f} s, {lines:,} lines, {len(body) / 1e6:.1f} MB"
    return [
        Figure("10,000 as a table", max(times), "s", limit=1.5, detail=detail),
        Figure("memory after five of them", grown, "MiB more", limit=16),
    ]


def manifest(number: int, **labels: str) -> dict[str, Any]:
    spec = {
        "compute": {"cpu": {"vcpus": 1}, "memory": {"capacity": "1Gi"}},
        "disks": [{"virtualMachineDiskName": f"disk-{number}", "boot": True}],
    }
    body = {"apiVersion": "vm.cluster.gke.io/v1", "kind": "VirtualMachine", "spec": spec}
    metadata: dict[str, Any] = {"name": f"new-{number}", "namespace": "team-7", "labels": labels}
    note = json.dumps({**body, "metadata": metadata}, separators=(",", ":")) + "\n"  # as kubectl writes it
    metadata["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": note}
    return {**body, "metadata": metadata}


def made(client: Client, number: int) -> None:
    client.ask("POST", MACHINES, manifest(number, app="first"))


def changed(client: Client, number: int) -> None:
    merge(client, number, app="second")


def the_same(client: Client, number: int) -> None:
    merge(client, number, app="second")


def merge(client: Client, number: int, **labels: str) -> None:
    """As kubectl does it: look, then patch."""
    client.ask("GET", f"{MACHINES}/new-{number}")
    patch = manifest(number, **labels)
    path = f"{MACHINES}/new-{number}?fieldValidation=Strict"
    client.ask("PATCH", path, patch, {"Content-Type": "application/merge-patch+json"})


def sustained(name: str, port: int, token: str, pid: int, apply: Callable[[Client, int], None]) -> Figure:
    """Several clients at once, each with its own connection."""

    def work(writer: int) -> None:
        client = Client(port, token)
        for number in range(writer, APPLIES, WRITERS):
            apply(client, number)

    begun, cpu = time.perf_counter(), cpu_seconds(pid)
    with ThreadPoolExecutor(WRITERS) as pool:
        for done in [pool.submit(work, writer) for writer in range(WRITERS)]:
            done.result()
    seconds = time.perf_counter() - begun
    detail = f"{WRITERS} clients, SQLite, audit; CPU {(cpu_seconds(pid) - cpu) / APPLIES * 1000:.1f} ms each"
    return Figure(name, APPLIES / seconds, "/s", limit=100, at_least=True, detail=detail)
