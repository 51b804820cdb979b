"""Every no, as the `Status` object that Kubernetes' clients read.

What services raise is described by `vmconsole.http`, as for pages; here it gets the reason that clients act on
(`kubectl apply` tries a Conflict again, `kubectl delete --ignore-not-found` looks for NotFound) and causes by field.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import structlog
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from vmconsole import http
from vmconsole.access import journal
from vmconsole.access.errors import Conflict, Declined, OverQuota
from vmconsole.access.rules import IN_BYTES, Excess
from vmconsole.runtime.quantities import format_quantity

log = structlog.get_logger(__name__)

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Expired",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    503: "ServiceUnavailable",
}
# Ours that Kubernetes has a word for; all others become a cause.
OWN_WORDS = {"AlreadyExists": (409, "AlreadyExists"), "Stale": (409, "Conflict"), "NotEditable": (422, "Invalid")}
QUOTA_WORDS = {"asked": "requested", "used": "used", "limit": "limited"}
KEPT = {"AlreadyExists", "Conflict", "NotFound"}


class BadRequest(Declined):
    """It cannot be read, or asks for what is not there to be asked."""

    default_reason = "BadRequest"
    default_status = 400


class Unauthorized(Declined):
    """Nobody we know, or nobody yet."""

    default_reason = "Unauthorized"
    default_status = 401


class MethodNotAllowed(Declined):
    """This kind has no such verb."""

    default_reason = "MethodNotAllowed"
    default_status = 405


class NotAcceptable(Declined):
    """None of the formats asked for is one of ours."""

    default_reason = "NotAcceptable"
    default_status = 406


class Expired(Declined):
    """Too old to go on from: list again."""

    default_reason = "Expired"
    default_status = 410


class UnsupportedMediaType(Declined):
    """A body in a format that is not taken."""

    default_reason = "UnsupportedMediaType"
    default_status = 415


class TooMany(Declined):
    """Wait before asking again."""

    default_reason = "TooManyRequests"
    default_status = 429

    def __init__(self, public: str, *, retry_in: float) -> None:
        super().__init__(public)
        self.retry_in = retry_in


class Stale(Conflict):
    """Somebody was quicker."""

    default_reason = "Stale"


def failure(
    code: int, message: str, *, reason: str = "", causes: Iterable[dict[str, str]] = (),
    retry_after: float | None = None, about: dict[str, str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """A Status of a failure. `about` says which object: name, group, kind."""
    details: dict[str, Any] = {key: value for key, value in (about or {}).items() if value}
    causes = list(causes)
    if causes:
        details["causes"] = causes
    if retry_after is not None:
        details["retryAfterSeconds"] = max(1, round(retry_after))
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    body["reason"] = reason or REASONS.get(code, "InternalError")
    return {**body, **({"details": details} if details else {}), "code": code}


def success(about: dict[str, str]) -> dict[str, Any]:
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return {**body, "details": {key: value for key, value in about.items() if value}}


def of_error(error: Exception, about: dict[str, str]) -> dict[str, Any]:
    """The Status of whatever a view raised. A bug of ours says nothing about itself but that it happened."""
    found = http.describe(error)
    if found is None:
        log.error("failed", exc_info=error)
        found = http.unexpected()
    code, reason = OWN_WORDS.get(found.reason, (found.status, REASONS.get(found.status, "InternalError")))
    word = "" if found.reason == "Invalid" else found.reason
    causes = [cause(field, sentence, word) for field, sentence in getattr(error, "problems", [])]
    if not causes and (found.field or found.reason not in (reason, "Stale", "Unexpected")):
        told = f"{found.detail} {found.fix}".strip()  # kubectl prints the causes of a 422, and nothing else of it
        causes = [cause(found.field, told, word)]
    message = f"{found.detail} {found.fix}".strip()
    if code == 422:
        message = invalid(message, causes, about)
    if isinstance(error, OverQuota):
        message = f"{exceeded(error, about)}. {message}"
    if code == 409 and reason == "AlreadyExists":
        about = {**about}
    return failure(code, message, reason=reason, causes=causes, retry_after=found.retry_after, about=about)


def cause(field: str, message: str, reason: str = "") -> dict[str, str]:
    found = {"reason": reason or "FieldValueInvalid", "message": message, "field": field}
    return {key: value for key, value in found.items() if value}


def invalid(message: str, causes: list[dict[str, str]], about: dict[str, str]) -> str:
    """As Kubernetes says it: which object, and then every field with its sentence."""
    told = "; ".join(f"{each['field']}: {each['message']}" if each.get("field") else each["message"] for each in causes)
    kind = ".".join(filter(None, (about.get("type", about.get("kind", "")), about.get("group", ""))))
    named = f'{kind} "{about["name"]}" ' if about.get("name") and kind else ""
    return _("%(what)sis invalid: %(why)s") % {"what": named, "why": told or message}


def exceeded(error: OverQuota, about: dict[str, str]) -> str:
    """In the words that clients of Kubernetes look for, which are nobody's language."""
    figures = "".join(f", {word}: {_figures(error.excess, name)}" for name, word in QUOTA_WORDS.items())
    resource = ".".join(filter(None, (about.get("kind", ""), about.get("group", ""))))
    named = f'{resource} "{about["name"]}"' if about.get("name") else resource
    return f"{named} is forbidden: exceeded quota: {error.quota}{figures}"


def _figures(excess: list[Excess], name: str) -> str:
    values = [(each.counted, getattr(each, name)) for each in excess]
    return ",".join(f"{key}={format_quantity(value) if key in IN_BYTES else value}" for key, value in values)


def refuse(request: HttpRequest, error: Exception, about: dict[str, str]) -> HttpResponse:
    """The answer to a request that came to nothing, noted in the audit where it was to change something."""
    body = of_error(error, about)
    details = body.get("details", {})
    details.pop("type", None)
    code = body["code"]
    found = http.describe(error)
    journal.note_refusal(request, code, found.reason if found else body["reason"], body["message"])
    response = HttpResponse(msgspec.json.encode(body), status=code, content_type="application/json")
    if code == 401:
        response["WWW-Authenticate"] = 'Bearer realm="vmconsole"'
    if "retryAfterSeconds" in details:
        response["Retry-After"] = str(details["retryAfterSeconds"])
    return response
