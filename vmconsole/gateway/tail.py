"""Follows the outbox: what any process writes about a change is here a moment later.

A thread of its own, as waiting for a database is blocking work. On SQLite it asks ten times a second for a counter that
costs microseconds and looks at the table only when that moved; on PostgreSQL it sleeps until it is notified. It reads
by id, so that a lost notification, a restart or an outage loses nothing. See docs/decisions/0001.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import closing

from django.db import close_old_connections, connection

from observability import changes
from observability.models import Change

log = logging.getLogger(__name__)

LOOK_EVERY = 0.1
AFTER_FAILURE = 1.0
NOTIFIED_WITHIN = 1.0  # PostgreSQL: look anyway, as a notification may be lost with its connection
BATCH = 1000

Deliver = Callable[[Sequence[Change]], object]


class Tail(threading.Thread):
    """In this thread: every change since the start to `deliver`; to `restart`, the newest id after it went back."""

    def __init__(self, deliver: Deliver, restart: Callable[[int], object]) -> None:
        super().__init__(name="outbox-tail", daemon=True)
        self._deliver = deliver
        self._restart = restart
        self._stopped = threading.Event()
        self._last: int | None = None
        self.ready = threading.Event()

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._follow()
            except Exception:
                log.exception("The outbox cannot be read; trying again.")
                self._stopped.wait(AFTER_FAILURE)
            finally:
                connection.close()

    def _follow(self) -> None:
        close_old_connections()
        if self._last is None:
            self._last = changes.latest()
        wakings = self._notifications() if connection.vendor == "postgresql" else self._movements()
        with closing(wakings):
            for _ in wakings:  # the first at once: something may have come while we were away
                self._drain()
                self.ready.set()
                if self._stopped.is_set():
                    return

    def _drain(self) -> None:
        assert self._last is not None
        while found := changes.since(self._last, BATCH):
            self._last = found[-1].id
            self._deliver(found)
        newest = changes.latest()
        if newest < self._last:  # the database was restored from a backup
            self._last = newest
            self._restart(newest)

    def _movements(self) -> Generator[None]:
        """SQLite counts the commits of others, cheaply. Our own connection never writes, so all are others'."""
        with closing(sqlite3.connect(f"file:{connection.settings_dict['NAME']}?mode=ro", uri=True)) as counter:
            seen = None
            while not self._stopped.is_set():
                (version,) = counter.execute("PRAGMA data_version").fetchone()
                if version != seen:
                    seen = version
                    yield
                else:
                    self._stopped.wait(LOOK_EVERY)

    def _notifications(self) -> Generator[None]:
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {changes.CHANNEL}")
        yield
        while not self._stopped.is_set():
            for _ in connection.connection.notifies(timeout=NOTIFIED_WITHIN, stop_after=1):
                pass
            yield
