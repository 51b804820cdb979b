"""What people fill in about disks and images. Shapes only: what makes sense is the services' to say."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from vmconsole.runtime.quantities import BadQuantity, format_quantity, parse_quantity


class SizeField(forms.Field):
    """A size as people write it; bytes inside. Empty is 0."""

    widget = forms.TextInput(attrs={"maxlength": 40, "autocomplete": "off", "spellcheck": "false"})

    def to_python(self, value: Any) -> Any:
        text = str(value or "").strip()
        try:
            return parse_quantity(text) if text else 0
        except BadQuantity as error:
            raise forms.ValidationError(_(str(error))) from error

    def validate(self, value: Any) -> None:
        if self.required and not value:
            raise forms.ValidationError(self.error_messages["required"], code="required")

    def prepare_value(self, value: Any) -> Any:
        return format_quantity(value) if isinstance(value, int) and value else value or ""


class PlaceForm(forms.Form):
    """Where it will be and what it is called."""

    namespace = forms.ChoiceField(label=_("Namespace"))
    name = forms.CharField(label=_("Name"), max_length=63)

    def __init__(self, *args: Any, namespaces: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.choose("namespace", [(name, name) for name in namespaces])

    def choose(self, field: str, choices: list[tuple[str, str]]) -> None:
        chooser = self.fields[field]
        assert isinstance(chooser, forms.ChoiceField)
        chooser.choices = choices


class AddressFields(forms.Form):
    """An image behind http(s)."""

    url = forms.CharField(label=_("Address"), max_length=2048, widget=forms.URLInput)
    checksum = forms.CharField(label=_("Checksum"), max_length=160, required=False)
    username = forms.CharField(label=_("User name"), max_length=200, required=False)
    password = forms.CharField(
        label=_("Password"), max_length=1000, required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip

    def source(self) -> dict[str, Any]:
        http = {"url": self.cleaned_data["url"].strip()}
        if self.cleaned_data["checksum"]:
            http["checksum"] = self.cleaned_data["checksum"].strip()
        return {"http": http}

    def credentials(self) -> tuple[str, str] | None:
        user, password = self.cleaned_data["username"], self.cleaned_data["password"]
        return (user, password) if user or password else None


class BlankDiskForm(PlaceForm):
    size = SizeField(label=_("Size"), initial="10Gi")

    def source(self) -> dict[str, Any]:
        return {}


class ImageDiskForm(PlaceForm):
    image = forms.ChoiceField(label=_("Image"))
    size = SizeField(label=_("Size"), required=False)

    def source(self) -> dict[str, Any]:
        namespace, _slash, name = self.cleaned_data["image"].partition("/")
        return {"image": {"name": name, "namespace": namespace}}


class AddressDiskForm(AddressFields, PlaceForm):
    size = SizeField(label=_("Size"), required=False)
    field_order = ("namespace", "name", "url", "checksum", "size", "username", "password")


class CopyDiskForm(PlaceForm):
    disk = forms.CharField(label=_("Disk to copy"), max_length=63)
    size = SizeField(label=_("Size"), required=False)

    def source(self) -> dict[str, Any]:
        return {"virtualMachineDisk": {"name": self.cleaned_data["disk"].strip()}}


class UploadDiskForm(PlaceForm):
    size = SizeField(label=_("Size"), required=False)
    checksum = forms.CharField(label=_("Checksum"), max_length=160, required=False)


class GrowForm(forms.Form):
    size = SizeField(label=_("New size"))


class AboutImage(forms.Form):
    """What people read about an image."""

    title = forms.CharField(label=_("Title"), max_length=120, required=False)
    os_type = forms.ChoiceField(
        label=_("Operating system"), choices=[("Linux", "Linux"), ("Windows", "Windows"), ("", _("Other"))],
        required=False,
    )  # fmt: skip
    default_size = SizeField(label=_("Usual disk size"), required=False)
    description = forms.CharField(
        label=_("Description"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )

    def described(self) -> dict[str, Any]:
        told = {field: self.cleaned_data[field] for field in ("title", "os_type", "description")}
        return {**told, "default_size_bytes": self.cleaned_data["default_size"]}


class AddressImageForm(AddressFields, AboutImage, PlaceForm):
    field_order = (
        "namespace", "name", "url", "checksum", "title", "os_type", "default_size", "description",
        "username", "password",
    )  # fmt: skip


class DiskImageForm(AboutImage, PlaceForm):
    disk = forms.CharField(label=_("Disk to copy"), max_length=63)
    field_order = ("namespace", "name", "disk", "title", "os_type", "default_size", "description")

    def source(self) -> dict[str, Any]:
        return {"virtualMachineDisk": {"name": self.cleaned_data["disk"].strip()}}

    def credentials(self) -> tuple[str, str] | None:
        return None


class UploadImageForm(AboutImage, PlaceForm):
    checksum = forms.CharField(label=_("Checksum"), max_length=160, required=False)
    field_order = ("namespace", "name", "title", "os_type", "default_size", "description", "checksum")
