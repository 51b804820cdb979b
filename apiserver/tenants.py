"""Who lives in a namespace: what would be lost with it."""

from __future__ import annotations

from inventory.models import VirtualMachine
from networking.models import NetworkInterface
from observability import subjects
from storage.models import Image, VirtualMachineDisk
from vmconsole.access.models import ConfigMap, Secret

MODELS = (VirtualMachine, VirtualMachineDisk, Image, NetworkInterface, Secret, ConfigMap)


def living(namespace: str) -> list[str]:
    """Some of them, as `Kind/name`."""
    found = []
    for model in MODELS:
        rows = model.objects.filter(namespace=namespace).order_by("name")[:3]
        found += [f"{model.__name__}/{subjects.called(row.uid, row.name)}" for row in rows]
    return found
