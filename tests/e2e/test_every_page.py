"""Every page as people meet it: wide and narrow, light and dark, in Japanese, as somebody who may only look.

Pictures of all of them are kept in `ci-output/pages`, for whoever wants to see what a change did to them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.e2e.conftest import Desk, SitDown
from tests.visitors import Visitor

PAGES = (
    "",
    "vms/",
    "vms/new",
    "vms/new/yaml",
    "trash/",
    "disks/",
    "disks/new",
    "images/",
    "networks/",
    "networks/pod-network/",
    "types/",
    "nodes/",
    "metrics/compare",
    "operations/",
    "settings/",
    "settings/tokens/",
)
ADMIN_PAGES = (
    "audit/",
    "audit/consoles",
    "images/new",
    "networks/new",
    "types/new",
    "settings/people/",
    "settings/namespaces/",
    "settings/namespaces/default/quota",
    "settings/password",
)
MACHINE_PAGES = (
    "",
    "console",
    "console?kind=serial",
    "metrics",
    "slow",
    "configuration",
    "disks",
    "network",
    "logs",
    "events",
    "yaml",
)
PICTURES = Path(__file__).resolve().parent.parent.parent / "ci-output" / "pages"
SERIOUS = {"serious", "critical"}
# What a first visit may transfer, compressed: the page, its scripts and its styles.
LIST_BYTES = 80_000
LOOKING_IN = ("/console", "/console?kind=serial", "/logs")  # needs the right to the machine's console
# Their own account is everybody's to change; the forms to create things are refused to viewers altogether.
NOT_FOR_VIEWERS = ("vms/new", "vms/new/yaml", "disks/new", "settings/", "settings/tokens/")
WRITES = "main form[method=post] button:enabled, main button[hx-post]:enabled"


def pages(machine: str) -> list[str]:
    return [*PAGES, *(f"vms/default/{machine}/{tab}" for tab in MACHINE_PAGES)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("wide", [True, False], ids=["1440", "390"])
def test_axe_finds_nothing_serious(
    sit_down: SitDown, admin: Visitor, machine: str, wide: bool, scheme: Literal["light", "dark"]
) -> None:
    tab = sit_down(admin).tab(wide=wide, scheme=scheme)
    found: list[str] = []
    for path in [*pages(machine), *ADMIN_PAGES]:
        answer = tab.go(path)
        assert answer.status == 200, path
        keep_picture(tab.page, path, f"{'1440' if wide else '390'}-{scheme}")
        violations = Axe().run(tab.page).response["violations"]
        found += [
            f"{path or '/'}: {violation['id']} {node['target']}"
            for violation in violations
            if violation["impact"] in SERIOUS
            for node in violation["nodes"]
        ]
    assert found == []


def keep_picture(page: Page, path: str, look: str) -> None:
    name = re.sub(r"[^a-z0-9-]+", "_", path).strip("_") or "overview"
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.{look}.jpg", type="jpeg", quality=70)


def test_nothing_is_wider_than_a_phone(sit_down: SitDown, admin: Visitor, machine: str) -> None:
    tab = sit_down(admin).tab(wide=False)
    too_wide = []
    for path in [*pages(machine), *ADMIN_PAGES]:
        tab.go(path)
        if tab.page.evaluate("document.documentElement.scrollWidth") > 391:
            too_wide.append(path)
    assert too_wide == []


def test_pages_speak_japanese(sit_down: SitDown, admin: Visitor, machine: str) -> None:
    tab = sit_down(admin).tab(language="ja-JP")
    for path in pages(machine):
        tab.go(path)
        assert tab.page.locator("html").get_attribute("lang") == "ja"
    tab.go("vms/")
    assert "仮想マシン" in tab.page.locator("h1").inner_text()


def test_a_viewer_sees_no_enabled_button_that_writes(sit_down: SitDown, viewer: Visitor, machine: str) -> None:
    tab = sit_down(viewer).tab()
    enabled: list[str] = []
    for path in pages(machine):
        if path in NOT_FOR_VIEWERS or path.endswith(LOOKING_IN):
            continue
        tab.go(path)
        buttons = tab.page.locator(WRITES).all()
        enabled += [f"{path}: {button.inner_text() or button.get_attribute('aria-label')}" for button in buttons]
    assert enabled == []


def test_a_viewer_gets_no_console(viewer: Visitor, machine: str) -> None:
    for door in LOOKING_IN:
        assert viewer.get(f"vms/default/{machine}{door}").status_code == 403
    page = viewer.get(f"vms/default/{machine}/").text
    assert page.count('<span class="locked" aria-disabled="true"') == 2  # their tabs
    uid = viewer.machine(machine)["uid"]
    for kind in ("vnc", "serial"):
        assert viewer.post(f"console/{uid}/{kind}/ticket").status_code == 403


def test_a_list_page_is_light(at_desk: Desk, machine: str) -> None:
    """All that travels for the first visit to the list: page, scripts and styles, compressed."""
    tab = at_desk.tab()
    sizes: dict[str, float] = {}
    types: dict[str, str] = {}
    urls: dict[str, str] = {}
    devtools = tab.page.context.new_cdp_session(tab.page)
    devtools.send("Network.enable")

    def answered(event: dict[str, object]) -> None:
        urls[str(event["requestId"])] = str(event["response"]["url"])  # type: ignore[index]
        types[str(event["requestId"])] = str(event["type"])

    def loaded(event: dict[str, object]) -> None:
        sizes[str(event["requestId"])] = float(str(event["encodedDataLength"]))

    devtools.on("Network.responseReceived", answered)
    devtools.on("Network.loadingFinished", loaded)
    tab.go("vms/")
    tab.page.wait_for_load_state("networkidle")
    counted = {urls[key]: size for key, size in sizes.items() if types.get(key) in ("Document", "Script", "Stylesheet")}
    assert counted
    assert sum(counted.values()) <= LIST_BYTES, counted
