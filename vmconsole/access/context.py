"""What every page's frame asks about the person in front of it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from vmconsole.access import rights
from vmconsole.access.models import Theme

THEME_COOKIE = "theme"


def person(request: HttpRequest) -> dict[str, Any]:
    """Theme and languages, also before sign-in; who may do what, as functions, so that a page asks what it needs."""
    user = getattr(request, "user", None)
    theme = request.COOKIES.get(THEME_COOKIE, "")
    return {
        "theme": theme if theme in Theme.values else Theme.AUTO.value,
        "languages": settings.LANGUAGES,
        "may_cluster_view": user is not None and rights.may(user, rights.Right.CLUSTER_VIEW, None),
        "may_manage_people": user is not None and may_manage_people(user),
        "my_namespaces": rights.namespaces(user) if user is not None else [],
    }


def may_manage_people(user: Any) -> bool:
    """Whether the page about people shows them anything."""
    everywhere = rights.may(user, rights.Right.BIND_ROLES, None)
    return everywhere or bool(rights.namespaces(user, rights.Right.BIND_ROLES))
