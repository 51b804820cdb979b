"""From a filled-in form to the manifests of a machine and its new disks. Only says what was asked; checks nothing.

Works on half-filled forms too, for the pane beside the form that shows what is being made.
"""

from __future__ import annotations

from typing import Any

from inventory.forms import MachineForm
from inventory.manifests import DISPLAY_NAME, PROTECTED
from inventory.schema import GROUP
from inventory.services.making import NewDisk
from vmconsole.runtime.quantities import BadQuantity, parse_quantity

Manifest = dict[str, Any]


def machine_manifest(form: MachineForm, disks: Any, cards: Any) -> Manifest:
    values = form.cleaned_data
    name = values.get("name", "")
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
    spec["disks"] = [boot_disk(form), *(more_disk(row, name, at) for at, row in enumerate(rows(disks), 1))]
    spec["interfaces"] = [card(row, at, len(rows(cards))) for at, row in enumerate(rows(cards))]
    if form.seed():
        spec["cloudInit"] = {"noCloud": form.seed()}
    return {"apiVersion": GROUP, "kind": "VirtualMachine", "metadata": slim(metadata), "spec": slim(spec)}


def slim(mapping: Manifest) -> Manifest:
    return {key: value for key, value in mapping.items() if value not in ("", {}, [], None)}


def rows(formset: Any) -> list[Manifest]:
    """The formset's filled-in rows, without those that were taken away."""
    found = [getattr(form, "cleaned_data", {}) for form in formset.forms]
    return [row for row in found if row and not row.get("DELETE")]


def boot_disk(form: MachineForm) -> Manifest:
    values = form.cleaned_data
    disk: Manifest = {"virtualMachineDiskName": boot_name(form), "boot": True}
    if values.get("boot_driver", "virtio") not in ("", "virtio"):
        disk["driver"] = values["boot_driver"]
    if values.get("boot_auto_delete"):
        disk["autoDelete"] = True
    return disk


def boot_name(form: MachineForm) -> str:
    values = form.cleaned_data
    if values.get("source") == "disk":
        return str(values.get("disk", "")).partition("/")[2]
    return f"{values.get('name', 'NAME')}-boot-dv"


def more_disk(row: Manifest, machine: str, at: int) -> Manifest:
    disk: Manifest = {"virtualMachineDiskName": more_name(row, machine, at)}
    if row.get("driver", "virtio") not in ("", "virtio"):
        disk["driver"] = row["driver"]
    for field, key in (("read_only", "readOnly"), ("auto_delete", "autoDelete")):
        if row.get(field):
            disk[key] = True
    return disk


def more_name(row: Manifest, machine: str, at: int) -> str:
    if row.get("kind") == "old":
        return str(row.get("existing", "")).partition("/")[2]
    return row.get("name") or f"{machine}-data-{at}"


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


def new_disks(form: MachineForm, disks: Any) -> list[NewDisk]:
    """The disks that have to be made with the machine."""
    values = form.cleaned_data
    made = []
    if values.get("source") != "disk":
        made.append(NewDisk(boot_name(form), size_of(values.get("boot_size")), source_of(form)))
    for at, row in enumerate(rows(disks), 1):
        if row.get("kind") == "new":
            made.append(NewDisk(more_name(row, values.get("name", ""), at), size_of(row.get("size")), {}))
    return made


def source_of(form: MachineForm) -> Manifest:
    image = form.images.get(form.cleaned_data.get("image", ""))
    if form.cleaned_data.get("source") != "image" or image is None:
        return {}
    return {"image": {"name": image.name, "namespace": image.namespace}}


def size_of(text: Any) -> int:
    try:
        return parse_quantity(str(text or "0"))
    except BadQuantity:
        return 0


def disk_manifest(disk: NewDisk, namespace: str, size: str) -> Manifest:
    """A disk that is made together with the machine, as it would be written by hand."""
    spec: Manifest = {"size": size, "source": disk.source}
    metadata = {"name": disk.name, "namespace": namespace}
    return {"apiVersion": GROUP, "kind": "VirtualMachineDisk", "metadata": slim(metadata), "spec": slim(spec)}
