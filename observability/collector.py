"""Statistics of all machines: every 10 s, every 2 s for those somebody looks at, the last hour kept in memory.

Runs in the controller. One bulk call to the runtime at a time; no database here, so that a busy database never makes
a hole in a chart. A look that fails makes a gap. Who a uid is, is asked of `names` when a page or Prometheus wants to
know.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from observability.rates import FIELDS, HOST_FIELDS, host_rates, rates
from observability.rings import Ring
from vmconsole.runtime.contract import RuntimeConnection
from vmconsole.runtime.errors import RuntimeFault
from vmconsole.runtime.types import HostSample, Power, Sample

log = logging.getLogger(__name__)

EVERY = 10.0
WATCHED_EVERY = 2.0
WATCH_LASTS = 15.0
KEEP = 3600.0
LONGEST = 2.5 * EVERY  # further apart, and two looks are not joined by a line
NOT_RUNNING = (Power.OFF, Power.CRASHED)
TOPS = {
    what: tuple(FIELDS.index(field) for field in fields)
    for what, fields in {
        "cpu": ("cpu",),
        "memory": ("memory_host",),
        "disk": ("disk_read_bytes", "disk_write_bytes"),
        "network": ("network_receive_bytes", "network_transmit_bytes"),
    }.items()
}


class Name(NamedTuple):
    """The labels of a machine."""

    namespace: str
    name: str
    node: str = ""


class Collector:
    """Looks, remembers, answers. `names` may be slow: it is called for answers only, from a thread."""

    def __init__(
        self,
        connect: Callable[[], RuntimeConnection],
        names: Callable[[], dict[UUID, Name]] = dict,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.connect = connect
        self.names = names
        self.clock = clock
        self.rings: dict[UUID, Ring] = {}
        self.last: dict[UUID, Sample] = {}
        self.watched: dict[UUID, float] = {}
        self.host = Ring(KEEP, len(HOST_FIELDS))
        self.last_host: HostSample | None = None
        self.looked_at = 0.0
        self.look_seconds = 0.0
        self.looks = 0
        self.faults = 0
        self.fault = "No look at the runtime yet."
        self.woken = asyncio.Event()

    # --- looking ------------------------------------------------------------------------------------------------
    def look(self, uids: Iterable[UUID] | None = None) -> bool:
        """One look at the given machines, or at all. Blocking; False when the runtime did not answer."""
        begun = time.perf_counter()
        wanted = None if uids is None else list(uids)
        try:
            metrics = self.connect().metrics
            samples = metrics.sample(wanted)
            host = metrics.host() if wanted is None else None
        except RuntimeFault as fault:
            self.missed(fault)
            return False
        finally:
            self.look_seconds += time.perf_counter() - begun
            self.looks += 1
        self.take(samples, wanted)
        if host is not None:
            self.host.add(host.at, host_rates(self.last_host, host, LONGEST))
            self.last_host = host
        self.fault = ""
        self.looked_at = self.clock()
        return True

    def take(self, samples: Iterable[Sample], wanted: list[UUID] | None) -> None:
        """Store what was seen. Who was asked for and is not there, or does not run, gets a gap."""
        seen = set()
        for sample in samples:
            if sample.power in NOT_RUNNING:
                continue
            seen.add(sample.uid)
            before = self.last.get(sample.uid)
            ring = self.rings.setdefault(sample.uid, Ring(KEEP))
            if before is not None and sample.at - before.at > LONGEST:
                ring.gap(before.at + EVERY)
            ring.add(sample.at, rates(before, sample, LONGEST))
            self.last[sample.uid] = sample
        for uid in set(self.last if wanted is None else wanted) - seen:
            self.gone(uid)
        if wanted is None:
            self.forget()

    def gone(self, uid: UUID) -> None:
        if self.last.pop(uid, None) is not None:
            self.rings[uid].gap(self.clock())

    def missed(self, fault: RuntimeFault) -> None:
        """No answer: every line has a hole from here, and the next look starts afresh."""
        self.faults += 1
        if fault.public != self.fault:
            log.warning("statistics: %s", fault)
        self.fault = fault.public
        for uid in list(self.last):
            self.gone(uid)

    def forget(self) -> None:
        """Drop machines that have been silent for the whole hour."""
        old = self.clock() - KEEP
        for uid in [uid for uid, ring in self.rings.items() if not ring.times or ring.times[-1] < old]:
            del self.rings[uid]

    async def run(self) -> None:
        """Look for ever. Cancel the task to end it."""
        due_all = due_watched = 0.0
        while True:
            now = time.monotonic()
            if now >= due_all:
                await asyncio.to_thread(self.look)
                due_all, due_watched = now + EVERY, now + WATCHED_EVERY
            elif now >= due_watched:
                due_watched = now + WATCHED_EVERY
                if watched := self.being_watched():
                    await asyncio.to_thread(self.look, watched)
            self.woken.clear()
            due = min(due_all, due_watched) if self.being_watched() else due_all
            try:
                await asyncio.wait_for(self.woken.wait(), max(due - time.monotonic(), 0))
            except TimeoutError:
                continue

    # --- answering ----------------------------------------------------------------------------------------------
    def watch(self, uids: Iterable[UUID]) -> None:
        """Somebody looks at these: two-second looks for the next 15 s. Say it again to keep it so."""
        until = self.clock() + WATCH_LASTS
        news = False
        for uid in uids:
            news |= uid not in self.watched
            self.watched[uid] = until
        if news:
            self.woken.set()

    def being_watched(self) -> list[UUID]:
        now = self.clock()
        self.watched = {uid: until for uid, until in self.watched.items() if until > now}
        return list(self.watched)

    def samples(self, uid: UUID, since: float = 0.0) -> list[dict[str, float | None]]:
        """Points later than `since`: {"at": …, field: value or None}. Everything None is a gap."""
        ring = self.rings.get(uid)
        return [] if ring is None else [point(at, values) for at, values in ring.since(since)]

    def host_samples(self, since: float = 0.0) -> list[dict[str, float | None]]:
        """The same of the host."""
        return [point(at, values, HOST_FIELDS) for at, values in self.host.since(since)]

    def top(self, count: int, namespaces: Iterable[str] | None = None) -> dict[str, list[tuple[UUID, float]]]:
        """Who takes most now, for each of `TOPS`: of the given namespaces, or of all. Blocks while names are read."""
        rings = {uid: self.rings[uid].newest() for uid in list(self.last)}
        if namespaces is not None:
            wanted, names = frozenset(namespaces), self.names()
            rings = {uid: row for uid, row in rings.items() if uid in names and names[uid].namespace in wanted}
        return {what: most(rings, columns, count) for what, columns in TOPS.items()}

    def latest(self, uids: Iterable[UUID]) -> dict[str, dict[str, float | None]]:
        """The newest point of each machine that runs."""
        newest = {}
        for uid in uids:
            ring = self.rings.get(uid)
            if uid in self.last and ring:
                rows = list(ring.since(ring.times[-1] - 0.001))
                newest[str(uid)] = point(*rows[-1])
        return newest

    def status(self) -> dict[str, Any]:
        """Does the runtime answer, and since when not."""
        return {"reachable": not self.fault, "message": self.fault, "as_of": self.looked_at}


def most(rings: Mapping[UUID, Sequence[float]], columns: Sequence[int], count: int) -> list[tuple[UUID, float]]:
    """Those with the largest sum of the columns, largest first. What is not known is no figure."""
    sums = ((sum(row[column] for column in columns), uid) for uid, row in rings.items())
    largest = heapq.nlargest(count, ((value, uid.int) for value, uid in sums if value > 0))
    return [(UUID(int=uid), round(value, 3)) for value, uid in largest]


def point(at: float, values: Iterable[float], fields: Sequence[str] = FIELDS) -> dict[str, float | None]:
    """A row as JSON can say it."""
    named: dict[str, float | None] = {"at": round(at, 3)}
    for field, value in zip(fields, values, strict=True):
        named[field] = None if value != value else round(value, 6)
    return named
