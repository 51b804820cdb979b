"""A JSON column that is read quickly.

A machine has fifteen of them, most of them empty, and a list reads five hundred machines: Python's own decoder took a
quarter of the page's time. In the database, and so in migrations, it is Django's JSONField.
"""

from __future__ import annotations

from typing import Any

import msgspec
from django.db import models

decode = msgspec.json.Decoder().decode


class Json(models.JSONField):
    """`models.JSONField`, decoded by msgspec."""

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        if isinstance(value, str) and value[:1] in ("{", "["):
            return decode(value)
        return super().from_db_value(value, expression, connection)
