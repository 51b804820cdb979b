"""What can be asked of secrets, config maps, namespaces and quotas as resources: make, change, delete.

Each is one transaction with its audit entry. No value of a secret gets into one: it says which keys there are.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from vmconsole import objectmeta
from vmconsole.access import journal, secrets
from vmconsole.access.actors import Actor
from vmconsole.access.errors import Conflict, Denied, TooLarge, Unprocessable
from vmconsole.access.models import ConfigMap, Namespace, ResourceQuota, Secret, User
from vmconsole.access.rights import Right, may, require

LARGEST = 1 << 20  # as the original
MOST_KEYS = 1000
USUAL_NAME = "quota"  # of a quota that was set on a page
Resource = Secret | ConfigMap | Namespace | ResourceQuota
Row = TypeVar("Row", Secret, ConfigMap, Namespace, ResourceQuota)


# --- secrets ----------------------------------------------------------------------------------------------------
def opened(secret: Secret) -> dict[str, str]:
    """Its data as base64, for those who may: asking is the caller's part, and so is the audit entry."""
    plain = secrets.unseal(bytes(secret.sealed))
    return {
        key: value if key in secret.binary else base64.b64encode(value.encode()).decode()
        for key, value in sorted(plain.items())
    }


def note_opened(actor: Actor, secret: Secret) -> None:
    """Somebody looked at the values."""
    _record(actor, "secret_read", secret)


def _sealable(data: Mapping[str, str], text: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Base64 as it came, and text beside it, as one mapping of text; and the keys that are no text."""
    plain, binary = {}, []
    if len(data) + len(text) > MOST_KEYS:
        raise TooLarge(_("There are more than %(most)s keys.") % {"most": MOST_KEYS})
    for key, value in data.items():
        try:
            raw = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Unprocessable(_("This is not base64."), field=f"data[{key[:63]}]") from error
        try:
            plain[key] = raw.decode()
        except UnicodeDecodeError:
            plain[key] = base64.b64encode(raw).decode()
            binary.append(key)
    binary = [key for key in binary if key not in text]
    plain |= text
    if sum(len(value) for value in plain.values()) > LARGEST:
        raise TooLarge(_("It is larger than 1 MiB."))
    return plain, binary


@transaction.atomic
def create_secret(
    asker: User, actor: Actor, namespace: str, name: str, *, data: Mapping[str, str], text: Mapping[str, str],
    **columns: Any,
) -> Secret:  # fmt: skip
    require(asker, Right.EDIT, namespace)
    plain, binary = _sealable(data, text)
    secret = Secret(namespace=namespace, name=name, sealed=secrets.seal(plain), keys=sorted(plain), binary=binary)
    for column, value in columns.items():
        setattr(secret, column, value)
    _insert(secret)
    _record(actor, "create", secret, {"keys": [None, secret.keys]})
    journal.told("Secret", secret, "ADDED")
    return secret


@transaction.atomic
def edit_secret(
    asker: User, actor: Actor, secret: Secret, *, data: Mapping[str, str], text: Mapping[str, str], **columns: Any
) -> Secret:
    require(asker, Right.EDIT, secret.namespace)
    plain, binary = _sealable(data, text)
    diff = objectmeta.differing(secret, columns)
    changed = {}
    if plain != secrets.unseal(bytes(secret.sealed)):
        changed = {"sealed": secrets.seal(plain), "keys": sorted(plain), "binary": binary}
        diff["keys"] = [secret.keys, sorted(plain)]
    if "type" in diff:
        raise Unprocessable(_("A secret's type cannot change."), field="type")
    if secret.immutable and (changed or "immutable" in diff):
        raise Unprocessable(_("It is immutable: delete it, and make another."), field="data")
    return _edited(actor, secret, diff, {**columns, **changed})


# --- config maps ------------------------------------------------------------------------------------------------
def _config(data: Mapping[str, str], binary: Mapping[str, str]) -> dict[str, Any]:
    for key, value in binary.items():
        try:
            base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Unprocessable(_("This is not base64."), field=f"binaryData[{key[:63]}]") from error
    if sum(len(value) for value in (*data.values(), *binary.values())) > LARGEST:
        raise TooLarge(_("It is larger than 1 MiB."))
    return {"data": dict(data), "binary_data": dict(binary)}


@transaction.atomic
def create_config_map(
    asker: User, actor: Actor, namespace: str, name: str, *, data: Mapping[str, str], binary: Mapping[str, str],
    **columns: Any,
) -> ConfigMap:  # fmt: skip
    require(asker, Right.EDIT, namespace)
    config = ConfigMap(namespace=namespace, name=name, **_config(data, binary), **columns)
    _insert(config)
    _record(actor, "create", config, {"keys": [None, sorted({*data, *binary})]})
    journal.told("ConfigMap", config, "ADDED")
    return config


@transaction.atomic
def edit_config_map(
    asker: User, actor: Actor, config: ConfigMap, *, data: Mapping[str, str], binary: Mapping[str, str], **columns: Any
) -> ConfigMap:
    require(asker, Right.EDIT, config.namespace)
    wanted = {**columns, **_config(data, binary)}
    diff = objectmeta.differing(config, wanted)
    if config.immutable and diff.keys() & {"data", "binary_data", "immutable"}:
        raise Unprocessable(_("It is immutable: delete it, and make another."), field="data")
    return _edited(actor, config, diff, wanted)


# --- namespaces -------------------------------------------------------------------------------------------------
@transaction.atomic
def edit_namespace(asker: User, actor: Actor, namespace: Namespace, **columns: Any) -> Namespace:
    require(asker, Right.CLUSTER_EDIT, None)
    return _edited(actor, namespace, objectmeta.differing(namespace, columns), columns)


@transaction.atomic
def delete_namespace(asker: User, actor: Actor, namespace: Namespace) -> None:
    """Only an empty one: what it holds is deleted by its own names, or somebody loses a disk by one word."""
    require(asker, Right.CLUSTER_EDIT, None)
    tenants: Callable[[str], list[str]] = import_string(settings.NAMESPACE_TENANTS)
    living = tenants(namespace.name)
    if living:
        sentence = _("Namespace %(name)s is not empty: it has %(what)s. Delete them first.")
        raise Conflict(sentence % {"name": namespace.name, "what": ", ".join(living[:5])}, reason="NotEmpty")
    for quota in ResourceQuota.objects.filter(namespace=namespace.name):
        delete_row(actor, quota)
    delete_row(actor, namespace)


# --- quotas: what the cluster grants a namespace, so those in it do not set them ---------------------------------
@transaction.atomic
def create_quota(
    asker: User, actor: Actor, namespace: str, name: str, *, hard: Mapping[str, int], **columns: Any
) -> ResourceQuota:
    _require_granting(asker, namespace)
    there = ResourceQuota.objects.filter(namespace=namespace).first()
    if there and there.name != name:
        sentence = _("Namespace %(namespace)s has a quota already: %(name)s. Change that one; there can be no second.")
        values = {"namespace": namespace, "name": there.name}
        raise Unprocessable(sentence % values, reason="QuotaExists", field="metadata.name")
    quota = ResourceQuota(namespace=namespace, name=name, hard=dict(hard), **columns)
    _insert(quota)
    _record(actor, "create", quota, {"hard": [None, quota.hard]})
    journal.told("ResourceQuota", quota, "ADDED")
    return quota


@transaction.atomic
def edit_quota(asker: User, actor: Actor, quota: ResourceQuota, **columns: Any) -> ResourceQuota:
    """A limit may be below what is used: nothing is taken away then, but nothing more is given."""
    _require_granting(asker, quota.namespace)
    return _edited(actor, quota, objectmeta.differing(quota, columns), columns)


@transaction.atomic
def delete_quota(asker: User, actor: Actor, quota: ResourceQuota) -> None:
    _require_granting(asker, quota.namespace)
    delete_row(actor, quota)


@transaction.atomic
def set_limits(asker: User, actor: Actor, namespace: str, hard: Mapping[str, int]) -> None:
    """Make, change or delete the namespace's quota: without any limit there is none."""
    _require_granting(asker, namespace)
    quota = ResourceQuota.objects.filter(namespace=namespace).first()
    if quota is None and hard:
        create_quota(asker, actor, namespace, USUAL_NAME, hard=hard)
    elif quota and hard:
        edit_quota(asker, actor, quota, hard=dict(hard))
    elif quota:
        delete_quota(asker, actor, quota)


def _require_granting(asker: User, namespace: str) -> None:
    if may(asker, Right.CLUSTER_EDIT, None):
        return
    require(asker, Right.VIEW, namespace)
    raise Denied(_("Only administrators of the cluster set quotas."), fix=_("Ask one of them."))


# --- all of them ------------------------------------------------------------------------------------------------
@transaction.atomic
def delete_in_namespace(asker: User, actor: Actor, row: Secret | ConfigMap) -> None:
    require(asker, Right.EDIT, row.namespace)
    delete_row(actor, row)


def delete_row(actor: Actor, row: Resource) -> None:
    type(row).objects.filter(uid=row.uid).update(deletion_requested_at=timezone.now())
    row.refresh_from_db()
    _record(actor, "delete", row)
    if row.finalizers:
        journal.told(type(row).__name__, row, "MODIFIED")
    _forget_if_free(row)


def _insert(row: Secret | ConfigMap | ResourceQuota) -> None:
    if not Namespace.objects.filter(name=row.namespace, deletion_requested_at=None).exists():
        raise Unprocessable(_("There is no namespace %(name)s.") % {"name": row.namespace[:63]}, field="namespace")
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        sentence = _("There is %(name)s in namespace %(namespace)s already.")
        values = {"name": row.name, "namespace": row.namespace}
        raise Conflict(sentence % values, reason="AlreadyExists", field="metadata.name") from error


def _edited(actor: Actor, row: Row, diff: dict[str, list[Any]], values: dict[str, Any]) -> Row:
    """Write what differs, and say so. Nothing differs: nothing is written."""
    if not diff:
        return row
    type(row).objects.filter(uid=row.uid).update(**values)
    row.refresh_from_db()
    _record(actor, "edit", row, diff)
    journal.told(type(row).__name__, row, "MODIFIED")
    _forget_if_free(row)
    return row


def _forget_if_free(row: Resource) -> None:
    """Somebody's finalizer keeps the row until they take it away."""
    if not row.deletion_requested_at or row.finalizers:
        return
    gone, uid = row, row.uid
    type(row).objects.filter(uid=uid).delete()
    journal.told(type(gone).__name__, gone, "DELETED")


def _record(actor: Actor, action: str, row: Any, diff: dict[str, list[Any]] | None = None) -> None:
    kind, namespace = type(row).__name__, getattr(row, "namespace", row.name)
    shown = {key: pair for key, pair in (diff or {}).items() if key not in ("data", "binary_data", "annotations")}
    journal.record(
        actor, action, kind=kind, uid=row.uid, name=row.name, namespace=namespace, phase="succeeded", diff=shown
    )
