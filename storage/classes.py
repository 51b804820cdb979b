"""The storage classes of this host: one, the folder that its disks lie in."""

from __future__ import annotations

from observability import changes
from storage.models import StorageClass

LOCAL = "local"
PROVISIONER = "vmconsole.dev/local"


def ensure_local() -> StorageClass:
    found, made = StorageClass.objects.get_or_create(name=LOCAL, defaults={"provisioner": PROVISIONER, "default": True})
    if made:
        found.resource_version = changes.changed("StorageClass", found.uid, found.name, "", "ADDED")
        StorageClass.objects.filter(uid=found.uid).update(resource_version=found.resource_version)
    return found
