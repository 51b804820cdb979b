"""A web server that does what servers do on bad days: cut, crawl, lie, redirect, forget.

It listens on 127.0.0.9, so that a test can allow it and still see every other way to this machine refused.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Answer = Callable[["Request"], None]


class Request:
    """One request, with the answers a test may choose from."""

    def __init__(self, handler: BaseHTTPRequestHandler, number: int) -> None:
        self.handler = handler
        self.number = number  # of this path, from 1
        self.headers = dict(handler.headers.items())

    def send(self, status: int, body: bytes = b"", **fields: str | int) -> None:
        """`fields` with _ for -. Content-Length is the body's unless given, "none" leaves it out."""
        self.handler.send_response(status)
        fields.setdefault("Content_Length", len(body))
        for name, value in fields.items():
            if value != "none":
                self.handler.send_header(name.replace("_", "-"), str(value))
        self.handler.end_headers()
        self.handler.wfile.write(body)

    def send_from(self, data: bytes, *, etag: str = '"one"', cut_after: int | None = None) -> None:
        """The whole or the rest, as Range and If-Range ask; perhaps cut off after some bytes."""
        start = self.start_of_range(etag)
        body = data[start:] if cut_after is None else data[start : start + cut_after]
        common: dict[str, Any] = {"Content_Length": len(data) - start, "ETag": etag, "Accept_Ranges": "bytes"}
        if start:
            self.send(206, body, Content_Range=f"bytes {start}-{len(data) - 1}/{len(data)}", **common)
        else:
            self.send(200, body, **common)
        if len(body) < len(data) - start:
            self.handler.close_connection = True

    def start_of_range(self, etag: str) -> int:
        wanted = self.headers.get("Range", "")
        if not wanted.startswith("bytes=") or self.headers.get("If-Range", etag) != etag:
            return 0
        return int(wanted.removeprefix("bytes=").split("-")[0])


def not_there(request: Request) -> None:
    request.send(404)


class Server:
    """Serves paths by functions, on a free port of this machine."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.held = threading.Event()  # answers may wait for this; set at the end
        counts: dict[str, int] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = self.path.split("?")[0]
                counts[path] = counts.get(path, 0) + 1
                outer.seen.append((path, dict(self.headers.items())))
                request = Request(self, counts[path])
                outer.answers.get(path, not_there)(request)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.9", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients hang up in these tests
        self.port = self._server.server_port

    def url(self, path: str, host: str = "127.0.0.9") -> str:
        return f"http://{host}:{self.port}{path}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.held.set()
        self._server.shutdown()
        self._server.server_close()
