"""The list of 10,000 machines in a browser: first paint, weight, sorting, changes, viewers, sparklines."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from scripts.benches._fakes import DESK, FLAGS, chromium_program, console_with, cookies_of
from scripts.benches._pages import open_pages
from scripts.benches._processes import cpu_seconds
from scripts.benches.results import Figure, show

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.running import Console
    from tests.visitors import Visitor

OPENINGS = 5
CHANGES = 10
ALL_ROWS = {"width": 1920, "height": 3200}  # fifty rows, all on the screen at once
RUNNING = "vms/?q=state%3Arunning"
# When the first row was painted, and when the last click or key was, both in milliseconds of the one clock. A frame
# is painted when the one after it begins.
WATCHED = """(() => {
  const now = () => performance.timeOrigin + performance.now()
  const painted = (then) => requestAnimationFrame(() => requestAnimationFrame(() => then(now())))
  const began = (event) => sessionStorage.setItem('began', performance.timeOrigin + event.timeStamp)
  for (const kind of ['click', 'keydown']) addEventListener(kind, began, true)
  let seen
  new MutationObserver(() => {
    const row = document.querySelector('#vms tbody tr')
    if (!row || row === seen) return
    seen = row
    painted((at) => { window.firstRow = at })
  }).observe(document, { childList: true, subtree: true })
  window.waitForState = (uid, word) => new Promise((done) => {
    const look = () => {
      if (document.querySelector(`#row-${uid} .state`)?.textContent !== word) return
      watch.disconnect()
      painted(done)
    }
    const watch = new MutationObserver(look)
    watch.observe(document.body, { childList: true, subtree: true, characterData: true })
    look()
  })
})()"""


def bench(
    machines: Annotated[int, typer.Option(help="How many there are; the promise is for 10,000.")] = 10_000,
    viewers: Annotated[int, typer.Option(help="How many pages are open; the promise is for 50.")] = 50,
    seconds: Annotated[float, typer.Option(help="How long CPU is measured, each time.")] = 60,
    json_file: Annotated[Path | None, typer.Option("--json")] = None,
) -> None:
    from playwright.sync_api import sync_playwright

    with console_with(machines) as (console, admin), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_program(), args=FLAGS)
        lab = Lab(browser, console, admin)
        lab.settle()
        figures = [
            *first_paint(lab),
            *weight(lab),
            *sorting_and_searching(lab),
            change_on_screen(lab, viewers),
            *each_viewer(lab, viewers, seconds / 2),
            *sparklines(lab, seconds),
        ]
        browser.close()
    raise typer.Exit(0 if show(f"The list, {machines:,} machines", figures, json_file) else 1)


class Lab:
    """The browser, the console and somebody who is signed in."""

    def __init__(self, browser: Browser, console: Console, admin: Visitor) -> None:
        self.browser, self.console, self.admin = browser, console, admin
        self.cookies = cookies_of(admin, console.url)

    @contextmanager
    def page(self, viewport: Any = DESK) -> Iterator[Page]:
        """A browser that knows nothing of the console yet, but who is signed in."""
        context = self.browser.new_context(viewport=viewport)
        context.add_cookies(self.cookies)
        context.add_init_script(WATCHED)
        yield context.new_page()
        context.close()

    def settle(self) -> None:
        """Until the controller has looked at every machine, and the web process has warmed up."""
        as_of = "SELECT count(*) FROM inventory_virtualmachine WHERE status_as_of IS NULL"
        end = time.monotonic() + 300
        while self.console.rows(as_of)[0][0]:
            if time.monotonic() > end:
                raise RuntimeError("the controller did not look at every machine")
            time.sleep(1)
        for _ in range(3):
            self.admin.get("vms/").raise_for_status()

    def running(self) -> list[str]:
        """The uids on the first page of those that run."""
        import re

        return re.findall(r'id="row-([0-9a-f-]{36})"', self.admin.get(RUNNING).text)


def first_row(page: Page) -> float:
    """When it was painted."""
    return float(page.wait_for_function("() => window.firstRow", polling="raf").json_value())


def first_paint(lab: Lab) -> list[Figure]:
    """With nothing in the browser's cache."""
    took = []
    for _ in range(OPENINGS):
        with lab.page() as page:
            page.goto(f"{lab.console.url}vms/", wait_until="commit")
            took.append(first_row(page) - float(page.evaluate("performance.timeOrigin")))
    detail = f"median of {OPENINGS}, slowest {max(took):.0f} ms, nothing cached"
    return [Figure("first row on the screen", statistics.median(took), "ms", limit=1000, detail=detail)]


def weight(lab: Lab) -> list[Figure]:
    """HTML, scripts and style sheets, as they travelled."""
    with lab.page() as page:
        sizes, types = counted(page)
        page.goto(f"{lab.console.url}vms/", wait_until="networkidle")
        first = weighed(sizes, types)
        sizes.clear()
        with page.expect_event("requestfinished", lambda request: "page=2" in request.url):
            page.locator("a[rel=next]").click()
        page.wait_for_load_state("networkidle")
        following = weighed(sizes, types)
    return [
        Figure("first visit, compressed", first, "kB", limit=120, detail="HTML, scripts, style sheets"),
        Figure("the next page, compressed", following, "kB", limit=30, detail="the same"),
    ]


def counted(page: Page) -> tuple[dict[str, float], dict[str, str]]:
    """Filled in as answers come: bytes and kinds, by request."""
    sizes: dict[str, float] = {}
    types: dict[str, str] = {}
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.on("Network.responseReceived", lambda event: types.update({event["requestId"]: event["type"]}))
    devtools.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    return sizes, types


def weighed(sizes: dict[str, float], types: dict[str, str]) -> float:
    counts = ("Document", "Script", "Stylesheet", "XHR", "Fetch")
    return sum(size for request, size in sizes.items() if types.get(request) in counts) / 1000


def sorting_and_searching(lab: Lab) -> list[Figure]:
    """From the click, or the key, to the first row of the answer."""
    with lab.page() as page:
        page.goto(f"{lab.console.url}vms/", wait_until="networkidle")
        sorts = ("Namespace", "State", "Name", "Namespace", "State")
        sorted_in = [answered(page, partial(sort, page, name)) for name in sorts]
        words = ("web-0", "state:stopped", "db-00041", "label:app=git", "node:fake-1 -state:running")
        found_in = [answered(page, partial(search, page, text)) for text in words]
    return [
        Figure(
            "sorting, from click to paint", statistics.median(sorted_in), "ms", limit=300, detail=slowest(sorted_in)
        ),
        Figure("searching, from key to paint", statistics.median(found_in), "ms", limit=300, detail=slowest(found_in)),
    ]


def slowest(took: list[float]) -> str:
    return f"median of {len(took)}, slowest {max(took):.0f} ms"


def sort(page: Page, column: str) -> None:
    page.locator("#vms thead").get_by_role("link", name=column, exact=True).click()


def search(page: Page, text: str) -> None:
    page.locator("#query").fill(text)
    page.locator("#query").press("Enter")


def answered(page: Page, act: Callable[[], None]) -> float:
    page.wait_for_load_state("networkidle")
    page.evaluate("window.old = true; window.firstRow = 0")
    act()
    page.wait_for_function("() => window.firstRow", polling="raf")
    return float(page.evaluate("window.firstRow - Number(sessionStorage.getItem('began'))"))


def change_on_screen(lab: Lab, viewers: int) -> Figure:
    """A machine changes at its runtime, and a browser shows it, while many others do too."""
    from vmconsole.runtime.fake.machines import FakeMachines
    from vmconsole.runtime.fake.world import open_world
    from vmconsole.runtime.types import Power

    outside = FakeMachines(open_world("", lab.console.state))
    shown = lab.running()
    took = []
    with lab.page() as page, lab.page() as second, open_pages(lab.console.url, lab.admin, shown, viewers - 2):
        for each in (page, second):
            each.goto(f"{lab.console.url}{RUNNING}", wait_until="networkidle")
        for turn in range(CHANGES):
            power, word = ((Power.PAUSED, "Paused"), (Power.ON, "Running"))[turn % 2]
            time.sleep(2)
            begun = time.time()
            outside.happen(UUID(shown[turn // 2]), power)
            at = float(page.evaluate("([uid, word]) => window.waitForState(uid, word)", [shown[turn // 2], word]))
            took.append(at - begun * 1000)
    return Figure(
        f"a change on the screen, {viewers} pages open", max(took), "ms", limit=1000,
        detail=f"slowest of {CHANGES}, median {statistics.median(took):.0f} ms",
    )  # fmt: skip


def each_viewer(lab: Lab, viewers: int, seconds: float) -> list[Figure]:
    """CPU of the web process for each open page, with few and with many; that of the controller with both."""
    idle = cost(lab, 0, seconds)
    few, many = cost(lab, 10, seconds), cost(lab, viewers, seconds)
    each_of_few, each_of_many = (few[0] - idle[0]) / 10, (many[0] - idle[0]) / viewers
    return [
        Figure(f"CPU of a viewer, {viewers} to 10", each_of_many / each_of_few, "×", limit=1.25,
               detail=f"{each_of_many:.2f} to {each_of_few:.2f} ms a second; nobody: {idle[0]:.0f} ms"),
        Figure(f"CPU of the controller, {viewers} viewers to none", many[1] / idle[1], "×", limit=1.25,
               detail=f"{many[1]:.0f} to {idle[1]:.0f} ms a second"),
    ]  # fmt: skip


def cost(lab: Lab, viewers: int, seconds: float) -> tuple[float, float]:
    """Milliseconds a second that web and controller take, while a machine on the page changes every three."""
    from vmconsole.runtime.fake.machines import FakeMachines
    from vmconsole.runtime.fake.world import open_world
    from vmconsole.runtime.types import Power

    outside = FakeMachines(open_world("", lab.console.state))
    shown = lab.running()
    pids = [lab.console.process(name) for name in ("web", "controller")]
    with open_pages(lab.console.url, lab.admin, shown, viewers):
        time.sleep(3)
        before, begun = [cpu_seconds(pid) for pid in pids], time.monotonic()
        while time.monotonic() - begun < seconds:
            for power in (Power.PAUSED, Power.ON):
                outside.happen(UUID(shown[0]), power)
                time.sleep(3)
        lasted = time.monotonic() - begun
        web, controller = (1000 * (cpu_seconds(pid) - was) / lasted for pid, was in zip(pids, before, strict=True))
    return web, controller


def sparklines(lab: Lab, seconds: float) -> list[Figure]:
    """What fifty of them take of the browser, and the same list without."""
    with_them, without = renderer(lab, RUNNING, seconds), renderer(lab, f"{RUNNING}&columns=state,namespace", seconds)
    lines = with_them["lines"]
    return [
        Figure(
            "renderer with 50 sparklines", with_them["process"], "% of a core", limit=2,
            detail=f"{lines:.0f} drawn; main thread {with_them['task']:.2f} %, scripts {with_them['script']:.2f} %",
        ),
        Figure("the same without them", without["process"], "% of a core",
               detail=f"main thread {without['task']:.2f} %"),
    ]  # fmt: skip


def renderer(lab: Lab, path: str, seconds: float) -> dict[str, float]:
    """Shares of a core in percent, of the page's process and of its main thread."""
    with lab.page(ALL_ROWS) as page:
        page.goto(f"{lab.console.url}{path}", wait_until="networkidle")
        time.sleep(12)  # its first minutes are drawn, and V8 has come to rest
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable")
        before, cpu, begun = metrics(devtools), renderer_seconds(lab.browser), time.monotonic()
        time.sleep(seconds)
        after, lasted = metrics(devtools), time.monotonic() - begun
        process = renderer_seconds(lab.browser) - cpu
        lines = page.locator(".spark path + path[d^=M]").count()
    shares = {"task": after["TaskDuration"] - before["TaskDuration"], "process": process}
    shares["script"] = after["ScriptDuration"] - before["ScriptDuration"]
    return {"lines": lines, **{name: 100 * value / lasted for name, value in shares.items()}}


def metrics(devtools: Any) -> dict[str, float]:
    return {each["name"]: each["value"] for each in devtools.send("Performance.getMetrics")["metrics"]}


def renderer_seconds(browser: Browser) -> float:
    """CPU that the browser's living pages took."""
    devtools = browser.new_browser_cdp_session()
    processes = devtools.send("SystemInfo.getProcessInfo")["processInfo"]
    devtools.detach()
    return sum(float(each["cpuTime"]) for each in processes if each["type"] == "renderer")
