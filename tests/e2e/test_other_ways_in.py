"""The other ways to a machine: from YAML, from an image on somebody's own disk, and one that was there before."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import CalledProcessError
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Desk, SitDown
from tests.running import Console
from tests.visitors import Visitor, wait_for

YAML = """\
apiVersion: vm.cluster.gke.io/v1
kind: VirtualMachineDisk
metadata: {name: from-yaml-data, namespace: default}
spec: {size: 64Mi}
---
apiVersion: vm.cluster.gke.io/v1
kind: VirtualMachine
metadata: {name: from-yaml, namespace: default, labels: {app: shop}}
spec:
  compute: {cpu: {vcpus: %s}, memory: {capacity: 64Mi}}
  disks: [{virtualMachineDiskName: from-yaml-data, boot: true, autoDelete: true}]
"""
DOMAIN = """\
<domain type="qemu"><name>Old Server</name><uuid>{uid}</uuid><memory unit="MiB">64</memory><vcpu>1</vcpu>
<os><type arch="x86_64" machine="q35">hvm</type></os>
<devices><console type="pty"/><graphics type="vnc" port="-1"/></devices></domain>
"""


def test_from_yaml_with_the_mistake_named_first(at_desk: Desk, editor: Visitor) -> None:
    tab = at_desk.tab()
    page = tab.page
    tab.go("vms/new/yaml")
    page.get_by_label("YAML").fill(YAML % 97)
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("spec.compute.cpu.vcpus")
    assert editor.machine("from-yaml") == {}
    assert "from-yaml-data" not in editor.get("disks/").text  # nothing half-done
    page.get_by_label("YAML").fill(YAML % 1)
    page.get_by_role("button", name="Create", exact=True).click()
    page.wait_for_url("**/vms/default/from-yaml/")
    expect(page.locator("#vm-header h1 .state")).to_have_text("Running")
    tab.go("vms/")
    editor.remove("from-yaml")
    expect(page.get_by_role("link", name="from-yaml", exact=True)).to_have_count(0)
    tab.expected = ["status of 422"]


def test_an_image_from_the_own_disk(at_desk: Desk, editor: Visitor, tmp_path: Path) -> None:
    own = tmp_path / "own.img.gz"
    own.write_bytes(gzip.compress(b"\0" * 510 + b"\x55\xaa" + b"\0" * (8 << 20)))
    tab = at_desk.tab()
    page = tab.page
    tab.go("images/new?source=upload")
    page.get_by_label("File").set_input_files(own)
    page.get_by_label("Name", exact=True).fill("own")
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url(re.compile("/images/default/own/"))
    expect(page.locator(".state").first).to_have_text("Ready")
    tab.go("images/")
    editor.post("images/default/own/delete", typed="own")
    wait_for(lambda: editor.get("images/default/own/").status_code == 404, why="the image to go")


def test_what_is_no_image_is_refused_with_the_reason(at_desk: Desk, editor: Visitor, tmp_path: Path) -> None:
    bad = tmp_path / "bad.qcow2"
    bad.write_bytes(b"QFI\xfb" + b"\xff" * 4096)
    tab = at_desk.tab()
    page = tab.page
    tab.go("images/new?source=upload")
    page.get_by_label("File").set_input_files(bad)
    page.get_by_label("Name", exact=True).fill("bad")
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url(re.compile("/images/default/bad/"))
    expect(page.locator(".state").first).to_have_text("Failed")
    expect(page.locator("#main .note")).to_contain_text("qcow2")
    tab.go("images/")
    editor.post("images/default/bad/delete", typed="bad")
    wait_for(lambda: editor.get("images/default/bad/").status_code == 404, why="the image to go")


@pytest.fixture
def foreign(console: Console, admin: Visitor, tmp_path: Path) -> Iterator[str]:
    """A running domain that somebody made with virsh."""
    uid = str(uuid4())
    definition = tmp_path / "domain.xml"
    definition.write_text(DOMAIN.format(uid=uid))
    console.virsh("define", str(definition))
    console.virsh("start", "Old Server")
    yield uid
    with suppress(CalledProcessError):
        console.virsh("destroy", uid)
    with suppress(CalledProcessError):
        console.virsh("undefine", uid)


def test_a_machine_that_was_there_before_is_adopted_while_it_runs(
    sit_down: SitDown, admin: Visitor, console: Console, foreign: str, tmp_path: Path
) -> None:
    tab = sit_down(admin).tab()
    page = tab.page
    tab.go("vms/?q=is:outside")
    row = page.locator(f"#row-{foreign}")
    expect(row).to_contain_text("made outside")
    expect(row.locator(".state")).to_have_text("Running")
    before = console.virsh("domid", foreign)
    row.get_by_role("button", name="Adopt Old Server").click()
    page.get_by_label("Name", exact=True).fill("old-server")
    page.get_by_role("dialog").get_by_role("button", name="Adopt").click()
    page.get_by_role("link", name="old-server", exact=True).click()
    expect(page.locator("#vm-header h1 .state")).to_have_text("Running")
    assert console.virsh("domid", foreign) == before  # not restarted

    changed_outside(console, foreign, tmp_path, vcpus=2)
    expect(page.locator("#vm-header")).to_contain_text("It was changed outside of this console.")
    page.get_by_role("button", name="Keep theirs").click()
    expect(page.get_by_role("button", name="Keep theirs")).to_have_count(0)
    assert admin.machine("old-server")["vcpus"] == "2"

    changed_outside(console, foreign, tmp_path, vcpus=4)
    page.get_by_role("button", name="Use ours").click()
    expect(page.get_by_role("button", name="Use ours")).to_have_count(0)
    wait_for(
        lambda: ">2</vcpu>" in console.virsh("dumpxml", "--inactive", foreign),
        why=lambda: console.virsh("dumpxml", "--inactive", foreign),
    )
    tab.go("vms/")
    admin.remove("old-server")


def changed_outside(console: Console, uid: str, folder: Path, *, vcpus: int) -> None:
    definition = folder / "changed.xml"
    xml = console.virsh("dumpxml", "--inactive", uid)
    definition.write_text(re.sub(r"(<vcpu[^>]*>)\d+(</vcpu>)", rf"\g<1>{vcpus}\g<2>", xml))
    console.virsh("define", str(definition))
