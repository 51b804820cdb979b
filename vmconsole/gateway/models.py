"""Tickets that open a console once, and the sessions that are open now.

A ticket is kept as its digest only: who reads the database cannot open a screen with it. An open session is a row so
that its end reaches the audit even when the web process was killed.
"""

from __future__ import annotations

from typing import ClassVar
from uuid import uuid4

from django.db import models
from django.utils import timezone


class Kind(models.TextChoices):
    VNC = "vnc"
    SERIAL = "serial"


class ConsoleTicket(models.Model):
    digest = models.CharField(primary_key=True, max_length=64)
    user_id = models.BigIntegerField()
    session = models.CharField(max_length=64)  # digest of the session's key
    uid = models.UUIDField()
    namespace = models.CharField(max_length=63)
    kind = models.CharField(max_length=8, choices=Kind)
    writable = models.BooleanField()
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.kind} of {self.uid}"


class ConsoleSession(models.Model):
    """Somebody sits at this machine's screen or serial port. Goes in the transaction that writes its end."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    actor = models.JSONField()
    uid = models.UUIDField(db_index=True)
    namespace = models.CharField(max_length=63)
    name = models.CharField(max_length=253)
    kind = models.CharField(max_length=8, choices=Kind)
    writable = models.BooleanField()
    started_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["started_at"]

    def __str__(self) -> str:
        return f"{self.kind} of {self.namespace}/{self.name}"
