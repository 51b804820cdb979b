"""Machine types: create, edit, delete, and the predefined one that is always there."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from inventory.models import VirtualMachine, VirtualMachineType
from inventory.schema import VirtualMachineTypeManifest
from observability import audit, changes
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
    values = {
        "labels": manifest.metadata.labels,
        "annotations": manifest.metadata.annotations,
        "spec_vcpus": spec.cpu.vcpus,
        "spec_memory": spec.memory.capacity,
        "spec_memory_bytes": parse_quantity(spec.memory.capacity),
        "spec_guaranteed": spec.guaranteed,
    }
    if existing is None:
        try:
            with transaction.atomic():
                shape = VirtualMachineType.objects.create(name=name, **values)
        except IntegrityError as error:
            raise Conflict(
                _("There is a machine type %(name)s already.") % {"name": name}, field="metadata.name"
            ) from error
    else:
        _refuse_predefined(existing)
        VirtualMachineType.objects.filter(uid=existing.uid).update(**values, generation=F("generation") + 1)
        existing.refresh_from_db()
        shape = existing
        VirtualMachine.objects.filter(spec_type_name=shape.name).update(generation=F("generation") + 1)
    _note(actor, "edit" if existing else "create", shape)
    changes.changed(KIND, shape.uid, shape.name, "", "MODIFIED" if existing else "ADDED")
    return shape


@transaction.atomic
def delete_type(user: User, actor: Actor, shape: VirtualMachineType) -> None:
    require(user, Right.CLUSTER_EDIT, None)
    _refuse_predefined(shape)
    users = list(VirtualMachine.objects.filter(spec_type_name=shape.name).values_list("name", flat=True)[:5])
    if users:
        sentence = _("Machine type %(name)s is in use by %(users)s.")
        raise Conflict(sentence % {"name": shape.name, "users": ", ".join(users)}, reason="InUse")
    _note(actor, "delete", shape)
    changes.changed(KIND, shape.uid, shape.name, "", "DELETED")
    shape.delete()


def _refuse_predefined(shape: VirtualMachineType) -> None:
    if shape.predefined:
        sentence = _("%(name)s is predefined and cannot be changed. Copy it under another name.")
        raise Conflict(sentence % {"name": shape.name}, reason="Predefined")


def _note(actor: Actor, verb: str, shape: VirtualMachineType) -> None:
    phase = audit.Phase.SUCCEEDED
    audit.record(actor, verb, kind=KIND, uid=shape.uid, name=shape.name, namespace="", phase=phase)
