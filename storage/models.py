"""Disks, the images they are made from, and uploads on their way in.

`spec_*` is what was asked, `status_*` our last look at the volume, as everywhere. Who uses a disk is kept here as
Attachment rows, because this app knows nothing of machines; the machines' app writes them through `services`.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from vmconsole.access.models import User
from vmconsole.access.rights import namespaces
from vmconsole.runtime.types import Phase

PHASES = [(phase.value, phase.value) for phase in Phase]


class VolumeQuerySet(models.QuerySet["Volume"]):
    def visible_to(self, user: User) -> VolumeQuerySet:
        return self.filter(namespace__in=namespaces(user))


class Volume(models.Model):
    """What a disk and an image have in common: a volume of the runtime under the row's uid."""

    uid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    namespace = models.CharField(max_length=63)
    name = models.CharField(max_length=253)
    labels = models.JSONField(default=dict)
    annotations = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    generation = models.PositiveBigIntegerField(default=1)
    observed_generation = models.PositiveBigIntegerField(default=0)
    resource_version = models.BigIntegerField(default=0)
    deletion_requested_at = models.DateTimeField(null=True)

    spec_size_bytes = models.BigIntegerField(default=0)
    spec_source = models.JSONField(default=dict)
    spec_storage_class = models.CharField(max_length=63, blank=True)

    status_phase = models.CharField(max_length=24, choices=PHASES, default=Phase.PENDING)
    status_percent = models.FloatField(null=True)
    status_size_bytes = models.BigIntegerField(default=0)
    status_allocated_bytes = models.BigIntegerField(default=0)
    status_format = models.CharField(max_length=16, blank=True)
    status_message = models.TextField(blank=True)
    status_reason = models.CharField(max_length=64, blank=True)
    status_as_of = models.DateTimeField(null=True)

    objects: ClassVar = VolumeQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    @property
    def is_ready(self) -> bool:
        return self.status_phase == Phase.SUCCEEDED and self.deletion_requested_at is None


class VirtualMachineDisk(Volume):
    """A disk with a life of its own. `location`: a file of an adopted machine, which is only used, never managed."""

    location = models.CharField(max_length=4096, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["namespace", "name"], name="one_disk_of_a_name_per_namespace")]
        indexes = [models.Index(fields=["status_phase"], name="disk_by_phase")]

    def get_absolute_url(self) -> str:
        return reverse("storage:disk_detail", args=[self.namespace, self.name])


class ImageQuerySet(VolumeQuerySet):
    def visible_to(self, user: User) -> ImageQuerySet:
        return self.filter(Q(namespace__in=namespaces(user)) | Q(public=True))


class Image(Volume):
    """What disks are made from. A public one can be used from every namespace."""

    title = models.CharField(max_length=255, blank=True)
    description = models.TextField(blank=True)
    os_type = models.CharField(max_length=8, blank=True)
    public = models.BooleanField(default=False)
    default_size_bytes = models.BigIntegerField(default=0)
    source_checksum = models.CharField(max_length=80, blank=True)

    objects: ClassVar = ImageQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["namespace", "name"], name="one_image_of_a_name_per_namespace")]

    def get_absolute_url(self) -> str:
        return reverse("storage:image_detail", args=[self.namespace, self.name])


class Attachment(models.Model):
    """A machine holds a disk. One writer, or any number of readers."""

    disk = models.ForeignKey(VirtualMachineDisk, models.PROTECT, related_name="attachments")
    machine_uid = models.UUIDField()
    machine_name = models.CharField(max_length=255)
    read_only = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["disk", "machine_uid"], name="a_disk_attached_once_per_machine"),
            models.UniqueConstraint(fields=["disk"], condition=Q(read_only=False), name="one_writer_per_disk"),
        ]
        indexes = [models.Index(fields=["machine_uid"], name="disks_of_a_machine")]

    def __str__(self) -> str:
        return f"{self.disk_id} @ {self.machine_name}"


