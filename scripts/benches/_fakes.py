"""A whole console on the fake runtime, full of machines: `scripts/up` as a user types it, and somebody signed in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.benches._processes import ROOT

if TYPE_CHECKING:
    from tests.running import Console
    from tests.visitors import Visitor

FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip
DESK = {"width": 1440, "height": 900}
NOWHERE = "http://127.0.0.1:9"  # ten thousand machines need a Prometheus of their own, on a host of its own


@contextmanager
def console_with(machines: int) -> Iterator[tuple[Console, Visitor]]:
    """Gone at the end, with all it made."""
    sys.path.insert(0, str(ROOT / "scripts" / "lib"))
    from processes import Supervisor

    from tests.running import running_console
    from tests.visitors import come_in

    with running_console(VMCONSOLE_RUNTIME="fake", VMCONSOLE_PROMETHEUS_URL=NOWHERE) as console:
        admin = come_in(console.url, "admin", console.admin_password)
        supervisor = Supervisor(console.state)
        for name in ("controller", "worker"):  # or they would find half of it
            supervisor.stop(name)
        console.manage("shell", "-v", "0", "-c", f"from scripts.benches._fakes import fill; fill({machines})")
        for name in ("worker", "controller"):
            supervisor.start(name)
        yield console, admin


def chromium_program() -> Path:
    sys.path.insert(0, str(ROOT / "scripts" / "lib"))
    import browser

    return browser.chromium()


def cookies_of(visitor: Visitor, url: str) -> list[Any]:
    return [{"name": each.name, "value": each.value or "", "url": url} for each in visitor.http.cookies.jar]


def fill(count: int) -> None:
    """In a process of the console: the same machines in its world and in its database."""
    from django.conf import settings

    from inventory.models import VirtualMachine
    from vmconsole.access.models import Namespace
    from vmconsole.runtime import connect
    from vmconsole.runtime.fake import demo
    from vmconsole.runtime.fake.world import open_world

    runtime = connect.only()
    machines = [demo.machine_of(number) for number in range(count)]
    spaces = {machine.spec.namespace for machine in machines}
    Namespace.objects.bulk_create([Namespace(name=name) for name in spaces], ignore_conflicts=True)
    rows = [row_of(number, machine, runtime) for number, machine in enumerate(machines)]
    VirtualMachine.objects.bulk_create(rows, batch_size=1000)
    demo.fill(open_world(runtime.url, settings.STATE), count)


def row_of(number: int, machine: Any, runtime: Any) -> Any:
    """What the console would know of it, had it made the machine."""
    from django.utils import timezone

    from inventory.models import FOLDER, VirtualMachine
    from vmconsole.runtime.fake.records import revision_of

    spec, on = machine.spec, machine.running is not None
    revision = revision_of(spec)
    return VirtualMachine(
        uid=spec.uid, runtime=runtime, namespace=spec.namespace, name=spec.name, observed_generation=1,
        spec_vcpus=spec.vcpus, spec_memory=f"{spec.memory_bytes >> 30}Gi", spec_memory_bytes=spec.memory_bytes,
        spec_power="on" if on else "off", status_power="on" if on else "off", status_vcpus=spec.vcpus,
        status_memory_bytes=spec.memory_bytes, status_state="Running" if on else "Stopped", status_node="fake-1",
        status_revision=revision, status_applied_revision=revision, status_accelerator="fake",
        created_at=timezone.now() - timedelta(minutes=number),
        labels={"app": spec.name.partition("-")[0], FOLDER: f"site-{number % 10}/rack-{number % 40}"},
    )  # fmt: skip
