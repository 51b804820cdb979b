"""What people type into the pages about people. Shape only: whether it is allowed is for the services."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import gettext_lazy as _

from vmconsole.access import zones
from vmconsole.access.models import TOKEN_NAME_CHARS, Theme, dns_label
from vmconsole.access.rules import CLUSTER_ROLES, IN_BYTES, Counted, Role, TokenRights

ROLE_WORDS = {
    Role.VIEW: _("View: sees everything in the namespace"),
    Role.EDIT: _("Edit: creates, changes, starts and stops, uses consoles"),
    Role.ADMIN: _("Administrator: edits, deletes many, gives roles, reads the audit log"),
    Role.CLUSTER_VIEW: _("Cluster view: sees types, networks, nodes and public images"),
    Role.CLUSTER_ADMIN: _("Cluster administrator: everything"),
}


TOKEN_WORDS = {
    TokenRights.READ: _("Read: sees what you see"),
    TokenRights.READ_WRITE: _("Read and write: also creates, changes and deletes, without consoles"),
    TokenRights.CONSOLE: _("Read and consoles: also opens screens and serial consoles"),
    TokenRights.EVERYTHING: _("Everything that you may"),
}
LIVES = {7: _("a week"), 30: _("30 days"), 90: _("90 days"), 365: _("a year")}


class SignInForm(AuthenticationForm):
    """Django's, with words that do not say which half was wrong."""

    error_messages = {
        "invalid_login": _("This name and password do not belong together."),
        "inactive": _("This name and password do not belong together."),
    }


class PreferencesForm(forms.Form):
    language = forms.ChoiceField(choices=settings.LANGUAGES, required=False)
    theme = forms.ChoiceField(choices=Theme, required=False)
    time_zone = forms.ChoiceField(
        choices=lambda: [(name, name) for name in (zones.BROWSERS, *sorted(zones.names()))], required=False
    )


class PersonForm(forms.Form):
    username = forms.CharField(label=_("User name"), max_length=150, strip=True)


class NamespaceForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=63, strip=True, validators=[dns_label])


GIB = 1 << 30
QUOTA_FIELDS = {
    Counted.MACHINES: "machines", Counted.VCPUS: "vcpus", Counted.MEMORY: "memory", Counted.STORAGE: "storage",
}  # fmt: skip


def limit_field(label: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, required=False, min_value=0, max_value=1_000_000)


def bytes_field(label: Any) -> forms.DecimalField:
    return forms.DecimalField(label=label, required=False, min_value=0, max_value=1 << 30, decimal_places=3)


class QuotaForm(forms.Form):
    """The limits of a namespace: numbers, and GiB where they are bytes. Empty is no limit."""

    machines = limit_field(_("Virtual machines"))
    vcpus = limit_field(_("vCPUs"))
    memory = bytes_field(_("Memory, GiB"))
    storage = bytes_field(_("Disk space, GiB"))

    def __init__(self, data: Any = None, *, limits: Mapping[Counted, int]) -> None:
        self.limits = limits
        first = {QUOTA_FIELDS[counted]: shown_limit(counted, limit) for counted, limit in limits.items()}
        super().__init__(data, initial=first)

    def hard(self) -> dict[str, int]:
        """What a field was left at stays as it is: it may show a limit that is no whole number of GiB rounded."""
        found = {}
        for counted, name in QUOTA_FIELDS.items():
            value = self.cleaned_data[name]
            if counted in self.limits and name not in self.changed_data:
                found[str(counted)] = self.limits[counted]
            elif value is not None:
                found[str(counted)] = int(value * GIB) if counted in IN_BYTES else int(value)
        return found


def shown_limit(counted: Counted, limit: int) -> int | Decimal:
    if counted not in IN_BYTES:
        return limit
    return Decimal(f"{Decimal(limit) / GIB:.3f}".rstrip("0").rstrip("."))


class RoleForm(forms.Form):
    """A role in one of the namespaces that the asker may give roles in."""

    role = forms.ChoiceField(label=_("Role"))
    namespace = forms.ChoiceField(label=_("Namespace"), required=False)

    def __init__(self, *args: Any, namespaces: list[str], everywhere: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        roles = [role for role in Role if everywhere or role not in CLUSTER_ROLES]
        every = [("", _("Every namespace, or the cluster"))] if everywhere else []
        self.fields["role"].choices = [(role.value, ROLE_WORDS[role]) for role in roles]  # type: ignore[attr-defined]
        self.fields["namespace"].choices = [*every, *((name, name) for name in namespaces)]  # type: ignore[attr-defined]
        self.fields["namespace"].required = not everywhere


class TokenForm(forms.Form):
    """What a token is for, how far it reaches, and how long."""

    name = forms.CharField(label=_("Name"), max_length=TOKEN_NAME_CHARS, strip=True)
    rights = forms.ChoiceField(label=_("Rights"), choices=[(key.value, word) for key, word in TOKEN_WORDS.items()])
    namespaces = forms.MultipleChoiceField(label=_("Namespaces"), initial=[""])
    days = forms.ChoiceField(label=_("Ends after"), choices=list(LIVES.items()), initial=30)

    def __init__(self, *args: Any, namespaces: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        every = ("", _("Every namespace, also those to come"))
        self.fields["namespaces"].choices = [every, *((name, name) for name in namespaces)]  # type: ignore[attr-defined]
