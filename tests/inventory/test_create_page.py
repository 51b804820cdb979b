"""The page that makes machines: what a link puts into it, what it foresees, several at once, and clones."""

from __future__ import annotations

import html
import re
import shlex
from typing import Any

import pytest
import yaml
from django.test import Client

from inventory.models import VirtualMachine
from inventory.patterns import BadPattern, free_name, names_of
from inventory.services.making import NewDisk, create
from networking.models import NetworkInterface
from storage.models import Image, VirtualMachineDisk
from tests.inventory.conftest import ACTOR, manifest
from tests.people import MINE, OTHER, People, client_of
from tests.visitors import SMALL
from vmconsole.access import secrets
from vmconsole.access.models import RoleBinding
from vmconsole.operations.models import Operation
from vmconsole.runtime.models import Node, Runtime
from vmconsole.runtime.types import Phase, Power

GIB = 1 << 30
NEW, PREVIEW = "/vms/new", "/vms/new/preview"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def carol(people: People) -> Client:
    return client_of(people.carol)


@pytest.fixture
def image(people: People) -> Image:
    return Image.objects.create(
        namespace=MINE, name="demo", title="Demo <Linux>", os_type="Linux", status_phase=Phase.SUCCEEDED,
        status_size_bytes=GIB, status_allocated_bytes=GIB // 4,
    )  # fmt: skip


@pytest.fixture
def node(people: People) -> Node:
    from django.utils import timezone

    runtime, _ = Runtime.objects.get_or_create(name="here", defaults={"kind": "fake"})
    return Node.objects.create(
        runtime=runtime, name="n1", status_cpus=4, status_memory_bytes=4 * GIB, status_storage_bytes=20 * GIB,
        status_storage_free_bytes=10 * GIB, status_as_of=timezone.now(),
    )  # fmt: skip


def asked(name: str, **changes: Any) -> dict[str, Any]:
    return {**SMALL, "namespace": MINE, "name": name, **changes}


def one_card(**values: str) -> dict[str, str]:
    card = {"network": "pod-network", "model": "virtio", **values}
    return {"card-TOTAL_FORMS": "1", **{f"card-0-{key}": value for key, value in card.items()}}


def said(answer: Any) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode()))


def review(client: Client, form: dict[str, Any]) -> str:
    return " ".join(said(client.post(PREVIEW, {**form, "as": "review"})).split())


# --- names ---
@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("web", ["web"]),
        ("web-{1..3}", ["web-1", "web-2", "web-3"]),
        ("web-{08..10}.lab", ["web-08.lab", "web-09.lab", "web-10.lab"]),
        ("{7..7}", ["7"]),
    ],
)
def test_a_pattern_stands_for_names(text: str, names: list[str]) -> None:
    assert names_of(text) == names


@pytest.mark.parametrize(
    "text", ["web-{1..51}", "web-{5..1}", "web-{}", "{1..2}{1..2}", "web-{a..c}", "web-{1..", "}{"]
)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(BadPattern):
        names_of(text)


def test_the_next_free_name() -> None:
    assert free_name("web-1", {"web-1", "web-2"}) == "web-3"
    assert free_name("", set()) == "vm-1"
    assert len(free_name("a" * 63, set())) <= 63


# --- the page, and links to it ---
def test_a_link_fills_the_form(carol: Client, image: Image) -> None:
    page = carol.get(f"{NEW}?name=web-1&image=demo&vcpus=2&memory=2Gi&network=pod-network").content.decode()
    assert f'value="{image.uid}" checked' in page
    for field, value in (("name", "web-1"), ("vcpus", "2"), ("memory", "2Gi")):
        assert re.search(rf'name="{field}" value="{value}"', page), field


def test_a_link_may_name_the_images_namespace(carol: Client, image: Image) -> None:
    Image.objects.create(namespace=MINE, name="other", status_phase=Phase.SUCCEEDED, public=True)
    page = carol.get(f"{NEW}?image={MINE}/demo").content.decode()
    assert f'value="{image.uid}" checked' in page


def test_a_hostile_link_is_only_text(carol: Client, image: Image) -> None:
    evil = '"><script>alert(1)</script>'
    query = dict.fromkeys(("name", "image", "vcpus", "memory", "network", "source", "type", "like", "labels"), evil)
    answer = carol.get(NEW, {**query, "namespace": OTHER, "power": evil, "disk": evil, "firmware": evil})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.content.decode()
    assert "Demo &lt;Linux&gt;" in answer.content.decode()


def test_a_name_is_proposed_that_nobody_has(carol: Client, image: Image) -> None:
    carol.post(NEW, asked("demo-1"))
    assert 'name="name" value="demo-2"' in carol.get(NEW).content.decode()


# --- what will happen ---
def test_the_review_foresees_what_is_made_and_taken(carol: Client, image: Image, node: Node) -> None:
    form = asked("web-1", source="image", image=str(image.uid), boot_size="", memory="1Gi", **one_card())
    text = review(carol, form)
    for part in (
        "1 virtual machine: web-1", "1 vCPU, 1 GiB", "New disk web-1-boot-dv", "copied from Demo <Linux>",
        "Takes 1 GiB of 4 GiB free", "Writes 256 MiB, may grow to 1 GiB; 10 GiB are free", "Starts as soon as",
    ):  # fmt: skip
        assert part in text, text
    address = re.search(r"Gets ([\d.]+), and keeps it", text)
    assert address is not None, text
    assert "not enough" in review(carol, asked("web-1", memory="5Gi"))
    assert "Memory: there is room" not in review(carol, asked("web-{1..5}", memory="1Gi"))


def test_numbers_of_the_host_are_for_those_who_may_see_it(people: People, node: Node) -> None:
    RoleBinding.objects.filter(user=people.carol, namespace=None).delete()
    text = review(client_of(people.carol), asked("web-1", memory="5Gi"))
    assert "not enough for a start now" in text
    assert "4 GiB" not in text


def test_the_review_names_what_is_missing_and_taken(carol: Client) -> None:
    carol.post(NEW, asked("web-2", **one_card(address="10.76.0.77")))
    text = review(carol, asked("web-{1..2}", memory="much", **one_card()))
    assert "“much” is not a size" in text
    assert "There is one of that name already: web-2" in text
    assert "10.76.0.77 is used by web-2 already" in review(carol, asked("web-3", **one_card(address="10.76.0.77")))


# --- the same in other words ---
def preview(client: Client, kind: str, form: dict[str, Any]) -> str:
    return client.post(PREVIEW, {**form, "as": kind}).content.decode()


def test_the_command_is_short_where_flags_can_say_it(carol: Client, image: Image) -> None:
    form = asked("web-1", source="image", image=str(image.uid), boot_size="", memory="1Gi", **one_card())
    words = shlex.split(preview(carol, "vmctl", form).replace("\\\n", ""))
    assert words == [
        "vmctl", "create", "vm", "web-1", "-n", MINE, "--image", f"{MINE}/demo", "--cpus", "1", "--memory", "1Gi",
    ]  # fmt: skip
    assert preview(carol, "vmctl", {**form, "labels": "tier=web"}).startswith("vmctl apply -f - <<'EOF'\n")


def test_what_is_pasted_cannot_leave_its_document(carol: Client) -> None:
    user_data = "#cloud-config\nEOF\n$(reboot)\n'; reboot #"
    for kind in ("vmctl", "curl"):
        text = preview(carol, kind, asked("web-1", user_data=user_data, labels="a=$(reboot)"))
        for end, body in re.findall(r"<<'(EOF_*)'\n(.*?)\n\1$", text, flags=re.DOTALL | re.MULTILINE):
            assert end not in body.splitlines()
        rest = re.sub(r"<<'(EOF_*)'\n.*?\n\1$", "", text, flags=re.DOTALL | re.MULTILINE)
        assert "reboot" not in rest


def test_passwords_stay_out_of_it_and_yaml_is_what_is_made(carol: Client) -> None:
    form = asked("web-{1..2}", user="demo", password="secret-of-carol", power="stay", **one_card())
    text = preview(carol, "yaml", form)
    assert "secret-of-carol" not in text
    kinds = [document["kind"] for document in yaml.safe_load_all(text)]
    assert kinds == ["VirtualMachineDisk", "VirtualMachine"] * 2
    assert "runningState: Stopped" in text


# --- creating ---
def test_one_that_starts_is_followed_on_its_screen(carol: Client) -> None:
    answer = carol.post(NEW, asked("web-1"))
    assert (answer.status_code, answer["Location"]) == (302, f"/vms/{MINE}/web-1/console")
    assert carol.post(NEW, asked("web-2", power="stay"))["Location"] == f"/vms/{MINE}/web-2/"


def test_a_second_click_is_the_same_request(carol: Client) -> None:
    first = carol.post(NEW, asked("web-1", once="abc"))
    second = carol.post(NEW, asked("web-1", once="abc"))
    assert first["Location"] == second["Location"]
    assert VirtualMachine.objects.count() == 1


def test_several_are_made_at_once_and_followed_together(carol: Client) -> None:
    answer = carol.post(NEW, asked("web-{1..5}", **one_card()))
    page = said(carol.get(answer["Location"]))
    assert "5 machines were asked for" in page
    assert all(f"web-{number}" in page for number in range(1, 6))
    operations = Operation.objects.filter(verb="create", subject_kind="VirtualMachine")
    assert sorted(operations.values_list("subject_name", flat=True)) == [f"web-{number}" for number in range(1, 6)]


@pytest.mark.parametrize(
    ("name", "changes", "sentence"),
    [
        ("web-{1..3}", {}, "There is one of that name already: web-3"),
        ("new-{1..51}", {}, "At most 50"),
        ("New-{1..2}", {}, "Use small letters"),
        ("new-{1..2}", one_card(address="10.76.0.80"), "cannot have the same one"),
        ("new-{1..2}", {"source": "disk", "disk": f"{MINE}/web-3-data"}, "cannot start from one disk"),
    ],
)
def test_several_or_none(carol: Client, name: str, changes: dict[str, str], sentence: str) -> None:
    carol.post(NEW, asked("web-3"))
    carol.post("/disks/new?source=blank", {"namespace": MINE, "name": "web-3-data", "size": "16Mi"})
    answer = carol.post(NEW, asked(name, **changes))
    assert answer.status_code == 422
    assert sentence in said(answer)
    assert list(VirtualMachine.objects.values_list("name", flat=True)) == ["web-3"]


def test_a_refusal_in_the_middle_takes_back_the_rest(carol: Client) -> None:
    carol.post("/disks/new?source=blank", {"namespace": MINE, "name": "new-2-boot-dv", "size": "16Mi"})
    answer = carol.post(NEW, asked("new-{1..3}"))
    assert answer.status_code == 422
    assert "new-2-boot-dv" in said(answer)
    assert not VirtualMachine.objects.exists()
    assert not Operation.objects.filter(subject_kind="VirtualMachine").exists()


def test_a_section_with_an_error_is_marked_in_the_menu(carol: Client) -> None:
    page = carol.post(NEW, asked("web-1", memory="much", **one_card(network="nowhere"))).content.decode()
    assert re.findall(r'<a href="#s-(\w+)" class="is-bad"', page) == ["size", "network"]
    assert "Nothing was created" in page


# --- clones ---
def original(people: People) -> VirtualMachine:
    document = manifest(
        "web-1", metadata={"labels": {"tier": "web"}},
        disks=[{"virtualMachineDiskName": "web-1-boot-dv", "boot": True, "autoDelete": True}],
        interfaces=[{"name": "eth0", "networkName": "pod-network", "macAddress": "52:54:00:00:00:77"}],
        cloudInit={"noCloud": {"userData": "#cloud-config\nuser: demo\n"}},
        scheduling={"nodeSelector": {"disk": "fast"}},
    )  # fmt: skip
    disk = NewDisk("web-1-boot-dv", GIB, {})
    vm, _operation = create(people.carol, ACTOR, document, new_disks=[disk], start=False)
    Operation.objects.update(state="done")
    VirtualMachineDisk.objects.update(status_phase=Phase.SUCCEEDED, status_size_bytes=GIB)
    VirtualMachine.objects.update(status_power=Power.OFF)
    vm.refresh_from_db()
    return vm


def clone_form(client: Client) -> dict[str, str]:
    page = client.get(f"{NEW}?like={MINE}/web-1").content.decode()
    page = re.sub(r"<template.*?</template>", "", page, flags=re.DOTALL)
    fields = dict(re.findall(r'<input type="(?:text|hidden|number)" name="([^"]+)" value="([^"]*)"', page))
    fields |= dict(re.findall(r'<input[^>]*type="radio" name="([^"]+)" value="([^"]*)" checked', page))
    for name, options in re.findall(r'<select name="([^"]+)".*?>(.*?)</select>', page, flags=re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        fields[name] = chosen[1] if chosen else ""
    labels = re.search(r'<textarea name="labels"[^>]*>\s*(.*?)</textarea>', page, flags=re.DOTALL)
    return {**fields, "labels": labels[1] if labels else "", "boot_auto_delete": "on"}


def test_a_clone_has_its_own_disk_mac_and_secret(people: People, carol: Client) -> None:
    vm = original(people)
    form = clone_form(carol)
    assert (form["name"], form["source"], form["copied"]) == ("web-2", "copy", f"{MINE}/web-1-boot-dv")
    answer = carol.post(NEW, form)
    assert answer.status_code == 302, said(answer)
    clone = VirtualMachine.objects.get(name="web-2")
    assert clone.labels == {"tier": "web"}
    assert clone.spec_rest["scheduling"] == {"nodeSelector": {"disk": "fast"}}
    disk = VirtualMachineDisk.objects.get(name="web-2-boot-dv")
    assert disk.spec_source == {"virtualMachineDisk": {"name": "web-1-boot-dv"}}
    assert [card.mac_address for card in clone.interfaces.all()] == [""]
    assert NetworkInterface.objects.filter(machine_uid=vm.uid).count() == 1
    assert (secrets.reveal(MINE, "web-2-cloud-init") or {})["userData"] == "#cloud-config\nuser: demo\n"


def test_a_running_machine_is_not_copied(people: People, carol: Client) -> None:
    original(people)
    form = clone_form(carol)
    VirtualMachine.objects.update(status_power=Power.ON)
    answer = carol.post(NEW, form)
    assert answer.status_code == 422
    assert "web-1 is running and writes to this disk" in said(answer)


def test_only_ones_own_machines_are_cloned(people: People, carol: Client) -> None:
    original(people)
    page = client_of(people.dave).get(f"{NEW}?like={MINE}/web-1").content.decode()
    assert "A clone of" not in page
    assert "web-1-boot-dv" not in page
