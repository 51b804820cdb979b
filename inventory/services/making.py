"""Create and adopt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from msgspec import structs

from inventory import usage
from inventory.assembly import decoded
from inventory.manifests import Invalid, checked_spec, columns, spec_columns, spec_of, with_these
from inventory.models import MachineDisk, MachineInterface, VirtualMachine
from inventory.rules import Problem, Verb
from inventory.schema import (
    CLOUD_INIT_BYTES,
    GROUP,
    CloudInit,
    NoCloud,
    SecretName,
    VirtualMachineManifest,
    VirtualMachineSpec,
)
from inventory.services.asking import KIND, refuse_unless_allowed, tell
from inventory.services.attaching import attach_existing, claim_existing
from inventory.services.versions import remember
from storage import services as storage
from vmconsole.access import quota, secrets
from vmconsole.access.actors import Actor
from vmconsole.access.errors import Conflict
from vmconsole.access.models import User
from vmconsole.access.rights import Right, require
from vmconsole.access.rules import Counted
from vmconsole.objectmeta import Metadata
from vmconsole.operations import loop
from vmconsole.operations import services as operations
from vmconsole.operations.models import Operation
from vmconsole.runtime import connect
from vmconsole.runtime.types import Power

# A create waits for disks and for things that do not exist yet, for as long as it takes; people can cancel it.
CREATE_DEADLINE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class NewDisk:
    """A disk to make together with the machine. `source` as in a VirtualMachineDisk manifest, {} for blank."""

    name: str
    size_bytes: int
    source: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """One of the machines that are asked for together, and its disks."""

    manifest: VirtualMachineManifest
    new_disks: Sequence[NewDisk] = ()


@transaction.atomic
def create(
    user: User,
    actor: Actor,
    manifest: VirtualMachineManifest,
    *,
    new_disks: Sequence[NewDisk] = (),
    start: bool = True,
    idempotency_key: str = "",
    like: VirtualMachine | None = None,
) -> tuple[VirtualMachine, Operation]:
    """Write down a machine and what it needs. All of it or nothing: a refused disk leaves no machine behind.

    `like` is the machine that it is a clone of: what that one was told at its first start, this one is told too.
    """
    namespace = manifest.metadata.namespace or "default"
    refuse_over_quota(user, [Wish(manifest, new_disks)])
    spec = checked_spec(manifest.spec)
    if like and like.namespace == namespace and spec.cloud_init is None:
        spec = structs.replace(spec, cloud_init=seed_of(like))
    uid = uuid4()
    spec, kept = with_secrets_kept(manifest.metadata.name, spec)
    manifest = VirtualMachineManifest(GROUP, "VirtualMachine", manifest.metadata, spec)
    power = {"Running": Power.ON, "Stopped": Power.OFF}.get(spec.running_state, Power.ON if start else Power.OFF)
    try:
        with transaction.atomic():
            vm = VirtualMachine.objects.create(
                uid=uid, namespace=namespace, name=manifest.metadata.name, runtime=connect.only(),
                spec_power=power, **columns(manifest),
            )  # fmt: skip
    except IntegrityError as error:
        raise taken(namespace, manifest.metadata.name, "metadata.name") from error
    if kept:
        secrets.put(namespace, kept_name(vm.name), kept, owner_uid=uid)
    for disk in new_disks:
        storage.create_disk(user, actor, namespace, disk.name, size_bytes=disk.size_bytes, source=disk.source)
    attach_existing(vm, spec)
    claim_existing(vm, spec)
    write_rows(vm, spec)
    operation = operations.begin(
        actor, Verb.CREATE, kind=KIND, uid=uid, name=vm.name, namespace=namespace, can_cancel=True,
        deadline=CREATE_DEADLINE, idempotency_key=idempotency_key, diff={"spec": [None, _shown(spec)]},
    )  # fmt: skip
    remember(vm, actor, operation_uid=operation.uid)
    tell(vm, "ADDED")
    loop.enqueue(KIND, uid)
    return vm, operation


@transaction.atomic
def create_many(
    user: User,
    actor: Actor,
    wishes: Sequence[Wish],
    *,
    start: bool = True,
    idempotency_key: str = "",
    like: VirtualMachine | None = None,
) -> list[VirtualMachine]:
    """Several at once, each with an operation of its own. All of them or none: a refusal of one takes back the rest."""
    refuse_over_quota(user, wishes)  # together, so that the sentence says what all of them ask for
    made = []
    for number, wish in enumerate(wishes):
        key = f"{idempotency_key}-{number}" if idempotency_key and number else idempotency_key
        vm, _operation = create(
            user, actor, wish.manifest, new_disks=wish.new_disks, start=start, idempotency_key=key, like=like
        )
        made.append(vm)
    return made


def refuse_over_quota(user: User, wishes: Sequence[Wish]) -> None:
    """Whether who asks may make machines there, and the namespace may have so many, of that size, with such disks."""
    asked: dict[str, quota.Amounts] = {}
    fields: dict[Counted, str] = {}
    for wish in wishes:
        place = wish.manifest.metadata.namespace or "default"
        require(user, Right.EDIT, place)
        if place not in asked and not quota.limits_of(place):
            continue
        written = spec_columns(checked_spec(wish.manifest.spec))
        sizes = (storage.bytes_of(place, disk.size_bytes, disk.source) for disk in wish.new_disks)
        more = usage.of_machine(written) + quota.Amounts({Counted.STORAGE: sum(sizes)})
        asked[place] = asked.get(place, quota.Amounts()) + more
        fields = usage.fields_of(written)
    for place, amounts in asked.items():
        quota.refuse_over(place, amounts, fields)


def seed_of(vm: VirtualMachine) -> CloudInit | None:
    """What the machine's cloud-init was given, revealed: it lies in a Secret that goes with the machine."""
    seed = spec_of(vm).cloud_init
    if seed is None:
        return None
    told = seed.no_cloud
    user_data, network_data = (
        revealed(vm.namespace, reference, key)
        for reference, key in ((told.secret_ref, "userData"), (told.network_data_secret_ref, "networkData"))
    )
    return CloudInit(NoCloud(user_data=user_data, network_data=network_data)) if user_data or network_data else None


def revealed(namespace: str, reference: SecretName | None, key: str) -> str:
    """What the Secret has under the key, which Secrets may spell in lower case."""
    data = secrets.reveal(namespace, reference.name) if reference else None
    return (data or {}).get(key) or (data or {}).get(key.lower()) or ""


def taken(namespace: str, name: str, field: str) -> Conflict:
    """The refusal of a name that a machine has, which may be one that nobody sees any more."""
    values = {"name": name, "namespace": namespace}
    if VirtualMachine.objects.trashed().filter(namespace=namespace, name=name).exists():
        sentence = _("There is a virtual machine %(name)s in the trash of namespace %(namespace)s.")
        fix = _("Restore it, or purge it there; or take another name.")
        return Conflict(f"{sentence % values} {fix}", field=field, reason="AlreadyExists")
    sentence = _("There is a virtual machine %(name)s in namespace %(namespace)s already.")
    return Conflict(sentence % values, field=field, reason="AlreadyExists")


def kept_name(machine: str) -> str:
    return f"{machine}-cloud-init"


def with_secrets_kept(name: str, spec: VirtualMachineSpec) -> tuple[VirtualMachineSpec, dict[str, str]]:
    """Move inline cloud-init data, which may hold passwords, into a Secret; the spec then names the Secret."""
    if spec.cloud_init is None:
        return spec, {}
    seed, kept = spec.cloud_init.no_cloud, {}
    parts = (
        ("userData", seed.user_data, seed.user_data_base64),
        ("networkData", seed.network_data, seed.network_data_base64),
    )
    for key, text, encoded in parts:
        field = f"spec.cloudInit.noCloud.{key}"
        try:
            body = decoded(text, encoded)
        except ValueError as error:
            raise Invalid([Problem(field + "Base64", _("This is not base64 of UTF-8 text."))]) from error
        if len(body.encode()) > CLOUD_INIT_BYTES:
            raise Invalid([Problem(field, _("It is larger than 512 KiB."))])
        if body:
            kept[key] = body
    reference = SecretName(kept_name(name))
    kept_seed = NoCloud(
        secret_ref=reference if "userData" in kept else seed.secret_ref,
        network_data_secret_ref=reference if "networkData" in kept else seed.network_data_secret_ref,
    )
    return structs.replace(spec, cloud_init=CloudInit(kept_seed)), kept


def write_rows(vm: VirtualMachine, spec: VirtualMachineSpec) -> None:
    """The machine's disks and interfaces as rows, in place of those it had; the machine at hand has them too."""
    if vm.generation > 1:  # a new one had none
        vm.disks.all().delete()
        vm.interfaces.all().delete()
    disks = MachineDisk.objects.bulk_create(
        MachineDisk(
            machine=vm, position=position, disk_name=disk.virtual_machine_disk_name, boot=disk.boot,
            read_only=disk.read_only, auto_delete=disk.auto_delete, driver=disk.driver,
            cdrom=disk.cdrom is not None, ejected=bool(disk.cdrom and disk.cdrom.ejected),
        )
        for position, disk in enumerate(spec.disks)
    )  # fmt: skip
    cards = MachineInterface.objects.bulk_create(
        MachineInterface(
            machine=vm, position=position, name=card.name, network_name=card.network_name,
            mac_address=(card.mac_address or "").lower(), ip_addresses=card.ip_addresses,
            default=card.default, model=card.model,
        )
        for position, card in enumerate(spec.interfaces)
    )  # fmt: skip
    vars(vm).pop("_prefetched_objects_cache", None)
    with_these(vm, disks, cards)


def _shown(spec: VirtualMachineSpec) -> dict[str, Any]:
    """The spec for the audit: cloud-init is in its Secret by now, so nothing of it is left to hide."""
    from msgspec import to_builtins

    shown: dict[str, Any] = to_builtins(spec)
    return shown


@transaction.atomic
def adopt(user: User, actor: Actor, vm: VirtualMachine, *, namespace: str, name: str = "") -> Operation:
    """Take a machine made outside into a namespace. Its hardware and its power are not touched."""
    require(user, Right.CLUSTER_EDIT, None)
    require(user, Right.EDIT, namespace)
    refuse_unless_allowed(Verb.ADOPT, vm)
    metadata = Metadata(name=name or vm.name.lower(), namespace=namespace)
    from inventory.manifests import converted

    converted({"name": metadata.name, "namespace": namespace}, Metadata)
    if VirtualMachine.objects.filter(namespace=namespace, name=metadata.name).exists():
        raise taken(namespace, metadata.name, "name")
    sized = {Counted.VCPUS: vm.status_vcpus or 0, Counted.MEMORY: vm.status_memory_bytes or 0}
    quota.refuse_over(namespace, {Counted.MACHINES: 1, **sized}, dict.fromkeys(Counted, "namespace"))
    operation = operations.begin(
        actor, Verb.ADOPT, kind=KIND, uid=vm.uid, name=metadata.name, namespace=namespace,
        data={"namespace": namespace, "name": metadata.name},
    )  # fmt: skip
    loop.enqueue(KIND, vm.uid)
    return operation
