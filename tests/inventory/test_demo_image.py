"""The image that every machine of a newcomer starts from, where there are no files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from inventory.models import VirtualMachine
from inventory.services.making import NewDisk, create
from storage.models import Image
from tests.inventory.conftest import ACTOR, manifest
from tests.people import People
from tests.settle import settle
from tests.storage import corpus
from vmconsole.operations import loop

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_demo_image_lives_on_the_fake_runtime_too(
    people: People, fake_runtime: Any, settings: Any, tmp_path: Path
) -> None:
    settings.IMAGES_DIR = tmp_path / "images"
    settings.IMAGES_DIR.mkdir()
    corpus.good(tmp_path / "demo.qcow2")
    call_command("register_demo_image", tmp_path / "demo.qcow2")
    image = Image.objects.get(name="demo")
    loop.ring(image.KIND, image.uid)
    settle()
    image.refresh_from_db()
    assert image.status_phase == "Succeeded"
    source = {"image": {"namespace": "vm-system", "name": "demo"}}
    boots = manifest(disks=[{"virtualMachineDiskName": "boot", "boot": True}])
    vm, _operation = create(people.carol, ACTOR, boots, new_disks=[NewDisk("boot", 0, source)])
    settle(lambda: is_running(vm))


def is_running(vm: VirtualMachine) -> bool:
    vm.refresh_from_db()
    return vm.status_state == "Running"
