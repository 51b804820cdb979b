"""The websockets `vnc` and `console` for programs: KubeVirt's addresses, a token, and the guest's plain bytes.

The same pipe, seats and audit as the browser's (`vmconsole.gateway.consoles`). What differs is the way in: a program
proves itself with a token and gets every refusal as an HTTP answer, before there is a websocket. Screens are shared and
nobody is ever thrown out, so `preserveSession` is always kept.
"""

from __future__ import annotations

import asyncio
import binascii
import logging
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import msgspec
from django.utils.translation import gettext as _

from apiserver.status import failure
from inventory.models import VirtualMachine
from vmconsole.access import bearers, tokens
from vmconsole.access.models import User
from vmconsole.access.rights import Right, may
from vmconsole.gateway import people, sessions, targets
from vmconsole.gateway.consoles import opened
from vmconsole.gateway.models import Kind
from vmconsole.gateway.origins import allowed
from vmconsole.gateway.people import actor_of_socket, address_of_socket, agent_of_socket, in_thread
from vmconsole.gateway.sessions import Session, seats
from vmconsole.gateway.wire import (
    BAD_MESSAGE,
    DENIED,
    FAILED,
    NOT_FOUND,
    OFF,
    SIGNED_OUT,
    TOO_MANY,
    Message,
    Receive,
    Refusal,
    Scope,
    Send,
)

log = logging.getLogger(__name__)

GROUP: Final = "subresources.kubevirt.io"
ADDRESS: Final = "<slug:version>/namespaces/<str:namespace>/virtualmachineinstances/<str:name>/<path:kind>"
VERSIONS: Final = ("v1", "v1alpha3")
PLAIN: Final = "plain.kubevirt.io"
BEARER: Final = "base64url.bearer.authorization.k8s.io."
KINDS: Final = {"vnc": Kind.VNC, "console": Kind.SERIAL}
CODES: Final = {SIGNED_OUT: 401, DENIED: 403, NOT_FOUND: 404, OFF: 400, BAD_MESSAGE: 400, TOO_MANY: 429, FAILED: 503}
TRY_AGAIN: Final = 5  # seconds


async def console(scope: Scope, receive: Receive, send: Send) -> None:
    """One program at one console, from the handshake to its end."""
    await receive()  # websocket.connect

    async def accept() -> None:
        protocol = PLAIN if PLAIN in scope.get("subprotocols", ()) else None
        await send({"type": "websocket.accept", "subprotocol": protocol})

    try:
        session = await in_thread(admitted, scope, scope["url_route"]["kwargs"], asyncio.get_running_loop())
        seats.take(session)
    except Refusal as refusal:
        await refuse(send, refusal)
        return
    except Exception:
        log.exception("A console could not be opened.")
        await refuse(send, Refusal(FAILED, _("The console could not be opened.")))
        return
    try:
        close = await opened(session, binary_only(receive), send, accept)
    except Refusal as refusal:
        await refuse(send, refusal)
        return
    finally:
        seats.leave(session)
    if close is not None:
        with suppress(TimeoutError, OSError, RuntimeError):  # gone already, or it does not read
            async with asyncio.timeout(2):
                await send({"type": "websocket.close", "code": close.code, "reason": close.reason})


async def nowhere(_scope: Scope, receive: Receive, send: Send) -> None:
    """Every other websocket of the API."""
    await receive()
    await refuse(send, Refusal(NOT_FOUND, _("The server could not find the requested resource.")))


def admitted(scope: Scope, asked: Mapping[str, str], loop: asyncio.AbstractEventLoop) -> Session:
    """Who comes, if they may. In a thread."""
    kind = KINDS.get(asked["kind"])
    if kind is None or asked["version"] not in VERSIONS:
        raise Refusal(NOT_FOUND, _("The server could not find the requested resource."))
    user = person_of(scope)
    assert user.token is not None
    namespace, name = asked["namespace"], asked["name"]
    vm = VirtualMachine.objects.filter(namespace=namespace, name=name).first() if namespace else None
    target = targets.find(vm.uid) if vm and may(user, Right.VIEW, namespace) else None
    if vm is None or target is None:
        raise Refusal(NOT_FOUND, _("virtualmachineinstances.kubevirt.io “%(name)s” not found") % {"name": name[:253]})
    actor = actor_of_socket(user, "", scope)
    if not may(user, Right.CONSOLE, namespace):
        sessions.refused(actor, vm.uid, kind, target, "Forbidden")
        raise Refusal(DENIED, _("You can see this machine, but a console needs a role that may change it."))
    if not target.running:
        raise Refusal(OFF, _("VM is not running"))
    return Session(
        session_key="",
        token_id=user.token.pk,
        user_id=user.pk,
        actor=actor,
        uid=vm.uid,
        kind=kind,
        writable=True,
        target=target,
        over=loop.create_future(),
        is_admin=may(user, Right.BIND_ROLES, namespace),
    )


def person_of(scope: Scope) -> User:
    """Only a token counts: a cookie or the page it came from gives nobody anything here."""
    if any(key == b"origin" for key, _value in scope["headers"]) and not allowed(scope):
        raise Refusal(DENIED, _("Refused: this request was sent by another site."))
    raw = bearer_of(scope)
    if raw is None:
        raise Refusal(SIGNED_OUT, _("A token is needed: send it as “Authorization: Bearer …”."))
    token = tokens.find(raw)
    user = tokens.use(token)
    if user is None:
        try:
            bearers.failed(token, address_of_socket(scope), agent_of_socket(scope))
        except bearers.TooManyFailures as error:
            raise Refusal(TOO_MANY, _("Too many tokens from your address are none. Wait a minute.")) from error
        raise Refusal(SIGNED_OUT, _("This token is unknown, expired or revoked."))
    return user


def bearer_of(scope: Scope) -> str | None:
    """From the header, or from the sub-protocol that stands in for it where headers cannot be set."""
    raw = people.bearer_of(scope)
    if raw is not None:
        return raw
    for protocol in scope.get("subprotocols", ()):
        if protocol.startswith(BEARER):
            encoded = protocol.removeprefix(BEARER)[: bearers.HEADER_CHARS * 2]
            try:
                return urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode("ascii")
            except (binascii.Error, ValueError):
                return ""
    return None


def binary_only(receive: Receive) -> Receive:
    """Text means nothing to a screen or a port: it is dropped, as KubeVirt's server does."""

    async def received() -> Message:
        while True:
            message = await receive()
            if message["type"] != "websocket.receive" or message.get("bytes") is not None:
                return message

    return received


async def refuse(send: Send, refusal: Refusal) -> None:
    """An HTTP answer instead of a websocket, with the Status that Kubernetes' clients read."""
    code = CODES.get(refusal.close.code, 500)
    body = msgspec.json.encode(failure(code, refusal.close.reason, retry_after=TRY_AGAIN if code == 429 else None))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if code == 401:
        headers.append((b"www-authenticate", b'Bearer realm="vmconsole"'))
    if code == 429:
        headers.append((b"retry-after", str(TRY_AGAIN).encode()))
    with suppress(OSError):
        await send({"type": "websocket.http.response.start", "status": code, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": body})
