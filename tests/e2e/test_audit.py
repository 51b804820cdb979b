"""What somebody saw on a serial console, seen again by who reads the audit."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import SitDown, make
from tests.e2e.tabs import PATIENCE_MS
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

    tab.go("audit/")
    mine = {"object": fresh, "kind": "Console", "person": admin.name}
    wait_for(lambda: any(entry["phase"] == "ended" for entry in admin.audit(**mine)), why="the end of the session")
    expect(page.get_by_role("link", name="Used the serial console").first).to_be_visible()
    page.get_by_role("link", name="Console sessions").click()
    ended = page.get_by_role("row", name=fresh).filter(has_text="after").filter(has_text=admin.name).first
    ended.get_by_role("link", name="Replay").click()
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
