"""Every page as people meet it: wide and narrow, light and dark, in Japanese, as somebody who may only look."""

from __future__ import annotations

from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.e2e.conftest import Desk, SitDown
from tests.visitors import Visitor

PAGES = (
    "",
    "vms/",
    "vms/new",
    "disks/",
    "disks/new",
    "images/",
    "networks/",
    "types/",
    "nodes/",
    "operations/",
    "settings/",
    "settings/tokens/",
)
MACHINE_PAGES = ("", "metrics", "configuration", "disks", "network", "logs", "events", "yaml")
SERIOUS = {"serious", "critical"}
# What a first visit may transfer, compressed: the page, its scripts and its styles.
LIST_BYTES = 80_000
LOOKING_IN = ("/console", "/logs")  # needs the right to the machine's console
# Their own account is everybody's to change; the forms to create things are refused to viewers altogether.
NOT_FOR_VIEWERS = ("vms/new", "disks/new", "settings/", "settings/tokens/")
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
    for path in [
        *pages(machine),
        "audit/",
        "settings/people/",
        "settings/namespaces/",
        "settings/namespaces/default/quota",
    ]:
        tab.go(path)
        tab.page.wait_for_load_state("load")
        violations = Axe().run(tab.page).response["violations"]
        found += [
            f"{path or '/'}: {violation['id']} {node['target']}"
            for violation in violations
            if violation["impact"] in SERIOUS
            for node in violation["nodes"]
        ]
    assert found == []


def test_nothing_is_wider_than_a_phone(sit_down: SitDown, admin: Visitor, machine: str) -> None:
    tab = sit_down(admin).tab(wide=False)
    too_wide = []
    for path in [*pages(machine), "audit/", "settings/people/"]:
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
    assert page.count('<span class="locked" aria-disabled="true"') == len(LOOKING_IN)
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
