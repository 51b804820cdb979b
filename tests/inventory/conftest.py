"""What tests of machines stand on: people, a namespace, and the fake runtime."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.manifests import parse_machine
from inventory.schema import GROUP, VirtualMachineManifest
from networking.services import ensure_pod_network
from tests.people import MINE, People, make_people
from tests.settle import fake_runtime
from vmconsole.access.actors import Actor

__all__ = ["fake_runtime"]

ACTOR = Actor(user_id=1, name="carol", source="127.0.0.1")


@pytest.fixture
def people(db: None) -> People:
    ensure_pod_network()
    return make_people()


def manifest(name: str = "web-1", **spec: Any) -> VirtualMachineManifest:
    document = {
        "apiVersion": GROUP,
        "kind": "VirtualMachine",
        "metadata": {"name": name, "namespace": MINE, **spec.pop("metadata", {})},
        "spec": {"compute": {"cpu": {"vcpus": 1}, "memory": {"capacity": "256Mi"}}, **spec},
    }
    return parse_machine(document)
