"""Schemas of the core's kinds, as far as ours refer to them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec import field as msgspec_field

from vmconsole.objectmeta import LongNamed, Metadata

Key = Annotated[str, Meta(pattern=r"^[-._a-zA-Z0-9]+$", max_length=253)]
Values = dict[Key, str]


class SecretManifest(Struct, rename="camel", omit_defaults=True):
    """Data that is kept sealed."""

    api_version: Literal["v1"]
    kind: Literal["Secret"]
    metadata: LongNamed
    type: Annotated[str, Meta(max_length=253, description="What it is for, as a word. Cannot change.")] = "Opaque"
    data: Annotated[Values, Meta(description="Values in base64. Shown only to those who may edit, one at a time.")] = {}
    string_data: Annotated[Values, Meta(description="Values as text. Written only, never shown.")] = {}
    immutable: Annotated[bool, Meta(description="Its values cannot change any more.")] = False


class ConfigMapManifest(Struct, rename="camel", omit_defaults=True):
    """Settings in plain text."""

    api_version: Literal["v1"]
    kind: Literal["ConfigMap"]
    metadata: LongNamed
    data: Annotated[Values, Meta(description="Values as text.")] = {}
    binary_data: Annotated[Values, Meta(description="Values in base64.")] = {}
    immutable: Annotated[bool, Meta(description="Its values cannot change any more.")] = False


class NamespaceSpec(Struct, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """Kept empty here."""

    finalizers: Annotated[list[str], Meta(description="Kept by the server.")] = []


class NamespaceManifest(Struct, rename="camel", omit_defaults=True):
    """The unit of roles."""

    api_version: Literal["v1"]
    kind: Literal["Namespace"]
    metadata: Metadata
    spec: NamespaceSpec | None = None


class NamespaceStatus(Struct, rename="camel", omit_defaults=True):
    """How it is."""

    phase: Annotated[str, Meta(description="Active or Terminating.")] = ""


class ResourceQuotaSpec(Struct, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """The limits."""

    hard: Annotated[
        dict[str, str | int],
        Meta(
            description="The most that there may be, by name: count/virtualmachines.vm.cluster.gke.io, requests.cpu, "
            "requests.memory, requests.storage. What is left out is not limited. Counted is what was asked for, also "
            "in the trash."
        ),
    ] = {}


class ResourceQuotaManifest(Struct, rename="camel", omit_defaults=True):
    """The most that a namespace may have. A namespace has one or none."""

    api_version: Literal["v1"]
    kind: Literal["ResourceQuota"]
    metadata: Metadata
    spec: ResourceQuotaSpec = msgspec_field(default_factory=ResourceQuotaSpec)


class ResourceQuotaStatus(Struct, rename="camel", omit_defaults=True):
    """The limits, and what is used of them."""

    hard: Annotated[dict[str, str], Meta(description="The limits that hold.")] = {}
    used: Annotated[dict[str, str], Meta(description="What is used of each.")] = {}


class NodeManifest(Struct, rename="camel", omit_defaults=True):
    """A machine that guests run on. Nobody writes one."""


class NodeStatus(Struct, rename="camel", omit_defaults=True):
    """What was last seen of the node."""

    capacity: Annotated[dict[str, str], Meta(description="CPUs, memory and storage it has.")] = {}
    allocatable: Annotated[dict[str, str], Meta(description="Of these, what no guest has yet.")] = {}
    conditions: Annotated[list[dict[str, str]], Meta(description="Ready, and what its checks found.")] = []
    node_info: Annotated[dict[str, str], Meta(description="Kernel, hypervisor and architecture.")] = {}


class EventManifest(Struct, rename="camel", omit_defaults=True):
    """What happened to an object. Nobody writes one."""

    involved_object: Annotated[dict[str, Any], Meta(description="What it happened to.")] = {}
    reason: Annotated[str, Meta(description="One word for programs.")] = ""
    message: Annotated[str, Meta(description="A sentence for people.")] = ""
    type: Annotated[str, Meta(description="Normal or Warning.")] = ""
    count: Annotated[int, Meta(description="How often within the hour.")] = 1
    first_timestamp: Annotated[str, Meta(description="When first.")] = ""
    last_timestamp: Annotated[str, Meta(description="When last.")] = ""
    source: Annotated[dict[str, str], Meta(description="Who noted it.")] = {}
