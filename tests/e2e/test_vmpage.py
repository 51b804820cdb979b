"""A machine's page where things go wrong and where they are changed: why, what would change, and what was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import MACHINE, Desk
from tests.e2e.tabs import PATIENCE_MS
from tests.visitors import Visitor

expect.set_options(timeout=PATIENCE_MS)
LONELY = """
apiVersion: vm.cluster.gke.io/v1
kind: VirtualMachine
metadata: {name: lonely, namespace: default}
spec:
  compute: {cpu: {vcpus: 1}, memory: {capacity: 64Mi}}
  interfaces: [{name: eth0, networkName: nowhere}]
"""


@pytest.fixture
def lonely(editor: Visitor) -> Iterator[str]:
    """A machine on a network that does not exist."""
    made = editor.post("vms/new/yaml", yaml=LONELY)
    assert made.status_code == 302, made.text
    yield "vms/default/lonely/"
    editor.remove("lonely")


def test_a_machine_that_cannot_run_says_why_and_how_it_can(lonely: str, at_desk: Desk) -> None:
    tab = at_desk.tab()
    tab.go(lonely)
    why = tab.page.locator("#vm-header [data-why=NetworkNotFound]")
    expect(why).to_contain_text("It names a network that does not exist: nowhere.")
    expect(why.get_by_role("button", name="Create the network")).to_be_disabled()  # an editor runs no cluster
    expect(tab.page.locator("#vm-now")).to_contain_text("Network nowhere")
    why.get_by_role("link", name="Edit its configuration").click()
    page = tab.page
    page.locator("#c-cards").get_by_role("button", name="Remove").click()
    changes = page.locator("#vm-preview")
    expect(changes).to_contain_text("spec.interfaces[eth0].networkName")
    expect(changes).to_contain_text("Nothing is restarted.")


def test_a_change_is_seen_before_it_is_made_and_found_again_afterwards(at_desk: Desk, running: str) -> None:
    tab = at_desk.tab()
    page = tab.page
    tab.go(f"vms/default/{running}/configuration")
    memory, changes = page.get_by_label("Memory", exact=True), page.locator("#vm-preview")
    before = memory.input_value()
    memory.fill("208Mi")
    expect(changes).to_contain_text("spec.compute.memory.capacity")
    expect(changes).to_contain_text("the marked fields hold from its next start")
    changes.get_by_role("button", name="Take back spec.compute.memory.capacity").click()
    expect(changes).to_contain_text("it is as it was saved")
    assert memory.input_value() == before
    page.get_by_label("Display name").fill("Web server")
    page.locator("#c-about").get_by_role("button", name="Another label").click()
    page.get_by_role("textbox", name="Key", exact=True).fill("tier")
    page.get_by_role("textbox", name="Value", exact=True).fill("web")
    expect(changes).to_contain_text("metadata.labels.tier")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Web server")).to_be_visible()
    bring_back(tab.page, f"{tab.url}vms/default/{MACHINE}/events")


def bring_back(page: Page, timeline: str) -> None:
    page.goto(timeline)
    newest = page.locator("#vm-timeline li[data-kind=version]").first
    expect(newest).to_contain_text("metadata.labels.tier")
    page.locator("#vm-timeline").get_by_role("button", name="Configuration 1", exact=True).click()
    expect(page.locator("#dialog")).to_contain_text("metadata.labels.tier")
    page.locator("#dialog").get_by_role("button", name="Restore this version").click()
    expect(page.get_by_role("heading", name=MACHINE)).to_be_visible()
    expect(page.locator("#vm-timeline li[data-kind=version]").first).to_contain_text("brought back 1")
