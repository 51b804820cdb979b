"""The first day with the console, in one browser after another and in this order: from the one-time password to the
audit log, with one real guest."""

from __future__ import annotations

import os
import signal

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import MACHINE, Desk, SitDown
from tests.e2e.tabs import PATIENCE_MS, Tab
from tests.running import Console
from tests.visitors import PASSWORD, Visitor, wait_for

expect.set_options(timeout=PATIENCE_MS)
VM = f"vms/default/{MACHINE}/"
BROKEN_LINE = ["ERR_CONNECTION_REFUSED", "WebSocket connection to", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE"]
# Looks at a copy: to read from the console's own canvas would change how the browser draws it.
PICTURE = """canvas => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true })
  copy.drawImage(canvas, 0, 0)
  const data = copy.getImageData(0, 0, canvas.width, canvas.height).data
  const colours = new Set()
  let sum = 0
  for (let at = 0; at < data.length; at += 4) {
    const colour = (data[at] << 16) | (data[at + 1] << 8) | data[at + 2]
    colours.add(colour)
    sum = (sum * 31 + colour) % 1000003
  }
  return { colours: colours.size, sum: `${canvas.width}x${canvas.height} ${sum}` }
}"""


def test_the_first_sign_in_asks_for_an_own_password(admin: Visitor, sit_down: SitDown) -> None:
    one_time = admin.one_time_password("hana", ("view", "default"))
    tab = sit_down(None).tab()
    page = tab.page
    tab.go("vms/")
    sign_in(page, "hana", "not this one")
    expect(page.get_by_role("alert")).to_be_visible()
    sign_in(page, "hana", one_time)
    expect(page.get_by_role("heading", name="Choose your own password")).to_be_visible()
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("button", name="Signed in as hana")).to_be_visible()
    page.get_by_role("button", name="Signed in as hana").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    tab.expected = ["status of 422"]  # the wrong password


def sign_in(page: Page, name: str, password: str) -> None:
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_machine_is_made_from_the_demo_image(at_desk: Desk) -> None:
    tab = at_desk.tab()
    page = tab.page
    tab.go("vms/new")
    page.get_by_label("Name", exact=True).fill(MACHINE)
    page.get_by_role("radio", name="Demo Linux").check()
    page.get_by_label("Memory", exact=True).fill("192Mi")
    expect(page.locator("vm-manifest code")).to_contain_text(f"name: {MACHINE}")
    page.get_by_role("button", name="Create", exact=True).click()
    page.wait_for_url(f"**/{VM}console")
    expect(state_of(page)).to_have_text("Running")  # patched in place: nobody loaded the page again
    expect(page.locator("#ops-panel .ops-last")).to_contain_text("Done")


def state_of(page: Page) -> Locator:
    return page.locator("#vm-header h1 .state")


@pytest.fixture
def screen(at_desk: Desk, machine: str) -> Tab:
    tab = at_desk.tab()
    tab.go(f"{VM}console")
    expect(tab.page.locator("vm-screen")).to_have_attribute("data-state", "live")
    return tab


@pytest.fixture
def terminal(at_desk: Desk, machine: str) -> Tab:
    tab = at_desk.tab()
    tab.go(f"{VM}console?kind=serial")
    expect(tab.page.locator("vm-terminal")).to_have_attribute("data-state", "live")
    return tab


def test_the_screen_changes_on_the_canvas(screen: Tab) -> None:
    canvas = screen.page.locator(".screen-stage canvas:not(.screen-ghost)")
    wait_for(lambda: canvas.evaluate(PICTURE)["colours"] > 1, why="something to be drawn")
    drawn = canvas.evaluate(PICTURE)

    def changed() -> bool:
        canvas.press("Enter")  # at the log-in prompt the only thing that happens is what somebody types
        return bool(canvas.evaluate(PICTURE) != drawn)

    wait_for(changed, why="the picture to change")


def printed(tab: Tab) -> str:
    return tab.page.locator(".xterm-rows").inner_text().replace("\xa0", " ")


def type_line(tab: Tab, text: str) -> None:
    tab.page.locator("textarea.xterm-helper-textarea").press_sequentially(text)
    tab.page.keyboard.press("Enter")


def wait_for_print(tab: Tab, text: str) -> None:
    wait_for(lambda: text in printed(tab), why=lambda: f"{text!r} on the terminal: {printed(tab)[-500:]}")


def log_in(tab: Tab) -> None:
    wait_for_print(tab, " login:")
    type_line(tab, "demo")
    wait_for_print(tab, "Password:")
    type_line(tab, "demo")
    wait_for_print(tab, "demo@")


def test_somebody_logs_in_at_the_terminal_and_burns_cpu_on_the_chart(terminal: Tab, at_desk: Desk) -> None:
    log_in(terminal)
    type_line(terminal, "echo answer-$((6 * 7))")
    wait_for_print(terminal, "answer-42")
    chart = at_desk.tab()
    chart.go(f"{VM}metrics")
    figure = chart.page.locator('vm-chart[data-metric="cpu"] .chart-now b').first
    wait_for(lambda: 0 <= percent(figure) < 15, why=lambda: f"the guest to be idle, not {figure.inner_text()}")
    type_line(terminal, "timeout 300 sh -c 'while :; do :; done' &")
    # On a host with other work it gets a share of a core only; idle it takes none.
    wait_for(lambda: percent(figure) > 25, why=lambda: f"the chart to rise above {figure.inner_text()}")
    type_line(terminal, "kill %1; echo cooled-$((1 + 1))")
    wait_for_print(terminal, "cooled-2")
    wait_for(lambda: percent(figure) < 20, why=lambda: f"the chart to fall below {figure.inner_text()}")


def test_the_log_page_follows_what_the_guest_prints(terminal: Tab, at_desk: Desk) -> None:
    log = at_desk.tab()
    log.go(f"{VM}logs")
    lines = log.page.get_by_role("log", name="Serial log")
    expect(lines).to_contain_text("answer-42")
    type_line(terminal, "echo followed-$((2 + 5))")
    expect(lines).to_contain_text("followed-7")
    log.page.get_by_label("Find in the log").fill("ANSWER-")
    log.page.keyboard.press("Enter")
    expect(log.page.locator(".log mark").first).to_have_text("answer-")


def percent(figure: Locator) -> float:
    digits = figure.inner_text().removesuffix("%").strip().replace(",", "")
    return float(digits) if digits.replace(".", "").isdigit() else -1.0


def test_consoles_come_back_after_the_web_process_was_killed(console: Console, screen: Tab, terminal: Tab) -> None:
    screen.expected = terminal.expected = BROKEN_LINE
    killed = console.process("web")
    os.kill(killed, signal.SIGKILL)
    for tab, element in ((screen, "vm-screen"), (terminal, "vm-terminal")):
        expect(tab.page.locator(element)).not_to_have_attribute("data-state", "live")
    wait_for(lambda: console.process("web") not in (0, killed), why="web to be started again")
    for tab, element in ((screen, "vm-screen"), (terminal, "vm-terminal")):
        expect(tab.page.locator(element)).to_have_attribute("data-state", "live")
        expect(tab.page.locator("#live")).to_have_attribute("data-state", "live")
    type_line(terminal, "echo again-$((20 + 3))")
    wait_for_print(terminal, "again-23")
    assert screen.page.locator(".screen-stage canvas:not(.screen-ghost)").evaluate(PICTURE)["colours"] > 1


def test_consoles_come_back_after_the_guest_restarted(screen: Tab, terminal: Tab) -> None:
    page = screen.page
    page.get_by_role("button", name="Actions").click()
    page.locator("#vm-menu").get_by_role("button", name="Restart").click()
    expect(page.locator("vm-screen")).not_to_have_attribute("data-state", "live")
    for tab, element in ((screen, "vm-screen"), (terminal, "vm-terminal")):
        expect(tab.page.locator(element)).to_have_attribute("data-state", "live")
    log_in_again(terminal)
    expect(state_of(page)).to_have_text("Running")


def log_in_again(tab: Tab) -> None:
    """What the guest printed before its restart is replayed too: the second prompt is the new one's."""
    wait_for(lambda: printed(tab).rstrip().endswith("login:"), why=lambda: printed(tab)[-500:])
    log_in(tab)


def test_what_happens_outside_is_on_the_open_list_at_once(at_desk: Desk, console: Console, machine: str) -> None:
    tab = at_desk.tab()
    tab.go("vms/")
    row = tab.page.locator("tr", has=tab.page.get_by_role("link", name=machine, exact=True))
    expect(row.locator(".state")).to_have_text("Running")
    tab.page.evaluate("window.sameDocument = true")
    for command, state in (("suspend", "Paused"), ("resume", "Running")):
        console.virsh(command, f"default_{machine}")
        expect(row.locator(".state")).to_have_text(state)
    assert tab.page.evaluate("window.sameDocument")


def test_it_is_stopped(at_desk: Desk, console: Console, machine: str) -> None:
    tab = at_desk.tab()
    tab.go(VM)
    tab.page.locator("#vm-header").get_by_role("button", name="Stop", exact=True).click()
    expect(state_of(tab.page)).to_have_text("Stopped")
    assert not console.guest(f"default_{machine}")


def test_all_of_it_is_in_the_audit_log(sit_down: SitDown, admin: Visitor, machine: str) -> None:
    tab = sit_down(admin).tab()
    page = tab.page
    tab.go(f"audit/?object={machine}")
    rows = page.locator("table tbody tr")
    cells = [row.locator("th, td").all_inner_texts() for row in rows.all()]
    found = {(row[0].strip(), row[1].strip(), row[4].split("\n")[0]) for row in cells if len(row) > 4}
    for action, result, person in (
        ("Created", "Accepted", "ed"),
        ("Created", "Succeeded", "ed"),
        ("Restarted", "Succeeded", "ed"),
        ("Stopped", "Accepted", "ed"),
        ("Stopped", "Succeeded", "ed"),
    ):
        assert (action, result, person) in found, found
    consoles = admin.audit(object=machine, kind="Console")
    assert {entry["phase"] for entry in consoles} >= {"started", "ended"}
    ended = [entry for entry in consoles if entry["phase"] == "ended"]
    assert any("bytes" in key for key in ended[0]["extra"]), ended[0]
    page.get_by_role("button", name="Verify").click()
    expect(page.locator("#verdict .note")).to_be_visible()
    assert "tone-bad" not in (page.locator("#verdict .note").get_attribute("class") or "")
