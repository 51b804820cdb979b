"""A chart's past: the last hour from the collector's memory, older from Prometheus, joined on one time axis.

Prometheus is optional. Without it a chart shows the last hour and says so in a sentence; a point that is not known is
null, never nought.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import httpx
import msgspec
from django.conf import settings
from django.utils.translation import gettext as _

from observability import controller
from observability.charts import CHARTS, RANGES, Chart, Line, Range, query
from observability.collector import KEEP, Name
from observability.models import Event

TIMEOUT = httpx.Timeout(5.0, connect=1.0)
MARKS = 100

Values = list[float | None]


class Unavailable(Exception):
    """Prometheus is not there, or did not answer in time."""


@dataclass
class History:
    """One chart, ready to draw: `values[key]` has one entry for each of `times`."""

    times: list[float] = field(default_factory=list)
    values: dict[str, Values] = field(default_factory=dict)
    source: str = "collector"
    note: str = ""


def chart(uid: UUID, name: Name, metric: str, span: str, now: float | None = None) -> dict[str, Any]:
    """The answer of /api/v1/metrics/range."""
    wanted, window = CHARTS[metric], RANGES[span]
    end = time.time() if now is None else now
    begin = end - window.seconds
    found = (
        recent(uid, name, wanted, window, begin, end)
        if window.seconds <= KEEP
        else long_ago(uid, name, wanted, window, end)
    )
    return {
        "uid": str(uid),
        "metric": metric,
        "range": span,
        "unit": wanted.unit,
        "from": begin,
        "to": end,
        "step": window.step,
        "source": found.source,
        "note": found.note,
        "times": found.times,
        "series": [
            {"key": line.key, "name": str(line.label), "values": found.values[line.key]} for line in wanted.lines
        ],
        "marks": marks(uid, begin),
    }


def recent(uid: UUID, name: Name, wanted: Chart, window: Range, begin: float, end: float) -> History:
    """From memory; what is older than the controller's memory (it was restarted) from Prometheus, if that is there."""
    found = in_memory(uid, wanted, begin)
    first = found.times[0] if found.times else end
    if first - begin > 6 * window.step and settings.PROMETHEUS_URL:
        try:
            older = in_prometheus(name, wanted, window, begin, first - window.step)
        except Unavailable:
            return found
        found.times = older.times + found.times
        found.values = {key: older.values[key] + values for key, values in found.values.items()}
    return found


def long_ago(uid: UUID, name: Name, wanted: Chart, window: Range, end: float) -> History:
    """From Prometheus, or, when that cannot be, the last hour and the reason why there is no more."""
    try:
        return in_prometheus(name, wanted, window, end - window.seconds, end)
    except Unavailable as error:
        found = in_memory(uid, wanted, end - KEEP)
        found.note = f"{error} {found.note}".strip()
        return found


def in_memory(uid: UUID, wanted: Chart, begin: float) -> History:
    try:
        points = controller.samples(uid, begin)
    except controller.Silent:
        empty: dict[str, Values] = {line.key: [] for line in wanted.lines}
        return History(values=empty, note=_("The controller does not answer: there are no live figures just now."))
    return History(
        times=[point["at"] or 0.0 for point in points],
        values={line.key: [point[line.key] for point in points] for line in wanted.lines},
    )


def in_prometheus(name: Name, wanted: Chart, window: Range, begin: float, end: float) -> History:
    """Every line on the grid of whole steps, null where Prometheus knows nothing."""
    if not settings.PROMETHEUS_URL:
        raise Unavailable(_("Only the last hour is kept: no Prometheus is set up here, which older figures need."))
    step = window.step
    first, last = int(begin // step + 1) * step, int(end // step) * step
    times = [float(at) for at in range(first, last + 1, step)]
    if not times:
        return History(values={line.key: [] for line in wanted.lines}, source="prometheus")
    values = {line.key: ask(line, name, first, last, step) for line in wanted.lines}
    on_grid: dict[str, Values] = {key: [known.get(at) for at in times] for key, known in values.items()}
    return History(times, on_grid, source="prometheus")


def ask(line: Line, name: Name, first: int, last: int, step: int) -> dict[float, float]:
    """Time -> value of one line."""
    promql = query(line, name.namespace, name.name, step)
    try:
        answer = client().get(
            f"{settings.PROMETHEUS_URL.rstrip('/')}/api/v1/query_range",
            params={"query": promql, "start": first, "end": last, "step": step},
        )
        answer.raise_for_status()
        results = msgspec.json.decode(answer.content)["data"]["result"]
    except (httpx.HTTPError, OSError, msgspec.MsgspecError, KeyError, TypeError) as error:
        raise Unavailable(_("Prometheus does not answer, so only the last hour is shown.")) from error
    pairs = results[0]["values"] if results else []
    return {float(at): float(value) for at, value in pairs if value not in ("NaN", "+Inf", "-Inf")}


@lru_cache(maxsize=1)
def client() -> httpx.Client:
    return httpx.Client(timeout=TIMEOUT, trust_env=False)


def marks(uid: UUID, begin: float) -> list[dict[str, Any]]:
    """What happened to it in that time, for marks on the axis; oldest first."""
    events = Event.objects.filter(uid=str(uid)).order_by("-last_at")[:MARKS]
    return [
        {"at": event.last_at.timestamp(), "reason": event.reason, "text": event.message, "level": event.level}
        for event in reversed(events)
        if event.last_at.timestamp() >= begin
    ]


def tab(uid: UUID, span: str) -> dict[str, Any]:
    """What `observability/metrics.html` draws: the charts of a machine and the choice of ranges."""
    chosen = span if span in RANGES else "10m"
    return {
        "uid": uid,
        "range": chosen,
        "ranges": [{"key": key, "title": item.title} for key, item in RANGES.items()],
        "charts": [{"metric": key, "title": item.title, "unit": item.unit} for key, item in CHARTS.items()],
    }


def table(answer: dict[str, Any], rows: int = 24) -> dict[str, Any]:
    """The same chart for who cannot see it: figures for each line, and some of its points, newest first."""
    times = answer["times"]
    every = max(len(times) // rows, 1)
    picked = list(range(len(times) - 1, -1, -every))[:rows]
    return {
        "chart": answer,
        "summary": [summary(line) for line in answer["series"]],
        "rows": [
            (datetime.fromtimestamp(times[row], UTC), [line["values"][row] for line in answer["series"]])
            for row in picked
        ],
    }


def summary(line: dict[str, Any]) -> dict[str, Any]:
    known = [value for value in line["values"] if value is not None]
    if not known:
        return {"name": line["name"]}
    mean = sum(known) / len(known)
    return {"name": line["name"], "latest": known[-1], "least": min(known), "most": max(known), "mean": mean}
