"""The Network and NetworkInterface manifests as types, with the field names of `networking.gke.io/v1`.

What only a cluster can do (parameters, lifecycles) is kept as written, so that a manifest comes back whole.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct, field

from vmconsole.objectmeta import LongNamed, Metadata

GROUP: Final = "networking.gke.io/v1"
Bridge = Annotated[
    str,
    Meta(
        pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,14}$",
        description="Name of a host bridge that guests are plugged into. Cannot change.",
    ),
]
Address4 = Annotated[str, Meta(pattern=r"^(\d{1,3}\.){3}\d{1,3}$")]
Mac = Annotated[str, Meta(pattern=r"^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$")]


class Part(Struct, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """A piece of a manifest."""


class NodeInterfaceMatcher(Part):
    """Which interface of the host the network hangs on."""

    interface_name: Bridge


class L2NetworkConfig(Part):
    """The segment's number and mask."""

    vlan_id: Annotated[int, Meta(ge=1, le=4094, description="VLAN: the host bridge is INTERFACE.VLAN.")] | None = field(
        default=None, name="vlanID"
    )
    prefix_length4: Annotated[int, Meta(ge=1, le=32, description="Length of the network's mask.")] | None = None


class Route(Part):
    """A route that guests are told of."""

    to: Annotated[str, Meta(description="A range such as 10.30.0.0/16; not 0.0.0.0/0, that is gateway4.")]


class DnsConfig(Part):
    """Name servers that guests are told of."""

    nameservers: Annotated[list[str], Meta(min_length=1, max_length=8, description="Addresses, one at least.")]
    searches: Annotated[list[str], Meta(max_length=32, description="Domains to complete short names with.")] = []


class NetworkSpec(Part):
    """What the network is to be."""

    type: Annotated[
        Literal["L2", "L3", "Device"], Meta(description="L2 for networks that guests are plugged into.")
    ] = "L2"
    provider: Annotated[str, Meta(max_length=63, description="Kept as written.")] = ""
    node_interface_matcher: Annotated[NodeInterfaceMatcher | None, Meta(description="The host's bridge.")] = None
    l2_network_config: Annotated[L2NetworkConfig | None, Meta(description="VLAN and mask.")] = None
    network_lifecycle: Annotated[
        Literal["", "AnthosManaged", "UserManaged"],
        Meta(description="Who makes the interface. Kept."),
    ] = ""
    external_dhcp4: Annotated[
        bool, Meta(description="Guests get their addresses from a DHCP server outside of this host.")
    ] = field(default=False, name="externalDHCP4")
    gateway4: Annotated[Address4, Meta(description="Default gateway of cards with a fixed address.")] | None = None
    routes: Annotated[list[Route], Meta(max_length=64, description="More routes of cards with a fixed address.")] = []
    dns_config: Annotated[DnsConfig | None, Meta(description="Name servers of cards with a fixed address.")] = None
    ipam_mode: Annotated[Literal["", "Internal", "External"], Meta(description="Kept as written.")] = field(
        default="", name="IPAMMode"
    )
    ipam_mode6: Annotated[Literal["", "Internal", "External"], Meta(description="Kept as written.")] = field(
        default="", name="IPAMMode6"
    )
    parameters_ref: Annotated[dict[str, Any] | None, Meta(description="Kept as written.")] = None


class NetworkManifest(Struct, rename="camel", omit_defaults=True):
    """A virtual switch of the cluster."""

    api_version: Literal["networking.gke.io/v1"]
    kind: Literal["Network"]
    metadata: Metadata
    spec: NetworkSpec = field(default_factory=NetworkSpec)


class NetworkInterfaceSpec(Part):
    """One card's identity."""

    network_name: Annotated[str, Meta(description="The Network it is on. Cannot change.")]
    subnetwork_name: Annotated[str, Meta(max_length=253, description="Kept as written.")] = ""
    ip_addresses: Annotated[
        list[str], Meta(max_length=8, description="Fixed addresses, with or without mask. Cannot change.")
    ] = []
    mac_address: Annotated[Mac, Meta(description="Left out, a free one is taken. Cannot change.")] | None = None


class NetworkInterfaceManifest(Struct, rename="camel", omit_defaults=True):
    """The MAC and the address of a card, kept apart from the machine that has it."""

    api_version: Literal["networking.gke.io/v1"]
    kind: Literal["NetworkInterface"]
    metadata: LongNamed
    spec: NetworkInterfaceSpec


class Condition(Part):
    """One thing that is so, or not, and why."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str = ""
    message: str = ""


class NetworkStatus(Part):
    """What was seen of the network."""

    conditions: list[Condition] = []


class NetworkInterfaceStatus(Part):
    """What was seen of the card."""

    ip_addresses: list[str] = []
    mac_address: str = ""
    machine_name: str = ""
