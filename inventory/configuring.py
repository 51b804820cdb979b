"""The form over an existing machine: filled from its manifest, and turned back into a changed one.

What the form doesn't know (disks, cards, pinning, scheduling) is kept as it stands in the manifest.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inventory.forms import FIRMWARE, OS_TYPES, OWN, LabelsField, SizeForm, plain
from inventory.manifests import DISPLAY_NAME, GRACE, PROTECTED, manifest_of
from inventory.models import VirtualMachine, VirtualMachineType
from vmconsole.runtime.quantities import format_quantity

DECLARED = (
    ("", gettext_lazy("Not declared: start and stop it by hand")),
    ("Running", gettext_lazy("Keep it running")),
    ("Stopped", gettext_lazy("Keep it stopped")),
)


class ConfigureForm(SizeForm):
    display_name = forms.CharField(label=gettext_lazy("Display name"), required=False, max_length=255)
    labels = LabelsField(
        label=gettext_lazy("Labels"), required=False, widget=forms.Textarea(attrs={"rows": 3, **plain})
    )
    protected = forms.BooleanField(label=gettext_lazy("Protect from deletion"), required=False)
    running_state = forms.ChoiceField(label=gettext_lazy("Running state"), choices=DECLARED, required=False)
    auto_restart = forms.BooleanField(
        label=gettext_lazy("Restart by itself when its configuration changes"), required=False
    )
    grace = forms.IntegerField(
        label=gettext_lazy("Grace period, seconds"), min_value=0, max_value=86_400,
        help_text=gettext_lazy("How long a guest may take to shut down before it is forced off."),
    )  # fmt: skip
    os_type = forms.ChoiceField(label=gettext_lazy("Operating system"), choices=OS_TYPES, required=False)
    firmware = forms.ChoiceField(label=gettext_lazy("Firmware"), choices=FIRMWARE)
    secure_boot = forms.BooleanField(label=gettext_lazy("Secure Boot"), required=False)

    def __init__(self, *args: Any, vm: VirtualMachine, **options: Any) -> None:
        super().__init__(*args, initial=initial(vm), **options)


def initial(vm: VirtualMachine) -> dict[str, Any]:
    bootloader = vm.spec_firmware.get("bootloader", {})
    return {
        "display_name": vm.display_name,
        "labels": "\n".join(f"{key}={value}" for key, value in vm.labels.items()),
        "protected": vm.deletion_protected,
        "running_state": vm.spec_running_state,
        "auto_restart": vm.spec_auto_restart,
        "grace": vm.spec_grace_seconds,
        "sizing": vm.spec_type_name or OWN,
        "vcpus": vm.spec_vcpus or vm.status_vcpus,
        "memory": vm.spec_memory or (format_quantity(vm.status_memory_bytes) if vm.status_memory_bytes else ""),
        "os_type": vm.spec_os_type,
        "firmware": bootloader.get("type", "bios"),
        "secure_boot": bool(bootloader.get("enableSecureBoot", bootloader.get("type") == "uefi")),
    }


def changed_manifest(vm: VirtualMachine, form: ConfigureForm) -> dict[str, Any]:
    """The machine's manifest with what the form says in its place."""
    values, manifest = form.cleaned_data, manifest_of(vm, status=False)
    metadata, spec = manifest["metadata"], manifest.setdefault("spec", {})
    metadata["labels"] = values["labels"]
    ours = {
        DISPLAY_NAME: values["display_name"],
        PROTECTED: "true" if values["protected"] else "",
        GRACE: str(values["grace"]) if values["grace"] != 60 else "",
    }
    kept = {key: value for key, value in metadata.get("annotations", {}).items() if key not in ours}
    metadata["annotations"] = {**kept, **{key: value for key, value in ours.items() if value}}
    others = ("virtualMachineTypeName", "cpu", "memory")
    rest = {key: value for key, value in spec.get("compute", {}).items() if key not in others}
    spec["compute"] = {**rest, **form.compute()}
    spec["runningState"] = values["running_state"]
    spec["autoRestartOnConfigurationChange"] = values["auto_restart"]
    spec["osType"] = values["os_type"]
    set_firmware(spec, values["firmware"], secure_boot=values["secure_boot"])
    return manifest


def set_firmware(spec: dict[str, Any], kind: str, *, secure_boot: bool) -> None:
    """Only when it differs from what stands there: an absent bootloader means BIOS."""
    firmware = dict(spec.get("firmware", {}))
    before = firmware.get("bootloader", {})
    if kind == "bios" and before.get("type", "bios") == "bios":
        return
    firmware["bootloader"] = {"type": kind, "enableSecureBoot": secure_boot} if kind == "uefi" else {"type": "bios"}
    spec["firmware"] = firmware


def pending(vm: VirtualMachine) -> list[dict[str, Any]]:
    """What was asked and what the running machine has, where they differ."""
    if vm.is_off:
        return []
    shape = VirtualMachineType.objects.filter(name=vm.spec_type_name).first() if vm.spec_type_name else None
    wished_vcpus = vm.spec_vcpus or (shape.spec_vcpus if shape else None)
    wished_memory = vm.spec_memory_bytes or (shape.spec_memory_bytes if shape else None)
    pairs = (
        ("vcpus", _("vCPUs"), vm.status_vcpus, wished_vcpus, str),
        ("memory", _("Memory"), vm.status_memory_bytes, wished_memory, format_quantity),
    )
    return [
        {"field": field, "label": label, "now": say(now), "next": say(then)}
        for field, label, now, then, say in pairs
        if now and then and now != then
    ]
