"""Making machines in a browser: a newcomer's three clicks, the way back to what is wrong, and commands that work."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from uuid import UUID

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import SitDown
from tests.e2e.tabs import PATIENCE_MS
from tests.hosts import SCRIPTS
from tests.running import Console
from tests.visitors import SMALL, Visitor, wait_for

expect.set_options(timeout=PATIENCE_MS)
PLACE = "fresh"


@pytest.fixture(scope="module")
def newcomer(admin: Visitor) -> Iterator[Visitor]:
    """Somebody with a namespace of their own, in which there is nothing yet."""
    admin.post("settings/namespaces/new", name=PLACE)
    person = admin.invite("nina", ("edit", PLACE), ("cluster-view", ""))
    yield person
    for machine in machines_of(person):
        person.post(f"vms/{PLACE}/{machine}/delete", typed=machine)
    wait_for(lambda: not machines_of(person), why=lambda: machines_of(person))


def machines_of(person: Visitor) -> list[str]:
    return [line["name"] for line in csv.DictReader(person.get("vms/export.csv").text.splitlines())]


def test_three_clicks_lead_from_an_empty_console_to_a_screen(sit_down: SitDown, newcomer: Visitor) -> None:
    tab = sit_down(newcomer).tab()
    page = tab.page
    tab.go("")
    page.get_by_role("link", name="Create your first VM").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("my-first-vm")
    expect(page.locator("#review")).to_contain_text("copied from Demo Linux")
    page.get_by_role("button", name="Create", exact=True).click()
    page.wait_for_url(f"**/vms/{PLACE}/my-first-vm/console")
    expect(page.locator("vm-screen")).to_have_attribute("data-state", "live")


def test_what_is_wrong_is_marked_and_has_the_focus(sit_down: SitDown, newcomer: Visitor) -> None:
    tab = sit_down(newcomer).tab()
    tab.expected = ["status of 422"]
    page = tab.page
    tab.go("vms/new?memory=much")
    expect(page.locator("#review .form-error")).to_contain_text("Memory")
    page.get_by_label("Name", exact=True).press("Enter")
    expect(page.locator(".form-menu a.is-bad")).to_have_text(re.compile("Size"))
    expect(page.get_by_label("Memory", exact=True)).to_be_focused()


@pytest.fixture(scope="module")
def token(newcomer: Visitor) -> str:
    form = {"name": "paste", "rights": "everything"}
    made = newcomer.http.post("api/v1/tokens", json=form, headers=newcomer.token())
    assert made.status_code == 201, made.text
    return str(made.json()["token"])


@pytest.fixture(scope="module")
def shell(console: Console, token: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a terminal in which `vmctl` is found and signed in."""
    folder = tmp_path_factory.mktemp("shell")
    program = folder / "vmctl"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m vmctl "$@"\n')
    program.chmod(0o755)
    environment = {
        "PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(folder), "KUBECONFIG": str(folder / "config"),
        "PYTHONPATH": str(SCRIPTS.parent.parent), "LC_ALL": "C.UTF-8",
    }  # fmt: skip
    login = ["vmctl", "login", console.url, "--token-stdin"]
    subprocess.run(login, env=environment, input=token, text=True, check=True, capture_output=True)
    return environment


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("short", {"source": "image", "boot_size": "", "card-TOTAL_FORMS": "1", "card-0-network": "pod-network"}),
        ("long-{1..2}", {"labels": "tier=web", "user": "demo", "ssh_key": "ssh-ed25519 A it's `x` $HOME"}),
    ],
)
@pytest.mark.parametrize("kind", ["vmctl", "curl"])
def test_what_the_pane_says_works_when_it_is_pasted(
    newcomer: Visitor,
    console: Console,
    shell: dict[str, str],
    token: str,
    kind: str,
    name: str,
    changes: dict[str, str],
) -> None:
    image = str(UUID(console.rows("select uid from storage_image where name = 'demo'")[0][0]))
    written = f"{kind}-{name}"
    form = {**SMALL, "namespace": PLACE, "name": written, "image": image, "power": "stay", **changes, "as": kind}
    text = newcomer.post("vms/new/preview", **form).text.replace("vmc_…", token)
    done = subprocess.run(["bash", "-ec", text], env=shell, text=True, capture_output=True, check=False)
    assert done.returncode == 0, text + done.stdout + done.stderr
    made = [f"{kind}-long-1", f"{kind}-long-2"] if "long" in name else [written]
    for each in made:
        newcomer.wait_for_state(each, "Stopped")
