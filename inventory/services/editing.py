"""Edit: a changed manifest written down, with what it changes in the audit, and taken back when it is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from django.db import transaction
from django.utils.translation import gettext as _
from msgspec import structs

from inventory import usage
from inventory.manifests import (
    Invalid,
    checked_spec,
    columns,
    manifest_of,
    parse_machine,
    shown_spec,
    spec_columns,
    spec_of,
)
from inventory.models import MachineVersion, VirtualMachine
from inventory.rules import LIVE, Problem, Verb
from inventory.schema import GROUP, VirtualMachineManifest, VirtualMachineSpec
from inventory.services.asking import KIND, refuse_unless_allowed, require_on, tell
from inventory.services.attaching import attach_existing, claim_existing, detach_absent
from inventory.services.making import kept_name, with_secrets_kept, write_rows
from inventory.services.versions import brought_back, remember, remember_before
from networking.models import NetworkInterface
from networking.services import release_interface
from observability import audit
from vmconsole import objectmeta
from vmconsole.access import quota, secrets
from vmconsole.access.actors import Actor
from vmconsole.access.errors import Conflict
from vmconsole.access.models import User
from vmconsole.operations import loop
from vmconsole.operations import services as operations
from vmconsole.operations.models import Operation
from vmconsole.runtime.types import Power

When = Literal["refuse", "next-start", "restart"]
FIELDS = structs.fields(VirtualMachineSpec)


@transaction.atomic
def edit(
    user: User,
    actor: Actor,
    vm: VirtualMachine,
    manifest: VirtualMachineManifest,
    *,
    expected_generation: int | None = None,
    when: When = "refuse",
    locked: bool = False,
    restored: int | None = None,
) -> Operation | None:
    """Write down a changed manifest. None: nothing that the runtime shows has changed, so it is done already.
    `locked`: the row was read for this, in this transaction.

    What cannot change under a running machine is refused, unless it restarts by itself
    (`autoRestartOnConfigurationChange`) or `when` says what to do: wait for the next start, or restart now.
    `restored` is the number of the version that this edit brings back.
    """
    require_on(user, vm)
    if not locked:
        rows = VirtualMachine.objects.select_for_update(of=("self",)).prefetch_related("disks", "interfaces")
        vm = rows.get(uid=vm.uid)
    _refuse_stale(vm, expected_generation)
    _same_object(vm, manifest)
    change = _change_of(vm, manifest)
    if change.diff or change.kept:
        remember_before(vm)
    if change.diff and restored is not None:
        change.diff["restored"] = [vm.generation, restored]
    restart = _needs_restart(vm, change.frozen, when)
    written = columns(VirtualMachineManifest(GROUP, "VirtualMachine", manifest.metadata, change.spec))
    if not change.fields and not change.kept:
        _metadata_only(actor, vm, written, change.diff, restored)
        return None
    quota.refuse_over(vm.namespace, usage.growth(spec_columns(change.old), written), usage.fields_of(written))
    earlier = refuse_unless_allowed(Verb.EDIT, vm)
    making = earlier if earlier and earlier.verb == Verb.CREATE else None
    operation = _into_making(actor, vm, making, change.diff) if making else operations.begin(
        actor, Verb.EDIT, kind=KIND, uid=vm.uid, name=vm.name, namespace=vm.namespace, diff=change.diff,
        data={"restart": restart, "before": manifest_of(vm, status=False), **_left_over(earlier)},
    )  # fmt: skip
    _write(vm, change, written)
    remember(vm, actor, operation_uid=None if making else operation.uid, restored=restored)
    tell(vm)
    loop.enqueue(KIND, vm.uid)
    return operation


@dataclass(frozen=True, slots=True)
class _Change:
    """What a manifest asks to be otherwise. `kept` are bodies of cloud-init, which go into a Secret."""

    old: VirtualMachineSpec
    spec: VirtualMachineSpec
    kept: dict[str, str]
    fields: dict[str, str]  # of the spec: our names, and the manifest's
    diff: dict[str, Any]

    @property
    def frozen(self) -> list[str]:
        """What a running machine does not take."""
        hardware = [name for field, name in self.fields.items() if field not in LIVE]
        return [*hardware, "cloudInit"] if self.kept else hardware


def _change_of(vm: VirtualMachine, manifest: VirtualMachineManifest) -> _Change:
    spec, kept = with_secrets_kept(vm.name, checked_spec(manifest.spec))
    old = spec_of(vm)
    fields = {
        field.name: field.encode_name for field in FIELDS if getattr(old, field.name) != getattr(spec, field.name)
    }
    return _Change(old, spec, kept, fields, _diff(vm, spec, manifest))


def _write(vm: VirtualMachine, change: _Change, written: dict[str, Any]) -> None:
    """The wish with its secrets, disks and cards."""
    if change.kept:
        secrets.put(vm.namespace, kept_name(vm.name), change.kept, owner_uid=vm.uid)
    written |= {"status_fault": "", "status_fault_reason": ""}  # of what it was before
    power = {"Running": Power.ON, "Stopped": Power.OFF}.get(change.spec.running_state)
    if power and "running_state" in change.fields:
        written["spec_power"] = power
    vm.wish(**written)
    attach_existing(vm, change.spec)
    write_rows(vm, change.spec)
    detach_absent(vm)
    _release_cards(vm, change.spec)
    claim_existing(vm, change.spec)


def _left_over(earlier: Operation | None) -> dict[str, Any]:
    """What an edit takes over from one that is not done yet: it ends that one and goes on with both. Should it be
    refused, the machine is again what it was before the first.
    """
    if earlier is None:
        return {}
    operations.cancelled(earlier, _("Replaced by “%(verb)s”.") % {"verb": Verb.EDIT})
    return {key: earlier.data[key] for key in ("before", "restart", "stopped") if earlier.data.get(key)}


def _into_making(actor: Actor, vm: VirtualMachine, making: Operation, diff: dict[str, Any]) -> Operation:
    """A change of a machine that is not made yet, as when it waits for something that was misspelt: the operation that
    makes it goes on, with what is written now.
    """
    audit.record(
        actor, Verb.EDIT, kind=KIND, uid=vm.uid, name=vm.name, namespace=vm.namespace, phase=audit.Phase.SUCCEEDED,
        operation_uid=making.uid, diff=diff,
    )  # fmt: skip
    return making


def _needs_restart(vm: VirtualMachine, frozen: list[str], when: When) -> bool:
    """Whether the change restarts it. Hardware of a running machine does not change under it, unless that was said."""
    if not frozen or vm.is_off or when == "next-start":
        return False
    if when == "restart" or vm.spec_auto_restart:
        return True
    sentence = _("%(fields)s cannot change while %(name)s runs.")
    fix = _("Stop it first, apply the change at its next start, or set autoRestartOnConfigurationChange.")
    said = sentence % {"fields": ", ".join(frozen), "name": vm.title}
    raise Conflict(said, reason="NotEditable", field=f"spec.{frozen[0]}", fix=fix)


def take_back(vm: VirtualMachine, before: dict[str, Any]) -> None:
    """Undo an edit that the runtime refused: the wish is again what it was before it."""
    manifest = parse_machine(before)
    vm.refresh_from_db()
    vm.wish(**columns(manifest))
    write_rows(vm, manifest.spec)
    detach_absent(vm)
    attach_existing(vm, manifest.spec)
    remember(vm, Actor.system("reconcile"))


def _refuse_stale(vm: VirtualMachine, expected_generation: int | None) -> None:
    if expected_generation is not None and expected_generation != vm.generation:
        sentence = _(
            "%(name)s was changed by somebody else meanwhile. Look at the newer version, then change it again."
        )
        raise Conflict(sentence % {"name": vm.title}, reason="Stale")


def _same_object(vm: VirtualMachine, manifest: VirtualMachineManifest) -> None:
    if manifest.metadata.name != vm.name or manifest.metadata.namespace not in ("", vm.namespace):
        raise Invalid([Problem("metadata.name", _("A machine's name and namespace cannot change."))])


def _release_cards(vm: VirtualMachine, spec: VirtualMachineSpec) -> None:
    """Give back the identities of cards that the machine no longer has."""
    kept = {card.name for card in spec.interfaces}
    for card in NetworkInterface.objects.filter(machine_uid=vm.uid).exclude(card_name__in=kept):
        release_interface(card)


def _metadata_only(
    actor: Actor, vm: VirtualMachine, written: dict[str, Any], diff: dict[str, Any], restored: int | None
) -> None:  # fmt: skip
    """Labels, annotations and our own marks: no runtime shows them, so they hold at once and restart nothing."""
    if not diff:
        return
    if vm.observed_generation == vm.generation:
        written["observed_generation"] = vm.generation + 1
    vm.wish(**written)
    audit.record(
        actor, Verb.EDIT, kind=KIND, uid=vm.uid, name=vm.name, namespace=vm.namespace, phase=audit.Phase.SUCCEEDED,
        diff=diff,
    )  # fmt: skip
    remember(vm, actor, restored=restored)
    tell(vm)
    if vm.deletion_requested_at and not vm.finalizers:
        loop.enqueue(KIND, vm.uid)


def _diff(vm: VirtualMachine, spec: VirtualMachineSpec, manifest: VirtualMachineManifest) -> dict[str, Any]:
    """{path: [before, after]} of the parts that differ, for the audit and the operation."""
    before = manifest_of(vm, status=False)
    after_spec = shown_spec(spec)
    pairs = {
        f"spec.{key}": (before.get("spec", {}).get(key), after_spec.get(key))
        for key in {*before.get("spec", {}), *after_spec}
    }
    metadata = before["metadata"]
    pairs["metadata.labels"] = (metadata.get("labels", {}), manifest.metadata.labels)
    pairs["metadata.annotations"] = (metadata.get("annotations", {}), manifest.metadata.annotations)
    for column, value in objectmeta.held(manifest.metadata).items():
        pairs[f"metadata.{column}"] = (getattr(vm, column), value)
    return {path: list(pair) for path, pair in sorted(pairs.items()) if pair[0] != pair[1]}


@transaction.atomic
def restore(
    user: User, actor: Actor, vm: VirtualMachine, version: MachineVersion, *, expected_generation: int | None = None,
    when: When = "refuse",
) -> Operation | None:  # fmt: skip
    """Make a configuration that it had the wish again: an edit like any other, with its audit entry and its rules."""
    require_on(user, vm)
    manifest = parse_machine(brought_back(vm, version))
    return edit(
        user, actor, vm, manifest, expected_generation=expected_generation, when=when, restored=version.number
    )  # fmt: skip


@transaction.atomic
def declare(user: User, actor: Actor, vm: VirtualMachine, running_state: str) -> Operation | None:
    """Set, change or remove (`""`) the standing wish for power."""
    if running_state not in ("", "Running", "Stopped"):
        raise Invalid([Problem("spec.runningState", _("Write Running or Stopped, or leave it out."))])
    manifest = manifest_now(vm)
    manifest.spec.running_state = running_state  # type: ignore[assignment]  # checked above
    return edit(user, actor, vm, manifest, when="next-start")


def manifest_now(vm: VirtualMachine) -> VirtualMachineManifest:
    """The machine's manifest as a value that can be changed and given to `edit`."""
    return parse_machine(manifest_of(vm, status=False))


@transaction.atomic
def resolve_drift(user: User, actor: Actor, vm: VirtualMachine, *, keep: Literal["ours", "theirs"]) -> Operation | None:
    """Changed outside: put our wish back, or make what is there the wish."""
    require_on(user, vm)
    operation = operations.begin(
        actor, Verb.EDIT, kind=KIND, uid=vm.uid, name=vm.name, namespace=vm.namespace,
        data={"drift": keep, "restart": False},
    )  # fmt: skip
    vm.wish()
    loop.enqueue(KIND, vm.uid)
    return operation
