"""What web asks of the controller: statistics, through the socket that `door` answers.

Blocking, for views; short timeouts, because a page must not wait for a controller that is being restarted.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from uuid import UUID

import httpx
import msgspec
from django.conf import settings

TIMEOUT = 3.0


class Silent(Exception):
    """The controller does not answer: it is starting, or down."""


@lru_cache(maxsize=4)
def client(path: str) -> httpx.Client:
    """One client a socket, kept: opening one costs more than the question. Threads may share it."""
    return httpx.Client(
        transport=httpx.HTTPTransport(uds=path, verify=False), base_url="http://controller", timeout=TIMEOUT
    )


def ask(path: str, **parameters: str | float) -> bytes:
    try:
        answer = client(str(settings.CONTROLLER_SOCKET)).get(path, params=parameters)
        answer.raise_for_status()
    except (httpx.HTTPError, OSError) as error:
        raise Silent(str(error)) from error
    return answer.content


def samples(uid: UUID, since: float) -> list[dict[str, float | None]]:
    """The collector's points later than `since`."""
    points: list[dict[str, float | None]] = msgspec.json.decode(ask("/samples", uid=str(uid), since=since))["points"]
    return points


def host(since: float) -> list[dict[str, float | None]]:
    """The same of the host."""
    points: list[dict[str, float | None]] = msgspec.json.decode(ask("/host", since=since))["points"]
    return points


def top(count: int, namespaces: list[str] | None) -> dict[str, list[tuple[UUID, float]]]:
    """Who takes most now: {"cpu": [(uid, value)], "memory": …, "disk": …, "network": …}."""
    asked = msgspec.json.encode({"count": count, "namespaces": namespaces})
    try:
        answer = client(str(settings.CONTROLLER_SOCKET)).post("/top", content=asked)
        answer.raise_for_status()
    except (httpx.HTTPError, OSError) as error:
        raise Silent(str(error)) from error
    return msgspec.json.decode(answer.content, type=dict[str, list[tuple[UUID, float]]])


def screenshot(uid: UUID) -> bytes:
    """The machine's screen now, as PNG. Silent also when it has none."""
    return ask("/screenshot", uid=str(uid))


def metrics() -> bytes:
    return ask("/metrics")


def status() -> dict[str, Any]:
    """Does the runtime answer: {"reachable", "message", "as_of"}."""
    found: dict[str, Any] = msgspec.json.decode(ask("/status"))
    return found
