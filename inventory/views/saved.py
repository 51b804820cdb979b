"""Saved views of the machine list, and its columns: small dialogs over the list."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from inventory.columns import COLUMNS, columns_of, known, liked, view_of
from inventory.models import SavedView
from inventory.services import saved
from inventory.views.finding import around
from vmconsole.access.actors import actor_of
from vmconsole.access.errors import NotFound
from vmconsole.access.views_people import asker


def found(request: HttpRequest, uid: UUID) -> SavedView:
    view: SavedView | None = SavedView.objects.visible_to(asker(request)).filter(uid=uid).first()
    if view is None:
        raise NotFound(_("There is no such view that you can see."))
    return view


def shown_now(request: HttpRequest) -> dict[str, Any]:
    """What the list around the dialog shows, as a view keeps it."""
    asked, user = around(request), asker(request)
    view = view_of(user, asked)
    own = asked.get("columns") or (view and view.columns) or liked(user).get("columns")
    columns = list(columns_of(user, asked, view)) if own else []
    return {"query": asked.get("q", ""), "order": asked.get("sort", ""), "columns": columns}


def go(request: HttpRequest, there: str) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": there})
    return redirect(there)


@require_safe
def view_list(request: HttpRequest) -> HttpResponse:
    """All that this person sees, with what may be done to each."""
    return dialog(request)


def dialog(request: HttpRequest) -> HttpResponse:
    user = asker(request)
    first = liked(user).get("view")
    rows = [
        {
            "view": view,
            "address": saved.address_of(view),
            "mine": view.owner_id is not None,
            "first": str(view.uid) == first,
            "may_change": saved.may_change(user, view),
        }
        for view in saved.listed(user)
    ]
    return render(request, "inventory/views.html", {"rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
def view_create(request: HttpRequest) -> HttpResponse:
    """GET: the dialog. POST: keep what the list shows now under a name."""
    user = asker(request)
    if request.method != "POST":
        return render(request, "inventory/view_form.html", {"places": saved.places(user), "now": shown_now(request)})
    told = {"name": request.POST.get("name", ""), **shown_now(request)}
    view = saved.create(user, actor_of(request), request.POST.get("place", ""), told)
    if request.POST.get("first"):
        saved.like(user, view=str(view.uid))
    return go(request, saved.address_of(view))


@require_http_methods(["GET", "HEAD", "POST"])
def view_one(request: HttpRequest, uid: UUID) -> HttpResponse:
    """GET: the dialog to rename it. POST: another name, or, with `now`, what the list shows now."""
    user, view = asker(request), found(request, uid)
    saved.require_change(user, view)
    if request.method != "POST":
        return render(request, "inventory/view_form.html", {"view": view})
    told = shown_now(request) if request.POST.get("now") else {"name": request.POST.get("name", "")}
    view = saved.change(user, actor_of(request), view, told)
    return go(request, saved.address_of(view))


@require_POST
def view_delete(request: HttpRequest, uid: UUID) -> HttpResponse:
    saved.remove(asker(request), actor_of(request), found(request, uid))
    answer = dialog(request)
    answer["HX-Trigger"] = "vm-list"
    return answer


@require_POST
def view_default(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Begin with this one, or, asked again, with none."""
    user, view = asker(request), found(request, uid)
    saved.like(user, view="" if liked(user).get("view") == str(view.uid) else str(view.uid))
    return dialog(request)


@require_http_methods(["GET", "HEAD", "POST"])
def columns_choose(request: HttpRequest) -> HttpResponse:
    """The columns in their order, moved one step at a time; `save` keeps them with the person."""
    user = asker(request)
    asked = around(request)
    if request.method != "POST":
        chosen = list(columns_of(user, asked, view_of(user, asked)))
        return columns_dialog(request, [*chosen, *(key for key in COLUMNS if key not in chosen)], chosen)
    order = [key for key in dict.fromkeys(request.POST.getlist("order")) if key in COLUMNS]
    order += [key for key in COLUMNS if key not in order]
    ticked = set(request.POST.getlist("columns"))
    chosen = [key for key in order if key in ticked]
    for word, step in (("up", -1), ("down", 1)):
        if request.POST.get(word) in order:
            return columns_dialog(request, moved(order, request.POST[word], step), chosen, request.POST[word])
    saved.like_columns(user, [] if request.POST.get("reset") else chosen)
    view = view_of(user, asked)
    kept = dict(parse_qsl(urlsplit(request.headers.get("HX-Current-URL", "")).query)) if asked else {}
    kept.pop("columns", None)
    if view is not None and view.columns:  # its columns would hide what was chosen just now
        kept["columns"] = ",".join(known(chosen))
    return go(request, f"{reverse('inventory:vm_list')}?{urlencode(kept)}" if kept else reverse("inventory:vm_list"))


def moved(order: list[str], key: str, step: int) -> list[str]:
    at = order.index(key)
    to = max(0, min(len(order) - 1, at + step))
    order[at], order[to] = order[to], order[at]
    return order


def columns_dialog(request: HttpRequest, order: list[str], chosen: list[str], focus: str = "") -> HttpResponse:
    rows = [(COLUMNS[key], key in chosen) for key in order]
    return render(request, "inventory/columns.html", {"rows": rows, "focus": focus})
