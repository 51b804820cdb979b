"""ResourceQuota: the most that a namespace may have, set by the cluster and seen by all who work there."""

from __future__ import annotations

from django.utils.translation import gettext as _

from apiserver.kinds.core import in_their_namespaces, parsed
from apiserver.kinds.kind import Asking, Column, Kind, Manifest
from apiserver.kinds.schema import ResourceQuotaManifest, ResourceQuotaStatus
from apiserver.meta import age, metadata_of
from vmconsole import objectmeta
from vmconsole.access import configuration, quota
from vmconsole.access.errors import Unprocessable
from vmconsole.access.models import ResourceQuota
from vmconsole.access.rights import Right
from vmconsole.access.rules import IN_BYTES, Counted
from vmconsole.runtime.quantities import BadQuantity, format_quantity, parse_quantity


def _text(counted: Counted, amount: int) -> str:
    return format_quantity(amount) if counted in IN_BYTES else str(amount)


def _hard(row: ResourceQuota) -> dict[str, str]:
    return {counted: _text(counted, limit) for counted, limit in quota.limits_in(row).items()}


def _used(row: ResourceQuota) -> dict[str, str]:
    used = quota.used([row.namespace])[row.namespace]
    return {counted: _text(counted, used[counted]) for counted in quota.limits_in(row)}


def _manifest(row: ResourceQuota) -> Manifest:
    hard = _hard(row)
    top = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata_of(row)}
    return {**top, "spec": {"hard": hard}, "status": {"hard": hard, "used": _used(row)}}


def _limits(hard: dict[str, str | int]) -> dict[str, int]:
    """What was written, in bytes and numbers. Nothing is dropped: a limit that nobody keeps would be a trap."""
    found = {}
    for name, text in hard.items():
        field = f"spec.hard[{name[:80]}]"
        if name not in {*Counted}:
            sentence = _("“%(name)s” is not counted here. Write limits for: %(known)s.")
            raise Unprocessable(sentence % {"name": name[:80], "known": ", ".join(Counted)}, field=field)
        if name not in IN_BYTES and not (str(text).isascii() and str(text).isdecimal()):
            raise Unprocessable(_("Write a whole number, such as 8."), field=field)
        try:
            found[str(Counted(name))] = parse_quantity(str(text))
        except BadQuantity as error:
            raise Unprocessable(_(str(error)), field=field) from error
    return found


def _create(asking: Asking, manifest: Manifest) -> ResourceQuota:
    found: ResourceQuotaManifest = parsed(manifest, ResourceQuotaManifest)
    namespace, name = found.metadata.namespace, found.metadata.name
    columns = objectmeta.columns(found.metadata)
    return configuration.create_quota(
        asking.user, asking.actor, namespace, name, hard=_limits(found.spec.hard), **columns
    )


def _update(asking: Asking, row: ResourceQuota, manifest: Manifest) -> ResourceQuota:
    found: ResourceQuotaManifest = parsed(manifest, ResourceQuotaManifest)
    columns = objectmeta.columns(found.metadata)
    return configuration.edit_quota(asking.user, asking.actor, row, hard=_limits(found.spec.hard), **columns)


def _requests(row: ResourceQuota) -> str:
    used, hard = _used(row), _hard(row)
    return ", ".join(f"{name}: {used[name]}/{hard[name]}" for name in hard)


RESOURCE_QUOTA = Kind(
    group="",
    version="v1",
    name="ResourceQuota",
    plural="resourcequotas",
    singular="resourcequota",
    short_names=("quota",),
    schema=ResourceQuotaManifest,
    status=ResourceQuotaStatus,
    change="ResourceQuota",
    description="The most that a namespace may have of machines, vCPUs, memory and disk space.",
    edit=Right.CLUSTER_EDIT,
    rows=lambda user: in_their_namespaces(ResourceQuota, user),
    to_manifest=_manifest,
    create=_create,
    update=_update,
    delete=lambda asking, row: configuration.delete_quota(asking.user, asking.actor, row),
    columns=(
        Column("Request", _requests, description="What is used of each limit."),
        Column("Limit", lambda _row: "", description="What is used of limits for running: none is counted here."),
        Column("Age", age, "date"),
    ),
)
