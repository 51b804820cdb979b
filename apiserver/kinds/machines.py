"""VirtualMachine: the machine itself."""

from __future__ import annotations

from django.db.models import QuerySet

from apiserver.kinds.applied import without
from apiserver.kinds.kind import Asking, Column, Kind, Manifest
from apiserver.meta import age, metadata_of
from inventory.assembly import decoded
from inventory.manifests import annotations_of, manifest_of, parse_machine, whole, with_rows
from inventory.models import VirtualMachine
from inventory.schema import VirtualMachineManifest, VirtualMachineStatus
from inventory.services.deleting import delete
from inventory.services.editing import edit
from inventory.services.making import create, kept_name
from vmconsole.access import secrets
from vmconsole.access.models import User


def rows(user: User) -> QuerySet[VirtualMachine]:
    """Machines made outside belong to no namespace, so there is no address for them here until they are adopted."""
    visible: QuerySet[VirtualMachine] = VirtualMachine.objects.visible_to(user)
    return visible.filter(namespace__gt="")


def to_manifest(vm: VirtualMachine) -> Manifest:
    return manifest_of(vm) | {"metadata": metadata(vm)}


def metadata(vm: VirtualMachine) -> Manifest:
    return metadata_of(vm, annotations=annotations_of(vm))


# Inline, as base64, by reference, and the key of the Secret that it is kept in.
SEEDS = (
    ("userData", "userDataBase64", "secretRef"),
    ("networkData", "networkDataBase64", "networkDataSecretRef"),
)


def prepared(manifest: Manifest) -> Manifest:
    """What was written inline, which may hold passwords, without its traces: it goes into a Secret of its own.

    The reference to that Secret comes back with everything that a client has read, beside what it writes inline. When
    both say the same, nothing is to be written.
    """
    metadata, spec = dict(manifest["metadata"]), manifest.get("spec")
    paths = [("spec", "cloudInit", "noCloud", key) for seed in SEEDS for key in seed[:2]]
    if isinstance(metadata.get("annotations"), dict):
        metadata["annotations"] = without(metadata["annotations"], *paths)
    manifest = {**manifest, "metadata": metadata}
    seed = spec.get("cloudInit") if isinstance(spec, dict) else None
    seed = seed.get("noCloud") if isinstance(seed, dict) else None
    if isinstance(spec, dict) and isinstance(seed, dict):
        known = _known_seed(metadata, seed)
        manifest["spec"] = {**spec, "cloudInit": {**spec["cloudInit"], "noCloud": known}}
    return manifest


def _known_seed(metadata: Manifest, seed: Manifest) -> Manifest:
    own, seed = kept_name(str(metadata.get("name"))), dict(seed)
    inline = [keys for keys in SEEDS if seed.get(keys[0]) or seed.get(keys[1])]
    kept = secrets.reveal(str(metadata.get("namespace")), own) if inline else None
    for key, encoded, reference in inline:
        if seed.get(reference) == {"name": own}:
            del seed[reference]
        try:
            body = decoded(seed.get(key) or "", seed.get(encoded) or "")
        except (ValueError, TypeError):
            continue  # the service says what is wrong with it
        if kept and kept.get(key) == body and reference not in seed:
            seed = {name: value for name, value in seed.items() if name not in (key, encoded)}
            seed[reference] = {"name": own}
    return seed


def _create(asking: Asking, manifest: Manifest) -> VirtualMachine:
    vm, _operation = create(asking.user, asking.actor, parse_machine(prepared(manifest)))
    return vm


def _update(asking: Asking, vm: VirtualMachine, manifest: Manifest) -> VirtualMachine:
    edit(asking.user, asking.actor, vm, parse_machine(prepared(manifest)), locked=True)
    return vm


def _address(vm: VirtualMachine) -> str:
    """The guest's own word on its addresses: without their prefix, as people type them."""
    known: list[str] = next((card["ipAddresses"] for card in vm.status_addresses if card.get("ipAddresses")), [])
    return str(known[0]).partition("/")[0] if known else ""


MACHINE = Kind(
    group="vm.cluster.gke.io",
    version="v1",
    name="VirtualMachine",
    plural="virtualmachines",
    singular="virtualmachine",
    short_names=("gvm", "vm", "vms"),
    categories=("all",),
    schema=VirtualMachineManifest,
    status=VirtualMachineStatus,
    change="VirtualMachine",
    description="A virtual machine: its compute, disks, network cards and first boot.",
    rows=rows,
    related=with_rows,
    load=whole,
    gives_as_it_is=True,
    read=(
        *("uid", "namespace", "name", "resource_version", "generation", "created_at", "deletion_requested_at"),
        *("labels", "annotations", "owner_references", "finalizers", "display_name", "deletion_protected"),
        *("spec_grace_seconds", "status_state", "status_addresses", "status_node", "status_reason"),
    ),
    to_manifest=to_manifest,
    metadata=metadata,
    create=_create,
    update=_update,
    delete=lambda asking, vm: delete(asking.user, asking.actor, vm),
    selectable={"status.state": "status_state", "status.nodeName": "status_node"},
    columns=(
        Column("Status", lambda vm: vm.status_state, description="What it is doing."),
        Column("Age", age, "date", description="How long ago it was created."),
        Column("IP", _address, description="The first address of its first card."),
        Column("Node", lambda vm: vm.status_node, priority=1, description="The node it runs on."),
        Column("Reason", lambda vm: vm.status_reason, priority=1, description="Why it is in this state."),
    ),
)
