"""Every wish and look, and the one step that follows."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from storage.plan import (
    STALLED,
    Cancel,
    Cancelled,
    Create,
    Delete,
    Fail,
    Forget,
    Grow,
    Rest,
    Settled,
    Step,
    Vanished,
    Watch,
    Wish,
    next_step,
)
from vmconsole.runtime.libvirt.volumes import STALLED as DRIVERS_STALLED
from vmconsole.runtime.types import Job, Phase, VolumeSeen

GIB = 1 << 30
NEW = Wish(GIB)
BEGUN = replace(NEW, begun=True)
MADE = replace(BEGUN, made=True)
THERE = VolumeSeen(UUID(int=1), Phase.SUCCEEDED, size_bytes=GIB)
UNDER_WAY = VolumeSeen(UUID(int=1), Phase.IMPORTING, job=Job("import", 40.0))
DEAD = replace(UNDER_WAY, reason=STALLED)
BAD = VolumeSeen(UUID(int=1), Phase.FAILED, reason="ImageDamaged", message="It is damaged.")


@pytest.mark.parametrize(
    ("wish", "seen", "step"),
    [
        (NEW, None, Create()),
        (BEGUN, None, Create()),  # we died before the runtime wrote anything
        (BEGUN, UNDER_WAY, Watch()),
        (BEGUN, DEAD, Create()),  # the importer died: asking again takes it up
        (BEGUN, THERE, Settled()),
        (MADE, THERE, Settled()),
        (BEGUN, BAD, Fail("ImageDamaged", "It is damaged.")),
        (NEW, BAD, Create()),  # somebody asked to try again
        (replace(BEGUN, failed=True), None, Rest()),
        (MADE, None, Vanished()),
        (replace(MADE, failed=True), None, Rest()),
        # larger than it is
        (replace(MADE, size_bytes=2 * GIB), THERE, Grow(2 * GIB)),
        (replace(MADE, size_bytes=0), THERE, Settled()),
        # grown outside: nothing is ever made smaller
        (MADE, replace(THERE, size_bytes=2 * GIB), Settled()),
        # deleting goes before everything
        (replace(MADE, deleting=True), THERE, Delete()),
        (replace(BEGUN, deleting=True), UNDER_WAY, Delete()),
        (replace(BEGUN, deleting=True), BAD, Delete()),
        (replace(MADE, deleting=True, cancelling=True), None, Forget()),
        # cancelling
        (replace(BEGUN, cancelling=True), UNDER_WAY, Cancel()),
        (replace(BEGUN, cancelling=True), DEAD, Cancel()),
        (replace(BEGUN, cancelling=True), BAD, Cancel()),
        (replace(NEW, cancelling=True), None, Cancelled()),
        (replace(BEGUN, cancelling=True), THERE, Settled()),  # too late
    ],
)
def test_next_step(wish: Wish, seen: VolumeSeen | None, step: Step) -> None:
    assert next_step(wish, seen) == step


def test_plan_and_driver_mean_the_same_word() -> None:
    assert STALLED == DRIVERS_STALLED
