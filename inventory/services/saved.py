"""Saved views of the machine list, and how each person likes it.

One's own are one's own business; a shared one is changed by who may edit its namespace, or, for everybody's, the
cluster. Making, changing and removing are in the audit like every change.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from inventory.columns import LIST, known, liked
from inventory.models import SavedView
from observability import audit
from vmconsole.access.actors import Actor
from vmconsole.access.errors import Conflict, Unprocessable
from vmconsole.access.models import User
from vmconsole.access.rights import Right, may, namespaces, require
from vmconsole.query import LONGEST

MOST = 100  # of one person, or shared in one place: more is no choice any more
MINE, EVERYBODY = "", "*"  # where a view belongs: to its maker, to everybody, or to a namespace by its name


def listed(user: User) -> list[SavedView]:
    return list(SavedView.objects.visible_to(user).order_by("owner_id", "name")[: 2 * MOST])


def may_change(user: User, view: SavedView) -> bool:
    if view.owner_id is not None:
        return view.owner_id == user.pk
    return may(user, Right.EDIT, view.namespace) if view.namespace else may(user, Right.CLUSTER_EDIT, None)


def places(user: User) -> list[str]:
    """Where they may keep a view."""
    return [MINE, *namespaces(user, Right.EDIT), *([EVERYBODY] if may(user, Right.CLUSTER_EDIT, None) else [])]


def address_of(view: SavedView) -> str:
    """The list as the view shows it. What it asks for stands in the address, where it can be seen and changed."""
    asked = {"view": str(view.uid), "q": view.query, "sort": view.order}
    return f"{reverse('inventory:vm_list')}?{urlencode({name: value for name, value in asked.items() if value})}"


def create(user: User, actor: Actor, place: str, told: dict[str, Any]) -> SavedView:
    view = SavedView(owner=user if place == MINE else None, namespace="" if place in (MINE, EVERYBODY) else place)
    require_change(user, view)
    if SavedView.objects.filter(owner=view.owner, namespace=view.namespace).count() >= MOST:
        raise Conflict(_("There are %(most)d views here already. Remove one first.") % {"most": MOST}, "TooMany")
    return write(actor, "create", view, told)


def change(user: User, actor: Actor, view: SavedView, told: dict[str, Any]) -> SavedView:
    require_change(user, view)
    return write(actor, "edit", view, told)


def remove(user: User, actor: Actor, view: SavedView) -> None:
    require_change(user, view)
    with transaction.atomic():
        note(actor, "delete", view, {"name": [view.name, None]})
        SavedView.objects.filter(uid=view.uid).delete()


def require_change(user: User, view: SavedView) -> None:
    """Of somebody else's own ones no door gives any; shared ones are changed by who may edit their place."""
    if view.owner_id is None:
        require(user, Right.EDIT if view.namespace else Right.CLUSTER_EDIT, view.namespace or None)


def write(actor: Actor, verb: str, view: SavedView, told: dict[str, Any]) -> SavedView:
    """Name, query, order, columns: those that are told."""
    before = {field: getattr(view, field) for field in told}
    for field, value in checked(told).items():
        setattr(view, field, value)
    diff = {field: [before[field], getattr(view, field)] for field in told if before[field] != getattr(view, field)}
    try:
        with transaction.atomic():
            view.save()
            note(actor, verb, view, diff)
    except IntegrityError as error:
        said = _("There is a view called %(name)s already. Choose another name.") % {"name": view.name}
        raise Conflict(said, "AlreadyExists", "name") from error
    return view


def checked(told: dict[str, Any]) -> dict[str, Any]:
    values = dict(told)
    if "name" in values:
        values["name"] = " ".join(str(values["name"]).replace("\x00", "").split())
        if not 0 < len(values["name"]) <= 60:
            raise Unprocessable(_("Give the view a name of at most 60 characters."), field="name")
    if "query" in values:
        values["query"] = str(values["query"]).replace("\x00", "").strip()[:LONGEST]
    if "order" in values:
        values["order"] = str(values["order"]).replace("\x00", "")[:20]
    if "columns" in values:
        values["columns"] = list(known(values["columns"])) if values["columns"] else []
    return values


def note(actor: Actor, verb: str, view: SavedView, diff: dict[str, Any]) -> None:
    audit.record(
        actor, verb, kind="SavedView", uid=view.uid, name=view.name, namespace=view.namespace,
        phase=audit.Phase.SUCCEEDED, diff=diff,
    )  # fmt: skip


# --- how somebody likes the list: like the theme, nobody's business but theirs, and in no audit -----------------------
def like(user: User, **told: Any) -> None:
    with transaction.atomic():
        fresh = User.objects.select_for_update().get(pk=user.pk)
        kept = {**liked(fresh), **told}
        fresh.lists = {**fresh.lists, LIST: {name: value for name, value in kept.items() if value}}
        fresh.save(update_fields=["lists"])
    user.lists = fresh.lists


def like_columns(user: User, columns: Iterable[str]) -> None:
    like(user, columns=list(known(columns)))


def default_of(user: User) -> SavedView | None:
    """The view that they begin with. One that is gone, or not theirs to see any more, is none."""
    try:
        uid = UUID(str(liked(user).get("view", "")))
    except ValueError:
        return None
    found: SavedView | None = SavedView.objects.visible_to(user).filter(uid=uid).first()
    return found
