"""The loop without a broker: rung bells are answered here, one after another, until it is quiet."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from vmconsole.operations import loop
from vmconsole.operations.models import Operation
from vmconsole.runtime import connect

PATIENCE = 30.0


@contextmanager
def quiet() -> Any:
    """Rings made inside are kept for `settle`."""
    loop.rung.clear()
    yield
    loop.rung.clear()


def settle(until: Callable[[], bool] | None = None, *, seconds: float = PATIENCE, pause: float = 0.01) -> None:
    """Answer every bell. With `until`, go on looking at what is not settled until it holds or the time is over."""
    end = time.monotonic() + seconds
    while True:
        while loop.rung:
            kind, uid = loop.rung.pop(0)
            with suppress(KeyError):
                loop.look_after(kind, uid)
            assert time.monotonic() < end, f"the loop does not come to rest: {story()}"
            if until is not None and until():
                return
        if until is None or until():
            return
        assert time.monotonic() < end, f"waited in vain for the loop: {story()}"
        time.sleep(pause)  # the world moves by itself: nothing rings for that here
        loop.resync()


def story() -> str:
    """What is going on, for whoever reads a failed test."""
    operations = [f"{op.verb} {op.subject_name}: {op.state} {op.message} {op.detail}" for op in Operation.objects.all()]
    waiting = Counter(f"{kind} {uid}" for kind, uid in loop.rung)
    return f"operations {operations}, bells {dict(waiting)}"


def fresh_connections() -> None:
    """Forget open connections: the next one is made from the settings as they are now."""
    for connection in list(connect._open.values()):
        connection.close()
    connect._open.clear()


@pytest.fixture
def fake_runtime(settings: Any, tmp_path: Path, db: None) -> Any:
    """The fake runtime, alone in its own folder, with transitions that take no time worth waiting for."""
    settings.RUNTIME_KIND = "fake"
    settings.DOORBELL = "collect"
    settings.STATE = tmp_path
    fresh_connections()
    with quiet():
        connection: Any = connect.default()
        connection._world.transition_seconds = 0.02
        yield connection
    fresh_connections()
