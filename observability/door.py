"""The controller's small HTTP door, on a Unix socket: statistics for web processes and for Prometheus.

Plain ASGI. Web has no libvirt, so it asks here. Only the group of our own processes can open the socket.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import msgspec
import uvicorn

from observability.collector import Collector
from observability.exposition import exposition, host_exposition
from observability.glances import glances

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Scope = dict[str, Any]
Own = Callable[[], str]
Picture = Callable[[UUID], bytes]

MAX_BODY = 64 * 1024
MAX_NAMESPACES = 1024 * 1024  # bytes: sixteen thousand of the longest names
MAX_UIDS = 1000
MAX_TOP = 50


class BadRequest(Exception):
    """A sentence about what was wrong with the request."""


class WatchRequest(msgspec.Struct):
    uids: list[UUID]


class GlancesRequest(msgspec.Struct):
    """The last `steps` figures of each, which is how many times ten seconds."""

    uids: list[UUID]
    steps: int = 1


class TopRequest(msgspec.Struct):
    """`namespaces` None: all there are."""

    count: int = 5
    namespaces: list[str] | None = None


class Door:
    """GET /metrics, /samples?uid=&since=, /host?since=, /latest?uid=, /screenshot?uid=, /status;
    POST /watch {"uids": []}, /glances {"uids": [], "steps": 1}, /top {"count": 5, "namespaces": [] or null}."""

    def __init__(self, collector: Collector, own: Own = str, picture: Picture | None = None) -> None:
        self.collector = collector
        self.own = own
        self.picture = picture

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        routes: dict[tuple[str, str], Callable[[Scope, Receive], Awaitable[tuple[bytes, str]]]] = {
            ("GET", "/metrics"): self.metrics,
            ("GET", "/samples"): self.samples,
            ("GET", "/host"): self.host,
            ("GET", "/latest"): self.latest,
            ("GET", "/screenshot"): self.screenshot,
            ("GET", "/status"): self.status,
            ("POST", "/watch"): self.watch,
            ("POST", "/glances"): self.glances,
            ("POST", "/top"): self.top,
        }
        if scope["type"] != "http":
            return
        route = routes.get((scope["method"], scope["path"]))
        status, body, kind = 404, b"no such thing", "text/plain"
        if route is not None:
            try:
                status, (body, kind) = 200, await route(scope, receive)
            except (BadRequest, ValueError, msgspec.MsgspecError) as error:
                status, body = 400, str(error).encode()
        await reply(send, status, body, kind)

    async def metrics(self, scope: Scope, receive: Receive) -> tuple[bytes, str]:
        text = await asyncio.to_thread(self.text)
        return text.encode(), "text/plain; version=0.0.4; charset=utf-8"

    def text(self) -> str:
        lines = list(exposition(list(self.collector.last.values()), self.collector.names()))
        lines += host_exposition(self.collector.last_host)
        return "\n".join(lines) + "\n" + self.vitals() + self.own()

    def vitals(self) -> str:
        """How the collector itself is doing."""
        it = self.collector
        return (
            "# TYPE vmconsole_collector_looks_total counter\n"
            f"vmconsole_collector_looks_total {it.looks}\n"
            "# TYPE vmconsole_collector_look_seconds_total counter\n"
            f"vmconsole_collector_look_seconds_total {it.look_seconds:.6f}\n"
            "# TYPE vmconsole_collector_faults_total counter\n"
            f"vmconsole_collector_faults_total {it.faults}\n"
            "# TYPE vmconsole_runtime_reachable gauge\n"
            f"vmconsole_runtime_reachable {int(not it.fault)}\n"
        )

    async def samples(self, scope: Scope, receive: Receive) -> tuple[bytes, str]:
        query = parameters(scope)
        uid = UUID(query.get("uid", [""])[0])
        since = float(query.get("since", ["0"])[0])
        return json({"uid": uid, "points": self.collector.samples(uid, since)})

    async def host(self, scope: Scope, receive: Receive) -> tuple[bytes, str]:
        since = float(parameters(scope).get("since", ["0"])[0])
        return json({"points": self.collector.host_samples(since)})

    async def top(self, scope: Scope, receive: Receive) -> tuple[bytes, str]:
        wanted = msgspec.json.decode(await body_of(receive, MAX_NAMESPACES), type=TopRequest)
        count = max(1, min(wanted.count, MAX_TOP))
        return json(await asyncio.to_thread(self.collector.top, count, wanted.namespaces))

    async def latest(self, scope: Scope, receive: Receive) -> tuple[bytes, str]:
        asked = parameters(scope).get("uid", [])[:MAX_UIDS]
        return json(self.collector.latest([UUID(uid) for uid in asked] or list(self.collector.last)))

    async def screenshot(self, scope: Scope, receive: Receive) -> tuple[bytes, str]:
        """The screen now. `picture` blocks, and raises BadRequest when there is none to be had."""
        if self.picture is None:
            raise BadRequest("no pictures are taken here")
        uid = UUID(parameters(scope).get("uid", [""])[0])
        return await asyncio.to_thread(self.picture, uid), "image/png"

    async def status(self, scope: Scope, receive: Receive) -> tuple[bytes, str]:
        return json(self.collector.status())

    async def watch(self, scope: Scope, receive: Receive) -> tuple[bytes, str]:
        wanted = msgspec.json.decode(await body_of(receive), type=WatchRequest)
        self.collector.watch(wanted.uids[:MAX_UIDS])
        return json({})

    async def glances(self, scope: Scope, receive: Receive) -> tuple[bytes, str]:
        """From memory alone: nobody is looked at for it."""
        wanted = msgspec.json.decode(await body_of(receive), type=GlancesRequest)
        it = self.collector
        return json(glances(it.rings, wanted.uids[:MAX_UIDS], wanted.steps, it.clock()))


def json(value: Any) -> tuple[bytes, str]:
    return msgspec.json.encode(value), "application/json"


def parameters(scope: Scope) -> dict[str, list[str]]:
    return parse_qs(scope["query_string"].decode("ascii", "replace"))


async def body_of(receive: Receive, most: int = MAX_BODY) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > most:
            raise BadRequest("that is too long")
    return body


async def reply(send: Send, status: int, body: bytes, kind: str) -> None:
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def bound(path: Path) -> socket.socket:
    """A listening socket at `path`, for our group only. Takes the place of one that a dead process left."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.setblocking(False)
    old = os.umask(0o117)
    try:
        listener.bind(str(path))
    finally:
        os.umask(old)
    return listener


class QuietServer(uvicorn.Server):
    """uvicorn inside a process that handles its signals itself."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(collector: Collector, socket_path: Path, own: Own = str, picture: Picture | None = None) -> None:
    """Collect and answer until cancelled. `own` gives more Prometheus text, of the process it runs in."""
    server = QuietServer(
        uvicorn.Config(
            Door(collector, own, picture),
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
        )
    )
    listener = bound(socket_path)
    answering = asyncio.create_task(server.serve(sockets=[listener]))
    looking = asyncio.create_task(collector.run())
    try:
        ended, _ = await asyncio.wait({answering, looking}, return_when=asyncio.FIRST_COMPLETED)
        ended.pop().result()  # neither ends by itself: the supervisor starts us again
    finally:
        looking.cancel()
        server.should_exit = True
        await asyncio.gather(answering, looking, return_exceptions=True)
        await asyncio.to_thread(socket_path.unlink, missing_ok=True)
