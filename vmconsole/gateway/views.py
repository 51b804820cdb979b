"""The one page that a console needs: a ticket, fetched with the CSRF token of a page of ours."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from vmconsole.access.errors import NotFound
from vmconsole.access.rights import Right, require
from vmconsole.gateway import targets, tickets
from vmconsole.gateway.models import Kind
from vmconsole.gateway.sessions import seats


@require_POST
def console_ticket(request: HttpRequest, uid: UUID, kind: str) -> JsonResponse:
    """`writable=0` asks for looking only. `viewers` tells how many are there already."""
    target = targets.find(uid) if kind in Kind.values else None
    if target is None:
        raise NotFound(_("There is nothing here that you can see."))
    require(request.user, Right.CONSOLE, target.namespace)
    ticket = tickets.issue(
        request.user,  # type: ignore[arg-type]
        request.session.session_key or "",
        uid,
        target.namespace,
        kind,
        writable=request.POST.get("writable", "1") != "0",
    )
    return JsonResponse({"ticket": ticket, "path": f"/console/{uid}/{kind}", "viewers": seats.at(uid, kind)})
