"""The one place where errors become HTTP.

Services and drivers raise what happened; here it gets its status and its dress: a whole page for a browser, a
fragment for htmx, an RFC 9457 problem for the API. A refused change is written to the audit here too, because here
every door comes by: a refusal nobody recorded is how break-ins stay unseen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django_filters import CharFilter
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import exceptions as drf
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response
from rest_framework.views import set_rollback

from vmconsole.access import journal
from vmconsole.access.actors import request_id
from vmconsole.access.errors import Declined
from vmconsole.runtime import errors as runtime

log = structlog.get_logger(__name__)

# Which drivers' faults mean what. Subclasses before their parents: the first match wins.
RUNTIME_STATUS: dict[type[runtime.RuntimeFault], int] = {
    runtime.Missing: 404,
    runtime.Unsupported: 422,
    runtime.Rejected: 422,
    runtime.Stale: 409,
    runtime.Busy: 409,
    runtime.Unreachable: 503,
    runtime.RuntimeFault: 502,
}


@dataclass(frozen=True)
class Problem:
    """What goes wrong, ready for a person or a program (RFC 9457)."""

    status: int
    title: str
    detail: str
    reason: str
    fix: str = ""
    field: str = ""
    retry_after: float | None = None
    errors: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "type": f"urn:vmconsole:problem:{self.reason}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "reason": self.reason,
        }
        extra = {"fix": self.fix, "field": self.field, "errors": self.errors, "request_id": request_id()}
        return body | {name: value for name, value in extra.items() if value}


def describe(error: Exception) -> Problem | None:
    """The problem that this error is, or None when it is nobody's answer but a bug of ours."""
    match error:
        case Declined():
            heading = title(error.status)
            return Problem(
                error.status, heading, error.public, error.reason, error.fix, error.field, retry_after=error.retry_in
            )
        case runtime.RuntimeFault():
            return _of_runtime(error)
        case Http404():
            return Problem(404, title(404), _("There is nothing here that you can see."), "NotFound")
        case PermissionDenied():
            return Problem(403, title(403), _("You may not do that."), "Forbidden")
        case ValidationError():
            return Problem(422, title(422), " ".join(error.messages), "Invalid")
        case drf.APIException():
            return _of_drf(error)
    return None


def _of_runtime(fault: runtime.RuntimeFault) -> Problem:
    status = next(status for kind, status in RUNTIME_STATUS.items() if isinstance(fault, kind))
    reason = fault.reason or type(fault).__name__
    return Problem(status, title(status), fault.public, reason, retry_after=fault.retry_in)


def _of_drf(error: drf.APIException) -> Problem:
    status, retry_after = error.status_code, getattr(error, "wait", None)
    if isinstance(error, drf.ValidationError):
        return Problem(422, title(422), _("Some values cannot be taken."), "Invalid", errors=_fields(error.detail))
    return Problem(status, title(status), str(error.detail), word(status), retry_after=retry_after)


def _fields(detail: Any) -> dict[str, Any]:
    return detail if isinstance(detail, dict) else {"": detail}


def title(status: int) -> str:
    """The heading over an error, in words."""
    titles = {
        400: _("That request cannot be read"),
        401: _("Please sign in"),
        403: _("Not allowed"),
        404: _("Not found"),
        405: _("That cannot be done here"),
        409: _("Something else came first"),
        413: _("Too large"),
        415: _("Unknown format"),
        422: _("That cannot be done"),
        429: _("Too many requests"),
        502: _("The runtime failed"),
        503: _("The runtime does not answer"),
    }
    return titles.get(status, _("Something went wrong"))


def word(status: int) -> str:
    """The reason of an error that brought none."""
    if status == 422:
        return "Invalid"
    known = {each.value for each in HTTPStatus}  # protocols have numbers of their own
    return HTTPStatus(status).phrase.title().replace(" ", "") if status in known else "Refused"


# --- the API ----------------------------------------------------------------------------------------------------
def problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: RFC 9457 for everything that is an answer."""
    found = describe(error)
    if found is None:
        return None
    set_rollback()
    request = context["request"]
    journal.note_refusal(request, found.status, found.reason, found.detail)
    return Response(
        found.as_json(), status=found.status, headers=_headers(error, found), content_type="application/problem+json"
    )


def _headers(error: Exception, found: Problem) -> dict[str, str]:
    how = getattr(error, "auth_header", None)
    return _retry(found) | ({"WWW-Authenticate": how} if how else {})


def _retry(found: Problem) -> dict[str, str]:
    return {"Retry-After": str(max(1, round(found.retry_after)))} if found.retry_after is not None else {}


class CursorPages(CursorPagination):
    """Pages by cursor: a list that grows while it is read neither skips nor repeats. A view names its `ordering`."""

    ordering = "pk"
    page_size_query_param = "limit"
    max_page_size = 500  # more makes one answer slow for everybody; less makes exports chatty

    def get_page_size(self, request: Any) -> int:
        """What is no number is said so; more than the most is the most."""
        asked = request.query_params.get(self.page_size_query_param)
        if asked is None:
            return int(self.page_size or self.max_page_size)
        if not (asked.isascii() and asked.isdigit() and len(asked) < 10 and int(asked)):
            raise drf.ValidationError({self.page_size_query_param: [_("Write a number from 1 on.")]})
        return min(int(asked), self.max_page_size)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        found = super().get_schema_operation_parameters(view)
        for parameter in found:
            if parameter["name"] == self.page_size_query_param:
                parameter["schema"]["minimum"] = 1
        return found

    def get_ordering(self, request: Any, queryset: Any, view: Any) -> tuple[str, ...]:
        return getattr(view, "ordering", None) or super().get_ordering(request, queryset, view)


class Filters(DjangoFilterBackend):  # type: ignore[misc]  # django-filter has no types
    """The filters of a list. Forms send empty fields and mean any; an empty date of a program is a mistake."""

    def get_filterset_kwargs(self, request: Any, queryset: Any, view: Any) -> dict[str, Any]:
        known = self.get_filterset_class(view, queryset).base_filters
        empty = [name for name, value in request.query_params.items() if not value and name in known]
        wrong = [name for name in empty if type(known[name]) is not CharFilter]
        if wrong:
            raise drf.ValidationError({name: [_("Leave it out, or give it a value.")] for name in wrong})
        found: dict[str, Any] = super().get_filterset_kwargs(request, queryset, view)
        return found


# --- pages ------------------------------------------------------------------------------------------------------
class Problems:
    """Turns what a page's view raised into a page, or into a fragment when htmx asked."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        patch_vary_headers(response, ["HX-Request"])
        if 400 <= response.status_code < 500:
            # Beside a field of a form, say: nobody raised it up to here, and it is a refusal all the same.
            journal.note_refusal(request, response.status_code, word(response.status_code))
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        found = describe(error)
        if found is None:
            log.error("failed", path=request.path, exc_info=error)
            if settings.DEBUG or settings.DEBUG_PROPAGATE_EXCEPTIONS:
                return None
            found = unexpected()
        else:
            journal.note_refusal(request, found.status, found.reason, found.detail)
        return show(request, found)


def unexpected() -> Problem:
    """A bug of ours: nothing about it is for strangers, but its request id finds it in the log."""
    return Problem(
        500,
        title(500),
        _("The console made a mistake. What you asked for may or may not have been done."),
        "Unexpected",
        fix=_("Look at the page again. When it happens twice, tell your administrator the request's number."),
    )


def show(request: HttpRequest, found: Problem) -> HttpResponse:
    """This problem in the dress the asker understands."""
    context = {"problem": found, "request_id": request_id()}
    if request.headers.get("HX-Request") == "true" and request.headers.get("HX-Boosted") != "true":
        response = render(request, "parts/problem.html", context, status=found.status)
        response["HX-Push-Url"] = "false"  # the page puts it among its notes, and stays where it is
    elif wants_json(request):
        response = JsonResponse(found.as_json(), status=found.status, content_type="application/problem+json")
    else:
        response = render(request, "errors/problem.html", context, status=found.status)
    for name, value in _retry(found).items():
        response[name] = value
    return response


def wants_json(request: HttpRequest) -> bool:
    """Programs get problems as JSON, on every URL."""
    if request.path.startswith("/api/"):
        return True
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


# What Django asks for by name (`handler404` and so on in vmconsole.urls, CSRF_FAILURE_VIEW in the settings).
def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    # Also for a Host we do not serve: nothing of ours is shown there, not even a menu.
    return bare(400, title(400), _("Use the address that your administrator gave you."))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return show(request, _noted(request, describe(exception or PermissionDenied()) or unexpected()))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    return show(request, Problem(404, title(404), _("There is nothing at this address."), "NotFound"))


def failed(request: HttpRequest) -> HttpResponse:
    found = unexpected()
    if wants_json(request):
        return JsonResponse(found.as_json(), status=500, content_type="application/problem+json")
    return bare(500, found.title, f"{found.detail} {found.fix}")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form's token did not come with it: an old page, or another site's."""
    found = Problem(
        403,
        title(403),
        _("This page is too old, or the request was sent by another site. Nothing was done."),
        "CsrfFailed",
        fix=_("Load the page again and repeat what you did."),
    )
    log.info("csrf failure", path=request.path, why=reason)
    return show(request, _noted(request, found))


def _noted(request: HttpRequest, found: Problem) -> Problem:
    journal.note_refusal(request, found.status, found.reason, found.detail)
    return found


def bare(status: int, heading: str, detail: str) -> HttpResponse:
    """A page that needs no database, no session and no person, for when one of them is what failed."""
    context = {"status": status, "heading": heading, "detail": detail, "request_id": request_id()}
    return HttpResponse(render_to_string("errors/bare.html", context), status=status)
