"""How programs prove who they are to `/api/v1`: with a token of their own, or with the session of a browser."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from vmconsole.access import bearers
from vmconsole.access.models import Token, User


def person(request: Request) -> User:
    """Whoever asks, where only people get in."""
    assert isinstance(request.user, User)
    return request.user


class Bearer(BaseAuthentication):
    """`Authorization: Bearer vmc_...`. Needs no form token: no browser sends this by itself."""

    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        raw = bearers.raw_of(request.META.get("HTTP_AUTHORIZATION", ""))
        if raw is None:
            return None
        try:
            user = bearers.admit(request, raw)
        except bearers.TooManyFailures as error:
            raise Throttled(error.wait) from error
        if user is None or user.token is None:
            raise AuthenticationFailed(_("This token is unknown, expired or revoked."))
        return user, user.token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="vmconsole"'


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The same, in words of OpenAPI."""

    target_class = Bearer
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class BrowserSession(SessionAuthentication):
    """Django's session, with the form token for changes. Nobody is 401 and not 403: signing in would help."""

    def authenticate_header(self, request: Request) -> str:
        return "Session"


class BrowserSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The same, in words of OpenAPI."""

    target_class = BrowserSession
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
