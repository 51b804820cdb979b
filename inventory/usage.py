"""How much of what the namespaces have: machines and their sizes, and disks.

Counted is what was asked for (`spec`), whatever runs just now, and also what is in the trash or on its way out. A type
that is made larger makes its machines larger without asking their quotas: it is an administrator of the cluster who
does so, and as with a limit below what is used, nothing is taken away and nothing more is given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from django.db.models import Count, F, Sum
from django.db.models.functions import Coalesce, Greatest

from inventory.models import VirtualMachine, VirtualMachineType
from observability.serial import one_writer
from storage import sources
from storage.models import VirtualMachineDisk
from vmconsole.access.quota import Amounts
from vmconsole.access.rules import Counted

# Of a machine that says nothing about its size.
USUAL_VCPUS: Final = 2
USUAL_MEMORY_BYTES: Final = 4 << 30


def used(namespaces: Collection[str], *, alone: bool = False) -> dict[str, Amounts]:
    """What each of them has. `alone`: whoever else is about to take something waits until this transaction ends, so
    that two cannot both find the same room. It is the lock that everybody who writes takes anyway.
    """
    if alone:
        one_writer()
    found: dict[str, Amounts] = {name: Counter() for name in namespaces}
    for row in _machines(namespaces):
        found[row["namespace"]] += _of_rows(row)
    disks = VirtualMachineDisk.objects.filter(namespace__in=namespaces)
    sizes = disks.values("namespace").annotate(bytes=Sum(Greatest("spec_size_bytes", "status_size_bytes"))).order_by()
    for sized in sizes:
        found[sized["namespace"]][Counted.STORAGE] += sized["bytes"]
    for disk in disks.filter(spec_size_bytes=0, status_size_bytes=0):  # not made yet, and as large as its source
        found[disk.namespace][Counted.STORAGE] += sources.least_size(disk.namespace, disk.spec_source)
    return found


def _machines(namespaces: Collection[str]) -> Iterable[Mapping[str, Any]]:
    """Those of one namespace and one type, as one row."""
    rows = VirtualMachine.objects.filter(namespace__in=namespaces)
    vcpus, memory = Coalesce("spec_vcpus", USUAL_VCPUS), Coalesce("spec_memory_bytes", USUAL_MEMORY_BYTES)
    return (
        rows.values("namespace", type=F("spec_type_name"))
        .annotate(number=Count("uid"), vcpus=Sum(vcpus), memory=Sum(memory))
        .order_by()
    )


def _of_rows(row: Mapping[str, Any]) -> Amounts:
    each = _of_type(row["type"]) if row["type"] else None
    vcpus, memory = (row["vcpus"], row["memory"]) if each is None else (row["number"] * part for part in each)
    return Counter({Counted.MACHINES: row["number"], Counted.VCPUS: vcpus, Counted.MEMORY: memory})


def _of_type(name: str) -> tuple[int, int]:
    """vCPUs and memory. A type that is not there gives a machine nothing: it waits for it."""
    sizes = VirtualMachineType.objects.filter(name=name).values_list("spec_vcpus", "spec_memory_bytes")
    return sizes.first() or (0, 0)


def of_machine(columns: Mapping[str, Any]) -> Amounts:
    """What a machine with these columns (`manifests.columns`) takes, without its disks."""
    vcpus = columns["spec_vcpus"] or USUAL_VCPUS
    memory = columns["spec_memory_bytes"] or USUAL_MEMORY_BYTES
    if columns["spec_type_name"]:
        vcpus, memory = _of_type(columns["spec_type_name"])
    return Counter({Counted.MACHINES: 1, Counted.VCPUS: vcpus, Counted.MEMORY: memory})


def growth(old: Mapping[str, Any], new: Mapping[str, Any]) -> Amounts:
    """By how much a machine becomes larger; what becomes smaller asks for nothing."""
    return of_machine(new) - of_machine(old)


def fields_of(columns: Mapping[str, Any]) -> dict[Counted, str]:
    """Which field of the manifest asks for what."""
    typed = "spec.compute.virtualMachineTypeName" if columns["spec_type_name"] else ""
    return {
        Counted.MACHINES: "metadata.namespace",
        Counted.VCPUS: typed or "spec.compute.cpu.vcpus",
        Counted.MEMORY: typed or "spec.compute.memory.capacity",
        Counted.STORAGE: "size",
    }
