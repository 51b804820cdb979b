"""Tokens for tests: one line each."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from django.test import Client
from django.utils import timezone

from vmconsole.access import tokening
from vmconsole.access.actors import Actor
from vmconsole.access.models import Token, User
from vmconsole.access.rules import TokenRights


def token_of(
    person: User,
    rights: TokenRights = TokenRights.EVERYTHING,
    places: Collection[str] | None = None,
    *,
    name: str = "tests",
    lasts: timedelta = timedelta(hours=1),
) -> tuple[Token, str]:
    """A token of this person, and what it is."""
    actor = Actor(user_id=person.pk, name=person.username)
    return tokening.create(person, actor, name=name, rights=rights, places=places, expires_at=timezone.now() + lasts)


def program_of(raw: str) -> Client:
    """A client that bears this token. It would be asked for form tokens, were it taken for a browser."""
    return Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {raw}"})
