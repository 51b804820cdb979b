"""What is remembered: audit entries (never changed), events (counted), and the outbox of changes.

The audit's `diff` and `extra` are text, not JSON columns: the hash is over the exact characters, and a database that
rewrites JSON would break the chain.
"""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any, ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from observability import rules
from vmconsole.access.rights import Right, may, namespaces


class Phase(models.TextChoices):
    """How far a request came. A console session has STARTED and ENDED."""

    ATTEMPTED = "attempted", _("Attempted")
    REFUSED = "refused", _("Refused")
    ACCEPTED = "accepted", _("Accepted")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    STARTED = "started", _("Started")
    ENDED = "ended", _("Ended")


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    def visible_to(self, user: Any) -> AuditQuerySet:
        """Everything for who may read the whole cluster's audit, else the entries of their own namespaces."""
        if may(user, Right.AUDIT_READ, None):
            return self.all()
        return self.filter(namespace__in=namespaces(user, Right.AUDIT_READ))


class AuditEntry(models.Model):
    """Who asked for what, and how it ended. Only ever inserted, by `audit.record`; triggers refuse the rest.

    `id` has no gaps, so that a missing row shows. The actor is a snapshot: people get renamed and deleted.
    """

    id = models.BigIntegerField(primary_key=True)
    segment = models.CharField(max_length=7)  # "2026-11": what retention will drop as a whole
    at = models.DateTimeField()
    actor_user_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=150)
    auth = models.CharField(max_length=16)
    token_id = models.CharField(max_length=64, blank=True)
    session_id = models.CharField(max_length=64, blank=True)
    source = models.CharField(max_length=255, blank=True)
    user_agent = models.CharField(max_length=255, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    action = models.CharField(max_length=64)
    phase = models.CharField(max_length=9, choices=Phase.choices)
    kind = models.CharField(max_length=64)
    uid = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=255, blank=True)
    namespace = models.CharField(max_length=63, blank=True)
    operation_uid = models.CharField(max_length=36, blank=True)
    reason = models.TextField(blank=True)
    diff = models.TextField(blank=True)
    extra = models.TextField(blank=True)
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    objects: ClassVar = AuditQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["at"], name="audit_at"),
            models.Index(fields=["actor_name", "-id"], name="audit_actor"),
            models.Index(fields=["namespace", "-id"], name="audit_namespace"),
            models.Index(fields=["uid", "-id"], name="audit_uid"),
            models.Index(fields=["action", "-id"], name="audit_action"),
            models.Index(fields=["phase", "-id"], name="audit_phase"),
            models.Index(fields=["name", "-id"], name="audit_name"),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.actor_name} {self.action} {self.name} {self.phase}"

    def fields(self) -> dict[str, Any]:
        """Everything that the hash covers, as plain JSON values."""
        values = {name: getattr(self, name) for name in HASHED}
        values["at"] = self.at.astimezone(UTC).isoformat(timespec="microseconds")
        return values

    @property
    def changes(self) -> dict[str, Any]:
        return _mapping(self.diff)

    @property
    def details(self) -> dict[str, Any]:
        return _mapping(self.extra)


HASHED = [field.attname for field in AuditEntry._meta.concrete_fields if field.attname != "hash"]  # noqa: SLF001


def _mapping(text: str) -> dict[str, Any]:
    return dict(json.loads(text)) if text else {}


class AuditHead(models.Model):
    """Where the chain ends: one row, sealed with a key that is not in the database, so a cut-off tail shows."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    entry_id = models.BigIntegerField()
    hash = models.CharField(max_length=64)
    seal = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.entry_id} {self.hash}"


class EventQuerySet(models.QuerySet["Event"]):
    def visible_to(self, user: Any) -> EventQuerySet:
        """Events of what they may view; those of the cluster itself for who may view the cluster."""
        seen = namespaces(user)
        return self.filter(namespace__in=[*seen, ""] if may(user, Right.CLUSTER_VIEW, None) else seen)


class Event(models.Model):
    """What happened to a thing. The same happening again within the hour is counted, not repeated."""

    class Level(models.TextChoices):
        NORMAL = "Normal", _("Normal")
        WARNING = "Warning", _("Warning")

    kind = models.CharField(max_length=64)
    uid = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    namespace = models.CharField(max_length=63, blank=True)
    level = models.CharField(max_length=7, choices=Level.choices, default=Level.NORMAL)
    reason = models.CharField(max_length=64)
    message = models.TextField()
    count = models.PositiveIntegerField(default=1)
    resource_version = models.BigIntegerField(default=0)
    first_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar = EventQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["uid", "-last_at"], name="events_of_object"),
            models.Index(fields=["namespace", "-last_at"], name="events_of_namespace"),
            models.Index(fields=["last_at"], name="events_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.reason} {self.name}: {rules.escaped(self.message, 80)}"


class Change(models.Model):
    """The outbox: something about this object is different now. `id` is the resourceVersion.

    `seen` are columns of the object's row at that moment, as far as whoever told of it gave them.
    """

    class What(models.TextChoices):
        ADDED = "ADDED"
        MODIFIED = "MODIFIED"
        DELETED = "DELETED"

    kind = models.CharField(max_length=64)
    uid = models.CharField(max_length=64)
    namespace = models.CharField(max_length=63, blank=True)
    name = models.CharField(max_length=255)
    what = models.CharField(max_length=8, choices=What.choices)
    seen = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["kind", "id"], name="changes_of_kind")]

    def __str__(self) -> str:
        return f"{self.id} {self.what} {self.kind} {self.name}"


class Vital(models.Model):
    """A process or a kind of work of ours: how often, how long in all, and when last."""

    name = models.SlugField(max_length=63, primary_key=True)
    count = models.BigIntegerField(default=0)
    seconds = models.FloatField(default=0.0)
    last_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
