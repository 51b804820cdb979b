"""Machines and machine types.

Every column says whose it is: `spec_*` is what people asked for and only services write it; `status_*` is our last
look at the runtime and only the loop writes it, so it is always a little old (`status_as_of`).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import models, transaction
from django.db.models import F, Q, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce, Left
from django.urls import reverse
from django.utils import timezone

from inventory.rules import OFF, Verb
from inventory.states import State
from vmconsole.access.models import User
from vmconsole.access.rights import Right, everywhere, may, namespaces
from vmconsole.columns import Json, ObjectMeta
from vmconsole.operations.models import Operation
from vmconsole.runtime.models import Runtime
from vmconsole.runtime.types import Power

SEARCHED = [
    "name", "uid", "namespace", "status_state", "status_node", "spec_vcpus", "spec_memory_bytes", "spec_type_name",
    "spec_os_type", "managed", "deletion_protected", "folder", "trashed_at",
]  # fmt: skip
FOLDER = "vmconsole.dev/folder"  # the label that says in which folder of the list a machine lies: `prod/web`
FOLDER_CHARS = 253
POWERS = [(power.value, power.value) for power in Power]


class VirtualMachineType(ObjectMeta):
    """A named compute shape, cluster-wide. A predefined one is read-only and comes back."""

    uid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=63, unique=True)
    spec_vcpus = models.PositiveSmallIntegerField()
    spec_memory = models.CharField(max_length=32)
    spec_memory_bytes = models.BigIntegerField()
    spec_guaranteed = models.BooleanField(default=False)
    spec_advanced = Json(default=dict)
    predefined = models.BooleanField(default=False)
    generation = models.PositiveBigIntegerField(default=1)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class VirtualMachineQuerySet(models.QuerySet["VirtualMachine"]):
    def living(self) -> VirtualMachineQuerySet:
        """All but those in the trash, which no list, search or count shows."""
        return self.filter(trashed_at=None)

    def trashed(self) -> VirtualMachineQuerySet:
        return self.exclude(trashed_at=None)

    def trashed_for(self, user: User) -> VirtualMachineQuerySet:
        """What this person finds in the trash."""
        return self.trashed().of(user)

    def visible_to(self, user: User) -> VirtualMachineQuerySet:
        """Their namespaces' machines; machines made outside belong to nobody and show to those who see the cluster."""
        return self.living().of(user)

    def of(self, user: User) -> VirtualMachineQuerySet:
        """Those of them that belong to this person's namespaces."""
        sees_cluster = may(user, Right.CLUSTER_VIEW, None)
        if everywhere(user):  # a list of every namespace there is would only keep the database from its indexes
            return self.all() if sees_cluster else self.exclude(namespace="")
        theirs = Q(namespace__in=namespaces(user))
        return self.filter(theirs | Q(namespace="")) if sees_cluster else self.filter(theirs)


class VirtualMachine(ObjectMeta):
    """A virtual machine the console knows about. `managed` is false for one that was made outside."""

    uid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    runtime = models.ForeignKey(Runtime, models.PROTECT, null=True)
    namespace = models.CharField(max_length=63, blank=True)
    name = models.CharField(max_length=255)
    display_name = models.CharField(max_length=255, blank=True)
    # The database keeps it, so that no way of writing labels can forget to.
    folder = models.GeneratedField(
        expression=Left(Coalesce(KT(f"labels__{FOLDER}"), Value("")), FOLDER_CHARS),
        output_field=models.CharField(max_length=FOLDER_CHARS),
        db_persist=True,
    )
    managed = models.BooleanField(default=True)
    generation = models.PositiveBigIntegerField(default=1)
    observed_generation = models.PositiveBigIntegerField(default=0)
    deletion_protected = models.BooleanField(default=False)
    delete_disks = Json(default=list)
    trashed_at = models.DateTimeField(null=True)
    trashed_by = models.CharField(max_length=150, blank=True)
    purge_at = models.DateTimeField(null=True)  # as promised to whoever threw it away, whatever is set later

    spec_power = models.CharField(max_length=8, choices=POWERS, default=Power.ON)
    spec_running_state = models.CharField(max_length=8, blank=True)
    spec_auto_restart = models.BooleanField(default=False)
    spec_os_type = models.CharField(max_length=8, blank=True)
    spec_type_name = models.CharField(max_length=63, blank=True)
    spec_vcpus = models.PositiveSmallIntegerField(null=True)
    spec_memory = models.CharField(max_length=32, blank=True)
    spec_memory_bytes = models.BigIntegerField(null=True)
    spec_compute = Json(default=dict)
    spec_firmware = Json(default=dict)
    spec_cloud_init = Json(default=dict)
    spec_rest = Json(default=dict)
    spec_grace_seconds = models.PositiveIntegerField(default=60)

    status_state = models.CharField(max_length=24, default=State.PENDING)
    status_reason = models.CharField(max_length=64, blank=True)
    status_message = models.TextField(blank=True)
    status_about = models.CharField(max_length=253, blank=True)  # the name of what is in the way
    status_power = models.CharField(max_length=8, choices=POWERS, blank=True)
    status_stop_reason = models.CharField(max_length=16, blank=True)
    status_node = models.CharField(max_length=255, blank=True)
    status_started_at = models.DateTimeField(null=True)
    status_accelerator = models.CharField(max_length=16, blank=True)
    status_revision = models.CharField(max_length=64, blank=True)
    status_applied_revision = models.CharField(max_length=64, blank=True)
    status_pending = models.BooleanField(default=False)
    status_running = Json(default=dict)  # the hardware it runs with, while its next start brings other
    status_drift = Json(default=list)
    status_vcpus = models.PositiveSmallIntegerField(null=True)
    status_memory_bytes = models.BigIntegerField(null=True)
    status_addresses = Json(default=list)
    status_guest = Json(default=dict)
    status_guest_as_of = models.DateTimeField(null=True)
    status_agent_at = models.DateTimeField(null=True)  # when the agent in it answered last
    status_screen = Json(default=dict)
    status_fault = models.TextField(blank=True)
    status_fault_reason = models.CharField(max_length=64, blank=True)
    status_crashes = Json(default=list)
    status_transitions = Json(default=dict)
    status_as_of = models.DateTimeField(null=True)

    objects: ClassVar = VirtualMachineQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["namespace", "name"], condition=~Q(namespace=""), name="one_machine_of_a_name_per_namespace"
            ),
            models.CheckConstraint(
                condition=Q(spec_type_name="") | Q(spec_vcpus=None, spec_memory_bytes=None),
                name="a_type_or_inline_values",
            ),
        ]
        indexes = [
            # Carries what people search by, so that counting and walking a hundred thousand rows reads no row.
            models.Index(fields=SEARCHED, name="vm_by_name"),
            models.Index(fields=["namespace", "name", "trashed_at"], name="vm_by_namespace"),
            models.Index(fields=["namespace", "status_state", "name", "trashed_at"], name="vm_by_namespace_and_state"),
            models.Index(fields=["status_state", "name", "trashed_at", "folder"], name="vm_by_state"),
            models.Index(fields=["status_node", "name", "trashed_at"], name="vm_by_node"),
            models.Index(
                fields=["folder", "namespace", "status_state", "name", "trashed_at", "uid"], name="vm_by_folder"
            ),
            models.Index(fields=["-created_at"], name="vm_newest"),
            models.Index(fields=["trashed_at"], condition=Q(trashed_at__isnull=False), name="vm_in_the_trash"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("inventory:vm_detail", args=[self.namespace or "-", self.name if self.namespace else self.uid])

    @property
    def title(self) -> str:
        return self.display_name or self.name

    @property
    def declared(self) -> bool:
        return self.spec_running_state in ("Running", "Stopped")

    @property
    def is_off(self) -> bool:
        return self.status_power in ("", *OFF)

    @property
    def made(self) -> bool:
        return self.observed_generation > 0

    def wish(self, **spec: Any) -> None:
        """Write down what somebody asked for. Numbered, so that nothing older wins.

        What the row at hand says already is not written again, so it has to be one that was read to be changed.
        """
        new = {name: value for name, value in spec.items() if getattr(self, name) != value}
        mine = VirtualMachine.objects.filter(uid=self.uid)
        if mine.filter(generation=self.generation).update(generation=self.generation + 1, **new):
            self.generation += 1
        else:  # somebody wished meanwhile
            mine.update(generation=F("generation") + 1, **new)
            self.refresh_from_db(fields=["generation"])
        for name, value in new.items():
            setattr(self, name, value)

    def accept(self, power: Power) -> bool:
        """Make an outside change the wish, unless somebody wished since we looked."""
        with transaction.atomic():
            now = VirtualMachine.objects.select_for_update().filter(uid=self.uid).first()
            same = now and (now.generation, now.spec_power) == (self.generation, self.spec_power)
            if not same or Operation.objects.open().filter(subject_uid=self.uid).exists():
                return False
            VirtualMachine.objects.filter(uid=self.uid).update(spec_power=power)
        self.spec_power = power
        return True

    def differing(self, status: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in status.items() if getattr(self, name) != value}

    def record(self, **status: Any) -> bool:
        """Store what was seen. True when a person would notice; `status_as_of` alone is no news."""
        changed = self.differing(status)
        VirtualMachine.objects.filter(uid=self.uid).update(**changed, status_as_of=timezone.now())
        for name, value in changed.items():
            setattr(self, name, value)
        return bool(changed)


class MachineDisk(models.Model):
    """A disk of a machine, by the name of a VirtualMachineDisk in the same namespace, which may not exist yet."""

    machine = models.ForeignKey(VirtualMachine, models.CASCADE, related_name="disks")
    position = models.PositiveSmallIntegerField()
    disk_name = models.CharField(max_length=253)
    boot = models.BooleanField(default=False)
    read_only = models.BooleanField(default=False)
    auto_delete = models.BooleanField(default=False)
    driver = models.CharField(max_length=8, default="virtio")
    cdrom = models.BooleanField(default=False)
    ejected = models.BooleanField(default=False)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["machine", "disk_name"], name="a_disk_listed_once_per_machine"),
            models.UniqueConstraint(fields=["machine"], condition=Q(boot=True), name="one_boot_disk"),
        ]
        indexes = [models.Index(fields=["disk_name"], name="machines_of_a_disk")]

    def __str__(self) -> str:
        return self.disk_name


class MachineInterface(models.Model):
    """A network card of a machine. What it keeps (MAC, address) stands in its NetworkInterface."""

    machine = models.ForeignKey(VirtualMachine, models.CASCADE, related_name="interfaces")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=15)
    network_name = models.CharField(max_length=253)
    mac_address = models.CharField(max_length=17, blank=True)
    ip_addresses = Json(default=list)
    default = models.BooleanField(default=False)
    model = models.CharField(max_length=16, default="virtio")

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["machine", "name"], name="an_interface_name_once_per_machine"),
            models.UniqueConstraint(fields=["machine", "network_name"], name="a_network_once_per_machine"),
        ]

    def __str__(self) -> str:
        return self.name


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def visible_to(self, user: User) -> SavedViewQuerySet:
        """One's own, those of one's namespaces, and those for everybody."""
        return self.filter(Q(owner=user.pk) | Q(owner=None, namespace__in=[*namespaces(user), ""]))


class SavedView(models.Model):
    """A search of the machine list with its order and columns, under a name.

    Somebody's own has an `owner`; a shared one has none and belongs to its `namespace`, or without one to the cluster.
    """

    uid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")
    namespace = models.CharField(max_length=63, blank=True)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000, blank=True)
    order = models.CharField(max_length=20, blank=True)
    columns = Json(default=list)
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar = SavedViewQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"], condition=Q(owner__isnull=False), name="a_name_once_among_ones_own_views"
            ),
            models.UniqueConstraint(
                fields=["namespace", "name"], condition=Q(owner=None), name="a_name_once_among_shared_views"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class MachineVersion(models.Model):
    """A configuration that a machine had: its manifest as written, without the bodies of secrets, which lie elsewhere.

    `number` is the machine's generation. `restored` is the number of the version that somebody brought back with it.
    """

    machine = models.ForeignKey(VirtualMachine, models.CASCADE, related_name="versions")
    number = models.PositiveBigIntegerField()
    at = models.DateTimeField(default=timezone.now)
    actor_name = models.CharField(max_length=150)
    request_id = models.CharField(max_length=64, blank=True)
    operation_uid = models.UUIDField(null=True)
    restored = models.PositiveBigIntegerField(null=True)
    manifest = Json(default=dict)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["machine", "number"], name="a_version_once_per_machine")]
        indexes = [models.Index(fields=["machine", "-at"], name="versions_of_a_machine")]

    def __str__(self) -> str:
        return f"{self.machine_id} {self.number}"


__all__ = [
    "MachineDisk",
    "MachineInterface",
    "MachineVersion",
    "SavedView",
    "Verb",
    "VirtualMachine",
    "VirtualMachineType",
]
