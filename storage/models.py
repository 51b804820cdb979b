"""Disks, images, who holds which disk, and uploads under way.

Every column says whose it is: `spec_*` is what people asked for and only services write it; `status_*` is our last
look at the runtime and only the loop writes it.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from storage.plan import Wish
from vmconsole.access.models import User
from vmconsole.access.rights import Right, may, namespaces
from vmconsole.columns import ObjectMeta
from vmconsole.runtime.types import Phase

PHASES = [(phase.value, phase.value) for phase in Phase]
NOTICED = ("status_phase", "status_size_bytes", "status_message", "status_reason")


class Volume(ObjectMeta):
    """What disks and images have in common: a wish for bytes from somewhere, and how far it has come.

    `spec_size_bytes` 0 means as large as its source. `spec_source` is as in a manifest: {} for blank, or one key.
    """

    uid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    namespace = models.CharField(max_length=63)
    name = models.CharField(max_length=63)
    generation = models.PositiveBigIntegerField(default=1)
    observed_generation = models.PositiveBigIntegerField(default=0)

    spec_size_bytes = models.BigIntegerField(default=0)
    spec_source = models.JSONField(default=dict, blank=True)

    status_phase = models.CharField(max_length=24, choices=PHASES, default=Phase.PENDING)
    status_percent = models.FloatField(null=True)
    status_size_bytes = models.BigIntegerField(default=0)
    status_allocated_bytes = models.BigIntegerField(default=0)
    status_message = models.TextField(blank=True)
    status_reason = models.CharField(max_length=64, blank=True)
    status_made_at = models.DateTimeField(null=True)
    status_as_of = models.DateTimeField(null=True)

    class Meta:
        abstract = True
        ordering: ClassVar = ["namespace", "name"]

    KIND: ClassVar[str]
    URL: ClassVar[str]
    objects: ClassVar[Any]

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    def get_absolute_url(self) -> str:
        return reverse(self.URL, args=[self.namespace, self.name])

    def row(self, **conditions: Any) -> models.QuerySet[Any]:
        """This row, if it still is as `conditions` say: what compare-and-set starts with."""
        found: models.QuerySet[Any] = type(self).objects.filter(uid=self.uid, **conditions)
        return found

    @property
    def size_bytes(self) -> int:
        """What it has, or will have."""
        return max(self.status_size_bytes, self.spec_size_bytes)

    @property
    def state(self) -> str:
        return "Terminating" if self.deletion_requested_at else self.status_phase

    @property
    def usable(self) -> bool:
        return self.status_phase == Phase.SUCCEEDED and self.deletion_requested_at is None

    @property
    def source_kind(self) -> str:
        return next(iter(self.spec_source), "blank")

    def wish(self, *, cancelling: bool) -> Wish:
        return Wish(
            size_bytes=self.spec_size_bytes,
            begun=self.observed_generation >= self.generation,
            failed=self.status_phase == Phase.FAILED,
            made=self.status_made_at is not None,
            deleting=self.deletion_requested_at is not None,
            cancelling=cancelling,
        )

    def record(self, **status: Any) -> bool:
        """Store a look; True when a person would notice the difference."""
        whole = int(self.status_percent or 0) != int(status.get("status_percent", self.status_percent) or 0)
        noticed = whole or any(status.get(field, getattr(self, field)) != getattr(self, field) for field in NOTICED)
        status["status_as_of"] = timezone.now()
        for field, value in status.items():
            setattr(self, field, value)
        self.row().update(**status)
        return noticed


class DiskQuerySet(models.QuerySet["VirtualMachineDisk"]):
    def visible_to(self, user: User) -> DiskQuerySet:
        return self.filter(namespace__in=namespaces(user))


class VirtualMachineDisk(Volume):
    """A disk of a namespace. `location` is the path of one that was adopted with its machine: never touched by us."""

    KIND = "VirtualMachineDisk"
    URL = "storage:disk_detail"

    spec_storage_class = models.CharField(max_length=63, blank=True)
    spec_rest = models.JSONField(default=dict, blank=True)
    location = models.CharField(max_length=1024, blank=True)
    location_format = models.CharField(max_length=16, blank=True)

    objects: ClassVar = DiskQuerySet.as_manager()

    class Meta(Volume.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["namespace", "name"], name="one_disk_of_a_name_per_namespace"),
            models.CheckConstraint(condition=Q(spec_size_bytes__gte=0), name="a_disk_size_is_not_negative"),
            models.CheckConstraint(
                condition=Q(observed_generation__lte=F("generation")), name="disk_observed_is_not_ahead"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["name"], name="disks_by_name"),
            models.Index(fields=["-created_at"], name="disks_newest"),
            models.Index(fields=["status_phase"], name="disks_by_phase"),
            models.Index(fields=["status_size_bytes"], name="disks_by_size"),
        ]


class StorageClass(models.Model):
    """A place that disks can be asked to lie in. What there is, the runtime says: this host has one folder."""

    uid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=63, unique=True)
    provisioner = models.CharField(max_length=63)
    default = models.BooleanField(default=False)
    resource_version = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class Attachment(models.Model):
    """A machine holds a disk. Written for machines by `services.attach` and `detach`; we know them by uid and name."""

    disk = models.ForeignKey(VirtualMachineDisk, models.PROTECT, related_name="attachments")
    machine_uid = models.UUIDField()
    machine_name = models.CharField(max_length=255)
    read_only = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["disk", "machine_uid"], name="a_disk_once_per_machine"),
            models.UniqueConstraint(fields=["disk"], condition=Q(read_only=False), name="one_writer_per_disk"),
        ]
        indexes: ClassVar = [models.Index(fields=["machine_uid"], name="attachments_of_a_machine")]

    def __str__(self) -> str:
        return f"{self.disk} -> {self.machine_name}"


class ImageQuerySet(models.QuerySet["Image"]):
    def visible_to(self, user: User) -> ImageQuerySet:
        """Their namespaces' images, and the public ones for everybody who has something to do here."""
        mine = namespaces(user)
        theirs = Q(namespace__in=mine)
        if mine or may(user, Right.CLUSTER_VIEW, None):
            theirs |= Q(public=True)
        return self.filter(theirs)


class Image(Volume):
    """A disk to start from: machines get copies of it. `public` ones are for all namespaces."""

    KIND = "Image"
    URL = "storage:image_detail"

    title = models.CharField(max_length=120, blank=True)
    description = models.TextField(blank=True, max_length=2000)
    os_type = models.CharField(max_length=8, blank=True)
    public = models.BooleanField(default=False)
    default_size_bytes = models.BigIntegerField(default=0)

    objects: ClassVar = ImageQuerySet.as_manager()

    class Meta(Volume.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["namespace", "name"], name="one_image_of_a_name_per_namespace"),
            models.CheckConstraint(
                condition=Q(observed_generation__lte=F("generation")), name="image_observed_is_not_ahead"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["public", "name"], name="images_public")]

    @property
    def shown_title(self) -> str:
        return self.title or self.name

    @property
    def suggested_size_bytes(self) -> int:
        """How large a disk made from it should be unless somebody says otherwise."""
        return max(self.default_size_bytes, self.status_size_bytes)


class UploadState(models.TextChoices):
    OPEN = "open"
    DONE = "done"


class Upload(models.Model):
    """A file on its way in, part by part. What arrived is `offset`; `target` says what becomes of it when complete."""

    KEEP: ClassVar = timedelta(hours=24)  # since the last part; long enough to go on tomorrow morning

    uid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    namespace = models.CharField(max_length=63)
    name = models.CharField(max_length=63)
    kind = models.CharField(max_length=32)
    target = models.JSONField(default=dict)
    size_bytes = models.BigIntegerField()
    offset = models.BigIntegerField(default=0)
    checksum = models.CharField(max_length=160, blank=True)
    state = models.CharField(max_length=8, choices=UploadState.choices, default=UploadState.OPEN)
    actor_user_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=150)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["namespace", "kind", "name"], condition=Q(state="open"), name="one_open_upload_per_name"
            ),
            models.CheckConstraint(
                condition=Q(offset__gte=0) & Q(offset__lte=F("size_bytes")), name="upload_offset_in_size"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="uploads_by_expiry")]

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"
