"""The places that run machines, and their nodes.

Rows say where a runtime is and what was last seen of it; `connect` opens it.
"""

from __future__ import annotations

import uuid

from django.db import models


class Runtime(models.Model):
    """A connected place that runs VMs. `status_*` is our last look."""

    uid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.SlugField(max_length=63, unique=True)
    kind = models.CharField(max_length=16, choices=[(k, k) for k in ("libvirt", "fake", "kubevirt")])
    url = models.CharField(max_length=500, blank=True)
    config = models.JSONField(default=dict, blank=True)
    status_reachable = models.BooleanField(default=False)
    status_message = models.TextField(blank=True)
    status_as_of = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class Node(models.Model):
    """One machine of a runtime that VMs run on. Memory and storage in bytes; `used` is what was given to guests."""

    runtime = models.ForeignKey(Runtime, models.CASCADE, related_name="nodes")
    name = models.CharField(max_length=255)
    status_cpus = models.PositiveIntegerField(default=0)
    status_memory_bytes = models.BigIntegerField(default=0)
    status_used_vcpus = models.PositiveIntegerField(default=0)
    status_used_memory_bytes = models.BigIntegerField(default=0)
    status_storage_bytes = models.BigIntegerField(default=0)
    status_storage_free_bytes = models.BigIntegerField(default=0)
    status_arch = models.CharField(max_length=32, blank=True)
    status_hypervisor = models.CharField(max_length=200, blank=True)
    status_accelerator = models.CharField(max_length=32, blank=True)
    status_kernel = models.CharField(max_length=200, blank=True)
    status_bridges = models.JSONField(default=list)
    status_checks = models.JSONField(default=list)
    status_as_of = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["runtime", "name"], name="one_row_per_node")]
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def vcpus_given_percent(self) -> int:
        """Of the processors there; over 100 they are shared."""
        return round(100 * self.status_used_vcpus / self.status_cpus) if self.status_cpus else 0

    @property
    def memory_given_percent(self) -> int:
        return round(100 * self.status_used_memory_bytes / self.status_memory_bytes) if self.status_memory_bytes else 0

    @property
    def failed_checks(self) -> list[dict[str, str]]:
        return [check for check in self.status_checks if check["level"] == "error"]
