"""Trouble on request: what goes wrong next, kept beside the world so that any process can arrange it for another."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from vmconsole.runtime.errors import Busy, Unreachable
from vmconsole.runtime.fake.store import Shelf, Store

_KEY = "faults"


@dataclass(frozen=True, slots=True)
class Trouble:
    """`unreachable` and `busy` count calls still to be refused; `deaf` guests ignore a polite shutdown."""

    unreachable: int = 0
    busy: int = 0
    slow_seconds: float = 0.0
    no_memory: bool = False
    deaf: bool = False
    failing_imports: bool = False


class Faults:
    """`connection.faults.arrange(unreachable=3)`; `clear()` ends all of it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._shelf = Shelf(store, "faults", Trouble)

    @property
    def now(self) -> Trouble:
        return self._shelf.get(_KEY) or Trouble()

    def arrange(
        self,
        *,
        unreachable: int = 0,
        busy: int = 0,
        slow_seconds: float = 0.0,
        no_memory: bool = False,
        deaf: bool = False,
        failing_imports: bool = False,
    ) -> None:
        self._shelf.put(_KEY, Trouble(unreachable, busy, slow_seconds, no_memory, deaf, failing_imports))

    def clear(self) -> None:
        self._shelf.drop(_KEY)

    def strike(self) -> None:
        """Called at the start of every call to the runtime."""
        trouble = self.now
        if trouble.slow_seconds:
            time.sleep(trouble.slow_seconds)
        if trouble.unreachable and self._count_down("unreachable"):
            raise Unreachable("The runtime does not answer.", detail="arranged fault")
        if trouble.busy and self._count_down("busy"):
            raise Busy("The runtime is busy with this machine.", detail="arranged fault")

    def _count_down(self, which: str) -> bool:
        with self._store.writing():
            trouble = self.now
            left = trouble.unreachable if which == "unreachable" else trouble.busy
            if left > 0:
                less = (
                    replace(trouble, unreachable=left - 1)
                    if which == "unreachable"
                    else replace(trouble, busy=left - 1)
                )
                self._shelf.put(_KEY, less)
            return left > 0
