"""What a console's page needs besides its websocket: a ticket, fetched with the CSRF token of a page of ours, and how
the page looks from here, for finding out why a console does not open."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from vmconsole.access.errors import NotFound
from vmconsole.access.rights import Right, require
from vmconsole.gateway import origins, targets, tickets
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


@require_safe
@never_cache
def console_check(request: HttpRequest) -> JsonResponse:
    """The page says where it thinks it is; the answer is where its requests arrive here, and if sockets will be let in.

    A proxy that changes the host or hides https is found by the difference.
    """
    scheme, host = request.scheme or "http", request.get_host()
    origin = request.GET.get("origin", "")[:300]
    return JsonResponse({"scheme": scheme, "host": host, "fits": origins.fits(origin, scheme, host)})
