"""The trash: what was deleted and can still be had back, until when, and what it keeps meanwhile."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from inventory.models import VirtualMachine
from inventory.services import trash
from inventory.services.asking import require_on
from inventory.showing import shown
from vmconsole.access.actors import actor_of
from vmconsole.access.errors import NotFound, Unprocessable
from vmconsole.access.views_people import asker
from vmconsole.lists import namespace_of

PER_PAGE = 50


def thrown_away(request: HttpRequest, uid: UUID) -> VirtualMachine:
    """One of those that this person finds in the trash."""
    vm: VirtualMachine | None = VirtualMachine.objects.trashed_for(asker(request)).filter(uid=uid).first()
    if vm is None:
        raise NotFound(_("There is no such machine in the trash."))
    return vm


@require_safe
def trash_list(request: HttpRequest) -> HttpResponse:
    rows = VirtualMachine.objects.trashed_for(asker(request)).prefetch_related("disks")
    chosen, query = namespace_of(request), request.GET.get("q", "").strip()
    rows = rows.filter(namespace=chosen) if chosen else rows
    rows = rows.filter(name__icontains=query) if query else rows
    page: Page[Any] = Paginator(rows.order_by("-trashed_at", "uid"), PER_PAGE).get_page(request.GET.get("page"))
    page.object_list = [{"row": row, **fate(row.vm)} for row in shown(request.user, page.object_list)]
    context = {"page": page, "query": query, "days": settings.TRASH_DAYS}
    return render(request, "inventory/trash_list.html", context)


def fate(vm: VirtualMachine) -> dict[str, Any]:
    """Its disks, by what becomes of them when it is purged."""
    names = [disk.disk_name for disk in vm.disks.all()]
    return {
        "goes": [name for name in names if name in vm.delete_disks],
        "stays": [name for name in names if name not in vm.delete_disks],
    }


@require_POST
def trash_restore(request: HttpRequest, uid: UUID) -> HttpResponse:
    vm = thrown_away(request, uid)
    trash.restore(asker(request), actor_of(request), vm)
    return redirect(vm.get_absolute_url())


@require_http_methods(["GET", "HEAD", "POST"])
def trash_purge(request: HttpRequest, uid: UUID) -> HttpResponse:
    """GET: the dialog, which says what goes and what stays. POST: do it; the name must have been typed."""
    vm = thrown_away(request, uid)
    require_on(asker(request), vm)
    if request.method != "POST":
        return render(request, "inventory/trash_purge.html", {"vm": vm, **fate(vm)})
    if request.POST.get("typed") != vm.name:
        raise Unprocessable(_("Type the machine's name to delete it."), field="typed")
    trash.purge(asker(request), actor_of(request), vm)
    return redirect("inventory:trash_list")
