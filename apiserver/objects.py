"""One object: read it, make it, change it, delete it.

Every change is one transaction from the look at the row to the service's last write, so what the client saw is what
its change is applied to; a dry run is the same transaction, taken back.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import msgspec
from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from apiserver import answers, deleting, patches, watch
from apiserver.bodies import body_of, options_of
from apiserver.kinds import Asking, Kind, Manifest, asking_in
from apiserver.meta import check_metadata, check_preconditions
from apiserver.reading import found, seen_in
from apiserver.status import BadRequest
from apiserver.validation import known_only
from vmconsole.access.rights import may, require

SUFFIX = string.ascii_lowercase + string.digits
Change = Callable[[Manifest], Manifest]  # from what is there to what is wanted


def item(request: HttpRequest, kind: Kind, namespace: str, name: str) -> HttpResponseBase:
    asking = asking_in(request)
    if request.method == "GET":
        return _get(request, asking, kind, namespace, name)
    if not may(asking.user, kind.edit, namespace or None):
        found(asking, kind, namespace, name)  # not theirs to see is 404; seen, and not theirs to change, is 403
        require(asking.user, kind.edit, namespace or None)
    if request.method == "DELETE":
        return _delete(request, asking, kind, namespace, name)
    change = replacing(request) if request.method == "PUT" else patches.patch_of(request, kind).applied
    return _change(request, asking, kind, namespace, name, change)


def replacing(request: HttpRequest) -> Change:
    """A PUT: what is there is not asked."""
    body = body_of(request)
    return lambda _current: body


def _get(request: HttpRequest, asking: Asking, kind: Kind, namespace: str, name: str) -> HttpResponseBase:
    if request.GET.get("watch") in ("1", "true"):
        return watch.watch(request, kind, namespace)
    row = found(asking, kind, namespace, name)
    return answers.one(request, kind, row, shown(asking, kind, row))


def shown(asking: Asking, kind: Kind, row: Any) -> Manifest:
    """As this person may see it by itself."""
    return kind.one(asking, row) if kind.one else kind.to_manifest(row)


def created(request: HttpRequest, kind: Kind, namespace: str) -> HttpResponseBase:
    asking = asking_in(request)
    require(asking.user, kind.edit, namespace or None)
    options, manifest = options_of(request), body_of(request)
    metadata = manifest.get("metadata")
    if isinstance(metadata, dict) and not metadata.get("name") and metadata.get("generateName"):
        made_up = str(metadata["generateName"])[:58] + "".join(secrets.choice(SUFFIX) for _each in range(5))
        manifest["metadata"] = {**metadata, "name": made_up}
    manifest = _addressed(manifest, kind, namespace, "")
    manifest["metadata"].pop("generateName", None)
    if manifest["metadata"].get("resourceVersion"):
        raise BadRequest(_("resourceVersion should not be set on objects to be created"))
    manifest, warnings = known_only(kind, manifest, options)
    assert kind.create is not None
    with transaction.atomic():
        row = kind.create(asking, manifest)
        row = as_it_is(kind, row)
        body = shown(asking, kind, row)
        transaction.set_rollback(options.dry_run)
    return answers.one(request, kind, row, body, status=201, warnings=warnings)


def _change(
    request: HttpRequest, asking: Asking, kind: Kind, namespace: str, name: str, change: Change
) -> HttpResponseBase:
    options = options_of(request)
    with transaction.atomic():
        row = found(asking, kind, namespace, name, lock=True)
        body = shown(asking, kind, row)
        manifest = _addressed(change(deepcopy(body)), kind, namespace, name)
        check_preconditions(row, manifest["metadata"], kind.resource)
        manifest, warnings = known_only(kind, manifest, options)
        if not asks_for_the_same(kind, wish_of(manifest), wish_of(body)):
            row = as_it_is(kind, _changed(asking, kind, row, manifest))
            body = shown(asking, kind, row)
        transaction.set_rollback(options.dry_run)
    return answers.one(request, kind, row, body, warnings=warnings)


def wish_of(manifest: Manifest) -> Manifest:
    """What of it is anybody's to say; two that are equal ask for the same."""
    said = {key: value for key, value in manifest.items() if key != "status"}
    return {**said, "metadata": {key: value for key, value in said["metadata"].items() if value}}


def asks_for_the_same(kind: Kind, one: Manifest, other: Manifest) -> bool:
    """Also when one of them leaves out what is usual. What cannot be read is for the service to refuse."""
    if one == other:
        return True
    try:
        return msgspec.convert(one, kind.schema) == msgspec.convert(other, kind.schema)
    except msgspec.ValidationError:
        return False


def _changed(asking: Asking, kind: Kind, row: Any, manifest: Manifest) -> Any:
    assert kind.update is not None
    return kind.update(asking, row, manifest)


def as_it_is(kind: Kind, row: Any) -> Any:
    """What a service gave, read again where it may be older than what the service did."""
    return row if kind.gives_as_it_is else again(kind, row)


def again(kind: Kind, row: Any) -> Any:
    """The row as it is now, with what its manifest reads; itself when it is gone: then that was its last state."""
    return kind.related(type(row).objects.filter(pk=row.pk)).first() or row


def _delete(request: HttpRequest, asking: Asking, kind: Kind, namespace: str, name: str) -> HttpResponseBase:
    wanted = deleting.wanted_of(request)
    with transaction.atomic():
        row = found(asking, kind, namespace, name, lock=True)
        check_preconditions(row, wanted.preconditions, kind.resource)
        before = shown(asking, kind, row)
        gone = deleting.deleted(asking, kind, row, wanted)
        body = None if gone else shown(asking, kind, again(kind, row))
        transaction.set_rollback(wanted.dry_run)
    return answers.deleted(kind, row, body, str(before["metadata"]["uid"]))


def _addressed(manifest: Manifest, kind: Kind, namespace: str, name: str) -> Manifest:
    """A copy that says what the address says, which must not contradict each other."""
    for key, right in (("apiVersion", kind.api_version), ("kind", kind.name)):
        if manifest.get(key, right) != right:
            sentence = _("the %(key)s in the data (%(found)s) does not match the expected %(key)s (%(right)s)")
            raise BadRequest(sentence % {"key": key, "found": str(manifest[key])[:80], "right": right})
    metadata = manifest.get("metadata", {})
    if not isinstance(metadata, dict):
        raise BadRequest(_("metadata must be an object."))
    metadata = {key: value for key, value in metadata.items() if value is not None}
    if name and metadata.get("name", name) != name:
        sentence = _("the name of the object (%(found)s) does not match the name on the URL (%(right)s)")
        raise BadRequest(sentence % {"found": str(metadata["name"])[:80], "right": name})
    if metadata.get("namespace") not in (None, "", namespace):
        raise BadRequest(_("the namespace of the provided object does not match the namespace sent on the request"))
    metadata.pop("namespace", None)
    if name:
        metadata["name"] = name
    if namespace:
        metadata["namespace"] = namespace
    for key in ("finalizers", "ownerReferences"):  # left out means none: this is the whole object
        metadata[key] = metadata.get(key) or []
    check_metadata(metadata)
    return {**manifest, "apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata}


__all__ = ["created", "item", "seen_in", "shown"]
