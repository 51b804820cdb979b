"""Following changes: answered with 405 until it can be done without losing one."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from apiserver.kinds import Kind
from apiserver.status import MethodNotAllowed


def watch(request: HttpRequest, kind: Kind, namespace: str) -> HttpResponseBase:  # noqa: ARG001
    raise MethodNotAllowed(_("Watching is not offered here."))
