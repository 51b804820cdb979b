"""What comes as JSON is of the type that the document says: `{"username": 0}` is nobody's name.

The framework is kind to forms, where everything is text, and would take numbers for text and words for truth.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

TYPES: tuple[tuple[type[serializers.Field[Any, Any, Any, Any]], type], ...] = (
    (serializers.CharField, str),
    (serializers.ChoiceField, str),
    (serializers.DateTimeField, str),
    (serializers.BooleanField, bool),
    (serializers.ListField, list),
)


class JsonSerializer(serializers.Serializer[Any]):
    """A serializer for bodies that are JSON."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            wrong = [name for name, field in self.fields.items() if name in data and not fits(field, data[name])]
            if wrong:
                raise serializers.ValidationError({name: [_("This is of another type.")] for name in wrong})
        return super().to_internal_value(data)


def fits(field: serializers.Field[Any, Any, Any, Any], value: Any) -> bool:
    """Whether the value is of the field's type. Null is for the field to judge."""
    if value is None:
        return True
    wanted = next((kind for of, kind in TYPES if isinstance(field, of)), None)
    if wanted is None:
        return True
    if isinstance(field, serializers.ListField):
        return isinstance(value, list) and all(fits(field.child, each) for each in value)
    return isinstance(value, wanted)
