"""Bearer tokens: how programs prove whose wishes they carry.

    user = tokens.authenticate(raw)        # the person, with grants narrowed to the token's scope, or None
    user = tokens.user_of(token_id)        # the same again, for whatever lives longer than a request
    tokens.alive(token_id)                 # cheaper, where rights do not matter

A token is 256 random bits, so a plain SHA-256 keeps it: there is nothing to guess that a slow hash would protect. The
checksum at its end lets us refuse garbage without asking the database, and lets scanners recognise a leaked one.
A token never carries a right of its own: it narrows what its owner may do now.
"""

from __future__ import annotations

import secrets
import string
import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256

from django.db.models import Q, QuerySet
from django.utils import timezone

from vmconsole.access.models import Token, User
from vmconsole.access.rules import Scope
from vmconsole.prepared import Prepared

__all__ = ["alive", "authenticate", "find", "living", "mint", "prune", "user_of"]

MARK = "vmc_"
ALPHABET = string.digits + string.ascii_letters
BODY_CHARS = 43  # 256 bits
CHECK_CHARS = 6  # a CRC-32 in base 62
PREFIX_CHARS = len(MARK) + 8  # what lists and the audit show; 35 unknown characters remain
LAST_USED_EVERY = timedelta(minutes=1)
_TOKEN, _OWNER = Prepared(Token.objects.order_by(), "digest"), Prepared(User.objects.order_by(), "id")
KEPT_AFTER_END = timedelta(days=30)  # so that a person can see what became of it


def mint() -> tuple[str, str, str]:
    """A new raw token, the prefix by which people recognise it, and the hash that is kept."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(BODY_CHARS))
    raw = f"{MARK}{body}{_check(body)}"
    return raw, raw[:PREFIX_CHARS], digest(raw)


def digest(raw: str) -> str:
    return sha256(raw.encode()).hexdigest()


def well_formed(raw: str) -> bool:
    """Whether we can have made it: its shape and its checksum."""
    body, check = raw[len(MARK) : -CHECK_CHARS], raw[-CHECK_CHARS:]
    right_size = raw.startswith(MARK) and len(body) == BODY_CHARS and raw.isascii()
    return right_size and secrets.compare_digest(check, _check(body))


def find(raw: str) -> Token | None:
    """The token's row, whatever became of it."""
    if not well_formed(raw):
        return None
    token = _TOKEN.one(digest(raw))
    if token is not None and (user := _OWNER.one(token.user_id)) is not None:
        token.user = user
    return token


def authenticate(raw: str) -> User | None:
    """The person this token speaks for, narrowed to its scope. None: unknown, revoked, expired, or shut out."""
    return use(find(raw))


def use(token: Token | None) -> User | None:
    """The person of this row, if it is good now; notes the use."""
    if token is None or token.fault():
        return None
    _note_use(token)
    return _narrowed(token)


def user_of(token_id: int) -> User | None:
    """The token's person as of now, freshly loaded and narrowed; None when they may not go on."""
    token = _good().select_related("user").filter(pk=token_id).first()
    return _narrowed(token) if token else None


def alive(token_id: int) -> bool:
    """Whether what was opened with this token may stay open. One indexed question."""
    return _good().filter(pk=token_id).exists()


def living(token_ids: Iterable[int]) -> set[int]:
    """Which of these are alive: one question for a thousand watches."""
    return set(_good().filter(pk__in=set(token_ids)).values_list("pk", flat=True))


def prune() -> None:
    """Delete what ended long ago."""
    long_ago = timezone.now() - KEPT_AFTER_END
    Token.objects.filter(Q(expires_at__lt=long_ago) | Q(revoked_at__lt=long_ago)).delete()


def _good() -> QuerySet[Token]:
    return Token.objects.filter(
        revoked_at=None, expires_at__gt=timezone.now(), user__is_active=True, user__password_expired=False
    )


def _narrowed(token: Token) -> User:
    user = token.user
    user.token = token
    user.token_scope = Scope.of(token.rights, token.namespaces)
    return user


def _note_use(token: Token) -> None:
    """At most once a minute: a busy client must not write a row with every request."""
    now: datetime = timezone.now()
    if token.last_used_at and now - token.last_used_at < LAST_USED_EVERY:
        return
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - LAST_USED_EVERY)
    Token.objects.filter(stale, pk=token.pk).update(last_used_at=now)


def _check(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(CHECK_CHARS):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits
