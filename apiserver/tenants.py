"""Who lives in a namespace: what would be lost with it."""

from __future__ import annotations

from inventory.models import VirtualMachine
from networking.models import NetworkInterface
from storage.models import Image, VirtualMachineDisk
from vmconsole.access.models import ConfigMap, Secret

MODELS = (VirtualMachine, VirtualMachineDisk, Image, NetworkInterface, Secret, ConfigMap)


def living(namespace: str) -> list[str]:
    """Some of them, as `Kind/name`."""
    found = []
    for model in MODELS:
        names = model.objects.filter(namespace=namespace).order_by("name").values_list("name", flat=True)[:3]
        found += [f"{model.__name__}/{name}" for name in names]
    return found
