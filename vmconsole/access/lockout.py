"""Waiting after too many wrong passwords, counted by django-axes per user name and address.

Per pair, so that nobody can shut a colleague out from elsewhere by guessing badly on purpose.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from axes.utils import reset
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from rest_framework.request import Request


def as_answered(request: HttpRequest, response: HttpResponse, credentials: Any) -> HttpResponse:  # noqa: ARG001  # called by axes
    """AXES_LOCKOUT_CALLABLE: the sign-in view has said it already, in its own page."""
    return response


def address_of(request: HttpRequest | Request) -> str:
    """AXES_CLIENT_IP_CALLABLE: the peer. Headers about it are believed by uvicorn alone, from listed proxies only."""
    return str(request.META.get("REMOTE_ADDR") or "")


def waiting(username: str, address: str) -> timedelta:
    """How long until this person may try again from there."""
    cool_off = get_cool_off() or timedelta()
    attempt = AccessAttempt.objects.filter(username=username, ip_address=address).order_by("-attempt_time").first()
    return max(timedelta(), attempt.attempt_time + cool_off - timezone.now()) if attempt else cool_off


def locked_usernames() -> set[str]:
    """Whose name is locked from at least one address."""
    since = timezone.now() - (get_cool_off() or timedelta())
    locked = AccessAttempt.objects.filter(
        attempt_time__gte=since, failures_since_start__gte=settings.AXES_FAILURE_LIMIT
    )
    return set(locked.values_list("username", flat=True))


def unlock(username: str, address: str | None = None) -> int:
    """Forget this person's wrong passwords, from everywhere or from one address. How many addresses that freed."""
    return int(reset(username=username, ip=address))


def prune() -> None:
    """Forget wrong passwords that no longer count."""
    expired = timezone.now() - 2 * (get_cool_off() or timedelta())
    AccessAttempt.objects.filter(attempt_time__lt=expired).delete()
