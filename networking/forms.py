"""What people fill in about networks. Shapes only: what makes sense is the services' to say."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class NetworkForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=63)
    interface = forms.CharField(
        label=_("Host bridge"), max_length=15, help_text=_("A bridge that exists on the host, such as br0.")
    )


class InterfaceForm(forms.Form):
    """A card's identity made before its machine."""

    namespace = forms.ChoiceField(label=_("Namespace"))
    name = forms.CharField(label=_("Name"), max_length=63)
    mac = forms.RegexField(
        r"^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$", label=_("MAC address"), required=False,
        help_text=_("Left empty: a free one."),
        error_messages={"invalid": _("Write six bytes, such as 52:54:00:12:34:56.")},
    )  # fmt: skip
    address = forms.GenericIPAddressField(
        label=_("IP address"), protocol="IPv4", required=False, help_text=_("Left empty: a free one.")
    )

    def __init__(self, *args: object, namespaces: list[str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["namespace"].choices = [(name, name) for name in namespaces]  # type: ignore[attr-defined]
