"""Takes the pictures of the guide: a console of its own with real guests, a browser, and one scene for each picture.

Nothing is painted: what a picture shows was there. A scene waits until what it is about can be seen, so that it comes
out alike on a slow host.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts" / "lib")]

from browser import chromium  # noqa: E402
from PIL import Image  # noqa: E402
from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402

from tests.e2e.conftest import DESK, FLAGS, PHONE  # noqa: E402
from tests.running import Console, running_console  # noqa: E402
from tests.visitors import Visitor, come_in, said  # noqa: E402

IMAGES = ROOT / "docs" / "images"
COLOURS = 256  # a page has few: the eye sees no difference, and the file is a third
PATIENCE_MS = 180_000
FLEET = (
    ("web-1", {"labels": "tier=web"}),
    ("web-2", {"labels": "tier=web", "power": "Running"}),
    ("db-1", {"labels": "tier=data", "memory": "384Mi", "display_name": "Orders database"}),
    ("build-1", {"labels": "tier=ci", "power": "stay", "vcpus": "2"}),
)
Scheme = Literal["light", "dark"]


@dataclass(frozen=True)
class Scene:
    """One picture: where it is taken, and what happens on the page before."""

    name: str
    path: str
    act: Callable[[Page], None] = lambda _page: None
    scheme: Scheme = "light"
    phone: bool = False


def main(wanted: list[str]) -> None:
    unknown = set(wanted) - {scene.name for scene in SCENES}
    if unknown:
        sys.exit(f"There is no picture {', '.join(sorted(unknown))}. There are: {' '.join(s.name for s in SCENES)}")
    expect.set_options(timeout=PATIENCE_MS)
    with running_console() as console, window() as opened:
        admin = come_in(console.url, "admin", console.admin_password)
        furnish(console, admin)
        for scene in SCENES:
            if not wanted or scene.name in wanted:
                take(scene, opened, console, admin)


@contextmanager
def window() -> Any:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield opened
        opened.close()


def furnish(console: Console, admin: Visitor) -> None:
    """A few machines from the demo image, up and running."""
    image = str(UUID(console.rows("select uid from storage_image where name = 'demo'")[0][0]))
    card = {"card-TOTAL_FORMS": "1", "card-0-network": "pod-network", "card-0-model": "virtio"}
    for name, changes in FLEET:
        asked: dict[str, Any] = {"source": "image", "image": image, "boot_size": "", "memory": "192Mi", **card}
        made = admin.create(name, **{**asked, **changes})
        assert made.status_code == 302, said(made)
    for name, changes in FLEET:
        admin.wait_for_state(name, "Stopped" if changes.get("power") == "stay" else "Running")


def take(scene: Scene, chromium: Browser, console: Console, admin: Visitor) -> None:
    context = chromium.new_context(
        viewport=PHONE if scene.phone else DESK, color_scheme=scene.scheme, locale="en-US", reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE_MS)
    context.add_cookies(
        [{"name": each.name, "value": each.value or "", "url": console.url} for each in admin.http.cookies.jar]
    )
    page = context.new_page()
    page.goto(console.url + scene.path)
    expect(page.locator("#live")).to_have_attribute("data-state", "live")
    scene.act(page)
    keep(scene.name, page.screenshot(animations="disabled", caret="hide"))
    context.close()


def keep(name: str, picture: bytes) -> None:
    small = (
        Image.open(io.BytesIO(picture))
        .convert("RGB")
        .quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    )
    file = IMAGES / f"{name}.png"
    small.save(file, optimize=True)
    print(f"{file.relative_to(ROOT)} {file.stat().st_size // 1024} KiB", flush=True)


# --- what happens before the picture is taken ---
def see_charts(page: Page) -> None:
    """Figures come while somebody looks: until the chart's line is long enough to be one."""
    for chart in page.locator("vm-chart").all()[:2]:
        expect(chart.locator(".chart-now b").first).to_be_visible()
    page.wait_for_function("() => performance.now() > 12000")


def log_in(page: Page) -> None:
    expect(page.locator("vm-terminal")).to_have_attribute("data-state", "live")
    screen, keyboard = page.locator(".xterm-rows"), page.locator("textarea.xterm-helper-textarea")
    expect(screen).to_contain_text("login:")
    for answer, typed in (("Password:", "demo"), ("demo@", "demo"), ("load average", "uptime; uname -srm")):
        keyboard.press_sequentially(typed)
        page.keyboard.press("Enter")
        expect(screen).to_contain_text(answer)


def see_screen(page: Page) -> None:
    expect(page.locator("vm-screen")).to_have_attribute("data-state", "live")
    page.wait_for_function("() => performance.now() > 4000")


def fill_in(page: Page) -> None:
    page.get_by_label("Name", exact=True).fill("shop-{1..3}")
    expect(page.locator("#review")).to_contain_text("3 virtual machines")
    page.locator("[data-as=vmctl]").click()
    expect(page.locator("vm-manifest code")).to_contain_text("vmctl")


def open_palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Go to or do")).to_be_focused()
    page.keyboard.type("stop web")
    expect(page.locator("#palette-list [role=option]").filter(has_text="web-1").first).to_be_visible()


def open_operations(page: Page) -> None:
    page.locator(".ops-toggle").click()
    expect(page.locator(".ops-list tr").first).to_be_visible()


SCENES = (
    Scene("overview", ""),
    Scene("vms", "vms/"),
    Scene("create", "vms/new?memory=512Mi", fill_in),
    Scene("screen", "vms/default/web-1/console", see_screen),
    Scene("serial", "vms/default/web-1/console?kind=serial", log_in),
    Scene("images", "images/new"),
    Scene("network", "networks/pod-network"),
    Scene("operations", "vms/", open_operations),
    Scene("palette", "vms/", open_palette, scheme="dark"),
    Scene("audit", "audit/"),
    Scene("phone", "vms/", phone=True),
    Scene("vm", "vms/default/web-1/", see_charts, scheme="dark"),
)

if __name__ == "__main__":
    main(sys.argv[1:])
