"""Machines as manifests: YAML or JSON in, rows' columns out, and back without loss.

What comes in is checked twice: by the schema (`schema`, types and ranges) and by the rules (`rules.problems`, what
makes sense together). Everything wrong is said at once, each with its field's path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import yaml
from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext as _

from inventory import rules
from inventory.models import MachineDisk, MachineInterface, VirtualMachine, VirtualMachineType
from inventory.schema import (
    GROUP,
    CardModel,
    Cdrom,
    CloudInit,
    Compute,
    Cpu,
    Disk,
    Driver,
    Firmware,
    Interface,
    Memory,
    VirtualMachineManifest,
    VirtualMachineSpec,
    VirtualMachineTypeManifest,
)
from inventory.states import State
from vmconsole import objectmeta
from vmconsole.access.errors import Unprocessable
from vmconsole.objectmeta import Metadata
from vmconsole.prepared import Prepared
from vmconsole.runtime.quantities import parse_quantity

MANIFEST_BYTES = 1 << 20
OURS = "vmconsole.dev/"
DISPLAY_NAME = OURS + "display-name"
PROTECTED = OURS + "deletion-protection"
GRACE = OURS + "grace-seconds"
REST = ("scheduling", "guestEnvironment", "autoInstallGuestAgent", "useVirtioTransitional")
T = TypeVar("T")


class Invalid(Unprocessable):
    """A manifest that cannot be taken. `problems` names every field and what is wrong with it."""

    def __init__(self, problems: list[rules.Problem]) -> None:
        self.problems = [(problem.field, _(problem.sentence) % dict(problem.values)) for problem in problems]
        super().__init__(" ".join(sentence for _field, sentence in self.problems), field=self.problems[0][0])


def load_yaml(text: str) -> dict[str, Any]:
    """One document, as plain data. Anchors are fine, tags and bombs are not."""
    if len(text) > MANIFEST_BYTES:
        raise Invalid([rules.Problem("", _("The manifest is larger than 1 MiB."))])
    if text.count("*") > 200 and text.count("&") > 5:
        raise Invalid([rules.Problem("", _("The manifest has too many aliases."))])
    try:
        document = yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = str(mark.line + 1) if mark else "?"
        wrong = _("This is not YAML: line %(line)s, %(what)s.")
        values = (("line", line), ("what", str(getattr(error, "problem", error))[:200]))
        raise Invalid([rules.Problem("", wrong, values)]) from error
    if not isinstance(document, dict):
        raise Invalid([rules.Problem("", _("A manifest is a mapping with apiVersion, kind, metadata and spec."))])
    return document


def dump_yaml(manifest: dict[str, Any]) -> str:
    return yaml.dump(manifest, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=110)


def parse_machine(document: dict[str, Any]) -> VirtualMachineManifest:
    manifest = converted(document, VirtualMachineManifest)
    found = rules.problems(manifest.spec)
    if found:
        raise Invalid(found)
    return manifest


def parse_type(document: dict[str, Any]) -> VirtualMachineTypeManifest:
    manifest = converted(document, VirtualMachineTypeManifest)
    found = rules.memory_problem(manifest.spec.memory.capacity, "spec.memory.capacity")
    if found:
        raise Invalid(found)
    return manifest


def converted(document: dict[str, Any], into: type[T]) -> T:
    """Checked against the schema. `status` and what servers fill in are ignored: manifests come back as they went."""
    try:
        return msgspec.convert(objectmeta.writable(document), into)
    except msgspec.ValidationError as error:
        raise Invalid([_schema_problem(str(error))]) from error


def checked_spec(spec: VirtualMachineSpec) -> VirtualMachineSpec:
    """A spec built by a form, held to the same schema and rules as one that came as YAML."""
    try:
        spec = msgspec.convert(msgspec.to_builtins(spec), VirtualMachineSpec)
    except msgspec.ValidationError as error:
        raise Invalid([_schema_problem(str(error), "spec")]) from error
    found = rules.problems(spec)
    if found:
        raise Invalid(found)
    return spec


def _schema_problem(text: str, root: str = "") -> rules.Problem:
    """msgspec's sentence, with its path in our form: `Expected … - at `$.spec.disks[0]`."""
    sentence, _at, path = text.partition(" - at `$")
    field = (root + path.rstrip("`")).lstrip(".")
    if "unknown field" in sentence:
        unknown = re.search(r"`([^`]*)`", sentence)
        name = unknown.group(1)[:60] if unknown else "?"
        field = f"{field}.{name}".lstrip(".")
        return rules.Problem(field, _("There is no field “%(name)s” here. Check its spelling."), (("name", name),))
    return rules.Problem(field, "%(path)s: %(what)s.", (("path", field or "manifest"), ("what", sentence)))


# --- rows -> manifest -------------------------------------------------------------------------------------------
def spec_of(vm: VirtualMachine) -> VirtualMachineSpec:
    """The machine's wish, as its manifest says it."""
    compute = msgspec.convert(vm.spec_compute, Compute)
    compute.virtual_machine_type_name = vm.spec_type_name
    if not vm.spec_type_name and vm.spec_vcpus is not None:
        compute.cpu = Cpu(vm.spec_vcpus)
    if not vm.spec_type_name and vm.spec_memory:
        compute.memory = Memory(vm.spec_memory)
    rest = msgspec.convert(vm.spec_rest, VirtualMachineSpec)
    return msgspec.structs.replace(
        rest,
        compute=compute,
        disks=[_disk(row) for row in _rows(vm, "disk_rows", "disks")],
        interfaces=[_interface(row) for row in _rows(vm, "interface_rows", "interfaces")],
        running_state=vm.spec_running_state,
        auto_restart_on_configuration_change=vm.spec_auto_restart,
        os_type=vm.spec_os_type,
        firmware=msgspec.convert(vm.spec_firmware, Firmware) if vm.spec_firmware else None,
        cloud_init=msgspec.convert(vm.spec_cloud_init, CloudInit) if vm.spec_cloud_init else None,
    )


def with_rows(machines: QuerySet[Any]) -> QuerySet[Any]:
    """The machines with what their manifests read besides: for lists of hundreds.

    Every column is read: to leave a few of so many out costs Django more than to decode them.
    """
    disks, interfaces = Prefetch("disks", to_attr="disk_rows"), Prefetch("interfaces", to_attr="interface_rows")
    return machines.prefetch_related(disks, interfaces)


_DISKS, _CARDS = Prepared(MachineDisk.objects.all(), "machine"), Prepared(MachineInterface.objects.all(), "machine")
_MACHINE = Prepared(VirtualMachine.objects.all(), "uid")
_LOCKED = Prepared(VirtualMachine.objects.select_for_update(of=("self",)), "uid")


def whole(uid: UUID, *, lock: bool = False) -> VirtualMachine | None:
    """One machine with what its manifest reads besides. None: it went, or went to the trash, before it was locked."""
    vm = (_LOCKED if lock else _MACHINE).one(uid)
    if vm is None or vm.trashed_at:
        return None
    return with_these(vm, _DISKS(uid), _CARDS(uid))


def with_these(vm: VirtualMachine, disks: list[MachineDisk], cards: list[MachineInterface]) -> VirtualMachine:
    """The machine at hand, knowing its disks and cards: its manifest asks the database for nothing more."""
    vars(vm).update(disk_rows=disks, interface_rows=cards)
    return vm


def _rows(vm: VirtualMachine, fetched: str, related: str) -> Iterable[Any]:
    rows: Iterable[Any] = vm.__dict__[fetched] if fetched in vm.__dict__ else getattr(vm, related).all()
    return rows


def _disk(row: MachineDisk) -> Disk:
    return Disk(
        virtual_machine_disk_name=row.disk_name,
        boot=row.boot,
        read_only=row.read_only,
        auto_delete=row.auto_delete,
        driver=msgspec.convert(row.driver, Driver),
        cdrom=Cdrom(ejected=row.ejected) if row.cdrom else None,
    )


def _interface(row: MachineInterface) -> Interface:
    return Interface(
        name=row.name,
        network_name=row.network_name,
        ip_addresses=list(row.ip_addresses),
        mac_address=row.mac_address or None,
        default=row.default,
        model=msgspec.convert(row.model, CardModel),
    )


def manifest_of(vm: VirtualMachine, *, status: bool = True) -> dict[str, Any]:
    """The whole object as Kubernetes shows it."""
    metadata = Metadata(name=vm.name, namespace=vm.namespace, labels=vm.labels, annotations=annotations_of(vm))
    manifest = written_out(VirtualMachineManifest(GROUP, "VirtualMachine", metadata, spec_of(vm)))
    if status:
        manifest["metadata"] |= {
            "uid": str(vm.uid),
            "generation": vm.generation,
            "creationTimestamp": vm.created_at.isoformat(),
        }
        manifest["status"] = status_of(vm)
    return manifest


def written_out(manifest: VirtualMachineManifest) -> dict[str, Any]:
    """As people write it, without what is as usual."""
    plain: dict[str, Any] = msgspec.to_builtins(manifest)
    return {"apiVersion": GROUP, "kind": "VirtualMachine", **plain, "spec": shown_spec(manifest.spec)}


def shown_spec(spec: VirtualMachineSpec) -> dict[str, Any]:
    """The spec as it is shown: CPUs and memory in numbers also where they are the usual ones."""
    shown: dict[str, Any] = msgspec.to_builtins(spec)
    compute = dict(shown.get("compute", {}))
    if spec.compute.cpu is not None:
        compute["cpu"] = {"vcpus": spec.compute.cpu.vcpus}
    if spec.compute.memory is not None:
        compute["memory"] = {"capacity": spec.compute.memory.capacity}
    return {**shown, **({"compute": compute} if compute else {})}


def annotations_of(vm: VirtualMachine) -> dict[str, str]:
    ours = {
        DISPLAY_NAME: vm.display_name,
        PROTECTED: "true" if vm.deletion_protected else "",
        GRACE: str(vm.spec_grace_seconds) if vm.spec_grace_seconds != 60 else "",
    }
    return {**vm.annotations, **{key: value for key, value in ours.items() if value}}


def status_of(vm: VirtualMachine) -> dict[str, Any]:
    synced = vm.observed_generation == vm.generation and not vm.status_pending
    ready = vm.status_state == State.RUNNING
    conditions = [
        {"type": "VMCreated", "status": str(vm.made)},
        {"type": "Ready", "status": str(ready), "reason": vm.status_reason or vm.status_state},
        {"type": "ConfigurationSynced", "status": str(synced)},
    ]
    told = {
        "state": vm.status_state,
        "reason": vm.status_reason,
        "message": vm.status_message,
        "nodeName": vm.status_node,
        "observedGeneration": vm.observed_generation,
        "stateTransitionTime": vm.status_transitions,
        "interfaces": vm.status_addresses,
        "conditions": conditions,
    }
    return {key: value for key, value in told.items() if value not in ("", [], {}, None)}


# --- manifest -> rows -------------------------------------------------------------------------------------------
def columns(manifest: VirtualMachineManifest) -> dict[str, Any]:
    """Everything of a manifest that is a column of the machine's row. Disks and interfaces are rows of their own."""
    annotations = dict(manifest.metadata.annotations)
    values = spec_columns(manifest.spec)
    values["display_name"] = annotations.pop(DISPLAY_NAME, "")[:255]
    values["deletion_protected"] = annotations.pop(PROTECTED, "").lower() == "true"
    values["spec_grace_seconds"] = _grace(annotations.pop(GRACE, "60"))
    held = objectmeta.held(manifest.metadata)
    return {**values, "labels": manifest.metadata.labels, "annotations": annotations, **held}


def _grace(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= 86_400:
        wrong = _("“%(value)s” is not a grace period. Write seconds, 0 to 86400.")
        raise Invalid([rules.Problem("metadata.annotations", wrong, (("value", text[:20]),))])
    return int(text)


def spec_columns(spec: VirtualMachineSpec) -> dict[str, Any]:
    builtins: dict[str, Any] = msgspec.to_builtins(spec)
    compute: dict[str, Any] = builtins.get("compute", {})
    memory = compute.pop("memory", None)
    cpu = compute.pop("cpu", None)
    typed = compute.pop("virtualMachineTypeName", "")
    capacity = None if typed else (memory or {}).get("capacity", "4Gi")
    return {
        "spec_type_name": typed,
        "spec_vcpus": None if typed else (cpu or {}).get("vcpus", 2),
        "spec_memory": capacity or "",
        "spec_memory_bytes": parse_quantity(capacity) if capacity else None,
        "spec_compute": compute,
        "spec_running_state": spec.running_state,
        "spec_auto_restart": spec.auto_restart_on_configuration_change,
        "spec_os_type": spec.os_type.capitalize(),
        "spec_firmware": builtins.get("firmware") or {},
        "spec_cloud_init": builtins.get("cloudInit") or {},
        "spec_rest": {key: builtins[key] for key in REST if builtins.get(key) is not None},
    }


def type_manifest(shape: VirtualMachineType) -> dict[str, Any]:
    spec: dict[str, Any] = {"cpu": {"vcpus": shape.spec_vcpus}, "memory": {"capacity": shape.spec_memory}}
    if shape.spec_guaranteed:
        spec["guaranteed"] = True
    if shape.spec_advanced:
        spec["advancedCompute"] = shape.spec_advanced
    marks = {"labels": shape.labels, "annotations": shape.annotations}
    metadata = {"name": shape.name} | {key: value for key, value in marks.items() if value}
    return {"apiVersion": GROUP, "kind": "VirtualMachineType", "metadata": metadata, "spec": spec}
