"""From a filled-in form to the manifests of machines and their new disks. Only says what was asked; checks nothing.

Works on half-filled forms too, for the pane beside the form that shows what is being made.
"""

from __future__ import annotations

from typing import Any

from inventory import cloning
from inventory.forms import MachineForm
from inventory.manifests import DISPLAY_NAME, PROTECTED
from inventory.schema import GROUP
from inventory.services.making import NewDisk
from vmconsole.runtime.quantities import BadQuantity, format_quantity, parse_quantity

Manifest = dict[str, Any]
UNNAMED = "NAME"  # what stands in the pane before there is a name


def machine_manifest(form: MachineForm, disks: Any, cards: Any, name: str) -> Manifest:
    values = form.cleaned_data
    annotations = {DISPLAY_NAME: values.get("display_name"), PROTECTED: "true" if values.get("protected") else ""}
    metadata = {
        "name": name,
        "namespace": values.get("namespace", ""),
        "labels": values.get("labels") or {},
        "annotations": {key: value for key, value in annotations.items() if value},
    }
    spec: Manifest = {"osType": values.get("os_type", ""), "compute": form.compute()}
    if values.get("power") in ("Running", "Stopped"):
        spec["runningState"] = values["power"]
    if values.get("auto_restart"):
        spec["autoRestartOnConfigurationChange"] = True
    if values.get("firmware") == "uefi":
        bootloader = {"type": "uefi", "enableSecureBoot": bool(values.get("secure_boot"))}
        spec["firmware"] = {"bootloader": bootloader}
    spec["disks"] = [boot_disk(form, name), *(more_disk(form, row, name, at) for at, row in enumerate(rows(disks), 1))]
    spec["interfaces"] = [card(row, at, len(rows(cards))) for at, row in enumerate(rows(cards))]
    if form.seed():
        spec["cloudInit"] = {"noCloud": form.seed()}
    if form.like:
        spec = cloning.inherited(spec, form.like)
    return {"apiVersion": GROUP, "kind": "VirtualMachine", "metadata": slim(metadata), "spec": slim(spec)}


def slim(mapping: Manifest) -> Manifest:
    return {key: value for key, value in mapping.items() if value not in ("", {}, [], None)}


def rows(formset: Any) -> list[Manifest]:
    """The formset's filled-in rows, without those that were taken away."""
    found = [getattr(form, "cleaned_data", {}) for form in formset.forms]
    return [row for row in found if row and not row.get("DELETE")]


def boot_disk(form: MachineForm, machine: str) -> Manifest:
    values = form.cleaned_data
    disk: Manifest = {"virtualMachineDiskName": boot_name(form, machine), "boot": True}
    if values.get("boot_driver", "virtio") not in ("", "virtio"):
        disk["driver"] = values["boot_driver"]
    if values.get("boot_auto_delete"):
        disk["autoDelete"] = True
    return disk


def boot_name(form: MachineForm, machine: str) -> str:
    values = form.cleaned_data
    if values.get("source") == "disk":
        return named(values.get("disk"))
    return boot_name_of(machine)


def boot_name_of(machine: str) -> str:
    return f"{machine}-boot-dv"


def named(place_and_name: Any) -> str:
    """The disk's name out of a choice of the form, `namespace/name`."""
    return str(place_and_name or "").partition("/")[2]


def more_disk(form: MachineForm, row: Manifest, machine: str, at: int) -> Manifest:
    disk: Manifest = {"virtualMachineDiskName": more_name(form, row, machine, at)}
    if row.get("driver", "virtio") not in ("", "virtio"):
        disk["driver"] = row["driver"]
    for field, key in (("read_only", "readOnly"), ("auto_delete", "autoDelete")):
        if row.get(field):
            disk[key] = True
    return disk


def more_name(form: MachineForm, row: Manifest, machine: str, at: int) -> str:
    """A name that was given belongs to one disk: of several machines each puts its own name before it."""
    if row.get("kind") == "old":
        return named(row.get("existing"))
    given = row.get("name", "")
    if given and len(form.names) > 1:
        return f"{machine}-{given}"
    return given or f"{machine}-data-{at}"


def card(row: Manifest, at: int, number: int) -> Manifest:
    one: Manifest = {"name": f"eth{at}", "networkName": row.get("network", "")}
    if row.get("address"):
        one["ipAddresses"] = [row["address"]]
    if row.get("mac"):
        one["macAddress"] = row["mac"]
    if row.get("model", "virtio") not in ("", "virtio"):
        one["model"] = row["model"]
    if number > 1 and at == 0:
        one["default"] = True
    return one


def new_disks(form: MachineForm, disks: Any, machine: str) -> list[NewDisk]:
    """The disks that have to be made with the machine."""
    values = form.cleaned_data
    made = []
    if values.get("source") != "disk":
        made.append(NewDisk(boot_name(form, machine), size_of(values.get("boot_size")), source_of(form)))
    for at, row in enumerate(rows(disks), 1):
        if row.get("kind") in ("new", "copy"):
            source = copy_of(row.get("copied")) if row["kind"] == "copy" else {}
            made.append(NewDisk(more_name(form, row, machine, at), size_of(row.get("size")), source))
    return made


def source_of(form: MachineForm) -> Manifest:
    values = form.cleaned_data
    if values.get("source") == "copy":
        return copy_of(values.get("copied"))
    image = form.images.get(values.get("image", ""))
    if values.get("source") != "image" or image is None:
        return {}
    return {"image": {"name": image.name, "namespace": image.namespace}}


def copy_of(place_and_name: Any) -> Manifest:
    name = named(place_and_name)
    return {"virtualMachineDisk": {"name": name}} if name else {}


def size_of(text: Any) -> int:
    try:
        return parse_quantity(str(text or "0"))
    except BadQuantity:
        return 0


def disk_manifest(disk: NewDisk, namespace: str) -> Manifest:
    """A disk that is made together with the machine, as it would be written by hand."""
    size = format_quantity(disk.size_bytes) if disk.size_bytes else ""
    spec: Manifest = {"size": size, "source": disk.source}
    metadata = {"name": disk.name, "namespace": namespace}
    return {"apiVersion": GROUP, "kind": "VirtualMachineDisk", "metadata": slim(metadata), "spec": slim(spec)}


def documents(form: MachineForm, disks: Any, cards: Any) -> list[Manifest]:
    """Everything the form makes so far, each disk before the machine that needs it.

    To leave a machine off without a word for later is something that only the form can say: declared Stopped is next.
    """
    place = form.cleaned_data.get("namespace", "")
    found = []
    for name in form.names or [UNNAMED]:
        found += [disk_manifest(disk, place) for disk in new_disks(form, disks, name)]
        machine = machine_manifest(form, disks, cards, name)
        if form.cleaned_data.get("power") == "stay":
            machine["spec"]["runningState"] = "Stopped"
        found.append(machine)
    return found
