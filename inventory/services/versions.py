"""The configurations a machine had: kept in the transaction of each change, and brought back through the usual edit.

A version is the manifest as people write it. Bodies of cloud-init lie in Secrets, which it only names; whatever else
could hold a secret (what a client put into annotations) is hidden before it is kept, and taken from the machine as it
is now when the version comes back.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from inventory.manifests import manifest_of
from inventory.models import MachineVersion, VirtualMachine
from observability import rules
from vmconsole.access.actors import Actor
from vmconsole.access.errors import NotFound

MOST = 200  # of one machine; the oldest give way
PRUNE_EVERY = 16  # generations: the look for old ones costs as much as the writing
REWRITTEN = ["actor_name", "request_id", "operation_uid", "restored", "manifest"]
# A client's own copy of all it ever sent, bodies included.
COPIES = ("kubectl.kubernetes.io/last-applied-configuration",)
# Free text of other programs, where a secret may stand.
FREE = ("guestEnvironment",)


def remember(
    vm: VirtualMachine, actor: Actor, *, operation_uid: UUID | None = None, restored: int | None = None
) -> None:
    """Keep the configuration as it is now, with its disks and cards. Asked for after they were written."""
    version = MachineVersion(
        machine=vm, number=vm.generation, actor_name=actor.name, request_id=actor.request_id if actor.user_id else "",
        operation_uid=operation_uid, restored=restored, manifest=kept(manifest_of(vm, status=False)),
    )  # fmt: skip
    MachineVersion.objects.bulk_create(  # one statement, also where the generation has a version already
        [version], update_conflicts=True, unique_fields=["machine", "number"], update_fields=REWRITTEN
    )
    if vm.generation % PRUNE_EVERY == 0:
        old = MachineVersion.objects.filter(machine=vm).order_by("-number").values_list("pk", flat=True)[MOST:]
        MachineVersion.objects.filter(pk__in=list(old)).delete()


def remember_before(vm: VirtualMachine) -> None:
    """The configuration that is about to be changed, of a machine from before versions were kept."""
    if not MachineVersion.objects.filter(machine=vm).exists():
        remember(vm, Actor.system("before"))


def kept(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest without anything that could be a secret."""
    metadata = {**manifest["metadata"]}
    written = {key: value for key, value in metadata.get("annotations", {}).items() if key not in COPIES}
    metadata.pop("annotations", None)
    if written:
        metadata["annotations"] = rules.redacted(written)
    spec = {key: rules.redacted(value) if key in FREE else value for key, value in manifest.get("spec", {}).items()}
    return {**manifest, "metadata": metadata, "spec": spec}


def version_of(vm: VirtualMachine, number: int) -> MachineVersion:
    """Of this machine and no other. A number that is not kept, or is no number at all, is not there."""
    version = MachineVersion.objects.filter(machine=vm, number=number).first() if number < 1 << 63 else None
    if version is None:
        raise NotFound(_("There is no such version of it any more."))
    return version


def brought_back(vm: VirtualMachine, version: MachineVersion) -> dict[str, Any]:
    """The version as a manifest to edit with: what was hidden or left out of it is as it is now."""
    now, then = manifest_of(vm, status=False), version.manifest
    annotations = {**then["metadata"].get("annotations", {})}
    mine = now["metadata"].get("annotations", {})
    annotations |= {key: mine[key] for key in COPIES if key in mine}
    for key, value in list(annotations.items()):
        if rules.HIDDEN in str(value):
            annotations.pop(key)
            annotations |= {key: mine[key]} if key in mine else {}
    spec = {**then.get("spec", {})}
    for key in FREE:
        if rules.HIDDEN in str(spec.get(key, "")):
            spec[key] = now["spec"].get(key)
    metadata = {**then["metadata"], "annotations": annotations, "name": vm.name, "namespace": vm.namespace}
    return {**now, "metadata": metadata, "spec": {key: value for key, value in spec.items() if value is not None}}
