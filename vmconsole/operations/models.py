"""Work in flight, and who may touch what just now.

An Operation is one request: who, what, on what, how far, how it ended. A Lease says which process looks after a
subject at this moment; it is a row and not a row lock, because calls to a hypervisor may take seconds.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone


class State(models.TextChoices):
    OPEN = "open"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class OperationQuerySet(models.QuerySet["Operation"]):
    def open(self) -> OperationQuerySet:
        return self.filter(state=State.OPEN)


class Operation(models.Model):
    """One request in flight or ended. `percent` 0 to 100, None while unknown. `steps` is [{at, text}]."""

    uid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    verb = models.CharField(max_length=32)
    subject_kind = models.CharField(max_length=64)
    subject_uid = models.UUIDField()
    subject_name = models.CharField(max_length=255)
    namespace = models.CharField(max_length=63, blank=True)
    actor_user_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=150)
    actor = models.JSONField(default=dict)
    idempotency_key = models.CharField(max_length=128, blank=True)

    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)
    percent = models.FloatField(null=True)
    message = models.TextField(blank=True)
    reason = models.CharField(max_length=64, blank=True)
    detail = models.TextField(blank=True)
    steps = models.JSONField(default=list)
    data = models.JSONField(default=dict)  # what the loop has to remember between two looks of this operation
    cancel_requested = models.BooleanField(default=False)
    can_cancel = models.BooleanField(default=False)
    seen = models.BooleanField(default=True)

    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    deadline_at = models.DateTimeField()

    objects: ClassVar = OperationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject_uid"], condition=Q(state="open"), name="one_open_operation_per_subject"
            ),
            models.UniqueConstraint(
                fields=["actor_user_id", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="one_operation_per_idempotency_key",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at"], name="operations_newest"),
            models.Index(fields=["subject_uid", "-created_at"], name="operations_of_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject_name}"

    def remember(self, **data: object) -> None:
        """Note something for the next look."""
        self.data = {**self.data, **data}
        Operation.objects.filter(uid=self.uid).update(data=self.data)

    @property
    def is_open(self) -> bool:
        return self.state == State.OPEN

    @property
    def duration(self) -> timedelta:
        return (self.finished_at or timezone.now()) - self.created_at


class Lease(models.Model):
    """Who looks after a subject until when. The token fences: a holder that overslept writes nothing."""

    subject_uid = models.UUIDField(primary_key=True)
    token = models.UUIDField()
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.subject_uid} until {self.until}"

    @staticmethod
    def take(subject_uid: uuid.UUID, *, now: datetime, length: timedelta) -> uuid.UUID | None:
        """A token, or None while somebody else holds the subject."""
        token = uuid.uuid4()
        _row, made = Lease.objects.get_or_create(
            subject_uid=subject_uid, defaults={"token": token, "until": now + length}
        )
        if made:
            return token
        taken = Lease.objects.filter(subject_uid=subject_uid, until__lt=now).update(token=token, until=now + length)
        return token if taken else None

    @staticmethod
    def held(subject_uid: uuid.UUID, token: uuid.UUID) -> bool:
        return Lease.objects.filter(subject_uid=subject_uid, token=token).exists()

    @staticmethod
    def give_back(subject_uid: uuid.UUID, token: uuid.UUID) -> None:
        Lease.objects.filter(subject_uid=subject_uid, token=token).delete()
