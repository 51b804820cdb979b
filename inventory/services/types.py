"""Machine types: create, edit, delete, and the predefined one that is always there."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _
from msgspec import to_builtins

from inventory.models import VirtualMachine, VirtualMachineType
from inventory.schema import VirtualMachineTypeManifest
from observability import audit, changes, subjects
from vmconsole import objectmeta
from vmconsole.access.actors import Actor
from vmconsole.access.errors import Conflict
from vmconsole.access.models import User
from vmconsole.access.rights import Right, require
from vmconsole.runtime.quantities import parse_quantity

KIND = "VirtualMachineType"
PREDEFINED = "example-machinetype"
MARK = "vm.cluster.gke.io/predefined-machinetype"


def ensure_predefined() -> VirtualMachineType:
    """The predefined type as it must be, made again or put right."""
    values = {
        "spec_vcpus": 2,
        "spec_memory": "4G",
        "spec_memory_bytes": 4 * 10**9,
        "predefined": True,
        "labels": {MARK: "true"},
    }
    shape, _made = VirtualMachineType.objects.update_or_create(name=PREDEFINED, defaults=values)
    return shape


@transaction.atomic
def save_type(
    user: User, actor: Actor, manifest: VirtualMachineTypeManifest, *, existing: VirtualMachineType | None = None
) -> VirtualMachineType:
    """Create or edit a type. Machines of the type take an edit at their next start."""
    require(user, Right.CLUSTER_EDIT, None)
    spec, name = manifest.spec, manifest.metadata.name
    compute = {
        "spec_vcpus": spec.cpu.vcpus,
        "spec_memory": spec.memory.capacity,
        "spec_memory_bytes": parse_quantity(spec.memory.capacity),
        "spec_guaranteed": spec.guaranteed,
        "spec_advanced": to_builtins(spec.advanced_compute) if spec.advanced_compute else {},
    }
    values = {**compute, **objectmeta.columns(manifest.metadata)}
    if existing is None:
        try:
            with transaction.atomic():
                shape = VirtualMachineType.objects.create(name=name, **values)
        except IntegrityError as error:
            sentence = _("There is a machine type %(name)s already.") % {"name": name}
            raise Conflict(sentence, field="metadata.name", reason="AlreadyExists") from error
        _note(actor, "create", shape)
        _tell(shape, "ADDED")
        return shape
    diff = objectmeta.differing(existing, values)
    if not diff:
        return existing
    _refuse_predefined(existing)
    VirtualMachineType.objects.filter(uid=existing.uid).update(**values, generation=F("generation") + 1)
    existing.refresh_from_db()
    if compute.keys() & diff.keys():
        VirtualMachine.objects.filter(spec_type_name=existing.name).update(generation=F("generation") + 1)
    _note(actor, "edit", existing, diff)
    _tell(existing, "MODIFIED")
    _forget_if_free(existing)
    return existing


@transaction.atomic
def delete_type(user: User, actor: Actor, shape: VirtualMachineType) -> None:
    require(user, Right.CLUSTER_EDIT, None)
    _refuse_predefined(shape)
    users = [subjects.called(vm.uid, vm.name) for vm in VirtualMachine.objects.filter(spec_type_name=shape.name)[:5]]
    if users:
        sentence = _("Machine type %(name)s is in use by %(users)s.")
        raise Conflict(sentence % {"name": shape.name, "users": ", ".join(users)}, reason="InUse")
    _note(actor, "delete", shape)
    VirtualMachineType.objects.filter(uid=shape.uid).update(deletion_requested_at=timezone.now())
    shape.refresh_from_db()
    if shape.finalizers:
        _tell(shape, "MODIFIED")
    _forget_if_free(shape)


def _forget_if_free(shape: VirtualMachineType) -> None:
    """Somebody's finalizer keeps the row until they take it away."""
    if shape.deletion_requested_at and not shape.finalizers:
        uid = shape.uid
        shape.delete()
        changes.changed(KIND, uid, shape.name, "", "DELETED", changes.seen_of(shape))


def _refuse_predefined(shape: VirtualMachineType) -> None:
    if shape.predefined:
        sentence = _("%(name)s is predefined and cannot be changed. Copy it under another name.")
        raise Conflict(sentence % {"name": shape.name}, reason="Predefined")


def _note(actor: Actor, verb: str, shape: VirtualMachineType, diff: dict[str, Any] | None = None) -> None:
    phase = audit.Phase.SUCCEEDED
    audit.record(actor, verb, kind=KIND, uid=shape.uid, name=shape.name, namespace="", phase=phase, diff=diff)


def _tell(shape: VirtualMachineType, what: changes.What) -> None:
    shape.resource_version = changes.changed(KIND, shape.uid, shape.name, "", what, changes.seen_of(shape))
    VirtualMachineType.objects.filter(uid=shape.uid).update(resource_version=shape.resource_version)
