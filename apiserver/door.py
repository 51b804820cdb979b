"""Who knocks, and what they hear when the answer is no: the frame of every view of this API.

Bearer tokens only: no browser sends one by itself, so there is nothing a form token would protect. A cookie opens
nothing here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from apiserver import limits, status
from apiserver.kinds import Asking, Kind
from vmconsole.access import bearers
from vmconsole.access.actors import actor_of

View = Callable[..., HttpResponseBase]


def about(kind: Kind | None, name: str = "") -> dict[str, str]:
    """Which object a Status is about. `type` is for its sentence only: there Kubernetes says the kind."""
    if kind is None:
        return {"name": name}
    return {"name": name, "group": kind.group, "kind": kind.plural, "type": kind.name}


def asking_of(request: HttpRequest) -> Asking:
    """The person behind the token. `request.user` is them from here on, also for the audit of refusals."""
    raw = bearers.raw_of(request.META.get("HTTP_AUTHORIZATION", ""))
    if raw is None:
        raise status.Unauthorized(_("Send a token: “Authorization: Bearer vmc_…”."))
    try:
        user = bearers.admit(request, raw)
    except bearers.TooManyFailures as error:
        sentence = _("Too many wrong tokens came from this address. Wait a minute.")
        raise status.TooMany(sentence, retry_in=error.wait) from error
    if user is None:
        raise status.Unauthorized(_("This token is unknown, expired or revoked."))
    request.user = user
    if user.token is not None:
        limits.rates.take(user.token.pk)
    return Asking(user, actor_of(request))


def _allowed(request: HttpRequest, methods: tuple[str, ...]) -> None:
    if request.method not in methods:
        raise status.MethodNotAllowed(_("The server does not allow this method on the requested resource"))


def door(methods: tuple[str, ...], *, kind: Kind | None = None, strangers: bool = False) -> Callable[[View], View]:
    """A view behind the token check, for these methods. With `strangers` nobody is asked who they are."""

    def hang(view: View) -> View:
        @csrf_exempt
        @login_not_required
        @wraps(view)
        def knocked(request: HttpRequest, **where: Any) -> HttpResponseBase:
            request.user = AnonymousUser()  # whoever a cookie says it is
            try:
                if not strangers:
                    request.asking = asking_of(request)  # type: ignore[attr-defined]
                _allowed(request, methods)
                return view(request, **where)
            except Exception as error:  # noqa: BLE001  # whatever it is, it becomes a Status; bugs are logged there
                return status.refuse(request, error, about(kind, where.get("name", "")))

        return knocked

    return hang
