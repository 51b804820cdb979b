"""What people get wrong or try, typed into the running console: a status, a sentence, an audit entry, nothing left."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from inventory.schema import GROUP
from tests.faults.left import changes, inventory, wait_until_only
from tests.running import Console
from tests.storage import corpus
from tests.visitors import Visitor, complaints, said, wait_for

KIB = 1024
PART = "application/offset+octet-stream"
UPLOADS = "api/v1/uploads/"


@contextmanager
def refused(console: Console, admin: Visitor, person: Visitor, count: int = 1) -> Iterator[None]:
    """Inside, this person is refused so many times: all of it is in the audit, and nothing is there that was not."""
    before = inventory(console)
    entries = len(refusals(admin, person))
    yield
    found = refusals(admin, person)
    assert len(found) == entries + count, found[:count]
    assert all(entry["reason"] for entry in found[:count])
    assert changes(console, before) == set()


def refusals(admin: Visitor, person: Visitor) -> list[dict[str, Any]]:
    return admin.audit(person=person.name, phase="refused", limit="500")


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"vcpus": "97"}, "96"),
        ({"vcpus": "0"}, "1"),
        ({"memory": "0"}, "between 1M and 1Ti"),
        ({"memory": "2T"}, "between 1M and 1Ti"),
        ({"memory": "a lot"}, "512Mi"),
        ({"name": 'a<b>&"c"'}, "small letters"),
        ({"name": "a" * 300}, "63"),
        ({"name": "仮想機械"}, "small letters"),
        ({"name": "../../etc"}, "small letters"),
        ({"boot_size": "-1Gi"}, "size"),
        ({"boot_size": "9000Pi"}, "size"),
        ({"source": "image", "image": "00000000-0000-0000-0000-000000000000"}, "valid choice"),
        ({"namespace": "elsewhere"}, "valid choice"),
    ],
)
def test_a_machine_that_cannot_be(
    typed: dict[str, str], says: str, console: Console, admin: Visitor, editor: Visitor
) -> None:
    with refused(console, admin, editor):
        answer = editor.create(**{"name": "bad", **typed})
    assert answer.status_code == 422
    assert any(says in sentence for sentence in complaints(answer)), said(answer)


def manifest(name: str, *disks: str, more: str = "") -> str:
    listed = "".join(f"\n  - {{virtualMachineDiskName: {disk}, boot: true}}" for disk in disks)
    return f"""
apiVersion: {GROUP}
kind: VirtualMachine
metadata: {{name: {name}, namespace: default}}
spec:
  compute: {{cpu: {{vcpus: 1}}, memory: {{capacity: 16Mi}}}}
  disks: {listed or "[]"}
{more}"""


@pytest.fixture
def machine_that_is_off(editor: Visitor, console: Console, nothing_left: None) -> str:
    """It has the disk fault-off-boot-dv and a card with a MAC address of its own."""
    card = {"card-TOTAL_FORMS": "1", "card-0-network": "pod-network", "card-0-mac": "52:54:00:fa:00:01"}
    made = editor.create("fault-off", power="stay", **card)
    assert made.status_code == 302, said(made)
    editor.wait_for_state("fault-off", "Stopped")
    wait_for(lambda: not console.rows("select 1 from operations_operation where state = 'open'"))
    return "fault-off"


def test_what_another_machine_has(console: Console, admin: Visitor, editor: Visitor, machine_that_is_off: str) -> None:
    mac = "  interfaces:\n  - {name: eth0, networkName: pod-network, macAddress: '52:54:00:fa:00:01'}"
    disk = f"{machine_that_is_off}-boot-dv"
    cases = [
        (manifest("bad", disk), machine_that_is_off),
        (manifest("bad", "one", "two"), "Two disks are marked to boot from"),
        (manifest("bad", more=mac), "52:54:00:fa:00:01"),
        (manifest(machine_that_is_off), "already"),
        ("kind: [", "YAML"),
    ]
    with refused(console, admin, editor, len(cases)):
        for document, says in cases:
            answer = editor.post("vms/new/yaml", yaml=document)
            assert answer.status_code in (409, 422), said(answer)
            assert any(says in sentence for sentence in complaints(answer)), said(answer)


def test_an_edit_on_top_of_a_newer_one(
    console: Console, admin: Visitor, editor: Visitor, machine_that_is_off: str
) -> None:
    page = f"vms/default/{machine_that_is_off}/yaml"
    shown = editor.get(page).text
    generation = shown.partition('name="generation" value="')[2].partition('"')[0]
    mine = manifest(machine_that_is_off, f"{machine_that_is_off}-boot-dv").replace("vcpus: 1", "vcpus: 2")
    assert admin.post(page, yaml=mine, generation=generation, when="next-start").status_code == 302
    wait_for(lambda: not console.rows("select 1 from operations_operation where state = 'open'"))
    with refused(console, admin, editor):
        answer = editor.post(page, yaml=mine.replace("vcpus: 2", "vcpus: 4"), generation=generation)
    assert answer.status_code in (409, 422)
    assert "Somebody else changed it meanwhile" in said(answer)
    assert editor.machine(machine_that_is_off)["vcpus"] == "2"


DOORS = [
    *(f"power/{verb}" for verb in ("start", "stop", "force-stop", "restart", "reset", "pause", "resume")),
    *("delete", "configuration", "yaml", "declare", "drift"),
]


def test_who_may_only_look_and_who_may_not_even_that(
    console: Console, admin: Visitor, viewer: Visitor, stranger: Visitor, machine_that_is_off: str
) -> None:
    (uid,) = (line["uid"] for line in [viewer.machine(machine_that_is_off)])
    for person, status in ((viewer, 403), (stranger, 404)):
        with refused(console, admin, person, len(DOORS) + 2):
            for door in DOORS:
                answer = person.post(f"vms/default/{machine_that_is_off}/{door}", typed=machine_that_is_off)
                assert answer.status_code == status, (door, said(answer))
            for kind in ("vnc", "serial"):
                assert person.post(f"console/{uid}/{kind}/ticket").status_code == status
    assert stranger.machine(machine_that_is_off) == {}
    for page in ("", "console", "metrics", "configuration", "yaml", "disks", "network", "events", "serial.log"):
        assert stranger.get(f"vms/default/{machine_that_is_off}/{page}").status_code == 404
    assert admin.state(machine_that_is_off) == "Stopped"


def begin(person: Visitor, length: int, name: str = "fault-file") -> httpx.Response:
    asked = {"kind": "VirtualMachineDisk", "namespace": "default", "name": name, "length": str(length)}
    return person.post(UPLOADS, **asked)


def send(person: Visitor, url: str, data: bytes, offset: int) -> httpx.Response:
    headers = {"Upload-Offset": str(offset), "Content-Type": PART, **person.token()}
    return person.http.patch(url, content=data, headers=headers)


def disk_page(person: Visitor, name: str = "fault-file") -> str:
    return said(person.get(f"disks/default/{name}/"))


def bad_files(folder: Path) -> dict[str, tuple[bytes, str]]:
    secret = folder / "secret"
    secret.write_text("canary" * 100)
    corpus.qcow2_backing_file(folder / "backing", secret)
    corpus.good(folder / "good")
    good = (folder / "good").read_bytes()
    return {
        "no image": (b"MZ this is a program, or so it says. " * 500, ""),
        "cut off": (good[: len(good) // 2], ""),
        "with a backing file": ((folder / "backing").read_bytes(), "backing file"),
    }


@pytest.mark.parametrize("kind", ["no image", "cut off", "with a backing file"])
def test_a_file_that_is_no_image(
    kind: str, console: Console, admin: Visitor, editor: Visitor, tmp_path: Path, nothing_left: None
) -> None:
    data, says = bad_files(tmp_path)[kind]
    url = begin(editor, len(data)).json()["url"]
    assert send(editor, url, data, 0).status_code == 204
    wait_for(lambda: "It could not be made." in disk_page(editor), why=lambda: disk_page(editor))
    assert says in disk_page(editor)
    assert "canary" not in disk_page(editor)
    assert admin.audit(object="fault-file", phase="failed")[0]["reason"]


def test_an_upload_cut_in_the_middle_of_a_part_goes_on(
    console: Console, editor: Visitor, tmp_path: Path, nothing_left: None
) -> None:
    corpus.good(tmp_path / "good")
    data = (tmp_path / "good").read_bytes()
    half = len(data) // 2
    url = begin(editor, len(data)).json()["url"]
    cut_off(console, editor, url, data, after=half)
    arrived = int(editor.http.head(url).headers["Upload-Offset"])
    assert arrived <= half
    assert send(editor, url, data[arrived:half], arrived).status_code in (204, 409)
    assert int(editor.http.head(url).headers["Upload-Offset"]) == half
    assert begin(editor, len(data)).json()["url"] == url, "the same file by the same person goes on"
    assert send(editor, url, data[half:], half).status_code == 204
    wait_for(lambda: "State Ready" in disk_page(editor), why=lambda: disk_page(editor))


def cut_off(console: Console, person: Visitor, url: str, data: bytes, *, after: int) -> None:
    """Announce all of it, send a part, and hang up."""
    line = http.client.HTTPConnection(urlsplit(console.url).netloc, timeout=30)
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in person.http.cookies.jar)
    line.putrequest("PATCH", url)
    headers = {"Cookie": cookies, "Upload-Offset": "0", "Content-Type": PART, "Content-Length": str(len(data))}
    for name, value in {**headers, **person.token(), "Origin": console.url.rstrip("/")}.items():
        line.putheader(name, value)
    line.endheaders()
    line.send(data[:after])
    line.close()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:22/disk.img", "http://[::1]/", "http://169.254.169.254/latest", "file:///etc/shadow"]
)
def test_an_address_inside(url: str, console: Console, admin: Visitor, editor: Visitor, nothing_left: None) -> None:
    answer = editor.post("disks/new?source=address", namespace="default", name="fault-file", url=url, size="1Gi")
    if answer.status_code == 302:
        wait_for(lambda: "It could not be made." in disk_page(editor), why=lambda: disk_page(editor))
        assert admin.audit(object="fault-file", phase="failed")[0]["reason"]
    else:
        assert answer.status_code == 422
        assert complaints(answer), said(answer)


def test_a_disk_in_use_is_not_deleted(
    console: Console, admin: Visitor, editor: Visitor, machine_that_is_off: str
) -> None:
    disk = f"{machine_that_is_off}-boot-dv"
    with refused(console, admin, editor):
        answer = editor.post(f"disks/default/{disk}/delete", typed=disk)
    assert answer.status_code == 409
    assert machine_that_is_off in said(answer)


def test_nothing_of_this_is_left(console: Console, editor: Visitor) -> None:
    """The console goes on as if nothing had been."""
    assert editor.get("healthz").status_code == 200
    wait_until_only(console, inventory(console))
