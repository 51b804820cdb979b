"""What can be asked about tokens: make one, revoke one. Each is one transaction with its audit entry.

The raw token is returned by `create` and by nothing else.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from vmconsole.access import journal, tokens
from vmconsole.access.actors import Actor
from vmconsole.access.errors import Conflict, Denied, NotFound, Unprocessable
from vmconsole.access.models import TOKEN_NAME_CHARS, Token, User
from vmconsole.access.rights import Right, may, namespaces
from vmconsole.access.rules import Scope, TokenRights

LONGEST = timedelta(days=366)
TOKENS_PER_PERSON = 100  # more are programs that forget theirs
NAMESPACES_PER_TOKEN = 100


@transaction.atomic
def create(
    asker: User,
    actor: Actor,
    *,
    name: str,
    rights: TokenRights,
    places: Collection[str] | None,
    expires_at: datetime,
) -> tuple[Token, str]:
    """A token of one's own and, this once, what it is. With a token only within that one's scope and time."""
    _name_or_refuse(asker, name)
    _time_or_refuse(expires_at)
    _places_or_refuse(asker, places)
    parent = asker.token
    if parent:
        _within_or_refuse(asker, parent, Scope.of(rights, places), expires_at)
    raw, prefix, digest = tokens.mint()
    token = Token.objects.create(
        user_id=asker.pk,
        parent=parent,
        name=name,
        prefix=prefix,
        digest=digest,
        rights=rights.value,
        namespaces=None if places is None else sorted(set(places)),
        expires_at=expires_at,
    )
    extra = {"rights": token.rights, "namespaces": token.namespaces or ["*"], "expires_at": expires_at.isoformat()}
    _record(actor, "token_create", token, extra)
    return token, raw


@transaction.atomic
def revoke(asker: User, actor: Actor, token: Token) -> None:
    """From the next request on it opens nothing, nor does any token made with it; what is open closes in seconds."""
    if token.user_id != asker.pk and not may(asker, Right.BIND_ROLES, None):
        raise NotFound(_("There is no such token."))
    if token.user_id == asker.pk and _lesser(asker) and not _descends(token, asker):
        raise Denied(_("This token may not revoke other tokens."), fix=_("Sign in to revoke it."))
    for each in _with_children(token):
        if Token.objects.filter(pk=each.pk, revoked_at=None).update(revoked_at=timezone.now()):
            _record(actor, "token_revoke", each)


def visible_to(asker: User) -> QuerySet[Token]:
    """One's own; administrators of the cluster see everybody's."""
    found = Token.objects.select_related("user")
    return found if may(asker, Right.BIND_ROLES, None) else found.filter(user_id=asker.pk)


def _lesser(asker: User) -> bool:
    """Whether they came with a token that may less than themselves."""
    return asker.token_scope is not None and not asker.token_scope.holds(Scope.of(TokenRights.EVERYTHING, None))


def _descends(token: Token, asker: User) -> bool:
    """Whether it is the asking token, or was made with it."""
    seen: Token | None = token
    while seen:
        if asker.token and seen.pk == asker.token.pk:
            return True
        seen = seen.parent
    return False


def _with_children(token: Token) -> list[Token]:
    found, level = [token], [token]
    while level:
        level = list(Token.objects.filter(parent__in=level))
        found += level
    return found


def _name_or_refuse(asker: User, name: str) -> None:
    if not name or len(name) > TOKEN_NAME_CHARS or not name.isprintable():
        raise Unprocessable(
            _("Give the token a name of up to %(most)d visible characters.") % {"most": TOKEN_NAME_CHARS},
            "Invalid",
            "name",
        )
    good = Token.objects.filter(user_id=asker.pk, revoked_at=None, expires_at__gt=timezone.now())
    if good.count() >= TOKENS_PER_PERSON:
        raise Conflict(_("You have too many tokens."), "TooManyTokens", fix=_("Revoke those you do not use."))


def _time_or_refuse(expires_at: datetime) -> None:
    now = timezone.now()
    if not now < expires_at <= now + LONGEST:
        raise Unprocessable(_("A token ends in the future, and after a year at most."), "Invalid", "expires_at")


def _places_or_refuse(asker: User, places: Collection[str] | None) -> None:
    if places is None:
        return
    if not places or len(places) > NAMESPACES_PER_TOKEN:
        raise Unprocessable(_("Choose at least one namespace, or all."), "Invalid", "namespaces")
    if not set(places) <= set(namespaces(asker)):
        raise NotFound(_("There is no such namespace."), field="namespaces")


def _within_or_refuse(asker: User, parent: Token, wanted: Scope, expires_at: datetime) -> None:
    if asker.token_scope is None or not asker.token_scope.holds(wanted):
        raise Denied(_("A token makes no token that may more than itself."), fix=_("Sign in to make it."))
    if expires_at > parent.expires_at:
        raise Unprocessable(_("A token makes no token that lasts longer than itself."), "Invalid", "expires_at")


def _record(actor: Actor, action: str, token: Token, extra: dict[str, object] | None = None) -> None:
    about = {"prefix": token.prefix, "owner": token.user.get_username()}
    journal.record(
        actor, action, kind="Token", uid=str(token.pk), name=token.name, phase="succeeded", extra=about | (extra or {})
    )
