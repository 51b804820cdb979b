"""Take images into the catalogue, describe them, share them, remove them."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from observability import audit
from storage import sources
from storage.models import Image
from storage.rules import Verb
from storage.services.asking import MAKING_DEADLINE, begin, check_new, insert, refuse_unless_allowed, tell
from storage.services.disks import audited, keep_credentials, request_deletion
from vmconsole.access.actors import Actor
from vmconsole.access.errors import Unprocessable
from vmconsole.access.models import User
from vmconsole.access.rights import Right, require
from vmconsole.operations.models import Operation
from vmconsole.runtime.quantities import format_quantity

EDITABLE = ("title", "description", "os_type", "default_size_bytes")
OS_TYPES = ("", "Linux", "Windows")


@transaction.atomic
def create_image(
    user: User,
    actor: Actor,
    namespace: str,
    name: str,
    *,
    source: dict[str, Any],
    credentials: tuple[str, str] | None = None,
    labels: dict[str, str] | None = None,
    **described: Any,
) -> Image:
    """Write down an image to fetch or to take in. `described`: title, description, os_type, default_size_bytes."""
    require(user, Right.EDIT, namespace)
    kept = sources.checked(source)
    if not kept:
        raise Unprocessable(_("An image needs a source: an address, an upload or a disk."), field="source")
    check_new(namespace, name, 0, size_needed=False)
    sources.refuse_missing(namespace, kept, user)
    image = Image(namespace=namespace, name=name, spec_source=kept, labels=labels or {}, **_checked(described))
    keep_credentials(image, credentials)
    insert(image)
    shown = {"source": [None, audited(kept)]}
    begin(actor, Verb.CREATE, image, can_cancel=True, deadline=MAKING_DEADLINE, diff=shown)
    tell(image, "ADDED")
    return image


def _checked(described: dict[str, Any]) -> dict[str, Any]:
    if set(described) - set(EDITABLE):
        raise TypeError(f"not part of an image's description: {set(described) - set(EDITABLE)}")
    if described.get("os_type", "") not in OS_TYPES:
        raise Unprocessable(_("The operating system is Linux or Windows."), field="os_type")
    if len(described.get("title", "")) > 120 or len(described.get("description", "")) > 2000:
        raise Unprocessable(_("The title or description is too long."), field="description")
    return described


@transaction.atomic
def edit_image(user: User, actor: Actor, image: Image, **described: Any) -> None:
    """Change what people read about it. Its bytes never change."""
    require(user, Right.EDIT, image.namespace)
    refuse_unless_allowed(Verb.EDIT, image)
    new = {field: value for field, value in _checked(described).items() if getattr(image, field) != value}
    if new:
        _change(actor, "edit", image, new)


@transaction.atomic
def set_public(user: User, actor: Actor, image: Image, *, public: bool) -> None:
    """Share it with every namespace, or stop doing so. That is the cluster's business, not one namespace's."""
    require(user, Right.CLUSTER_EDIT, None)
    refuse_unless_allowed(Verb.EDIT, image)
    if image.public != public:
        _change(actor, "share" if public else "unshare", image, {"public": public})


def _change(actor: Actor, verb: str, image: Image, new: dict[str, Any]) -> None:
    diff = {field: [_shown(getattr(image, field)), _shown(value)] for field, value in new.items()}
    Image.objects.filter(uid=image.uid).update(**new)
    image.refresh_from_db()
    audit.record(
        actor, verb, kind=image.KIND, uid=image.uid, name=image.name, namespace=image.namespace,
        phase=audit.Phase.SUCCEEDED, diff=diff,
    )  # fmt: skip
    tell(image)


def _shown(value: Any) -> Any:
    return format_quantity(value) if isinstance(value, int) and not isinstance(value, bool) else value


@transaction.atomic
def delete_image(user: User, actor: Actor, image: Image) -> Operation:
    """Remove it from the catalogue. Disks made from it are copies and stay."""
    require(user, Right.EDIT, image.namespace)
    return request_deletion(actor, image)
