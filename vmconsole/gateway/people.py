"""Who is behind a websocket: the session cookie or a bearer token, asked again while it lives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import close_old_connections

from vmconsole.access import bearers
from vmconsole.access.actors import USER_AGENT_CHARS, Actor, fingerprint
from vmconsole.access.models import User
from vmconsole.gateway.wire import Scope

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """For everything that asks the database: no connection of a broken database is used twice."""

    def asked() -> T:
        close_old_connections()
        try:
            return function(*args, **kwargs)
        finally:
            close_old_connections()

    return await asyncio.to_thread(asked)


def session_key_of(scope: Scope) -> str:
    """The session's key in the cookies of this websocket, empty when there is none."""
    for name, value in scope["headers"]:
        if name == b"cookie":
            try:
                cookies = SimpleCookie(value.decode("latin-1"))
            except CookieError:
                continue
            if settings.SESSION_COOKIE_NAME in cookies:
                return cookies[settings.SESSION_COOKIE_NAME].value
    return ""


def bearer_of(scope: Scope) -> str | None:
    """The token in the header of this websocket, None when it came without."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            return bearers.raw_of(value.decode("latin-1"))
    return None


def actor_of_socket(user: User, session_key: str, scope: Scope) -> Actor:
    return Actor(
        user_id=user.pk,
        name=user.get_username(),
        auth="token" if user.token else "session",
        token_id=str(user.token or ""),
        session_id=fingerprint(session_key),
        source=address_of_socket(scope),
        user_agent=agent_of_socket(scope),
    )


def address_of_socket(scope: Scope) -> str:
    return str((scope.get("client") or ("",))[0])


def agent_of_socket(scope: Scope) -> str:
    agents: list[str] = [value.decode("latin-1") for name, value in scope["headers"] if name == b"user-agent"]
    return (agents or [""])[0][:USER_AGENT_CHARS]
