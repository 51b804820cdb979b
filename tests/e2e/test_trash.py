"""A slip of the hand, undone: a machine into the trash, out of it again, and gone for good."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Desk
from tests.e2e.tabs import PATIENCE_MS
from tests.visitors import Visitor

expect.set_options(timeout=PATIENCE_MS)
NAME = "slip-1"


@pytest.fixture
def slip(editor: Visitor) -> Iterator[str]:
    assert editor.create(NAME, power="stay").status_code == 302
    editor.wait_for_state(NAME, "Stopped")
    yield NAME
    editor.remove(NAME)


def test_deleted_restored_and_purged(at_desk: Desk, slip: str) -> None:
    page = (tab := at_desk.tab()).page
    tab.go(f"vms/default/{slip}/")
    page.get_by_role("button", name="Actions").click()
    page.get_by_role("button", name="Delete …").click()
    page.get_by_role("button", name="Move to the trash").click()  # it is off: nothing to type
    page.wait_for_url("**/vms/")
    expect(page.get_by_role("link", name=slip)).to_have_count(0)

    page.get_by_role("link", name="Trash").click()
    row = page.get_by_role("row", name=slip)
    row.get_by_role("button", name="Restore").click()
    page.wait_for_url(f"**/vms/default/{slip}/")
    expect(page.locator("#vm-header h1 .state")).to_have_text("Stopped")
    page.get_by_role("button", name="Actions").click()
    page.get_by_role("button", name="Delete …").click()
    page.get_by_role("button", name="Move to the trash").click()
    page.wait_for_url("**/vms/")

    tab.go("trash/")
    row.get_by_role("button", name="Purge").click()
    go = page.locator("#dialog").get_by_role("button", name="Purge")
    expect(go).to_be_disabled()
    page.get_by_label(f"Type {slip} to confirm").fill(slip)
    go.click()
    expect(row).to_have_count(0)
