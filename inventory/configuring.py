"""The form over an existing machine: filled from its manifest, and turned back into a changed one.

What the form doesn't know (pinning, scheduling) is kept as it stands in the manifest. When somebody else was quicker,
both changes are told apart from the version that they began with, and laid together field by field.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from inventory.explaining import give_help
from inventory.forms import FIRMWARE, OS_TYPES, OWN, SizeForm
from inventory.manifests import DISPLAY_NAME, GRACE, PROTECTED
from inventory.models import VirtualMachine
from vmconsole.runtime.quantities import format_quantity

Manifest = dict[str, Any]
DECLARED = (
    ("", gettext_lazy("Not declared: start and stop it by hand")),
    ("Running", gettext_lazy("Keep it running")),
    ("Stopped", gettext_lazy("Keep it stopped")),
)
# A field's path in the manifest -> the form's field for it. The longest path that fits counts.
FIELDS = {
    "spec.compute.virtualMachineTypeName": "sizing",
    "spec.compute.cpu.vcpus": "vcpus",
    "spec.compute.memory.capacity": "memory",
    "spec.runningState": "running_state",
    "spec.autoRestartOnConfigurationChange": "auto_restart",
    "spec.osType": "os_type",
    "spec.firmware.bootloader.type": "firmware",
    "spec.firmware.bootloader.enableSecureBoot": "secure_boot",
    f"metadata.annotations.{DISPLAY_NAME}": "display_name",
    f"metadata.annotations.{PROTECTED}": "protected",
    f"metadata.annotations.{GRACE}": "grace",
}


class ConfigureForm(SizeForm):
    display_name = forms.CharField(label=gettext_lazy("Display name"), required=False, max_length=255)
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

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        give_help(self, {path: name for path, name in FIELDS.items() if path.startswith("spec.")})


def initial_of(vm: VirtualMachine, manifest: Manifest) -> dict[str, Any]:
    """What the form shows of a manifest; a size that it leaves open is what was seen."""
    spec, marks = manifest.get("spec", {}), manifest["metadata"].get("annotations", {})
    compute, bootloader = spec.get("compute", {}), spec.get("firmware", {}).get("bootloader", {})
    memory = format_quantity(vm.status_memory_bytes) if vm.status_memory_bytes else ""
    return {
        "display_name": marks.get(DISPLAY_NAME, ""),
        "protected": marks.get(PROTECTED) == "true",
        "running_state": spec.get("runningState", ""),
        "auto_restart": spec.get("autoRestartOnConfigurationChange", False),
        "grace": marks.get(GRACE, "60"),
        "sizing": compute.get("virtualMachineTypeName") or OWN,
        "vcpus": compute.get("cpu", {}).get("vcpus") or vm.status_vcpus,
        "memory": compute.get("memory", {}).get("capacity") or memory,
        "os_type": spec.get("osType", ""),
        "firmware": bootloader.get("type", "bios"),
        "secure_boot": bool(bootloader.get("enableSecureBoot", bootloader.get("type") == "uefi")),
    }


def changed_manifest(now: Manifest, form: ConfigureForm) -> Manifest:
    """The manifest with what the form says in its place."""
    values = form.cleaned_data
    metadata, spec = {**now["metadata"]}, {**now.get("spec", {})}
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
    return {**now, "metadata": metadata, "spec": spec}


def set_firmware(spec: Manifest, kind: str, *, secure_boot: bool) -> None:
    """Only when it differs from what stands there: an absent bootloader means BIOS."""
    firmware = dict(spec.get("firmware", {}))
    before = firmware.get("bootloader", {})
    if kind == "bios" and before.get("type", "bios") == "bios":
        return
    firmware["bootloader"] = {"type": kind, "enableSecureBoot": secure_boot} if kind == "uefi" else {"type": "bios"}
    spec["firmware"] = firmware


def merged(base: Any, theirs: Any, mine: Any) -> Any:
    """Mine laid over theirs: what I left as it was in `base` is theirs. Lists are one value."""
    if not (isinstance(theirs, dict) and isinstance(mine, dict)):
        return theirs if mine == base else mine
    begun = base if isinstance(base, dict) else {}
    nothing = object()
    found = {}
    for key in dict.fromkeys([*theirs, *mine]):
        value = merged(begun.get(key, nothing), theirs.get(key, nothing), mine.get(key, nothing))
        if value is not nothing:
            found[key] = value
    return found


# --- what waits for the next start --------------------------------------------------------------------------------
