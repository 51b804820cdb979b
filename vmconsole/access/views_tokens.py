"""The page of one's own tokens. What a token is stands in the answer that made it and nowhere else."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from vmconsole.access import journal, tokening
from vmconsole.access.actors import actor_of
from vmconsole.access.errors import Declined, NotFound
from vmconsole.access.forms import TokenForm
from vmconsole.access.models import Token
from vmconsole.access.rights import namespaces
from vmconsole.access.rules import TokenRights
from vmconsole.access.views_people import asker

MOST_SHOWN = 200  # a person has 100 good ones at most, and sees the latest of those that ended


@require_http_methods(["GET", "POST"])
def token_list(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        return show(request, TokenForm(namespaces=namespaces(request.user)))
    form = TokenForm(request.POST, namespaces=namespaces(request.user))
    if not form.is_valid():
        return show(request, form, status=422)
    told = form.cleaned_data
    try:
        token, raw = tokening.create(
            asker(request),
            actor_of(request),
            name=told["name"],
            rights=TokenRights(told["rights"]),
            places=None if "" in told["namespaces"] else told["namespaces"],
            expires_at=timezone.now() + timedelta(days=int(told["days"])),
        )
    except Declined as error:
        journal.note_refusal(request, error.status, error.reason, error.public)
        form.add_error(error.field if error.field in form.fields else None, error.public)
        return show(request, form, status=error.status)
    return show(request, TokenForm(namespaces=namespaces(request.user)), fresh=token, raw=raw, status=201)


def show(
    request: HttpRequest, form: TokenForm, *, fresh: Token | None = None, raw: str = "", status: int = 200
) -> HttpResponse:
    user = asker(request)
    tokens = Token.objects.filter(user_id=user.pk).select_related("user")[:MOST_SHOWN]
    context = {"tokens": tokens, "form": form, "fresh": fresh, "raw": raw}
    return render(request, "access/token_list.html", context, status=status)


@require_POST
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """One's own, or, for administrators of the cluster, anybody's."""
    user = asker(request)
    token = tokening.visible_to(user).filter(pk=pk).first()
    if token is None:
        raise NotFound(_("There is no such token."))
    tokening.revoke(user, actor_of(request), token)
    return (
        redirect("access:token_list") if token.user_id == user.pk else redirect("access:person_detail", token.user_id)
    )
