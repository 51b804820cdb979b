"""The machine list in a browser: labels, a folder, a view of one's own, and everything from one box."""

from __future__ import annotations

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.conftest import MACHINE, Desk
from tests.e2e.tabs import PATIENCE_MS
from tests.visitors import Visitor

expect.set_options(timeout=PATIENCE_MS)


def label(page: Page, labels: str, folder: str) -> None:
    """Set the labels of the machine by the bar under the list."""
    page.get_by_role("checkbox", name=f"Choose {MACHINE}", exact=True).check()
    page.get_by_role("toolbar").get_by_role("button", name="Labels").click()
    dialog = page.locator("#dialog")
    dialog.get_by_label("Labels", exact=True).fill(labels)
    dialog.get_by_label("Folder", exact=True).fill(folder)
    dialog.get_by_label("Folder", exact=True).blur()
    expect(dialog.get_by_text("1 will be asked, 0 will not.")).to_be_visible()
    dialog.get_by_role("button", name="Set labels").click()
    expect(dialog.get_by_text("Done", exact=True)).to_be_visible()
    dialog.get_by_role("button", name="Close").last.click()


def serious(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{each['id']} {each['nodes'][0]['target']}" for each in found if each["impact"] in ("serious", "critical")]


def test_labels_folders_and_a_view_of_ones_own(at_desk: Desk, machine: str) -> None:
    tab = at_desk.tab()
    page = tab.page
    tab.go("vms/")
    label(page, "app=web tier=front", "prod/web")
    row = page.locator("#vms tbody tr").filter(has_text=machine)
    expect(row.locator(".label-tag")).to_have_text(["appweb", "tierfront"])  # patched in place
    folders = page.get_by_role("navigation", name="Folders")
    folders.get_by_role("link", name="prod").click()
    expect(page.locator("#query")).to_have_value("folder:prod")
    row.locator(".label-tag").first.click()
    expect(page.locator("#query")).to_have_value("label:app=web")
    assert serious(page) == []

    page.get_by_role("button", name="Columns").click()
    page.locator("#dialog").get_by_role("checkbox", name="Folder").check()
    page.locator("#dialog").get_by_role("button", name="Folder further left").click()
    page.locator("#dialog").get_by_role("button", name="Use", exact=True).click()
    expect(page.get_by_role("columnheader", name="Folder")).to_be_visible()
    page.get_by_role("button", name="Views").click()
    page.get_by_role("button", name="Save what is shown now").click()
    page.locator("#dialog").get_by_label("Name", exact=True).fill("Web")
    page.locator("#dialog").get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**view=*")
    expect(page.get_by_role("link", name="Web", exact=True)).to_have_attribute("aria-current", "true")

    narrow = at_desk.tab(wide=False, scheme="dark")
    narrow.go("vms/?q=")
    expect(narrow.page.get_by_role("navigation", name="Folders")).to_be_hidden()
    narrow.page.get_by_role("button", name="Folders").click()
    expect(narrow.page.get_by_role("navigation", name="Folders").get_by_role("link", name="prod")).to_be_visible()
    assert serious(narrow.page) == []

    tab.go("vms/?q=")
    label(page, "-app -tier", "/")
    expect(folders).to_have_count(0)


def test_everything_from_one_box(at_desk: Desk, machine: str) -> None:
    tab = at_desk.tab()
    page = tab.page
    tab.go("disks/")
    page.keyboard.press("/")
    expect(page.get_by_role("combobox", name="Find anything")).to_be_focused()
    page.keyboard.type(machine)
    found = page.locator("#search-list")
    expect(found.locator(".found-group").first).to_have_text("Virtual machines")
    expect(found.get_by_role("option").first).to_contain_text(machine)
    assert serious(page) == []
    page.keyboard.press("ArrowDown")
    expect(found.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(f"/vms/default/{machine}/"))


def test_a_line_beside_the_row_stays_when_the_row_is_patched(at_desk: Desk, running: str, editor: Visitor) -> None:
    tab = at_desk.tab()
    page = tab.page
    tab.go("vms/")
    row = page.locator("#vms tbody tr").filter(has_text=running)
    spark = row.locator(".spark[data-spark=cpu]")
    expect(spark).to_have_text(re.compile(r"^\d+ %$"), timeout=2 * PATIENCE_MS)
    expect(spark.locator("path").last).to_have_attribute("d", re.compile("^M"))
    drawn = spark.locator("svg").element_handle()
    editor.power(running, "pause")
    expect(row.locator(".state")).to_have_text("Paused")
    assert drawn.is_visible()
    editor.power(running, "resume")
    expect(row.locator(".state")).to_have_text("Running")
    assert drawn.is_visible()
    row.get_by_role("button", name=f"Details of {running}").click()
    expect(page.locator("#side .spark[data-spark=memory]")).to_have_text(re.compile(r"^\d+ %$"))
    assert serious(page) == []
