"""Chromium, the people who sit before it, and the one machine they all look at.

Playwright belongs to this folder's tests alone: as long as it runs, its loop is in the way of everybody else's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

import browser
import pytest
from playwright.sync_api import Browser, BrowserContext, ViewportSize, sync_playwright

from tests.e2e.tabs import PATIENCE_MS, Tab, open_tab
from tests.running import Console
from tests.visitors import Visitor

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
DESK: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
MACHINE = "web-1"


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browser.chromium(), args=FLAGS)
        yield opened
        opened.close()


@dataclass
class Desk:
    """Where somebody sits: their browser, signed in."""

    chromium: Browser
    url: str
    cookies: list[Any]
    contexts: list[BrowserContext] = field(default_factory=list)
    tabs: list[Tab] = field(default_factory=list)

    def tab(
        self, *, wide: bool = True, scheme: Literal["light", "dark"] = "light", language: str = "", **options: Any
    ) -> Tab:
        context = self.chromium.new_context(
            viewport=DESK if wide else PHONE, color_scheme=scheme, locale=language or "en-US", **options
        )
        context.set_default_timeout(PATIENCE_MS)
        context.add_cookies(self.cookies)
        self.contexts.append(context)
        tab = open_tab(context, self.url)
        self.tabs.append(tab)
        return tab

    def leave(self) -> list[str]:
        """Close everything. What went wrong meanwhile."""
        for context in self.contexts:
            context.close()
        return [problem for tab in self.tabs for problem in tab.unexpected()]


SitDown = Callable[[Visitor | None], Desk]


@pytest.fixture
def sit_down(chromium: Browser, console: Console) -> Iterator[SitDown]:
    """A desk for a person, or for a stranger. No page may have had anything to complain about."""
    desks: list[Desk] = []

    def sit(person: Visitor | None) -> Desk:
        jar: list[Any] = list(person.http.cookies.jar) if person else []
        cookies = [{"name": cookie.name, "value": cookie.value, "url": console.url} for cookie in jar]
        desks.append(Desk(chromium, console.url, cookies))
        return desks[-1]

    yield sit
    problems = [problem for desk in desks for problem in desk.leave()]
    assert problems == []


@pytest.fixture(scope="package")
def machine(console: Console, editor: Visitor) -> Iterator[str]:
    """A machine from the demo image. It stays until the last test here; the first day's tests have made it already."""
    if not editor.machine(MACHINE):
        make(console, editor)
    yield MACHINE
    editor.remove(MACHINE)


@pytest.fixture
def running(machine: str, editor: Visitor) -> str:
    """The machine, on: others may have stopped it."""
    if editor.state(machine) != "Running":
        editor.power(machine, "start")
        editor.wait_for_state(machine, "Running")
    return machine


def make(console: Console, editor: Visitor, name: str = MACHINE) -> None:
    image = UUID(console.rows("select uid from storage_image where name = 'demo'")[0][0])
    card = {"card-TOTAL_FORMS": "1", "card-0-network": "pod-network", "card-0-model": "virtio"}
    asked = {"source": "image", "image": str(image), "boot_size": "", "memory": "192Mi", **card}
    made = editor.create(name, **asked)
    assert made.status_code == 302, made.text
    editor.wait_for_state(name, "Running")


@pytest.fixture
def at_desk(sit_down: SitDown, editor: Visitor) -> Desk:
    return sit_down(editor)
