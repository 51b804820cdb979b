"""Lists over 100,000 machines at the real web process: time and queries of a page, filtered, sorted and searched."""

from __future__ import annotations

import http.client
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from scripts.benches._processes import running
from scripts.benches.results import Figure, show

ROUNDS = 100  # a p95 of thirty is what one hiccup of the host says
REQUESTS = {
    "first page": "/vms/",
    "page 1,990": "/vms/?page=1990",
    "sorted by state": "/vms/?sort=state",
    "sorted by newest": "/vms/?sort=-created",
    "one namespace": "/vms/?namespace=team-7",
    "one namespace, state:stopped": "/vms/?namespace=team-7&q=state%3Astopped",
    "state:stopped": "/vms/?q=state%3Astopped",
    "vcpu>4 -state:running": "/vms/?q=vcpu%3E4+-state%3Arunning",
    "search, rare": "/vms/?q=vm-099999",
    "search, common": "/vms/?q=vm-0",
    "nothing found": "/vms/?q=no-such-machine",
    "a folder": "/vms/?q=folder%3Asite-3",
    "a folder, state:stopped": "/vms/?q=folder%3Asite-3%2Frack-3+state%3Astopped",
    "search over everything": "/palette?q=vm-0999",
    "overview": "/",
}


def bench(
    machines: Annotated[int, typer.Option(help="Rows; the promise is for 100,000.")] = 100_000,
    port: Annotated[int, typer.Option(help="Where the web process listens meanwhile.")] = 18235,
    json_file: Annotated[Path | None, typer.Option("--json")] = None,
) -> None:
    with tempfile.TemporaryDirectory(prefix="vmc-fleet-") as folder:
        os.environ.update(VMCONSOLE_STATE=folder, VMCONSOLE_RUNTIME="fake", VMCONSOLE_DOORBELL="collect")
        (Path(folder) / "db").mkdir()
        os.environ["VMCONSOLE_FERNET_KEY"] = "dGVzdHMgb25seTogdGhpcyBrZXkgaXMgbm8gc2VjcmU="
        os.environ["DJANGO_SETTINGS_MODULE"] = "vmconsole.settings"
        import django

        django.setup()
        prepare(machines)
        told = {path: asked(path) for path in REQUESTS.values()}
        command = [sys.executable, "-m", "vmconsole.gateway.serve", "--port", str(port)]
        with running(command, lambda: is_up(port)):
            figures = [answered(name, path, port, *told[path]) for name, path in REQUESTS.items()]
        kept = show(f"{machines:,} machines", figures, json_file)
    raise typer.Exit(0 if kept else 1)


def prepare(machines: int) -> None:
    from django.conf import settings
    from django.core.management import call_command
    from django.test.utils import setup_test_environment

    setup_test_environment()
    settings.ALLOWED_HOSTS = ["testserver"]
    call_command("migrate", verbosity=0)
    fill(machines)


def asked(path: str) -> tuple[str, str]:
    """How many queries a page makes and how much of it travels; and a session, as a chosen namespace is remembered."""
    from django.test import Client

    from vmconsole.access.models import User

    browser = Client(headers={"Accept-Encoding": "gzip"})
    browser.force_login(User.objects.get(username="root"), backend="django.contrib.auth.backends.ModelBackend")
    browser.get(path)
    with counted() as queries:
        travels = len(browser.get(path).content)
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())
    return f"{len(queries)} queries, {travels / 1000:.1f} kB", cookie


def is_up(port: int) -> bool:
    try:
        get(http.client.HTTPConnection("127.0.0.1", port, timeout=60), "/healthz", "")
    except OSError:
        return False
    return True


def get(line: http.client.HTTPConnection, path: str, cookie: str) -> None:
    line.request("GET", path, headers={"Cookie": cookie, "Accept-Encoding": "gzip"})
    answer = line.getresponse()
    answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status}")


def answered(name: str, path: str, port: int, told: str, cookie: str) -> Figure:
    """p95 of the time until the whole web process has answered a client beside it."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    get(line, path, cookie)
    times = []
    for _round in range(ROUNDS):
        begun = time.perf_counter()
        get(line, path, cookie)
        times.append((time.perf_counter() - begun) * 1000)
    p95 = statistics.quantiles(times, n=20)[-1]
    return Figure(name, p95, "ms p95", limit=50, detail=f"median {statistics.median(times):.1f} ms, {told}")


@contextmanager
def counted() -> Iterator[list[str]]:
    """The queries of every thread: views run in a thread of their own, and so have a connection of their own."""
    from django.db.backends.utils import CursorWrapper

    said: list[str] = []
    plain = CursorWrapper.execute

    def execute(self: Any, sql: str, params: Any = None) -> Any:
        said.append(sql)
        return plain(self, sql, params)

    CursorWrapper.execute = execute  # type: ignore[assignment,method-assign]
    try:
        yield said
    finally:
        CursorWrapper.execute = plain  # type: ignore[method-assign]


def fill(machines: int) -> None:
    from inventory.models import FOLDER, VirtualMachine
    from vmconsole.access.models import Namespace, User
    from vmconsole.runtime import connect

    User.objects.create_superuser("root", password=None)
    names = [f"team-{number}" for number in range(100)]
    Namespace.objects.bulk_create([Namespace(name=name) for name in names])
    runtime = connect.only()
    states = ("Running", "Running", "Running", "Stopped", "Paused", "CrashLoopBackOff")
    for start in range(0, machines, 5000):
        VirtualMachine.objects.bulk_create(
            VirtualMachine(
                runtime=runtime, namespace=names[number % 100], name=f"vm-{number:06}", observed_generation=1,
                spec_vcpus=1 + number % 8, spec_memory="4Gi", spec_memory_bytes=4 << 30,
                status_state=states[number % 6], status_power="on" if number % 6 < 3 else "off",
                status_node=f"node-{number % 40}",
                labels={"app": f"app-{number % 500}", FOLDER: f"site-{number % 10}/rack-{number % 40}"},
            )
            for number in range(start, min(start + 5000, machines))
        )  # fmt: skip
