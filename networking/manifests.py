"""Networks and network interfaces as manifests: columns out of a manifest, and back without loss."""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv4Network
from typing import Any, TypeVar

import msgspec
from django.utils.translation import gettext as _

from networking.models import Network, NetworkInterface
from networking.rules import gateway
from networking.schema import (
    GROUP,
    NetworkInterfaceManifest,
    NetworkManifest,
    NetworkSpec,
)
from vmconsole import objectmeta
from vmconsole.access.errors import Unprocessable
from vmconsole.runtime.types import NetworkMode

T = TypeVar("T")
VLAN_BRIDGE_CHARS = 15
# Of the spec what no column of its own stands for.
REST = ("type", "provider", "networkLifecycle", "IPAMMode", "IPAMMode6", "parametersRef")


def _converted(document: dict[str, Any], into: type[T]) -> T:
    try:
        return msgspec.convert(objectmeta.writable(document), into)
    except msgspec.ValidationError as error:
        sentence, _at, path = str(error).partition(" - at `$")
        field = path.rstrip("`").lstrip(".")
        said = _("%(path)s: %(what)s.") % {"path": field or "manifest", "what": sentence}
        raise Unprocessable(said, field=field) from error


def parse_network(document: dict[str, Any]) -> NetworkManifest:
    manifest = _converted(document, NetworkManifest)
    spec = manifest.spec
    if spec.type != "L2":
        sentence = _("Only networks of type L2 can be made on this host.")
        raise Unprocessable(sentence, field="spec.type", reason="NetworkTypeNotSupported")
    if spec.node_interface_matcher is None:
        sentence = _("Name the host bridge that guests are plugged into.")
        raise Unprocessable(sentence, field="spec.nodeInterfaceMatcher.interfaceName")
    _check_routes(spec)
    return manifest


def _check_routes(spec: NetworkSpec) -> None:
    for number, route in enumerate(spec.routes):
        field = f"spec.routes[{number}].to"
        try:
            wanted = IPv4Network(route.to)
        except ValueError as error:
            raise Unprocessable(_("Write a range such as 10.30.0.0/16."), field=field) from error
        if wanted.prefixlen == 0:
            raise Unprocessable(_("The default route is gateway4, not a route."), field=field)


def bridge_of(spec: NetworkSpec) -> str:
    """The host's bridge: with a VLAN the interface of that VLAN, as on the original."""
    assert spec.node_interface_matcher is not None, "checked by parse_network"
    name, vlan = spec.node_interface_matcher.interface_name, spec.l2_network_config and spec.l2_network_config.vlan_id
    bridge = f"{name}.{vlan}" if vlan else name
    if len(bridge) > VLAN_BRIDGE_CHARS:
        sentence = _("“%(name)s” is longer than a host interface's name can be.")
        raise Unprocessable(sentence % {"name": bridge}, field="spec.nodeInterfaceMatcher.interfaceName")
    return bridge


def network_columns(manifest: NetworkManifest) -> dict[str, Any]:
    spec = manifest.spec
    written: dict[str, Any] = msgspec.to_builtins(spec)
    rest = {key: written[key] for key in REST if written.get(key)}
    layer2 = spec.l2_network_config
    if layer2 and layer2.vlan_id:
        assert spec.node_interface_matcher is not None
        rest |= {"vlanID": layer2.vlan_id, "interfaceName": spec.node_interface_matcher.interface_name}
    return {
        **objectmeta.columns(manifest.metadata),
        "spec_interface": bridge_of(spec),
        "spec_gateway4": spec.gateway4,
        "spec_prefix_length4": layer2.prefix_length4 if layer2 else None,
        "spec_dns": written.get("dnsConfig") or {},
        "spec_routes": written.get("routes") or [],
        "spec_external_dhcp4": spec.external_dhcp4,
        "spec_rest": rest,
    }


def network_spec_shown(network: Network) -> dict[str, Any]:
    if network.spec_mode == NetworkMode.NAT and network.spec_cidr:
        cidr = IPv4Network(network.spec_cidr)
        shown = {"type": "L2", "l2NetworkConfig": {"prefixLength4": cidr.prefixlen}}
        return {**shown, "gateway4": str(gateway(network.spec_cidr))}
    rest = dict(network.spec_rest)
    vlan, interface = rest.pop("vlanID", None), rest.pop("interfaceName", "")
    layer2 = {"vlanID": vlan, "prefixLength4": network.spec_prefix_length4}
    spec = {
        "type": "L2",
        **rest,
        "nodeInterfaceMatcher": {"interfaceName": interface or network.spec_interface},
        "l2NetworkConfig": {key: value for key, value in layer2.items() if value},
        "externalDHCP4": network.spec_external_dhcp4,
        "gateway4": network.spec_gateway4,
        "routes": network.spec_routes,
        "dnsConfig": network.spec_dns,
    }
    return {key: value for key, value in spec.items() if value}


def network_manifest(network: Network) -> dict[str, Any]:
    ready = {"type": "Ready", "status": str(network.status_ready)}
    if network.status_reason:
        ready |= {"reason": network.status_reason, "message": network.status_message}
    top = {"apiVersion": GROUP, "kind": "Network", "metadata": _metadata(network)}
    return {**top, "spec": network_spec_shown(network), "status": {"conditions": [ready]}}


def parse_interface(document: dict[str, Any]) -> NetworkInterfaceManifest:
    manifest = _converted(document, NetworkInterfaceManifest)
    for number, address in enumerate(manifest.spec.ip_addresses):
        try:
            IPv4Interface(address)
        except ValueError as error:
            sentence = _("“%(address)s” is not an IPv4 address.") % {"address": address[:40]}
            raise Unprocessable(sentence, field=f"spec.ipAddresses[{number}]") from error
    return manifest


def interface_rest(manifest: NetworkInterfaceManifest) -> dict[str, Any]:
    """Of the spec what the columns cannot say: masks, further addresses, the subnetwork."""
    spec = manifest.spec
    rest = {"subnetworkName": spec.subnetwork_name, "ipAddresses": spec.ip_addresses}
    return {key: value for key, value in rest.items() if value}


def interface_spec_shown(card: NetworkInterface) -> dict[str, Any]:
    addresses = [card.ip_address] if card.ip_address else []
    spec: dict[str, Any] = {"networkName": card.network.name, "ipAddresses": addresses, **card.spec_rest}
    spec["macAddress"] = card.mac_address
    return {key: value for key, value in spec.items() if value}


def interface_manifest(card: NetworkInterface) -> dict[str, Any]:
    seen = {"ipAddresses": card.status_addresses or [card.ip_address] * bool(card.ip_address)}
    status = {**seen, "macAddress": card.mac_address, "machineName": card.machine_name}
    top = {"apiVersion": GROUP, "kind": "NetworkInterface", "metadata": _metadata(card)}
    shown = {key: value for key, value in status.items() if value}
    return {**top, "spec": interface_spec_shown(card), "status": shown}


def _metadata(row: Network | NetworkInterface) -> dict[str, Any]:
    named = {"name": row.name, "namespace": getattr(row, "namespace", "")}
    marks = {"labels": row.labels, "annotations": row.annotations}
    return {key: value for key, value in {**named, **marks}.items() if value}
