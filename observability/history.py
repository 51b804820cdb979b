"""A chart's past: the last hour from the collector's memory, older from Prometheus, joined on one time axis.

Prometheus is optional. Without it a chart shows the last hour and says so in a sentence; a point that is not known is
null, never nought.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from math import isfinite, nan
from typing import Any
from uuid import UUID

import httpx
import msgspec
from django.conf import settings
from django.utils.translation import gettext as _

from observability import controller, marks
from observability.charts import CHARTS, LEAST_SECONDS, LINES, MOST_SECONDS, RANGES, Line, Window, query, window
from observability.collector import KEEP, Name
from vmconsole.access.errors import Unprocessable

TIMEOUT = httpx.Timeout(5.0, connect=1.0)
LAST = 253_402_300_000.0  # the year 9999

NOT_COMPARED = ("memory_domain",)  # straight lines that say nothing of what they do
MOST_COMPARED = 8

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


def chart(
    uid: UUID, name: Name, metric: str, span: str, now: float | None = None, zoom: tuple[float, float] | None = None
) -> dict[str, Any]:
    """The answer of /api/v1/metrics/range. `zoom` is a chosen piece of time instead of the range up to now."""
    wanted, now = CHARTS[metric], time.time() if now is None else now
    asked = window(span, now, zoom)
    found = look(uid, name, wanted.lines, asked, now)
    return {
        **frame(asked, span, wanted.unit, found),
        "uid": str(uid),
        "metric": metric,
        "series": [
            {"key": line.key, "name": str(line.label), "values": found.values[line.key]} for line in wanted.lines
        ],
        "marks": [asdict(mark) for mark in marks.find(uid, asked.begin, asked.end)],
    }


def frame(asked: Window, span: str, unit: str, found: History) -> dict[str, Any]:
    """What every answer has."""
    return {
        "range": span,
        "unit": unit,
        "from": asked.begin,
        "to": asked.end,
        "step": asked.step,
        "live": asked.live,
        "source": found.source,
        "note": found.note,
        "times": found.times,
    }


def compare(
    machines: Sequence[tuple[UUID, Name]], key: str, span: str, zoom: tuple[float, float] | None = None
) -> dict[str, Any]:
    """The answer of /api/v1/metrics/compare: one line of several machines, on one grid of times."""
    metric, line = LINES[key]
    now = time.time()
    asked = window(span, now, zoom)
    looks = [look(uid, name, (line,), asked, now) for uid, name in machines]
    slots = [slotted(found, key, asked.step) for found in looks]
    times = sorted(set().union(*slots))
    names = [name.name for _uid, name in machines]
    notes = dict.fromkeys(found.note for found in looks if found.note)
    source = "collector" if any(found.source == "collector" for found in looks) else "prometheus"
    whole = History(times, source=source, note=" ".join(notes))
    return {
        **frame(asked, span, CHARTS[metric].unit, whole),
        "line": key,
        "series": [
            {
                "key": str(uid),
                "name": name.name if names.count(name.name) == 1 else f"{name.namespace}/{name.name}",
                "values": laid(slot, times, asked.step),
            }
            for (uid, name), slot in zip(machines, slots, strict=True)
        ],
        "marks": [],
    }


def slotted(found: History, key: str, step: int) -> dict[float, float | None]:
    """The last value of each step. A gap stays one."""
    return {at // step * step: value for at, value in zip(found.times, found.values[key], strict=True)}


def laid(slot: dict[float, float | None], times: list[float], step: int) -> Values:
    """On the grid of all. Looks drift against the grid: one step without a look between two is no gap."""
    return [
        slot[at] if at in slot else slot[at - step] if at - step in slot and at + step in slot else None for at in times
    ]


def look(uid: UUID, name: Name, lines: tuple[Line, ...], asked: Window, now: float) -> History:
    """The last hour is in memory, whatever window it is asked with."""
    if asked.begin >= now - KEEP - 1:
        return recent(uid, name, lines, asked)
    return long_ago(uid, name, lines, asked)


def recent(uid: UUID, name: Name, lines: tuple[Line, ...], asked: Window) -> History:
    """From memory; what is older than the controller's memory (it was restarted) from Prometheus, if that is there."""
    found = in_memory(uid, lines, asked)
    first = found.times[0] if found.times else asked.end
    if first - asked.begin > 6 * asked.step and settings.PROMETHEUS_URL:
        try:
            older = in_prometheus(name, lines, asked._replace(end=first - asked.step))
        except Unavailable:
            return found
        found.times = older.times + found.times
        found.values = {key: older.values[key] + values for key, values in found.values.items()}
    return found


def long_ago(uid: UUID, name: Name, lines: tuple[Line, ...], asked: Window) -> History:
    """From Prometheus, or, when that cannot be, the last hour and the reason why there is no more."""
    try:
        return in_prometheus(name, lines, asked)
    except Unavailable as error:
        found = in_memory(uid, lines, asked)
        found.note = f"{error} {found.note}".strip()
        return found


def in_memory(uid: UUID, lines: tuple[Line, ...], asked: Window) -> History:
    try:
        points = controller.samples(uid, asked.begin)
    except controller.Silent:
        empty: dict[str, Values] = {line.key: [] for line in lines}
        return History(values=empty, note=_("The controller does not answer: there are no live figures just now."))
    within = points if asked.live else [point for point in points if (point["at"] or 0.0) <= asked.end]
    return History(
        times=[point["at"] or 0.0 for point in within],
        values={line.key: [point[line.key] for point in within] for line in lines},
    )


def in_prometheus(name: Name, lines: tuple[Line, ...], asked: Window) -> History:
    """Every line on the grid of whole steps, null where Prometheus knows nothing."""
    if not settings.PROMETHEUS_URL:
        raise Unavailable(_("Only the last hour is kept: no Prometheus is set up here, which older figures need."))
    step = asked.step
    first, last = int(asked.begin // step + 1) * step, int(asked.end // step) * step
    times = [float(at) for at in range(first, last + 1, step)]
    if not times:
        return History(values={line.key: [] for line in lines}, source="prometheus")
    values = {line.key: ask(line, name, first, last, step) for line in lines}
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


def asked_of(query: Mapping[str, str]) -> tuple[str, tuple[float, float] | None]:
    """The range, or the chosen piece of time, that a URL speaks of. A range nobody knows is the shortest."""
    span = query.get("range", "")
    begin, end = query.get("from", ""), query.get("to", "")
    return (span if span in RANGES else "10m"), (zoomed(begin, end) if begin or end else None)


def zoomed(begin: str | float, end: str | float) -> tuple[float, float]:
    try:
        found = float(begin), float(end)
    except ValueError:
        found = (nan, nan)
    if not all(map(isfinite, found)) or min(found) < 0 or max(found) > LAST:
        raise Unprocessable(_("“from” and “to” are moments in Unix seconds, and go together."), field="from")
    length = found[1] - found[0]
    if not LEAST_SECONDS <= length <= MOST_SECONDS:
        raise Unprocessable(_("“to” must be later than “from”: from twenty seconds up to two years."), field="to")
    return found


def axis(query: Mapping[str, str]) -> dict[str, Any]:
    """What the head of every page with charts needs: the range, the choice of them, the piece of time chosen."""
    span, zoom = asked_of(query)
    return {
        "range": span,
        "zoom": {"from": zoom[0], "to": zoom[1]} if zoom else None,
        "length": round(zoom[1] - zoom[0]) if zoom else RANGES[span].seconds,
        "ranges": [{"key": key, "title": item.title} for key, item in RANGES.items()],
    }


def tab(uid: UUID, query: Mapping[str, str]) -> dict[str, Any]:
    """What `observability/metrics.html` draws: the charts of a machine and the choice of ranges."""
    charts = [{"metric": key, **item._asdict()} for key, item in CHARTS.items()]
    return {"uid": uid, "charts": charts, **axis(query)}


def comparison(machines: Sequence[tuple[UUID, Name]], query: Mapping[str, str]) -> dict[str, Any]:
    """What `observability/compare.html` draws: a chart for each line, with every machine in it."""
    charts = [
        {
            "line": line.key,
            "unit": drawn.unit,
            "title": f"{drawn.title} · {line.label}" if len(drawn.lines) > 1 else drawn.title,
        }
        for drawn in CHARTS.values()
        for line in drawn.lines
        if line.key not in NOT_COMPARED
    ]
    return {"uids": " ".join(str(uid) for uid, _name in machines), "charts": charts, **axis(query)}


def table(answer: dict[str, Any], rows: int = 24) -> dict[str, Any]:
    """The same chart for who cannot see it: figures for each line, and some of its points, newest first."""
    times = answer["times"]
    every = max(len(times) // rows, 1)
    picked = list(range(len(times) - 1, -1, -every))[:rows]
    return {
        "chart": answer,
        "summary": [summary(line) for line in answer["series"]],
        "marks": [(datetime.fromtimestamp(mark["at"], UTC), mark) for mark in reversed(answer["marks"])][:rows],
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
