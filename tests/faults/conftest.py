"""What every fault leaves behind: nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.left import inventory, wait_until_only
from tests.running import Console
from tests.visitors import Visitor, wait_for

MACHINES = "select name from inventory_virtualmachine where namespace = 'default' and name like 'fault-%'"
DISKS = "select name from storage_virtualmachinedisk where namespace = 'default' and name like 'fault-%'"


@pytest.fixture
def nothing_left(console: Console, editor: Visitor) -> Iterator[None]:
    """What is called fault-… is deleted after the test, and then all is as it was before it."""
    before = inventory(console)
    yield
    editor.remove(*(name for (name,) in console.rows(MACHINES)))
    for (name,) in console.rows(DISKS):
        editor.post(f"disks/default/{name}/delete", typed=name)
    wait_until_only(console, before)


@pytest.fixture
def machine(editor: Visitor, nothing_left: None) -> str:
    """A running machine of 16 MiB."""
    made = editor.create("fault-one")
    assert made.status_code == 302, made.text
    editor.wait_for_state("fault-one", "Running")
    wait_for(lambda: not editor.get("operations/panel").text.count("In progress"), why="its create to be over")
    return "fault-one"
