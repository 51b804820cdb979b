"""What people ask of disks and images, from the request to the finished file: real importers, real qemu-img."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from observability.models import AuditEntry, Change, Event
from storage import services
from storage.models import Attachment, Image, VirtualMachineDisk
from tests.people import MINE, OTHER, People, make_people
from tests.settle import fake_runtime, settle
from tests.storage import corpus
from tests.storage.conftest import FOLDERS, left_over, wait_for
from tests.storage.servers import Server
from vmconsole.access import secrets
from vmconsole.access.actors import Actor
from vmconsole.access.errors import Conflict, Denied, NotFound, Unprocessable
from vmconsole.operations.models import Operation
from vmconsole.runtime.libvirt.importer import jobs
from vmconsole.runtime.libvirt.volume_places import VolumePlaces
from vmconsole.runtime.libvirt.volumes import LibvirtVolumes
from vmconsole.runtime.types import MachineSpec, Phase, Power

__all__ = ["fake_runtime"]

GIB = 1 << 30
ACTOR = Actor(user_id=1, name="carol", source="127.0.0.1")

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(db: None) -> People:
    return make_people()


@pytest.fixture
def place(fake_runtime: Any, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Machines are the fake's, disks are real files."""
    for name in FOLDERS:
        (tmp_path / name).mkdir(exist_ok=True)
    monkeypatch.setenv("VMCONSOLE_IMPORT_ALLOW", "127.0.0.9/32")
    settings.UPLOADS_DIR, settings.IMAGES_DIR = tmp_path / "uploads", tmp_path / "images"
    fake_runtime.grown = []
    fake_runtime.volumes = LibvirtVolumes(tmp_path, resize_live=lambda *asked: fake_runtime.grown.append(asked))
    return tmp_path


def make(people: People, name: str = "data", *, size: int = GIB, **source: Any) -> VirtualMachineDisk:
    return services.create_disk(people.carol, ACTOR, MINE, name, size_bytes=size, source=source)


def made(people: People, name: str = "data", **more: Any) -> VirtualMachineDisk:
    disk = make(people, name, **more)
    come_to_rest()
    disk.refresh_from_db()
    return disk


def come_to_rest() -> None:
    settle(lambda: not Operation.objects.open().exists())


def story(disk: VirtualMachineDisk | Image) -> list[tuple[str, str]]:
    return list(AuditEntry.objects.filter(uid=str(disk.uid)).order_by("id").values_list("action", "phase"))


def test_a_blank_disk_is_asked_for_and_made(people: People, place: Path) -> None:
    disk = make(people)
    assert (disk.status_phase, disk.state) == (Phase.PENDING, Phase.PENDING)
    come_to_rest()
    disk.refresh_from_db()
    assert (disk.status_phase, disk.status_size_bytes, disk.observed_generation) == (Phase.SUCCEEDED, GIB, 1)
    assert disk.status_allocated_bytes > 0
    assert (place / "disks" / f"{disk.uid}.qcow2").exists()
    operation = Operation.objects.get(subject_uid=disk.uid)
    assert (operation.verb, operation.state, operation.percent) == ("create", "done", 100.0)
    assert story(disk) == [("create", "accepted"), ("create", "succeeded")]
    assert Event.objects.filter(uid=str(disk.uid), reason="Ready").count() == 1
    changes = list(Change.objects.filter(uid=str(disk.uid), kind=disk.KIND).values_list("what", flat=True))
    assert changes[0] == "ADDED"
    assert set(changes[1:]) == {"MODIFIED"}


def test_an_image_from_an_address_and_a_disk_from_it(
    people: People, place: Path, server: Server, tmp_path: Path
) -> None:
    file = tmp_path / "image"
    corpus.good(file)
    data = file.read_bytes()
    server.answers["/image"] = lambda request: request.send_from(data)
    image = services.create_image(
        people.carol, ACTOR, MINE, "tiny", source={"http": {"url": server.url("/image")}}, title="Tiny", os_type="Linux"
    )
    disk = make(people, "boot", size=0, image={"name": "tiny"})  # waits for its image
    come_to_rest()
    image.refresh_from_db()
    disk.refresh_from_db()
    assert (image.status_phase, image.status_size_bytes) == (Phase.SUCCEEDED, 8 * corpus.MIB)
    assert (disk.status_phase, disk.spec_size_bytes) == (Phase.SUCCEEDED, 8 * corpus.MIB)
    assert left_over(place) == []


@pytest.mark.parametrize(
    ("name", "size", "source", "error", "field"),
    [
        ('<>&"', GIB, {}, Unprocessable, "name"),
        ("x" * 300, GIB, {}, Unprocessable, "name"),
        ("ディスク", GIB, {}, Unprocessable, "name"),
        ("data", 0, {}, Unprocessable, "size"),
        ("data", 10, {}, Unprocessable, "size"),
        ("data", -1, {}, Unprocessable, "size"),
        ("data", 1 << 62, {}, Unprocessable, "size"),
        ("data", GIB, {"image": {"name": "nowhere"}}, Unprocessable, "source"),
        ("data", GIB, {"virtualMachineDisk": {"name": "nowhere"}}, Unprocessable, "source"),
        ("data", GIB, {"http": {"url": "http://127.0.0.1/x"}}, Unprocessable, "spec.source.http.url"),
        ("data", GIB, {"http": {"url": "http://169.254.169.254/x"}}, Unprocessable, "spec.source.http.url"),
        ("data", GIB, {"http": {"url": "file:///etc/passwd"}}, Unprocessable, "spec.source.http.url"),
    ],
)
def test_bad_input_is_refused_and_leaves_nothing(
    name: str, size: int, source: dict[str, Any], error: type[Exception], field: str, people: People, place: Path
) -> None:
    with pytest.raises(error) as refusal:
        make(people, name, size=size, **source)
    assert refusal.value.field == field  # type: ignore[attr-defined]
    assert not VirtualMachineDisk.objects.exists()
    assert not Operation.objects.exists()


def test_a_name_is_given_once_per_namespace(people: People, place: Path) -> None:
    make(people)
    with pytest.raises(Conflict, match="already"):
        make(people)
    services.create_disk(people.dave, ACTOR, OTHER, "data", size_bytes=GIB)


def test_viewers_and_strangers_change_nothing(people: People, place: Path) -> None:
    disk = made(people)
    with pytest.raises(Denied):
        services.create_disk(people.bob, ACTOR, MINE, "x", size_bytes=GIB)
    with pytest.raises(NotFound):
        services.create_disk(people.dave, ACTOR, MINE, "x", size_bytes=GIB)
    for who, error in ((people.bob, Denied), (people.dave, NotFound)):
        with pytest.raises(error):
            services.delete_disk(who, ACTOR, disk)
        with pytest.raises(error):
            services.grow_disk(who, ACTOR, disk, 2 * GIB)
        with pytest.raises(error):
            services.cancel(who, ACTOR, disk)


def test_an_image_of_another_namespace_is_not_there(people: People, place: Path) -> None:
    image = services.create_image(people.dave, ACTOR, OTHER, "theirs", source={"http": {"url": "https://x.example/x"}})
    with pytest.raises(Unprocessable):
        make(people, image={"name": "theirs", "namespace": OTHER})
    with pytest.raises(Denied):
        services.set_public(people.alice, ACTOR, Image.objects.get(uid=image.uid), public=True)


def test_an_import_that_fails_says_why_everywhere(people: People, place: Path, server: Server) -> None:
    disk = made(people, http={"url": server.url("/nothing")})
    assert (disk.status_phase, disk.status_reason) == (Phase.FAILED, "ImageNotFound")
    assert "404" in disk.status_message
    operation = Operation.objects.get(subject_uid=disk.uid)
    assert (operation.state, operation.message, operation.seen) == ("failed", disk.status_message, False)
    assert story(disk)[-1] == ("create", "failed")
    assert Event.objects.get(uid=str(disk.uid)).level == "Warning"


def test_a_redirect_to_the_inside_fails_with_an_entry(people: People, place: Path, server: Server) -> None:
    server.answers["/image"] = lambda request: request.send(302, Location="http://127.0.0.1:22/")
    disk = made(people, http={"url": server.url("/image")})
    assert disk.status_reason == "AddressForbidden"
    assert story(disk)[-1] == ("create", "failed")
    assert "internal network" in AuditEntry.objects.filter(uid=str(disk.uid)).latest("id").reason


def test_a_failed_disk_is_made_again_on_request(people: People, place: Path, server: Server, tmp_path: Path) -> None:
    disk = made(people, http={"url": server.url("/image")})
    assert disk.status_phase == Phase.FAILED
    corpus.good(tmp_path / "image")
    data = (tmp_path / "image").read_bytes()
    server.answers["/image"] = lambda request: request.send_from(data)
    services.retry(people.carol, ACTOR, disk)
    come_to_rest()
    disk.refresh_from_db()
    assert disk.status_phase == Phase.SUCCEEDED


def held(server: Server) -> None:
    def answer(request: Any) -> None:
        request.send(200, b"x" * 1000, Content_Length=2000, ETag='"one"')
        server.held.wait(60)

    server.answers["/image"] = answer


def test_an_import_is_watched_and_cancelled(people: People, place: Path, server: Server) -> None:
    held(server)
    disk = make(people, http={"url": server.url("/image")})
    operation = Operation.objects.get(subject_uid=disk.uid)
    settle(lambda: VirtualMachineDisk.objects.filter(status_phase=Phase.IMPORTING).exists())
    services.cancel(people.carol, ACTOR, disk)
    settle(lambda: not VirtualMachineDisk.objects.exists())
    operation.refresh_from_db()
    assert operation.state == "cancelled"
    wait_for(lambda: left_over(place) == [])
    assert ("cancel", "accepted") in story(disk)


def test_a_worker_or_importer_that_dies_is_made_good(
    people: People, place: Path, server: Server, tmp_path: Path
) -> None:
    """The importer is killed; the loop sees it stalled, starts it again, and the disk is made once."""
    corpus.good(tmp_path / "image")
    data = (tmp_path / "image").read_bytes()

    def answer(request: Any) -> None:
        if request.number > 1:
            request.send_from(data)
            return
        request.send(200, data[:1000], Content_Length=len(data), ETag='"one"')
        server.held.wait(60)

    server.answers["/image"] = answer
    disk = make(people, http={"url": server.url("/image")})
    settle(lambda: bool(server.seen))
    places = VolumePlaces(place)
    os.kill(int(str(wait_for(lambda: jobs.worker_of(places, disk.uid)))), signal.SIGKILL)
    come_to_rest()
    disk.refresh_from_db()
    assert disk.status_phase == Phase.SUCCEEDED
    assert Operation.objects.filter(subject_uid=disk.uid).count() == 1
    wait_for(lambda: left_over(place) == [])


def test_growing(people: People, place: Path) -> None:
    disk = made(people)
    services.grow_disk(people.carol, ACTOR, disk, 2 * GIB)
    come_to_rest()
    disk.refresh_from_db()
    assert (disk.status_size_bytes, disk.spec_size_bytes) == (2 * GIB, 2 * GIB)
    with pytest.raises(Unprocessable, match="larger"):
        services.grow_disk(people.carol, ACTOR, disk, GIB)


def test_growing_under_a_running_machine_asks_the_machine(people: People, place: Path, fake_runtime: Any) -> None:
    disk = made(people)
    machine = MachineSpec(uuid4(), MINE, "web-1", vcpus=1, memory_bytes=GIB)
    fake_runtime.machines.apply(machine)
    fake_runtime.machines.set_power(machine.uid, Power.ON)
    services.attach(disk, machine_uid=machine.uid, machine_name="web-1", read_only=False)
    services.grow_disk(people.carol, ACTOR, disk, 2 * GIB)
    settle(lambda: bool(fake_runtime.grown))
    assert fake_runtime.grown[0] == (machine.uid, disk.uid, 2 * GIB)


def test_a_disk_in_use_stays_and_the_machine_is_named(people: People, place: Path) -> None:
    disk, machine = made(people), uuid4()
    services.attach(disk, machine_uid=machine, machine_name="web-1", read_only=False)
    services.attach(disk, machine_uid=machine, machine_name="web-1", read_only=False)
    with pytest.raises(Conflict, match="web-1"):
        services.delete_disk(people.carol, ACTOR, disk)
    with pytest.raises(Conflict, match="web-1"):
        services.attach(disk, machine_uid=uuid4(), machine_name="web-2", read_only=True)
    services.detach(disk, machine_uid=machine)
    services.delete_disk(people.carol, ACTOR, disk)
    settle(lambda: not VirtualMachineDisk.objects.exists())
    assert list((place / "disks").iterdir()) == []
    assert story(disk)[-2:] == [("delete", "accepted"), ("delete", "succeeded")]


def test_the_database_itself_allows_one_writer(people: People, place: Path) -> None:
    disk = made(people)
    Attachment.objects.create(disk=disk, machine_uid=uuid4(), machine_name="a", read_only=True)
    Attachment.objects.create(disk=disk, machine_uid=uuid4(), machine_name="b", read_only=False)
    with pytest.raises(IntegrityError), transaction.atomic():
        Attachment.objects.create(disk=disk, machine_uid=uuid4(), machine_name="c", read_only=False)


def test_deleting_during_the_import_ends_it(people: People, place: Path, server: Server) -> None:
    held(server)
    disk = make(people, http={"url": server.url("/image")})
    settle(lambda: bool(server.seen))
    services.delete_disk(people.carol, ACTOR, disk)
    settle(lambda: not VirtualMachineDisk.objects.exists())
    states = list(Operation.objects.order_by("created_at").values_list("verb", "state"))
    assert states == [("create", "cancelled"), ("delete", "done")]
    wait_for(lambda: left_over(place) == [])


def test_a_file_removed_outside_is_noticed(people: People, place: Path) -> None:
    disk = made(people)
    (place / "disks" / f"{disk.uid}.qcow2").unlink()
    VirtualMachineDisk.objects.update(status_as_of=timezone.now() - timedelta(hours=1))
    settle(lambda: VirtualMachineDisk.objects.get().status_phase == Phase.FAILED)
    assert VirtualMachineDisk.objects.get().status_reason == "DiskMissing"


def test_an_adopted_disk_is_never_touched(people: People, place: Path, tmp_path: Path) -> None:
    file = tmp_path / "theirs.qcow2"
    corpus.good(file)
    disk = services.register_location(MINE, "Old Server-vda", str(file), "qcow2")
    assert services.register_location(MINE, "x", str(file), "qcow2").uid == disk.uid
    assert disk.name == "old-server-vda"
    with pytest.raises(Conflict, match="outside"):
        services.grow_disk(people.carol, ACTOR, disk, GIB)
    services.delete_disk(people.carol, ACTOR, disk)
    settle(lambda: not VirtualMachineDisk.objects.exists())
    assert file.exists()


def test_credentials_are_sealed_and_go_with_the_disk(people: People, place: Path, server: Server) -> None:
    server.answers["/image"] = lambda request: request.send(403)
    disk = services.create_disk(
        people.carol, ACTOR, MINE, "data", size_bytes=GIB, source={"http": {"url": server.url("/image")}},
        credentials=("me", "canary-password-5"),
    )  # fmt: skip
    come_to_rest()
    disk.refresh_from_db()
    assert server.seen[0][1]["Authorization"].startswith("Basic ")
    name = disk.spec_source["http"]["secretRef"]
    assert secrets.reveal(MINE, name) == {"accessKeyId": "me", "secretKey": "canary-password-5"}
    told = [str(row) for model in (AuditEntry, Event, Operation, VirtualMachineDisk) for row in model.objects.values()]
    assert not any("canary-password-5" in text for text in told)
    services.delete_disk(people.carol, ACTOR, disk)
    settle(lambda: not VirtualMachineDisk.objects.exists())
    assert secrets.reveal(MINE, name) is None


def test_describing_and_sharing_an_image(people: People, place: Path) -> None:
    image = Image.objects.create(namespace=MINE, name="a", status_phase=Phase.SUCCEEDED, observed_generation=1)
    services.edit_image(people.carol, ACTOR, image, title="New", description="Sign in as demo.")
    services.set_public(people.erin, ACTOR, image, public=True)
    assert Image.objects.visible_to(people.dave).get().title == "New"
    assert story(image) == [("edit", "succeeded"), ("share", "succeeded")]
    with pytest.raises(Unprocessable):
        services.edit_image(people.carol, ACTOR, image, os_type="BeOS")


def test_the_demo_image_is_registered_once_and_replaced_when_it_changed(
    people: People, place: Path, tmp_path: Path
) -> None:
    from django.core.management import CommandError, call_command

    file = tmp_path / "demo.qcow2"
    corpus.good(file)
    call_command("register_demo_image", file)
    first = Image.objects.get(name="demo")
    call_command("register_demo_image", file)
    assert Image.objects.get(name="demo").uid == first.uid
    corpus.good(file)
    call_command("register_demo_image", file)
    second = Image.objects.get(name="demo")
    assert second.uid != first.uid
    assert [path.stem for path in (place / "images").iterdir()] == [str(second.uid)]
    assert (second.public, second.usable, "demo" in second.description) == (True, True, True)
    disk = made(people, "boot", size=GIB, image={"name": "demo", "namespace": "vm-system"})
    assert (disk.status_phase, disk.status_size_bytes) == (Phase.SUCCEEDED, GIB)
    file.write_text("no image")
    with pytest.raises(CommandError):
        call_command("register_demo_image", file)
