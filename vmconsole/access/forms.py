"""What people type into the pages about people. Shape only: whether it is allowed is for the services."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import gettext_lazy as _

from vmconsole.access.models import Theme, dns_label
from vmconsole.access.rules import CLUSTER_ROLES, Role

ROLE_WORDS = {
    Role.VIEW: _("View: sees everything in the namespace"),
    Role.EDIT: _("Edit: creates, changes, starts and stops, uses consoles"),
    Role.ADMIN: _("Administrator: edits, deletes many, gives roles, reads the audit log"),
    Role.CLUSTER_VIEW: _("Cluster view: sees types, networks, nodes and public images"),
    Role.CLUSTER_ADMIN: _("Cluster administrator: everything"),
}


class SignInForm(AuthenticationForm):
    """Django's, with words that do not say which half was wrong."""

    error_messages = {
        "invalid_login": _("This name and password do not belong together."),
        "inactive": _("This name and password do not belong together."),
    }


class PreferencesForm(forms.Form):
    language = forms.ChoiceField(choices=settings.LANGUAGES, required=False)
    theme = forms.ChoiceField(choices=Theme, required=False)


class PersonForm(forms.Form):
    username = forms.CharField(label=_("User name"), max_length=150, strip=True)


class NamespaceForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=63, strip=True, validators=[dns_label])


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
