"""Namespace, Secret and ConfigMap: the core's kinds that people write."""

from __future__ import annotations

from typing import Any

import msgspec
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apiserver.kinds.applied import without
from apiserver.kinds.kind import Asking, Column, Kind, Manifest
from apiserver.kinds.schema import ConfigMapManifest, NamespaceManifest, NamespaceStatus, SecretManifest
from apiserver.meta import age, metadata_of
from vmconsole import objectmeta
from vmconsole.access import configuration
from vmconsole.access.errors import Unprocessable
from vmconsole.access.models import ConfigMap, Namespace, Secret, User
from vmconsole.access.rights import Right, everywhere, may, namespaces
from vmconsole.access.services import create_namespace


def parsed(manifest: Manifest, into: Any) -> Any:
    try:
        return msgspec.convert(objectmeta.writable(manifest), into)
    except msgspec.ValidationError as error:
        sentence, _at, path = str(error).partition(" - at `$")
        field = path.rstrip("`").lstrip(".")
        said = _("%(path)s: %(what)s.") % {"path": field or "manifest", "what": sentence}
        raise Unprocessable(said, field=field) from error


def in_their_namespaces(model: Any, user: User) -> QuerySet[Any]:
    rows: QuerySet[Any] = model.objects.all()
    return rows if everywhere(user) else rows.filter(namespace__in=namespaces(user))


# --- namespaces -------------------------------------------------------------------------------------------------
def _namespace_rows(user: User) -> QuerySet[Namespace]:
    rows = Namespace.objects.all()
    return rows if everywhere(user) or may(user, Right.CLUSTER_VIEW, None) else rows.filter(name__in=namespaces(user))


def _phase(row: Namespace) -> str:
    return "Terminating" if row.deletion_requested_at else "Active"


def _namespace_manifest(row: Namespace) -> Manifest:
    top = {"apiVersion": "v1", "kind": "Namespace", "metadata": _namespace_metadata(row)}
    return {**top, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": _phase(row)}}


def _namespace_metadata(row: Namespace) -> Manifest:
    """With the label that selectors of namespaces go by, which is never written."""
    metadata = metadata_of(row)
    return {**metadata, "labels": {"kubernetes.io/metadata.name": row.name, **metadata.get("labels", {})}}


def _namespace_columns(manifest: Manifest) -> Manifest:
    columns = objectmeta.columns(parsed(manifest, NamespaceManifest).metadata)
    columns["labels"] = {key: value for key, value in columns["labels"].items() if key != "kubernetes.io/metadata.name"}
    return columns


def _create_namespace(asking: Asking, manifest: Manifest) -> Namespace:
    columns = _namespace_columns(manifest)
    return create_namespace(asking.user, asking.actor, manifest["metadata"].get("name", ""), **columns)


def _update_namespace(asking: Asking, row: Namespace, manifest: Manifest) -> Namespace:
    return configuration.edit_namespace(asking.user, asking.actor, row, **_namespace_columns(manifest))


NAMESPACE = Kind(
    group="",
    version="v1",
    name="Namespace",
    plural="namespaces",
    singular="namespace",
    short_names=("ns",),
    namespaced=False,
    schema=NamespaceManifest,
    status=NamespaceStatus,
    change="Namespace",
    description="Who owns resources: the unit of roles.",
    edit=Right.CLUSTER_EDIT,
    rows=_namespace_rows,
    to_manifest=_namespace_manifest,
    metadata=_namespace_metadata,
    create=_create_namespace,
    update=_update_namespace,
    delete=lambda asking, row: configuration.delete_namespace(asking.user, asking.actor, row),
    columns=(Column("Status", _phase), Column("Age", age, "date")),
)


# --- secrets ----------------------------------------------------------------------------------------------------
def _secret_manifest(secret: Secret) -> Manifest:
    """Without its values: as lists, watches and people who only look see it."""
    top = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata_of(secret), "type": secret.type}
    return {**top, **({"immutable": True} if secret.immutable else {})}


def _opened(asking: Asking, secret: Secret) -> Manifest:
    if not may(asking.user, Right.EDIT, secret.namespace):
        return _secret_manifest(secret)
    configuration.note_opened(asking.actor, secret)
    return {**_secret_manifest(secret), "data": configuration.opened(secret)}


def _secret_columns(manifest: SecretManifest) -> Manifest:
    columns = objectmeta.columns(manifest.metadata)
    annotations = without(columns["annotations"], ["data"], ["stringData"])
    return {**columns, "annotations": annotations, "type": manifest.type, "immutable": manifest.immutable}


def _create_secret(asking: Asking, manifest: Manifest) -> Secret:
    found: SecretManifest = parsed(manifest, SecretManifest)
    return configuration.create_secret(
        asking.user, asking.actor, found.metadata.namespace, found.metadata.name, data=found.data,
        text=found.string_data, **_secret_columns(found),
    )  # fmt: skip


def _update_secret(asking: Asking, secret: Secret, manifest: Manifest) -> Secret:
    found: SecretManifest = parsed(manifest, SecretManifest)
    return configuration.edit_secret(
        asking.user, asking.actor, secret, data=found.data, text=found.string_data, **_secret_columns(found)
    )


SECRET = Kind(
    group="",
    version="v1",
    name="Secret",
    plural="secrets",
    singular="secret",
    schema=SecretManifest,
    change="Secret",
    description="Data that is kept sealed: cloud-init, credentials of sources.",
    rows=lambda user: in_their_namespaces(Secret, user),
    to_manifest=_secret_manifest,
    one=_opened,
    create=_create_secret,
    update=_update_secret,
    delete=lambda asking, row: configuration.delete_in_namespace(asking.user, asking.actor, row),
    selectable={"type": "type"},
    columns=(
        Column("Type", lambda row: row.type),
        Column("Data", lambda row: len(row.keys), "integer"),
        Column("Age", age, "date"),
    ),
)


# --- config maps ------------------------------------------------------------------------------------------------
def _config_manifest(row: ConfigMap) -> Manifest:
    top = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata_of(row)}
    more = {"data": row.data, "binaryData": row.binary_data, "immutable": row.immutable}
    return {**top, **{key: value for key, value in more.items() if value}}


def _config_values(found: ConfigMapManifest) -> Manifest:
    columns = objectmeta.columns(found.metadata)
    return {**columns, "data": found.data, "binary": found.binary_data, "immutable": found.immutable}


def _create_config(asking: Asking, manifest: Manifest) -> ConfigMap:
    found: ConfigMapManifest = parsed(manifest, ConfigMapManifest)
    namespace, name = found.metadata.namespace, found.metadata.name
    return configuration.create_config_map(asking.user, asking.actor, namespace, name, **_config_values(found))


def _update_config(asking: Asking, row: ConfigMap, manifest: Manifest) -> ConfigMap:
    found: ConfigMapManifest = parsed(manifest, ConfigMapManifest)
    return configuration.edit_config_map(asking.user, asking.actor, row, **_config_values(found))


CONFIG_MAP = Kind(
    group="",
    version="v1",
    name="ConfigMap",
    plural="configmaps",
    singular="configmap",
    short_names=("cm",),
    schema=ConfigMapManifest,
    change="ConfigMap",
    description="Settings in plain text.",
    rows=lambda user: in_their_namespaces(ConfigMap, user),
    to_manifest=_config_manifest,
    create=_create_config,
    update=_update_config,
    delete=lambda asking, row: configuration.delete_in_namespace(asking.user, asking.actor, row),
    columns=(
        Column("Data", lambda row: len(row.data) + len(row.binary_data), "integer"),
        Column("Age", age, "date"),
    ),
)
