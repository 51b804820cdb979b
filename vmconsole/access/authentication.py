"""How programs prove who they are to `/api/v1`: for now with the session of a browser."""

from __future__ import annotations

from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request


class BrowserSession(SessionAuthentication):
    """Django's session, with the form token for changes. Nobody is 401 and not 403: signing in would help."""

    def authenticate_header(self, request: Request) -> str:
        return "Session"
