"""What every request passes before a view sees it, and every answer before it leaves.

Plain functions of the request: each refuses one kind of attack, and none knows anything of virtual machines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from vmconsole.access.journal import SAFE_METHODS

GetResponse = Callable[[HttpRequest], HttpResponse]

OURS = frozenset({"same-origin", "none"})  # none: typed, bookmarked or reloaded by the person
FRAMES = frozenset({"object", "embed", "frame", "iframe"})

PERMISSIONS = ", ".join(
    [
        *(f"{feature}=()" for feature in ("accelerometer", "camera", "display-capture", "geolocation", "gyroscope")),
        *(f"{feature}=()" for feature in ("hid", "magnetometer", "microphone", "midi", "payment", "serial", "usb")),
        # The screen of a machine: full screen, its keys, its clipboard.
        *(f"{feature}=(self)" for feature in ("clipboard-read", "clipboard-write", "fullscreen", "keyboard-map")),
    ]
)


class OwnPagesOnly:
    """Refuses what other sites make a browser send (Fetch Metadata): it stands before cookies, tokens and views.

    Browsers say themselves where a request comes from, and scripts cannot lie about it. Clients that are no
    browsers say nothing and pass; the CSRF check still stands behind.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if self.allowed(request):
            return self.get_response(request)
        return HttpResponse(
            _("Refused: this request was sent by another site.") + "\n",
            status=403,
            content_type="text/plain; charset=utf-8",
        )

    def allowed(self, request: HttpRequest) -> bool:
        site = request.headers.get("Sec-Fetch-Site", "none")
        if site in OURS or request.path.startswith(settings.STATIC_URL):
            return True
        # A link from elsewhere may open a page, not fill a frame, an image or a script.
        navigates = request.headers.get("Sec-Fetch-Mode") == "navigate"
        return request.method in SAFE_METHODS and navigates and request.headers.get("Sec-Fetch-Dest") not in FRAMES


class PageHeaders:
    """Nothing we answer is kept by caches or read by other sites, and pages get no device but the screen."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path.startswith(settings.STATIC_URL):
            return response
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        return response


class SignInFirst(LoginRequiredMiddleware):
    """Strangers go to the sign-in page, and come back to where they wanted to go.

    A fragment must not become the sign-in page inside a table cell: htmx is told to go there as a whole. Programs
    get 401.
    """

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> Any:
        if request.headers.get("HX-Request") == "true":
            page = urlsplit(request.headers.get("HX-Current-URL", "/"))
            back = page.path + (f"?{page.query}" if page.query else "")
            there = f"{reverse(settings.LOGIN_URL)}?{urlencode({'next': back})}"
            return HttpResponse(status=401, headers={"HX-Redirect": there})
        if (
            request.path.startswith("/api/")
            or request.get_preferred_type(["text/html", "application/json"]) != "text/html"
        ):
            return refused(401, _("Sign in first."), "Unauthorized")
        return super().handle_no_permission(request, view_func)


class OwnPasswordFirst:
    """Whoever came in with a one-time password may do one thing: choose their own."""

    open_to_them = ("access:password_change", "access:sign_out", "access:preferences_change")

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if not user.is_authenticated or not user.password_expired:
            return self.get_response(request)
        if request.path in map(reverse, self.open_to_them) or request.path.startswith(settings.STATIC_URL):
            return self.get_response(request)
        if request.headers.get("HX-Request") == "true":
            return HttpResponse(status=403, headers={"HX-Redirect": reverse("access:password_change")})
        if request.path.startswith("/api/"):
            return refused(403, _("Choose your own password first."), "PasswordExpired")
        return redirect("access:password_change")


def refused(status: int, detail: str, reason: str) -> JsonResponse:
    """An RFC 9457 problem for what never reached a view."""
    body = {"type": f"urn:vmconsole:problem:{reason}", "status": status, "detail": detail, "reason": reason}
    return JsonResponse(body, status=status, content_type="application/problem+json")
