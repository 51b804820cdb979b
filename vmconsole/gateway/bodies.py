"""Refuses request bodies that nobody here takes, before they are kept anywhere.

Django writes a whole body to a temporary file before any view or sign-in is asked, so a stranger could fill the disk
with one request. The largest body we know is one part of an upload.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

LARGEST_BODY: Final = 9 << 20  # an upload's part of 8 MiB, and what a form wraps around it

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]


def small_bodies_only(app: App) -> App:
    """The app, behind a limit: announced as larger is 413 at once, sent as larger without a word is cut off."""

    async def limited(scope: Any, receive: Receive, send: Send) -> None:
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if not announced.isdigit() or int(announced) > LARGEST_BODY:
            await _refuse(send)
            return
        taken, answered = 0, False

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            return message if taken <= LARGEST_BODY else {"type": "http.disconnect"}

        async def noted(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        await app(scope, counted, noted)
        if taken > LARGEST_BODY and not answered:
            await _refuse(send)

    return limited


async def _refuse(send: Send) -> None:
    problem = {
        "type": "urn:vmconsole:problem:TooLarge",
        "title": "Too large",
        "status": 413,
        "detail": "The request is larger than anything that is taken here. Send files in parts of 8 MiB.",
        "reason": "TooLarge",
    }
    body = json.dumps(problem).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
