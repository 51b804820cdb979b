"""A new machine like an old one: its configuration as the form's first values, with copies of its disks.

MAC and addresses are the old one's own and stay with it. What the form does not know (chipset, pinning, scheduling) is
taken over when the new machine's manifest is made.
"""

from __future__ import annotations

from typing import Any

from inventory.configuring import initial_of
from inventory.manifests import manifest_of
from inventory.models import VirtualMachine
from vmconsole.access.models import User
from vmconsole.access.rights import Right, namespaces

Manifest = dict[str, Any]
# The identity of the old machine's hardware, as a guest sees it.
OWN_IDENTITY = ("uuid", "serial", "bootloader")
KNOWN_TO_THE_FORM = ("virtualMachineTypeName", "cpu", "memory")
KEPT = ("scheduling", "guestEnvironment", "autoInstallGuestAgent", "useVirtioTransitional")


def original(user: User, asked: str) -> VirtualMachine | None:
    """The machine `namespace/name` to make another one like, if it is one they may work on."""
    place, _slash, name = asked.partition("/")
    if place not in namespaces(user, Right.EDIT):
        return None
    return VirtualMachine.objects.filter(namespace=place, name=name, deletion_requested_at=None).first()


def values_of(vm: VirtualMachine) -> Manifest:
    """The form's first values. The boot disk is copied; it goes with the new machine as the old one's does."""
    values = initial_of(vm, manifest_of(vm, status=False))
    boot = next((row for row in vm.disks.all() if row.boot), None)
    kept = ("auto_restart", "sizing", "vcpus", "memory", "os_type", "firmware", "secure_boot")
    return {
        **{key: values[key] for key in kept},
        "labels": "\n".join(f"{key}={value}" for key, value in vm.labels.items()),
        "namespace": vm.namespace,
        "source": "copy" if boot else "blank",
        "copied": f"{vm.namespace}/{boot.disk_name}" if boot else "",
        "boot_driver": boot.driver if boot else "virtio",
        "boot_auto_delete": bool(boot is None or boot.auto_delete),
        "power": "stay" if vm.is_off else "start",
    }


def disks_of(vm: VirtualMachine) -> list[Manifest]:
    """Its other disks: what it only reads is shared with it, the rest is copied."""
    found = []
    for row in vm.disks.all():
        if row.boot:
            continue
        shared = row.read_only or row.cdrom
        field, kind = ("existing", "old") if shared else ("copied", "copy")
        found.append(
            {
                "kind": kind, field: f"{vm.namespace}/{row.disk_name}", "read_only": shared,
                "driver": "sata" if row.cdrom and row.driver == "virtio" else row.driver,
                "auto_delete": row.auto_delete and not row.cdrom,
            }
        )  # fmt: skip
    return found


def cards_of(vm: VirtualMachine) -> list[Manifest]:
    return [{"network": row.network_name, "model": row.model} for row in vm.interfaces.all()]


def inherited(spec: Manifest, vm: VirtualMachine) -> Manifest:
    """The new machine's spec with what only the old one's manifest says."""
    theirs = manifest_of(vm, status=False)["spec"]
    rest = {key: value for key, value in theirs.get("compute", {}).items() if key not in KNOWN_TO_THE_FORM}
    firmware = {key: value for key, value in theirs.get("firmware", {}).items() if key not in OWN_IDENTITY}
    cdroms = {disk["virtualMachineDiskName"]: disk["cdrom"] for disk in theirs.get("disks", []) if "cdrom" in disk}
    found = {
        **spec,
        **{key: theirs[key] for key in KEPT if theirs.get(key) is not None},
        "compute": {**rest, **spec.get("compute", {})},
        "disks": [
            {**disk, "cdrom": cdroms[name]} if (name := disk["virtualMachineDiskName"]) in cdroms else disk
            for disk in spec.get("disks", [])
        ],
    }
    merged = {**firmware, **spec.get("firmware", {})}
    return {**found, "firmware": merged} if merged else found
