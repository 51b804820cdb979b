"""The rows of a machine's configuration form: labels, disks and network cards.

A row keeps what it does not show (an ejected disc, addresses beside the first): it is laid over the manifest's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from inventory.explaining import give_help
from inventory.fields import plain
from inventory.forms import DRIVERS, MODELS
from inventory.models import VirtualMachine
from networking.models import Network
from storage.models import VirtualMachineDisk

Manifest = dict[str, Any]
MOST_CHOICES = 500
# A field's path in the manifest -> the row's field for it.
DISK_PATHS = {
    "spec.disks[].virtualMachineDiskName": "disk", "spec.disks[].driver": "driver", "spec.disks[].boot": "boot",
    "spec.disks[].readOnly": "read_only", "spec.disks[].autoDelete": "auto_delete", "spec.disks[].cdrom": "cdrom",
}  # fmt: skip
CARD_PATHS = {
    "spec.interfaces[].networkName": "network", "spec.interfaces[].ipAddresses": "address",
    "spec.interfaces[].macAddress": "mac", "spec.interfaces[].model": "model", "spec.interfaces[].default": "default",
}  # fmt: skip


class LabelRow(forms.Form):
    key = forms.CharField(label=_("Key"), max_length=317, widget=forms.TextInput(attrs=plain))
    value = forms.CharField(label=_("Value"), max_length=63, required=False, widget=forms.TextInput(attrs=plain))


class DiskRow(forms.Form):
    disk = forms.ChoiceField(label=_("Disk"))
    driver = forms.ChoiceField(label=_("Bus"), choices=DRIVERS, required=False)
    boot = forms.BooleanField(label=_("Boot from it"), required=False)
    read_only = forms.BooleanField(label=_("Read-only"), required=False)
    auto_delete = forms.BooleanField(label=_("Delete with the machine"), required=False)
    cdrom = forms.BooleanField(label=_("CD-ROM"), required=False)

    def __init__(self, *args: Any, disks: Iterable[str] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["disk"].choices = [("", _("Choose …")), *((name, name) for name in disks)]  # type: ignore[attr-defined]
        give_help(self, DISK_PATHS)


class CardRow(forms.Form):
    name = forms.CharField(required=False, max_length=15, widget=forms.HiddenInput)
    network = forms.ChoiceField(label=_("Network"))
    address = forms.CharField(label=_("Address"), required=False, widget=forms.TextInput(attrs=plain), max_length=43)
    mac = forms.CharField(label=_("MAC address"), required=False, widget=forms.TextInput(attrs=plain), max_length=17)
    model = forms.ChoiceField(label=_("Model"), choices=MODELS, required=False)
    default = forms.BooleanField(label=_("Default route"), required=False)

    def __init__(self, *args: Any, networks: Iterable[str] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["network"].choices = [(name, name) for name in networks]  # type: ignore[attr-defined]
        give_help(self, CARD_PATHS)


LabelRows = forms.formset_factory(LabelRow, extra=0, can_delete=True, max_num=64, validate_max=True)
DiskRows = forms.formset_factory(DiskRow, extra=0, can_delete=True, max_num=24, validate_max=True)
CardRows = forms.formset_factory(CardRow, extra=0, can_delete=True, max_num=8, validate_max=True)


class Rows:
    """The three lists of rows of one machine's form. A list that was not sent is as it stands in the manifest."""

    def __init__(self, vm: VirtualMachine, manifest: Manifest, data: Any = None) -> None:
        spec, labels = manifest.get("spec", {}), manifest["metadata"].get("labels", {})
        self.spec = spec
        disks, networks = _disks(vm, spec), _networks(spec)
        self.labels = _made(LabelRows, data, "label", [{"key": key, "value": labels[key]} for key in labels], {})
        self.disks = _made(DiskRows, data, "disk", [_disk(disk) for disk in spec.get("disks", [])], {"disks": disks})
        cards = [_card(card) for card in spec.get("interfaces", [])]
        self.cards = _made(CardRows, data, "card", cards, {"networks": networks})

    def is_valid(self) -> bool:
        return all(rows.is_valid() for rows in (self.labels, self.disks, self.cards) if rows.is_bound)

    def fill(self, manifest: Manifest) -> None:
        """Write what the rows say into the manifest."""
        spec = manifest["spec"]
        if self.labels.is_bound:
            manifest["metadata"]["labels"] = {row["key"].strip(): row["value"].strip() for row in _kept(self.labels)}
        if self.disks.is_bound:
            known = {disk["virtualMachineDiskName"]: disk for disk in self.spec.get("disks", [])}
            spec["disks"] = [_changed_disk(known.get(row["disk"], {}), row) for row in _kept(self.disks)]
        if self.cards.is_bound:
            cards = {card["name"]: card for card in self.spec.get("interfaces", [])}
            taken = set(cards)
            spec["interfaces"] = [
                _changed_card(cards.get(row["name"], {}), row, row["name"] or _free(taken)) for row in _kept(self.cards)
            ]


def _made(kind: Any, data: Any, prefix: str, initial: list[Manifest], options: Manifest) -> Any:
    sent = data is not None and f"{prefix}-TOTAL_FORMS" in data
    return kind(data if sent else None, prefix=prefix, initial=initial, form_kwargs=options)


def _kept(rows: Any) -> list[Manifest]:
    found = (form.cleaned_data for form in rows.forms)
    return [row for row in found if row and not row.get("DELETE")]


def _disks(vm: VirtualMachine, spec: Manifest) -> list[str]:
    """Those of its namespace that nobody writes to, and its own, also where they do not exist yet."""
    own = [disk["virtualMachineDiskName"] for disk in spec.get("disks", [])]
    rows = VirtualMachineDisk.objects.filter(namespace=vm.namespace, deletion_requested_at=None)
    free = rows.exclude(attachments__read_only=False).values_list("name", flat=True).order_by("name")[:MOST_CHOICES]
    return list(dict.fromkeys([*own, *free]))


def _networks(spec: Manifest) -> list[str]:
    own = [card["networkName"] for card in spec.get("interfaces", [])]
    return list(dict.fromkeys([*own, *Network.objects.values_list("name", flat=True).order_by("name")[:MOST_CHOICES]]))


def _disk(disk: Manifest) -> Manifest:
    return {
        "disk": disk["virtualMachineDiskName"], "driver": disk.get("driver", "virtio"), "boot": disk.get("boot", False),
        "read_only": disk.get("readOnly", False), "auto_delete": disk.get("autoDelete", False),
        "cdrom": "cdrom" in disk,
    }  # fmt: skip


def _changed_disk(before: Manifest, row: Manifest) -> Manifest:
    flags = {"boot": row["boot"], "readOnly": row["read_only"], "autoDelete": row["auto_delete"]}
    driver = row["driver"] or "virtio"
    written = {**flags, "driver": driver if driver != "virtio" else "", "cdrom": before.get("cdrom", {})}
    others = {key: value for key, value in before.items() if key not in written}
    if not row["cdrom"]:
        del written["cdrom"]
    kept = {key: value for key, value in written.items() if value or key == "cdrom"}
    return {**others, "virtualMachineDiskName": row["disk"], **kept}


def _card(card: Manifest) -> Manifest:
    return {
        "name": card["name"], "network": card["networkName"], "mac": card.get("macAddress") or "",
        "address": next(iter(card.get("ipAddresses", [])), ""), "model": card.get("model", "virtio"),
        "default": card.get("default", False),
    }  # fmt: skip


def _changed_card(before: Manifest, row: Manifest, name: str) -> Manifest:
    addresses = [row["address"], *before.get("ipAddresses", [])[1:]] if row["address"] else []
    model = row["model"] or "virtio"
    written = {
        "ipAddresses": addresses, "macAddress": row["mac"], "model": model if model != "virtio" else "",
        "default": row["default"],
    }  # fmt: skip
    others = {key: value for key, value in before.items() if key not in written}
    kept = {key: value for key, value in written.items() if value}
    return {**others, "name": name, "networkName": row["network"], **kept}


def _free(taken: set[str]) -> str:
    """A name for a new card, that no other has."""
    name = next(f"eth{number}" for number in range(len(taken) + 1) if f"eth{number}" not in taken)
    taken.add(name)
    return name
