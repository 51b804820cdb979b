"""Where the fake keeps its world: one SQLite file that several processes may share, or memory.

Every row carries the number of its last change, so that a process holds a decoded copy of everything and reads only
what changed since: a list of 100,000 machines costs one small query.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Generic, TypeVar

import msgspec

from vmconsole.runtime.errors import Unreachable

Row = TypeVar("Row")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS thing (
    kind TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, body BLOB, PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS thing_version ON thing (kind, version);
CREATE TABLE IF NOT EXISTS counter (version INTEGER NOT NULL);
INSERT INTO counter SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM counter);
"""


class Store:
    """The open file. `writing()` is one transaction over all shelves, also against other processes."""

    def __init__(self, file: Path | None) -> None:
        self._lock = RLock()
        self._depth = 0
        self.rollbacks = 0
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o660))
        with _translated():
            self._connection = sqlite3.connect(
                file or ":memory:", timeout=20, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=OFF")
            self._connection.executescript(_SCHEMA)

    @contextmanager
    def writing(self) -> Iterator[None]:
        with self._lock, _translated():
            outermost = self._depth == 0
            if outermost:
                self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                if outermost:
                    self._connection.execute("ROLLBACK")
                    self.rollbacks += 1
                raise
            else:
                if outermost:
                    self._connection.execute("COMMIT")
            finally:
                self._depth -= 1

    def read(self, sql: str, *values: object) -> list[tuple[str, int, bytes | None]]:
        with self._lock, _translated():
            return self._connection.execute(sql, values).fetchall()

    def write(self, kind: str, rows: Iterable[tuple[str, bytes | None]]) -> None:
        with self.writing():
            self._connection.execute("UPDATE counter SET version = version + 1")
            (version,) = self._connection.execute("SELECT version FROM counter").fetchone()
            self._connection.executemany(
                "INSERT OR REPLACE INTO thing (kind, key, version, body) VALUES (?, ?, ?, ?)",
                ((kind, key, version, body) for key, body in rows),
            )

    def version(self) -> int:
        with self._lock, _translated():
            return int(self._connection.execute("SELECT version FROM counter").fetchone()[0])

    def close(self) -> None:
        with self._lock:
            self._connection.close()


class Shelf(Generic[Row]):
    """All rows of one kind."""

    def __init__(self, store: Store, kind: str, row: type[Row]) -> None:
        self._store = store
        self._kind = kind
        self._decode = msgspec.json.Decoder(row)
        self._copy: dict[str, Row] = {}
        self._seen = (-1, 0)
        self._lock = RLock()

    def get(self, key: str) -> Row | None:
        found = self._store.read("SELECT key, version, body FROM thing WHERE kind = ? AND key = ?", self._kind, key)
        body = found[0][2] if found else None
        return None if body is None else self._decode.decode(body)

    def all(self) -> Mapping[str, Row]:
        """Everything by key. The answer is the copy itself: read it, do not keep it."""
        with self._lock:
            version, rollbacks = self._seen
            if rollbacks != self._store.rollbacks:  # may hold what was never committed
                version, rollbacks = -1, self._store.rollbacks
                self._copy.clear()
            self._seen = (self._take_in(version), rollbacks)
            return dict(self._copy)

    def changed_since(self, version: int) -> list[str]:
        found = self._store.read(
            "SELECT key, version, body FROM thing WHERE kind = ? AND version > ?", self._kind, version
        )
        return [key for key, _, _ in found]

    def put(self, key: str, row: Row) -> None:
        self.put_many({key: row})

    def put_many(self, rows: Mapping[str, Row]) -> None:
        self._store.write(self._kind, ((key, msgspec.json.encode(row)) for key, row in rows.items()))

    def drop(self, key: str) -> None:
        self._store.write(self._kind, [(key, None)])  # the empty body tells other processes

    def _take_in(self, version: int) -> int:
        found = self._store.read(
            "SELECT key, version, body FROM thing WHERE kind = ? AND version > ?", self._kind, version
        )
        for key, changed, body in found:
            version = max(version, changed)
            if body is None:
                self._copy.pop(key, None)
            else:
                self._copy[key] = self._decode.decode(body)
        return version


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise Unreachable("The demonstration runtime cannot read its file.", detail=str(error)) from error
