"""What the rows of objects have in common, and a JSON column that is read quickly.

A machine has fifteen of them, most of them empty, and a list reads five hundred machines: Python's own decoder took a
quarter of the page's time. In the database, and so in migrations, it is Django's JSONField.
"""

from __future__ import annotations

from typing import Any

import msgspec
from django.db import models
from django.utils import timezone

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


class ObjectMeta(models.Model):
    """`metadata` of Kubernetes, as far as it is the same for every kind; names and numbering are each kind's own.

    An object with finalizers whose deletion was asked for waits until the last of them is taken away.
    """

    labels = Json(default=dict, blank=True)
    annotations = Json(default=dict, blank=True)
    finalizers = Json(default=list, blank=True)
    owner_references = Json(default=list, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    deletion_requested_at = models.DateTimeField(null=True, blank=True)
    resource_version = models.BigIntegerField(default=0)  # of its last change in the outbox

    class Meta:
        abstract = True
