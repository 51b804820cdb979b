"""Is that session still good? Asked by everything that lives longer than a request: feeds and consoles.

A page's request loads its person afresh and needs none of this. A socket opened an hour ago must ask again, or
somebody who was shut out would keep a keyboard.
"""

from __future__ import annotations

from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from vmconsole.access.models import User


def user_of(session_key: str | None) -> User | None:
    """The person this session belongs to now, freshly loaded; None when they may not go on.

    Signed out, expired, deactivated, password changed, sessions ended, still on a one-time password: all the same.
    """
    if not session_key:
        return None
    request = HttpRequest()
    request.session = store()(session_key)
    user = get_user(request)
    return user if isinstance(user, User) and user.is_active and not user.password_expired else None


def prune() -> None:
    """Delete what expired: nothing else ever does."""
    store().clear_expired()


def store() -> type[SessionBase]:
    found: type[SessionBase] = import_module(settings.SESSION_ENGINE).SessionStore
    return found
