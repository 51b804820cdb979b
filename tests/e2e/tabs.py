"""A browser's tab that keeps account of itself: whatever goes wrong on a page fails the test that looked at it."""

from __future__ import annotations

from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Response

PATIENCE_MS = 120_000
# Refused by the policy, and not only said so in the console: also in frames and workers.
TELL_OF_VIOLATIONS = """
addEventListener('securitypolicyviolation', (event) =>
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`))
"""
# Advice to noVNC, which keeps the picture when a guest changes its mode (display.js, resize).
ADVICE = "Canvas2D: Multiple readback operations using getImageData"


@dataclass
class Tab:
    """One tab of one person. `expected` are parts of messages that belong to what the test does."""

    page: Page
    url: str
    problems: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def go(self, path: str) -> Response:
        """Open a page of the console, and wait until it is complete and its feed is live."""
        answer = self.page.goto(self.url + path.removeprefix("/"), wait_until="load")
        assert answer is not None
        if self.page.locator("#live").count():
            self.page.locator('#live[data-state="live"]').wait_for(state="attached")
            self.page.locator("#ops-panel .ops-list").wait_for(state="attached")
        return answer

    def unexpected(self) -> list[str]:
        known = [ADVICE, *self.expected]
        return [problem for problem in self.problems if not any(part in problem for part in known)]


def open_tab(context: BrowserContext, url: str) -> Tab:
    page = context.new_page()
    tab = Tab(page, url)
    page.set_default_timeout(PATIENCE_MS)
    page.add_init_script(TELL_OF_VIOLATIONS)

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            tab.problems.append(f"{page.url} {message.type}: {message.text} {message.location.get('url', '')}")

    page.on("console", heard)
    page.on("pageerror", lambda error: tab.problems.append(f"{page.url} threw: {error}"))
    page.on("crash", lambda _page: tab.problems.append(f"{page.url} crashed"))
    return tab
