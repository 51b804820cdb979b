"""Programs at the feed: a token in the header opens it, and its end closes it within five seconds."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.access.tokens import token_of
from tests.gateway.conftest import Browser, Server, close_code
from tests.people import People
from vmconsole.access import tokening
from vmconsole.access.actors import Actor
from vmconsole.access.models import Token, User
from vmconsole.gateway.wire import SIGNED_OUT


@contextmanager
def feed(server: Server, headers: dict[str, str]) -> Iterator[ClientConnection]:
    address = f"ws://{server.host}/feed"
    with connect(address, additional_headers=headers, compression=None, proxy=None, close_timeout=2) as opened:
        yield opened


def revoke(token: Token) -> None:
    tokening.revoke(token.user, Actor.system("test"), token)


def expire(token: Token) -> None:
    Token.objects.filter(pk=token.pk).update(expires_at=timezone.now() + timedelta(seconds=1))


def shut_out(token: Token) -> None:
    User.objects.filter(pk=token.user_id).update(is_active=False)


@pytest.mark.parametrize("end", [revoke, expire, shut_out])
def test_what_a_token_opened_closes_with_it(server: Server, people: People, end: Callable[[Token], None]) -> None:
    token, raw = token_of(people.carol)
    with feed(server, {"Authorization": f"Bearer {raw}"}) as opened:
        assert json.loads(opened.recv(timeout=5))["type"] == "hello"
        began = time.monotonic()
        end(token)
        assert close_code(opened) == SIGNED_OUT
        assert time.monotonic() - began <= 5


def test_a_bad_token_opens_nothing_even_beside_a_good_cookie(carol: Browser) -> None:
    with feed(carol.server, {"Authorization": "Bearer vmc_nonsense", "Cookie": carol.cookie}) as opened:
        assert close_code(opened) == SIGNED_OUT


@pytest.mark.parametrize("basic", ["", "Basic Y2Fyb2w6eA=="])
def test_without_a_token_the_origin_still_counts(carol: Browser, basic: str) -> None:
    """A browser may send the name and password it keeps for a site; that is no token."""
    headers = {"Cookie": carol.cookie} | ({"Authorization": basic} if basic else {})
    with pytest.raises(InvalidStatus), feed(carol.server, headers):
        pass


def test_no_cookie_is_taken_for_a_token(server: Server, people: People) -> None:
    token, raw = token_of(people.carol)
    for value in (raw, str(token.pk), f"token:{token.pk}"):
        headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={value}", "Origin": server.origin}
        with feed(server, headers) as opened:
            assert close_code(opened) == SIGNED_OUT
