"""Consoles in a real browser: from the click to the first picture, and how long the past of a serial port takes.

Two visits are thrown away first: what is measured is opening a console, not the first download of its scripts.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from scripts.benches._processes import ROOT
from scripts.benches.results import Figure, show

OPENINGS = 10
REPLAY = 256 * 1024
NAME = "watched"
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
# The first pixel: noVNC's canvas is transparent until the machine's first frame is drawn on it.
FIRST_FRAME = """() => {
  const canvas = document.querySelector('.screen-stage canvas:not(.screen-ghost)')
  return canvas?.width > 0 && canvas.getContext('2d').getImageData(0, 0, 1, 1).data[3] > 0
}"""
REPLAYED = "() => document.querySelector('vm-terminal')?.dataset.replayed"


def bench(json_file: Annotated[Path | None, typer.Option("--json")] = None) -> None:
    sys.path.insert(0, str(ROOT / "scripts" / "lib"))
    from browser import chromium
    from playwright.sync_api import sync_playwright

    from tests.running import running_console
    from tests.visitors import come_in

    with running_console() as console, sync_playwright() as playwright:
        admin = come_in(console.url, "admin", console.admin_password)
        admin.create(NAME)
        admin.wait_for_state(NAME, "Running")
        print_much(console)
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_cookies(
            [{"name": one.name, "value": one.value or "", "url": console.url} for one in admin.http.cookies.jar]
        )
        page = context.new_page()
        figures = [first_frame(page, console.url), plain_tab(page, console.url), replay(page, console.url)]
        browser.close()
    raise typer.Exit(0 if show("Consoles in a browser", figures, json_file) else 1)


def print_much(console: Any) -> None:
    """A log as long as what is replayed: lines with colours, as systemd's."""
    uid = UUID(console.rows("SELECT uid FROM inventory_virtualmachine WHERE name = ?", NAME)[0][0])
    line = b"[  \x1b[32mOK\x1b[0m  ] Started \x1b[0;1;39mservice-%06d\x1b[0m - one of very many services.\r\n"
    text = b"".join(line % number for number in range(REPLAY // 60))
    (console.state / "serial" / f"{uid}.log").write_bytes(text)


def first_frame(page: Any, url: str) -> Figure:
    """From the click on the tab to the first picture: page, scripts, ticket, websocket, RFB and its frame."""
    took = []
    for _ in range(OPENINGS + 2):
        page.goto(f"{url}vms/default/{NAME}/", wait_until="load")
        clicked = page.evaluate("Date.now()")
        page.get_by_role("link", name="Console", exact=True).click()
        page.wait_for_function(FIRST_FRAME, polling="raf")
        took.append((page.evaluate("Date.now()") - clicked) / 1000)
    took = took[2:]
    detail = f"{OPENINGS} openings, slowest {max(took):.2f} s"
    return Figure("click to first frame, median", statistics.median(took), "s", limit=1.0, detail=detail)


def plain_tab(page: Any, url: str) -> Figure:
    """The anchor: the same click on a tab of the same page that has nothing to open."""
    took = []
    for _ in range(OPENINGS):
        page.goto(f"{url}vms/default/{NAME}/", wait_until="load")
        clicked = page.evaluate("Date.now()")
        page.get_by_role("link", name="Disks", exact=True).last.click()
        page.wait_for_url("**/disks", wait_until="load")
        took.append((page.evaluate("Date.now()") - clicked) / 1000)
    return Figure("for comparison: click to a tab without a console", statistics.median(took), "s")


def replay(page: Any, url: str) -> Figure:
    """From the first byte of the past to its last one in the terminal."""
    took = []
    for _ in range(OPENINGS):
        page.goto(f"{url}vms/default/{NAME}/console?kind=serial", wait_until="load")
        took.append(float(page.wait_for_function(REPLAYED).json_value()))
    detail = f"{OPENINGS} openings, slowest {max(took):.0f} ms"
    return Figure("serial replay of 256 KiB, median", statistics.median(took), "ms", limit=300, detail=detail)
