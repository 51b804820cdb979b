"""Looking at a whole runtime: what it costs when nothing happened, and that it finds what did."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory import watching
from tests.inventory.test_loop import now, running
from tests.people import People
from vmconsole.runtime import connect
from vmconsole.runtime.types import Power

pytestmark = pytest.mark.django_db


def test_machines_that_are_as_they_were_cost_no_queries(people: People, fake_runtime: Any) -> None:
    """Ten thousand of them held up every hint for seconds."""
    watcher = watching.Watcher(lambda: True)

    def queries() -> int:
        watcher.resync(connect.only())  # its guests were asked, and all is written down
        with CaptureQueriesContext(connection) as asked:
            watcher.resync(connect.only())
        return len(asked)

    first = running(people)
    few = queries()
    others = [running(people, f"web-{number}") for number in range(2, 6)]
    assert queries() == few
    seen = [now(vm).status_as_of for vm in (first, *others)]
    watcher.resync(connect.only())
    assert not {now(vm).status_as_of for vm in (first, *others)} & set(seen)
    fake_runtime.machines.set_power(others[0].uid, Power.PAUSED)
    watcher.resync(connect.only())
    assert [now(vm).status_power for vm in (first, *others)] == ["on", "paused", "on", "on", "on"]
