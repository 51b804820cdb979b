"""What somebody saw on a serial console, seen again by who reads the audit."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import SitDown, make
from tests.e2e.tabs import PATIENCE_MS, Tab
from tests.running import Console
from tests.visitors import Visitor, wait_for

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def fresh(console: Console, editor: Visitor) -> Iterator[str]:
    """A machine whose serial log begins with this test."""
    make(console, editor, "watched-1")
    yield "watched-1"
    editor.remove("watched-1")


def test_a_serial_console_is_replayed(admin: Visitor, fresh: str, sit_down: SitDown) -> None:
    page = (tab := sit_down(admin).tab()).page
    tab.go(f"vms/default/{fresh}/console?kind=serial")
    expect(page.locator("vm-terminal")).to_have_attribute("data-state", "live")
    page.locator("vm-terminal .xterm").click()
    for key in ("Enter", "Enter"):
        page.keyboard.press(key)
        expect(page.locator("vm-terminal .xterm-rows")).to_contain_text("login:")

    open_replay(tab, admin, fresh)
    expect(page.locator("vm-replay .xterm-rows")).to_contain_text("login:")
    page.get_by_role("button", name="Play").click()
    expect(page.locator("vm-replay [data-play]")).to_have_attribute("aria-pressed", "true")
    place = page.get_by_label("Place in the session")
    place.press("Home")
    expect(page.locator("vm-replay [data-clock]")).to_have_text(
        re.compile(r"^0:0\d / \d+:\d\d · .*\d:\d\d")
    )  # its true pace
    page.get_by_label("Speed").select_option("At once")
    expect(place).to_have_value("1000")
    expect(page.locator("vm-replay [data-play]")).to_have_attribute("aria-pressed", "false")
    expect(page.locator("vm-replay .xterm-rows")).to_contain_text("login:")


def test_of_a_session_in_which_nothing_was_printed_it_is_seen_what_was_there(
    admin: Visitor, running: str, sit_down: SitDown
) -> None:
    """Of a machine that was just started again, say: its screen has the words of the run before."""
    page = (tab := sit_down(admin).tab()).page
    tab.go(f"vms/default/{running}/console?kind=serial")
    expect(page.locator("vm-terminal")).to_have_attribute("data-state", "live")
    shown = page.locator("vm-terminal .xterm-rows")
    expect(shown).to_contain_text("vmconsole demo")
    open_replay(tab, admin, running)
    expect(page.locator("vm-replay .xterm-rows")).to_contain_text("vmconsole demo")


def open_replay(tab: Tab, admin: Visitor, machine: str) -> None:
    """Leave the console for the replay of the session that was just had there."""
    mine, page = {"object": machine, "kind": "Console", "person": admin.name}, tab.page
    before = [entry for entry in admin.audit(**mine) if entry["phase"] == "ended"]
    tab.go("audit/")
    wait_for(
        lambda: len([entry for entry in admin.audit(**mine) if entry["phase"] == "ended"]) > len(before),
        why="the end of the session",
    )
    expect(page.get_by_role("link", name="Used the serial console").first).to_be_visible()
    page.get_by_role("link", name="Console sessions").click()
    ended = page.get_by_role("row", name=machine).filter(has_text="after").filter(has_text=admin.name).first
    ended.get_by_role("link", name="Replay").click()
