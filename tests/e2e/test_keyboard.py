"""A day without a mouse: make a machine, look at its screen, delete it. What has the focus is seen to have it."""

from __future__ import annotations

from contextlib import suppress

from playwright.sync_api import Error, Locator, Page, expect

from tests.e2e.conftest import Desk
from tests.e2e.tabs import PATIENCE_MS
from tests.visitors import Visitor, wait_for

expect.set_options(timeout=PATIENCE_MS)
NAME = "by-keys"
MOST_TABS = 120
# An outline, a shadow or a border that is there because of the focus: of the element, or of what stands around it.
MARKED = """() => {
  let element = document.activeElement
  for (let up = 0; element && up < 3; up += 1, element = element.parentElement) {
    const style = getComputedStyle(element)
    if (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) return true
    if (style.boxShadow !== 'none') return true
  }
  return false
}"""


def tab_to(page: Page, wanted: Locator) -> None:
    for _press in range(MOST_TABS):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
        assert page.evaluate(MARKED), page.evaluate("document.activeElement.outerHTML.slice(0, 300)")
    raise AssertionError(f"no number of tabs leads to {wanted}")


def test_a_machine_is_made_seen_and_deleted_by_keyboard(at_desk: Desk, editor: Visitor) -> None:
    tab = at_desk.tab()
    page = tab.page
    tab.go("")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    wait_for(lambda: goes_to_create(page), why="the page to create a machine")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type(NAME)
    tab_to(page, page.get_by_label("Memory", exact=True))
    page.keyboard.press("Control+a")
    page.keyboard.type("192Mi")
    tab_to(page, page.get_by_role("button", name="Create", exact=True))
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/vms/default/{NAME}/console")
    see_the_screen_and_leave_it(page)
    page.keyboard.press("Control+k")
    expect(page.locator("#palette input")).to_be_focused()
    page.keyboard.type(f"delete {NAME}")
    expect(page.locator("#palette-list [role=option]").first).to_contain_text(f"Delete {NAME}")
    page.keyboard.press("Enter")
    expect(page.locator("#typed")).to_be_focused()
    page.keyboard.type(NAME)
    page.keyboard.press("Enter")
    page.wait_for_url("**/vms/")
    expect(page.get_by_role("link", name=NAME, exact=True)).to_have_count(0)
    assert not editor.machine(NAME)


def goes_to_create(page: Page) -> bool:
    """Two keys, the second soon after the first: on a busy host they may come too far apart to belong together."""
    page.keyboard.press("c")
    page.keyboard.press("v")
    with suppress(Error):
        page.wait_for_url("**/vms/new", timeout=5000)
    return page.url.endswith("/vms/new")


def see_the_screen_and_leave_it(page: Page) -> None:
    screen = page.locator("vm-screen")
    expect(screen).to_have_attribute("data-state", "live")
    expect(screen.locator("canvas").last).to_be_focused()
    page.keyboard.press("Tab")  # is the guest's
    expect(screen.locator("canvas").last).to_be_focused()
    page.keyboard.press("Control+Alt+Home")
    expect(screen.locator(".screen-bar button:visible").first).to_be_focused()
