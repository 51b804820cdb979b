"""The door of one's own account: signing in and out, language, theme, password."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import login, update_session_auth_hash, views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AdminPasswordChangeForm, AuthenticationForm, PasswordChangeForm
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from vmconsole.access import journal, lockout, services, zones
from vmconsole.access.actors import Actor, actor_of, fingerprint, request_id
from vmconsole.access.context import THEME_COOKIE
from vmconsole.access.forms import PreferencesForm, SignInForm
from vmconsole.access.models import RoleBinding, User

YEAR = 365 * 24 * 3600


@method_decorator([never_cache, sensitive_post_parameters("password")], name="dispatch")
class SignIn(views.LoginView):
    """Name and password. What went wrong is not told beyond "these do not belong together"."""

    template_name = "access/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user = form.get_user()
        assert isinstance(user, User)
        with transaction.atomic():
            login(self.request, user)  # a new session key: whoever planted the old one has nothing
            self.tell(actor_of(self.request), "sign_in", user.username, "succeeded")
        response = redirect(self.get_success_url())
        # The frame's own theme button speaks to this browser alone, so a theme chosen here stays.
        keep_preferences(response, user.language, "" if THEME_COOKIE in self.request.COOKIES else user.theme)
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        typed = str(form.data.get("username", ""))
        # A name nobody has may be a password in the wrong field: it is not written down.
        known = typed if User.objects.filter(username=typed).exists() else ""
        locked = bool(getattr(self.request, "axes_locked_out", False))
        reason = "LockedOut" if locked else "WrongPassword"
        self.tell(stranger(self.request, known), "sign_in", known, "refused", reason)
        if not locked:
            return self.render_to_response(self.get_context_data(form=form), status=422)
        wait = lockout.waiting(typed, lockout.address_of(self.request))
        minutes = max(1, round(wait.total_seconds() / 60))
        sentence = ngettext(
            "Too many wrong passwords. Try again in %(minutes)d minute.",
            "Too many wrong passwords. Try again in %(minutes)d minutes.",
            minutes,
        ) % {"minutes": minutes}
        context = self.get_context_data(form=form, locked=sentence)
        retry = {"Retry-After": str(max(1, int(wait.total_seconds())))}
        return self.render_to_response(context, status=429, headers=retry)

    @staticmethod
    def tell(actor: Actor, action: str, name: str, phase: str, reason: str = "") -> None:
        journal.record(
            actor, action, kind="Session", uid=actor.session_id or None, name=name, phase=phase, reason=reason
        )


sign_in = login_not_required(require_http_methods(["GET", "HEAD", "POST"])(SignIn.as_view()))


def stranger(request: HttpRequest, name: str) -> Actor:
    """Somebody who says they are this person."""
    return Actor(
        user_id=None,
        name=name or "unknown",
        session_id=fingerprint(request.session.session_key),
        source=lockout.address_of(request),
        user_agent=request.headers.get("User-Agent", "")[:200],
        request_id=request_id(),
    )


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Ends this session; its consoles and feeds notice within seconds."""
    actor = actor_of(request)
    SignIn.tell(actor, "sign_out", actor.name, "succeeded")
    return views.LogoutView.as_view()(request)


@login_not_required
@require_POST
def preferences_change(request: HttpRequest) -> HttpResponse:
    """Language, theme and time zone, kept with the person; the first two also in cookies, for the sign-in page."""
    form = PreferencesForm(request.POST)
    response = redirect(safe_next(request))
    if not form.is_valid():
        return response
    chosen = {name: value for name, value in form.cleaned_data.items() if value}
    if chosen.get("time_zone") == zones.BROWSERS:
        chosen["time_zone"] = ""
    if request.user.is_authenticated and chosen:
        User.objects.filter(pk=request.user.pk).update(**chosen)
    keep_preferences(response, chosen.get("language", ""), chosen.get("theme", ""))
    return response


def safe_next(request: HttpRequest) -> str:
    """Where they came from, when that is one of our pages."""
    there = request.POST.get("next", "")
    secure = request.is_secure()
    safe = url_has_allowed_host_and_scheme(there, allowed_hosts={request.get_host()}, require_https=secure)
    return there if safe else settings.LOGIN_REDIRECT_URL


def keep_preferences(response: HttpResponse, language: str, theme: str) -> None:
    """Cookies, so that also the sign-in page speaks the right language in the right colours. Scripts may set both."""
    for name, value in ((settings.LANGUAGE_COOKIE_NAME, language), (THEME_COOKIE, theme)):
        if value:
            response.set_cookie(name, value, max_age=YEAR, samesite="Lax", secure=settings.SECURE_COOKIES)


@require_http_methods(["GET"])
def account(request: HttpRequest) -> HttpResponse:
    """Who am I here, and how do I like it."""
    return render(
        request,
        "access/account.html",
        {"bindings": RoleBinding.objects.filter(user=request.user.pk), "zones": zones.grouped()},
    )


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def password_change(request: HttpRequest) -> HttpResponse:
    """One's own password. A one-time password just proved itself at sign-in and is not asked for again."""
    user = request.user
    assert isinstance(user, User)
    kind: Any = AdminPasswordChangeForm if user.password_expired else PasswordChangeForm
    form = kind(user, request.POST or None)
    if "usable_password" in form.fields:
        del form.fields["usable_password"]
    if request.method == "POST" and form.is_valid():
        password = next(form.cleaned_data[name] for name in ("new_password1", "password1") if name in form.cleaned_data)
        with transaction.atomic():
            services.change_password(actor_of(request), user, password)
            update_session_auth_hash(request, user)
        return redirect(settings.LOGIN_REDIRECT_URL)
    context = {"form": form, "forced": user.password_expired}
    return render(request, "access/password_change.html", context, status=422 if form.errors else 200)


@require_POST
def sessions_end(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere else."""
    user = request.user
    assert isinstance(user, User)
    services.end_sessions(user, actor_of(request), user)
    user.refresh_from_db()
    update_session_auth_hash(request, user)
    return redirect("access:account")
