"""Network and NetworkInterface: virtual switches, and the identities of what is plugged in."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from msgspec import to_builtins

from apiserver.kinds.kind import Asking, Column, Kind, Manifest
from apiserver.meta import age, metadata_of
from networking.editing import delete_interface, edit_interface, edit_network
from networking.manifests import (
    interface_manifest,
    interface_rest,
    interface_spec_shown,
    network_columns,
    network_manifest,
    parse_interface,
    parse_network,
)
from networking.models import Network, NetworkInterface
from networking.schema import (
    NetworkInterfaceManifest,
    NetworkInterfaceStatus,
    NetworkManifest,
    NetworkStatus,
)
from networking.services import create_network, delete_network, prepare_interface
from vmconsole import objectmeta
from vmconsole.access.errors import Unprocessable
from vmconsole.access.rights import Right

GENERATED = "networking.gke.io/auto-generated"


def network_to_manifest(network: Network) -> Manifest:
    return network_manifest(network) | {"metadata": metadata_of(network)}


def _create_network(asking: Asking, manifest: Manifest) -> Network:
    parsed = parse_network(manifest)
    columns = network_columns(parsed)
    interface = columns.pop("spec_interface")
    return create_network(asking.user, asking.actor, name=parsed.metadata.name, interface=interface, **columns)


def _update_network(asking: Asking, network: Network, manifest: Manifest) -> Network:
    if manifest.get("spec") == network_to_manifest(network).get("spec"):  # of the predefined one nothing is written
        parsed = objectmeta.metadata_columns(manifest)
        return edit_network(asking.user, asking.actor, network, parsed)
    return edit_network(asking.user, asking.actor, network, network_columns(parse_network(manifest)))


NETWORK = Kind(
    group="networking.gke.io",
    version="v1",
    name="Network",
    plural="networks",
    singular="network",
    short_names=("gnet",),
    namespaced=False,
    schema=NetworkManifest,
    status=NetworkStatus,
    change="Network",
    description="A virtual switch that cards of machines are plugged into.",
    see=Right.CLUSTER_VIEW,
    edit=Right.CLUSTER_EDIT,
    rows=Network.objects.visible_to,
    to_manifest=network_to_manifest,
    create=_create_network,
    update=_update_network,
    delete=lambda asking, network: delete_network(asking.user, asking.actor, network, when_free=True),
    columns=(
        Column("Ready", lambda network: str(network.status_ready)),
        Column("Interface", lambda network: network.spec_interface),
        Column("Age", age, "date"),
        Column("Reason", lambda network: network.status_reason, priority=1),
    ),
)


def interface_metadata(card: NetworkInterface) -> Manifest:
    """Those that were made for a machine's card say so, and whose they are."""
    marks = {**card.annotations, **({GENERATED: "true"} if card.generated else {})}
    metadata = metadata_of(card, annotations=marks)
    if card.generated and card.machine_uid:
        owner = {"apiVersion": "vm.cluster.gke.io/v1", "kind": "VirtualMachine", "name": card.machine_name}
        metadata["ownerReferences"] = [{**owner, "uid": str(card.machine_uid), "controller": True}]
    return metadata


def interface_to_manifest(card: NetworkInterface) -> Manifest:
    return interface_manifest(card) | {"metadata": interface_metadata(card)}


def _create_interface(asking: Asking, manifest: Manifest) -> NetworkInterface:
    parsed = parse_interface(manifest)
    spec, metadata = parsed.spec, parsed.metadata
    network = Network.objects.filter(name=spec.network_name, deletion_requested_at=None).first()
    if network is None:
        sentence = _("There is no network %(name)s.") % {"name": spec.network_name[:63]}
        raise Unprocessable(sentence, field="spec.networkName", reason="NetworkNotFound")
    return prepare_interface(
        asking.user, asking.actor, namespace=metadata.namespace, name=metadata.name, network=network,
        mac=spec.mac_address or "", address=next(iter(spec.ip_addresses), ""), spec_rest=interface_rest(parsed),
        **objectmeta.columns(metadata),
    )  # fmt: skip


def _update_interface(asking: Asking, card: NetworkInterface, manifest: Manifest) -> NetworkInterface:
    parsed = parse_interface(manifest)
    now = interface_spec_shown(card)
    written: Manifest = to_builtins(parsed.spec)
    written["macAddress"] = (parsed.spec.mac_address or card.mac_address).lower()
    same = {**now, **written} == now
    columns = objectmeta.columns(parsed.metadata)
    if card.generated:  # the mark and the owner are shown, not kept
        columns["annotations"] = {key: value for key, value in columns["annotations"].items() if key != GENERATED}
        columns.pop("owner_references", None)
    return edit_interface(asking.user, asking.actor, card, columns, spec_same=same)


def _related(found: QuerySet[Any]) -> QuerySet[Any]:
    return found.select_related("network")


def _address(card: NetworkInterface) -> str:
    return str(next(iter(card.status_addresses), card.ip_address))


INTERFACE = Kind(
    group="networking.gke.io",
    version="v1",
    name="NetworkInterface",
    plural="networkinterfaces",
    singular="networkinterface",
    short_names=("gnic",),
    schema=NetworkInterfaceManifest,
    status=NetworkInterfaceStatus,
    change="NetworkInterface",
    description="The MAC and the address of a card, which stay over restarts, and over re-creation when you made it.",
    rows=NetworkInterface.objects.visible_to,
    related=_related,
    to_manifest=interface_to_manifest,
    metadata=interface_metadata,
    create=_create_interface,
    update=_update_interface,
    delete=lambda asking, card: delete_interface(asking.user, asking.actor, card),
    columns=(
        Column("Age", age, "date"),
        Column("IP", _address),
        Column("MAC", lambda card: card.mac_address),
        Column("Network", lambda card: card.network.name),
        Column("Machine", lambda card: card.machine_name, priority=1),
    ),
)
