"""How the console itself is doing: who was alive when, and how long work takes.

One row for each process or kind of work, in the database, because readiness is asked of the web process and the
answers come from the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db.models import F
from django.utils import timezone
from prometheus_client import REGISTRY, generate_latest

from observability import changes
from observability.models import Vital

ALIVE = timedelta(seconds=90)
_gauges: dict[str, Callable[[], float]] = {}


def gauge(name: str, value: Callable[[], float]) -> None:
    """Add a number of an app above us to /metrics. Said once, when apps are ready."""
    _gauges[name] = value


def beat(name: str) -> None:
    """I am alive. `name` is the process: "worker", "controller"."""
    _add(name, 0.0)


def spent(work: str, seconds: float) -> None:
    """This took so long."""
    _add(work, seconds)


@contextmanager
def timed(work: str) -> Iterator[None]:
    begun = time.perf_counter()
    try:
        yield
    finally:
        spent(work, time.perf_counter() - begun)


def _add(name: str, seconds: float) -> None:
    now = timezone.now()
    rows = Vital.objects.filter(name=name)
    if not rows.update(count=F("count") + 1, seconds=F("seconds") + seconds, last_at=now):
        Vital.objects.get_or_create(name=name, defaults={"count": 1, "seconds": seconds, "last_at": now})


def is_alive(name: str) -> bool:
    return Vital.objects.filter(name=name, last_at__gte=timezone.now() - ALIVE).exists()


def silent(names: Iterable[str]) -> dict[str, str]:
    """Those of these processes that are not alive any more, and when they last were (ISO 8601).

    One that never was is only starting, and belongs to nobody's story yet.
    """
    dead = Vital.objects.filter(name__in=names, last_at__lt=timezone.now() - ALIVE)
    return {name: last_at.isoformat() for name, last_at in dead.values_list("name", "last_at")}


def text() -> str:
    """Prometheus text: our work, the outbox, and the process that answers."""
    now = timezone.now()
    lines = ["# TYPE vmconsole_work_seconds summary", "# TYPE vmconsole_last_seen_seconds gauge"]
    for vital in Vital.objects.order_by("name"):
        label = f'{{name="{vital.name}"}}'
        lines.append(f"vmconsole_work_seconds_count{label} {vital.count}")
        lines.append(f"vmconsole_work_seconds_sum{label} {vital.seconds:.6f}")
        lines.append(f"vmconsole_last_seen_seconds{label} {(now - vital.last_at).total_seconds():.3f}")
    for name, value in _gauges.items():
        lines += [f"# TYPE {name} gauge", f"{name} {value()}"]
    lines += ["# TYPE vmconsole_outbox_id gauge", f"vmconsole_outbox_id {changes.latest()}", ""]
    return "\n".join(lines) + generate_latest(REGISTRY).decode()
