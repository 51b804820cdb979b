"""A stranger cannot make the console keep more than one part of an upload."""

from __future__ import annotations

from typing import Any

import pytest

from vmconsole.gateway.bodies import LARGEST_BODY, small_bodies_only


class Kept:
    """An app that keeps every body it is given, as Django does."""

    def __init__(self) -> None:
        self.bytes = 0
        self.ended = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while not self.ended:
            message = await receive()
            self.bytes += len(message.get("body", b""))
            if message["type"] == "http.disconnect" or not message.get("more_body"):
                self.ended = message["type"]


async def sent(parts: list[bytes], *headers: tuple[bytes, bytes]) -> tuple[Kept, list[Any]]:
    app, answers = Kept(), []
    left = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    left.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Any:
        return left.pop(0)

    async def send(message: Any) -> None:
        answers.append(message)

    await small_bodies_only(app)({"type": "http", "headers": list(headers)}, receive, send)
    return app, answers


@pytest.mark.parametrize("announced", [str(LARGEST_BODY + 1), "9" * 30, "-1", "x"])
async def test_what_is_announced_as_too_large_is_not_read(announced: str) -> None:
    app, answers = await sent([b"x"], (b"content-length", announced.encode()))
    assert (app.ended, app.bytes) == ("", 0)
    assert answers[0]["status"] == 413


async def test_what_grows_too_large_is_cut_off() -> None:
    app, answers = await sent([bytes(1 << 20)] * 20)
    assert app.ended == "http.disconnect"
    assert app.bytes <= LARGEST_BODY
    assert answers[0]["status"] == 413


async def test_a_part_goes_through() -> None:
    app, answers = await sent([bytes(8 << 20)], (b"content-length", str(8 << 20).encode()))
    assert (app.ended, app.bytes, answers) == ("http.request", 8 << 20, [])
