"""The forms of machines and types: what people type, checked field by field, and turned into a manifest.

A form decides nothing: the manifest that it makes goes through the same schema and rules as one written by hand.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from inventory.cloudinit import Person, user_data_of
from inventory.fields import LabelsField, MemoryField, NamesField, SizeField, name_field, plain, vcpus_field
from inventory.models import VirtualMachine, VirtualMachineType
from inventory.patterns import names_of
from inventory.schema import GROUP
from networking.models import POD_NETWORK

OWN = "own"  # the size is given here and not by a type
FIRMWARE = (("bios", _("BIOS")), ("uefi", _("UEFI")))
OS_TYPES = (("Linux", "Linux"), ("Windows", "Windows"), ("", _("Other")))
POWERS = (
    ("start", _("Start it now")),
    ("stay", _("Leave it off")),
    ("Running", _("Keep it running (declared)")),
    ("Stopped", _("Keep it stopped (declared)")),
)
DRIVERS = (("virtio", "virtio"), ("sata", "SATA"), ("scsi", "SCSI"))
MODELS = (("virtio", "virtio"), ("e1000", "Intel e1000"), ("e1000e", "Intel e1000e"), ("rtl8139", "Realtek 8139"))


class TypeForm(forms.Form):
    name = forms.CharField(label=_("Name"), widget=forms.TextInput(attrs=plain), **name_field)
    vcpus = vcpus_field()
    memory = MemoryField(label=_("Memory"), help_text=_("A number and a unit: 512Mi, 4Gi."))
    guaranteed = forms.BooleanField(
        label=_("Guaranteed"), required=False, help_text=_("Its memory and CPUs are reserved one to one.")
    )

    def __init__(self, *args: Any, existing: VirtualMachineType | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.existing = existing
        if existing:
            self.fields["name"].disabled = True

    def manifest(self) -> dict[str, Any]:
        values = self.cleaned_data
        spec: dict[str, Any] = {"cpu": {"vcpus": values["vcpus"]}, "memory": {"capacity": values["memory"]}}
        if values["guaranteed"]:
            spec["guaranteed"] = True
        metadata: dict[str, Any] = {"name": values["name"]}
        if self.existing:
            metadata |= {"labels": self.existing.labels, "annotations": self.existing.annotations}
        return {"apiVersion": GROUP, "kind": "VirtualMachineType", "metadata": metadata, "spec": spec}


class DiskForm(forms.Form):
    """One more disk: a new blank one, one that exists, or a copy of one."""

    kind = forms.ChoiceField(
        label=_("Disk"), choices=(("new", _("New, blank")), ("old", _("Existing")), ("copy", _("A copy of a disk")))
    )
    name = forms.CharField(label=_("Name"), required=False, widget=forms.TextInput(attrs=plain), max_length=63)
    size = SizeField(label=_("Size"), required=False)
    existing = forms.ChoiceField(label=_("Existing disk"), required=False)
    copied = forms.ChoiceField(label=_("Disk to copy"), required=False)
    driver = forms.ChoiceField(label=_("Bus"), choices=DRIVERS, required=False)
    read_only = forms.BooleanField(label=_("Read-only"), required=False)
    auto_delete = forms.BooleanField(label=_("Delete with the machine"), required=False)

    def __init__(self, *args: Any, disks: Any = (), copies: Any = (), **options: Any) -> None:
        super().__init__(*args, **options)
        fields: dict[str, Any] = self.fields
        fields["existing"].choices = [("", _("Choose …")), *disks]
        fields["copied"].choices = [("", _("Choose …")), *copies]

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if values.get("kind") == "new" and not values.get("size") and "size" not in self.errors:
            self.add_error("size", _("A new disk needs a size."))
        for kind, field in (("old", "existing"), ("copy", "copied")):
            if values.get("kind") == kind and not values.get(field) and field not in self.errors:
                self.add_error(field, _("Choose a disk."))
        return values


class CardForm(forms.Form):
    network = forms.ChoiceField(label=_("Network"))
    address = forms.CharField(label=_("Address"), required=False, widget=forms.TextInput(attrs=plain), max_length=43)
    mac = forms.CharField(label=_("MAC address"), required=False, widget=forms.TextInput(attrs=plain), max_length=17)
    model = forms.ChoiceField(label=_("Model"), choices=MODELS, required=False)

    def __init__(self, *args: Any, networks: Any = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["network"].choices = list(networks)  # type: ignore[attr-defined]


DiskForms = forms.formset_factory(DiskForm, extra=0, can_delete=True, max_num=23)
CardForms = forms.formset_factory(CardForm, extra=0, can_delete=True, max_num=8)


class SizeForm(forms.Form):
    """Type or own values: the part that creating and editing share."""

    sizing = forms.ChoiceField(label=_("Size"), widget=forms.RadioSelect)
    vcpus = vcpus_field(required=False)
    memory = MemoryField(label=_("Memory"), required=False)

    def __init__(self, *args: Any, types: Any = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self.types = list(types)
        choices = [(OWN, _("Own size")), *((shape.name, shape.name) for shape in self.types)]
        self.fields["sizing"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if values.get("sizing") == OWN:
            for field in ("vcpus", "memory"):
                if not values.get(field) and field not in self.errors:
                    self.add_error(field, _("Give a value, or choose a machine type."))
        return values

    def compute(self) -> dict[str, Any]:
        values = self.cleaned_data
        if values.get("sizing", OWN) != OWN:
            return {"virtualMachineTypeName": values["sizing"]}
        compute: dict[str, Any] = {}
        if values.get("vcpus"):
            compute["cpu"] = {"vcpus": values["vcpus"]}
        if values.get("memory"):
            compute["memory"] = {"capacity": values["memory"]}
        return compute


class MachineForm(SizeForm):
    """A new machine. Name, image and size are enough; everything else has a sensible default."""

    namespace = forms.ChoiceField(label=_("Namespace"))
    name = NamesField(label=_("Name"), help_text=_("Several at once: web-{1..5}."))
    display_name = forms.CharField(label=_("Display name"), required=False, max_length=255)
    labels = LabelsField(label=_("Labels"), required=False, widget=forms.Textarea(attrs={"rows": 2, **plain}))
    source = forms.ChoiceField(
        label=_("Start from"),
        choices=(
            ("image", _("An image")),
            ("blank", _("A blank disk")),
            ("disk", _("An existing disk")),
            ("copy", _("A copy of a disk")),
        ),
        widget=forms.RadioSelect,
    )
    image = forms.ChoiceField(label=_("Image"), required=False, widget=forms.RadioSelect)
    disk = forms.ChoiceField(label=_("Existing disk"), required=False)
    copied = forms.ChoiceField(label=_("Disk to copy"), required=False)
    boot_size = SizeField(label=_("Size of the boot disk"), required=False)
    boot_driver = forms.ChoiceField(label=_("Bus"), choices=DRIVERS, required=False)
    boot_auto_delete = forms.BooleanField(label=_("Delete the boot disk with the machine"), required=False)
    os_type = forms.ChoiceField(label=_("Operating system"), choices=OS_TYPES, required=False)
    firmware = forms.ChoiceField(label=_("Firmware"), choices=FIRMWARE)
    secure_boot = forms.BooleanField(label=_("Secure Boot"), required=False)
    user = forms.CharField(label=_("User name"), required=False, max_length=32, widget=forms.TextInput(attrs=plain))
    password = forms.CharField(
        label=_("Password"), required=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )
    ssh_key = forms.CharField(
        label=_("SSH public key"), required=False, max_length=16_000, widget=forms.Textarea(attrs={"rows": 3, **plain})
    )
    user_data = forms.CharField(
        label=_("User data"), required=False, strip=False, widget=forms.Textarea(attrs={"rows": 8, **plain})
    )
    network_data = forms.CharField(
        label=_("Network data"), required=False, strip=False, widget=forms.Textarea(attrs={"rows": 4, **plain})
    )
    power = forms.ChoiceField(label=_("Power"), choices=POWERS, widget=forms.RadioSelect)
    auto_restart = forms.BooleanField(label=_("Restart by itself when its configuration changes"), required=False)
    protected = forms.BooleanField(label=_("Protect from deletion"), required=False)

    def __init__(
        self, *args: Any, places: Any = (), images: Any = (), disks: Any = (), copies: Any = (),
        like: VirtualMachine | None = None, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(*args, **options)
        self.images = {str(image.uid): image for image in images}
        self.like = like
        fields: dict[str, Any] = self.fields
        fields["namespace"].choices = [(name, name) for name in places]
        fields["image"].choices = [(uid, image.shown_title) for uid, image in self.images.items()]
        fields["disk"].choices = [("", _("Choose …")), *disks]
        fields["copied"].choices = [("", _("Choose …")), *copies]

    @property
    def names(self) -> list[str]:
        """The machines that are asked for, [] while what stands there is no name."""
        text = self.cleaned_data.get("name", "")
        return names_of(text) if text else []

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        self._need_a_source(values)
        if values.get("user_data") and any(values.get(field) for field in ("user", "password", "ssh_key")):
            self.add_error("user_data", _("Give user data, or a user name, password and key; not both."))
        field = {"disk": "disk", "copy": "copied"}.get(values.get("source", ""), "")
        place, _slash, _name = str(values.get(field, "")).partition("/")
        if place and place != values.get("namespace"):
            self.add_error(field, _("That disk is in another namespace."))
        if values.get("source") == "disk" and len(self.names) > 1:
            self.add_error("disk", _("Several machines cannot start from one disk. Give each a copy of it."))
        return values

    def _need_a_source(self, values: dict[str, Any]) -> None:
        needed = {"image": "image", "disk": "disk", "blank": "boot_size", "copy": "copied"}.get(
            values.get("source", ""), ""
        )
        sentences = {
            "image": _("Choose an image."),
            "disk": _("Choose a disk."),
            "copied": _("Choose a disk."),
            "boot_size": _("A blank disk needs a size."),
        }
        if needed and not values.get(needed) and needed not in self.errors:
            self.add_error(needed, sentences[needed])

    def seed(self) -> dict[str, str]:
        """cloud-init's bodies, as far as any were given."""
        values = self.cleaned_data
        person = Person(values.get("user", ""), values.get("password", ""), values.get("ssh_key", ""))
        bodies = {
            "userData": values.get("user_data") or user_data_of(person),
            "networkData": values.get("network_data"),
        }
        return {key: body.replace("\r\n", "\n") for key, body in bodies.items() if body}


DEFAULT_CARD = {"network": POD_NETWORK, "model": "virtio"}
