"""A machine's serial log with its times: which lines were printed when, and only those of some time."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e.conftest import Desk
from tests.e2e.tabs import PATIENCE_MS

expect.set_options(timeout=PATIENCE_MS)


def test_lines_have_their_time_and_can_be_chosen_by_it(at_desk: Desk, running: str) -> None:
    tab = at_desk.tab()
    page = tab.page
    tab.go(f"vms/default/{running}/logs")
    expect(page.locator(".log-timed time").first).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
    page.get_by_role("link", name="1 day").click()
    expect(page.get_by_role("link", name="1 day")).to_have_attribute("aria-current", "true")
    expect(page.locator(".log-lines li").first).to_be_visible()
    page.get_by_role("button", name="Dates").click()
    page.get_by_label("To (").fill("2020-01-01T00:00")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_text("Nothing was printed in this time.")).to_be_visible()
    page.get_by_role("link", name="Show all").click()
    expect(page.locator(".log-lines li").first).to_be_visible()
