"""Doors for machines: am I alive, am I ready, and the figures for Prometheus.

They answer without a session. /healthz and /readyz tell nothing but names and yes or no; /metrics needs the token that
our Prometheus has too, and does not exist without it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from observability import controller, vitals


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers; also /livez, as the Kubernetes API calls it."""
    return HttpResponse(_told({"ping": True}) if "verbose" in request.GET else "ok\n", content_type="text/plain")


@login_not_required
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Everything a request may need answers: 200, else 503 and which does not. `?verbose`: in lines, as Kubernetes."""
    checks = {name: check() for name, check in CHECKS.items()}
    ready = all(checks.values())
    if "verbose" in request.GET:
        return HttpResponse(_told(checks), content_type="text/plain", status=200 if ready else 503)
    return JsonResponse({"ready": ready, "checks": checks}, status=200 if ready else 503)


def _told(checks: dict[str, bool]) -> str:
    lines = [f"[{'+' if good else '-'}]{name} {'ok' if good else 'failed'}\n" for name, good in checks.items()]
    return "".join([*lines, "check passed\n" if all(checks.values()) else "check failed\n"])


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The controller's figures, for who bears the token."""
    if not settings.METRICS_TOKEN:
        raise Http404
    _kind, _space, given = request.headers.get("Authorization", "").partition(" ")
    if not secrets.compare_digest(given.strip().encode(), settings.METRICS_TOKEN.encode()):
        return HttpResponse("this needs a token\n", status=401, headers={"WWW-Authenticate": "Bearer"})
    try:
        text = controller.metrics()
    except controller.Silent:
        return HttpResponse("the controller does not answer\n", status=503, content_type="text/plain")
    return HttpResponse(text, content_type="text/plain; version=0.0.4; charset=utf-8")


def database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def controller_answers() -> bool:
    try:
        controller.status()
    except controller.Silent:
        return False
    return True


def runtime_answers() -> bool:
    try:
        return bool(controller.status()["reachable"])
    except controller.Silent:
        return False


def worker_lives() -> bool:
    try:
        return vitals.is_alive("worker")
    except DatabaseError:
        return False


CHECKS: dict[str, Callable[[], bool]] = {
    "database": database,
    "controller": controller_answers,
    "worker": worker_lives,
    "runtime": runtime_answers,
}
