"""Node and Event: what is only looked at."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from django.db.models import QuerySet
from django.utils import timezone

from apiserver.kinds.kind import Column, Kind, Manifest
from apiserver.kinds.schema import EventManifest, NodeManifest, NodeStatus
from apiserver.meta import stamp
from observability.models import Event
from vmconsole.access.models import User
from vmconsole.access.rights import Right, may
from vmconsole.runtime.models import Node

API_OF = {
    "VirtualMachine": "vm.cluster.gke.io/v1",
    "VirtualMachineDisk": "vm.cluster.gke.io/v1",
    "VirtualMachineType": "vm.cluster.gke.io/v1",
    "Network": "networking.gke.io/v1",
    "NetworkInterface": "networking.gke.io/v1",
}


# --- nodes ------------------------------------------------------------------------------------------------------
def _node_rows(user: User) -> QuerySet[Node]:
    rows = Node.objects.select_related("runtime")
    return rows if may(user, Right.CLUSTER_VIEW, None) else rows.none()


def _node_metadata(node: Node) -> Manifest:
    seen = node.status_as_of or timezone.now()
    return {
        "name": node.name,
        "uid": str(uuid5(NAMESPACE_URL, f"{node.runtime_id}/{node.name}")),
        "resourceVersion": str(int(seen.timestamp() * 1000)),
        "creationTimestamp": stamp(seen),
        "labels": {
            "kubernetes.io/hostname": node.name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": {"x86_64": "amd64", "aarch64": "arm64"}.get(node.status_arch, node.status_arch),
        },
    }


def _ready(node: Node) -> bool:
    return node.runtime.status_reachable


def _node_manifest(node: Node) -> Manifest:
    capacity = {"cpu": node.status_cpus, "memory": node.status_memory_bytes, "storage": node.status_storage_bytes}
    free = {
        "cpu": node.status_cpus,
        "memory": max(0, node.status_memory_bytes - node.status_used_memory_bytes),
        "storage": node.status_storage_free_bytes,
    }
    at = stamp(node.status_as_of) if node.status_as_of else None
    condition = {"type": "Ready", "status": "True" if _ready(node) else "Unknown", "lastHeartbeatTime": at}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": _node_metadata(node),
        "spec": {},
        "status": {
            "capacity": {key: str(value) for key, value in capacity.items()},
            "allocatable": {key: str(value) for key, value in free.items()},
            "conditions": [condition],
            "nodeInfo": {
                "architecture": node.status_arch,
                "kernelVersion": node.status_kernel,
                "containerRuntimeVersion": node.status_hypervisor,
                "operatingSystem": "linux",
            },
        },
    }


NODE = Kind(
    group="",
    version="v1",
    name="Node",
    plural="nodes",
    singular="node",
    short_names=("no",),
    namespaced=False,
    schema=NodeManifest,
    status=NodeStatus,
    change="Node",
    changed_rows=lambda rows, keys: rows.filter(pk__in=keys),
    row_key=lambda node: str(node.pk),
    description="A machine that guests run on.",
    see=Right.CLUSTER_VIEW,
    edit=Right.CLUSTER_EDIT,
    rows=_node_rows,
    to_manifest=_node_manifest,
    metadata=_node_metadata,
    columns=(
        Column("Status", lambda node: "Ready" if _ready(node) else "Unknown"),
        Column("CPUs", lambda node: node.status_cpus, "integer"),
        Column("Age", lambda node: _node_metadata(node)["creationTimestamp"], "date"),
        Column("Version", lambda node: node.status_hypervisor, priority=1),
        Column("Kernel-Version", lambda node: node.status_kernel, priority=1),
    ),
)


# --- events -----------------------------------------------------------------------------------------------------
def event_name(event: Event) -> str:
    return f"{event.name[:230]}.{event.pk:016x}"


def find_event(rows: QuerySet[Event], name: str) -> QuerySet[Event]:
    number = name.rpartition(".")[2]
    try:
        return rows.filter(pk=int(number, 16) if len(number) == 16 else -1)
    except ValueError:
        return rows.none()


def _event_metadata(event: Event) -> Manifest:
    return {
        "name": event_name(event),
        "namespace": event.namespace or "default",
        "uid": str(uuid5(NAMESPACE_URL, f"event/{event.pk}")),
        "resourceVersion": str(event.resource_version or event.pk),
        "creationTimestamp": stamp(event.first_at),
    }


def _event_manifest(event: Event) -> Manifest:
    involved = {"kind": event.kind, "name": event.name, "namespace": event.namespace, "uid": event.uid}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": _event_metadata(event),
        "involvedObject": {
            "apiVersion": API_OF.get(event.kind, "v1"),
            **{key: value for key, value in involved.items() if value},
        },
        "reason": event.reason,
        "message": event.message,
        "type": event.level,
        "count": event.count,
        "firstTimestamp": stamp(event.first_at),
        "lastTimestamp": stamp(event.last_at),
        "source": {"component": "vmconsole"},
        "reportingComponent": "vmconsole",
        "reportingInstance": "",
    }


def _event_rows(user: User) -> Any:
    return Event.objects.visible_to(user)


EVENT = Kind(
    group="",
    version="v1",
    name="Event",
    plural="events",
    singular="event",
    short_names=("ev",),
    schema=EventManifest,
    change="Event",
    changed_rows=lambda rows, keys: rows.filter(pk__in=[key for key in keys if key]),
    change_key=lambda change: str(change.seen.get("id", "")),
    row_key=lambda event: str(event.pk),
    description="What happened to an object. The same within the hour is counted.",
    rows=_event_rows,
    to_manifest=_event_manifest,
    metadata=_event_metadata,
    find=find_event,
    order=("id",),
    selectable={
        "involvedObject.name": "name",
        "involvedObject.namespace": "namespace",
        "involvedObject.kind": "kind",
        "involvedObject.uid": "uid",
        "reason": "reason",
        "type": "level",
    },
    columns=(
        Column("Last Seen", lambda event: stamp(event.last_at), "date"),
        Column("Type", lambda event: event.level),
        Column("Reason", lambda event: event.reason),
        Column("Object", lambda event: f"{event.kind.lower()}/{event.name}"),
        Column("Message", lambda event: event.message),
        Column("Count", lambda event: event.count, "integer", priority=1),
    ),
)
