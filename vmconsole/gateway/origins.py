"""Only our own pages may open a websocket.

Browsers let any site open one and send our cookies along; the Origin header is all that tells. It must be exactly
ours: the scheme and host this request was sent to, and that host must be one of ours too (or a name that resolves to
us would do), or an origin listed in the settings. No origin and `null` are nobody.
"""

from __future__ import annotations

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from vmconsole.gateway.people import bearer_of
from vmconsole.gateway.wire import App, Receive, Scope, Send

_SCHEMES = {"ws": "http", "wss": "https"}


def own_pages_only(app: App) -> App:
    """Refuses before `accept()`: a foreign page is told nothing at all."""

    async def checked(scope: Scope, receive: Receive, send: Send) -> None:
        if allowed(scope):
            await app(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close"})

    return checked


def allowed(scope: Scope) -> bool:
    if bearer_of(scope) is not None:  # no page can make a browser send this with a websocket
        return True
    origin, host = _only(scope, b"origin"), _only(scope, b"host")
    if not origin or not host:
        return False
    return fits(origin, _SCHEMES.get(scope.get("scheme", "ws"), ""), host)


def fits(origin: str, scheme: str, host: str) -> bool:
    """Whether a page of this origin may open a websocket that arrives like this."""
    return origin in settings.CSRF_TRUSTED_ORIGINS or origin == _own(scheme, host)


def _own(scheme: str, host: str) -> str | None:
    domain, _port = split_domain_port(host)
    if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        return None
    return f"{scheme}://{host}"


def _only(scope: Scope, name: bytes) -> str:
    """The header's value, or nothing when it is missing or said twice."""
    values = [value for key, value in scope["headers"] if key == name]
    return values[0].decode("latin-1") if len(values) == 1 else ""
