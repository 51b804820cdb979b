"""When a machine that keeps failing is started again. Pure: the loop waits by it, and pages say it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

CRASH_WINDOW = timedelta(minutes=10)
BACK_OFF = (0.0, 2.0, 10.0, 30.0, 60.0, 120.0, 300.0)  # seconds, after the first, second … crash within the window


def crashes_within(crashes: Sequence[str], now: datetime) -> list[datetime]:
    """The crashes that still count, oldest first."""
    moments = (datetime.fromisoformat(at) for at in crashes)
    return [at for at in moments if at > now - CRASH_WINDOW]


def next_try(crashes: Sequence[str], now: datetime) -> datetime | None:
    """When a declared machine may be started again; None: nothing holds it back."""
    recent = crashes_within(crashes, now)
    if not recent:
        return None
    due = recent[-1] + timedelta(seconds=BACK_OFF[min(len(recent) - 1, len(BACK_OFF) - 1)])
    return due if due > now else None
