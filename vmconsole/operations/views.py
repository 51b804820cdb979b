"""The operations panel, which is on every page, and the pages behind it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from vmconsole.access.actors import actor_of
from vmconsole.access.errors import NotFound
from vmconsole.access.rights import Right, may, namespaces, require
from vmconsole.lists import namespace_of
from vmconsole.operations import services
from vmconsole.operations.models import Operation, State
from vmconsole.operations.queries import OPERATIONS

IN_PANEL = 12


def visible_to(user: Any) -> QuerySet[Operation]:
    """Those of their namespaces, and those on cluster-wide things where they may see them."""
    theirs = Q(namespace__in=namespaces(user))
    if may(user, Right.CLUSTER_VIEW, None):
        theirs |= Q(namespace="")
    return Operation.objects.filter(theirs)


def answered_by(user: Any) -> set[str]:
    """The namespaces ("" for cluster-wide things) whose failures this person may put aside: for everybody, so whoever
    could not do anything about them cannot take them from the eyes of those who can."""
    return {*namespaces(user, Right.EDIT), *([""] if may(user, Right.CLUSTER_EDIT, None) else [])}


def found(request: HttpRequest, uid: UUID) -> Operation:
    operation = visible_to(request.user).filter(uid=uid).first()
    if operation is None:
        raise NotFound(_("There is no such operation that you can see."))
    return operation


def answerable(request: HttpRequest, uid: UUID) -> Operation:
    """One of those that this person may do something about."""
    operation = found(request, uid)
    require(request.user, Right.EDIT if operation.namespace else Right.CLUSTER_EDIT, operation.namespace or None)
    return operation


@require_safe
def panel(request: HttpRequest) -> HttpResponse:
    """Open ones first, then failures nobody has seen, then the latest. `?mine=1`: only what I asked for."""
    mine = request.GET.get("mine", request.COOKIES.get("ops_mine", "")) == "1"
    rows = visible_to(request.user)
    if mine:
        rows = rows.filter(actor_user_id=request.user.pk)
    newest = rows.order_by("-created_at")
    unseen = list(newest.filter(state=State.FAILED, seen=False)[:IN_PANEL])
    running = list(newest.filter(state=State.OPEN)[:IN_PANEL])
    shown = [*running, *unseen]
    rest = [operation for operation in newest[:IN_PANEL] if operation not in shown]
    context = {
        "operations": (shown + rest)[:IN_PANEL],
        "open": running,
        "unseen": unseen,
        "latest": newest.first(),
        "mine": mine,
        "answered_by_me": answered_by(request.user),
    }
    return render(request, "operations/panel.html", context)


def listed(request: HttpRequest) -> QuerySet[Operation]:
    rows, chosen = visible_to(request.user), namespace_of(request)
    return rows.filter(namespace=chosen) if chosen else rows


@require_safe
def operation_list(request: HttpRequest) -> HttpResponse:
    asked = OPERATIONS.asked(request, listed(request))
    context = {
        **asked.context(asked.page(request)),
        "states": [(word, f"state:{word}", asked.query == f"state:{word}") for word in State.values],
        "answered_by_me": answered_by(request.user),
    }
    return render(request, "operations/operation_list.html", context)


@require_safe
def operation_export(request: HttpRequest) -> StreamingHttpResponse:
    return OPERATIONS.export(request, listed(request))


@require_safe
def operation_detail(request: HttpRequest, uid: UUID) -> HttpResponse:
    """What was asked, by whom, step by step; in the side panel, or as a page of its own."""
    operation = found(request, uid)
    allowed = may(request.user, Right.EDIT, operation.namespace or None)
    context = {"operation": operation, "may_cancel": allowed and operation.is_open and operation.can_cancel}
    page = "operations/operation_side.html" if request.headers.get("HX-Request") else "operations/operation_detail.html"
    return render(request, page, context)


@require_POST
def operation_cancel(request: HttpRequest, uid: UUID) -> HttpResponse:
    services.request_cancel(answerable(request, uid), actor_of(request))
    return redirect("operations:operation_detail", uid)


@require_POST
def operation_seen(request: HttpRequest, uid: UUID) -> HttpResponse:
    services.acknowledge(answerable(request, uid))
    return redirect("operations:panel")
