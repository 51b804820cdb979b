"""What people type into one field, checked: sizes, names, several names as one, labels."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from inventory.patterns import BadPattern, names_of
from inventory.rules import memory_problem
from vmconsole.access.models import dns_label
from vmconsole.runtime.quantities import BadQuantity, parse_quantity

MOST_LETTERS = 63
name_field: dict[str, Any] = {"max_length": MOST_LETTERS, "validators": [dns_label], "strip": True}
plain = {"autocomplete": "off", "spellcheck": "false"}


class SizeField(forms.CharField):
    """A size such as 10Gi, kept as it was written."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=32, widget=forms.TextInput(attrs={**plain, "inputmode": "text"}), **options)

    def clean(self, value: Any) -> str:
        text = str(super().clean(value))
        try:
            if text:
                parse_quantity(text)
        except BadQuantity as error:
            raise ValidationError(str(error)) from error
        return text


class MemoryField(SizeField):
    def clean(self, value: Any) -> str:
        text = super().clean(value)
        for problem in memory_problem(text, "memory") if text else []:
            raise ValidationError(_(problem.sentence) % dict(problem.values))
        return text


def vcpus_field(**options: Any) -> forms.IntegerField:
    return forms.IntegerField(label=_("vCPUs"), min_value=1, max_value=96, **options)


def labels_of(text: str) -> dict[str, str]:
    """`app=web` a line, or separated by commas."""
    found = {}
    for line in text.replace(",", "\n").splitlines():
        key, equals, value = line.strip().partition("=")
        if line.strip() and (not equals or not key.strip()):
            raise ValidationError(_("Write labels as key=value, one a line."))
        if equals:
            found[key.strip()] = value.strip()
    return found


class LabelsField(forms.CharField):
    def clean(self, value: Any) -> Any:
        return labels_of(str(super().clean(value)))


class NamesField(forms.CharField):
    """A name, or several as one: `web-{1..5}`. Each has to be a name."""

    def __init__(self, **options: Any) -> None:
        long = {"max_length": _("A name has at most 63 letters.")}
        super().__init__(
            max_length=90, error_messages=long, widget=forms.TextInput(attrs={**plain, "autofocus": True}), **options
        )

    def clean(self, value: Any) -> str:
        text = str(super().clean(value))
        try:
            names = names_of(text)
        except BadPattern as error:
            raise ValidationError(_(str(error))) from error
        for name in names:
            if len(name) > MOST_LETTERS:
                raise ValidationError(_("A name has at most 63 letters."))
            dns_label(name)
        return text
