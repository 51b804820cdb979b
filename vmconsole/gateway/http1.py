"""Uvicorn's HTTP protocol for clients in no hurry: the head of a request has a time and a size.

Uvicorn waits for ever for the end of a head and keeps all of it. A thousand connections that each send a letter a
minute, or one that never ends its cookie, would take the sockets and the memory that consoles need.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_WITHIN: Final = 10.0  # seconds, from the connection or from the end of the request before
HEAD: Final = 64 * 1024  # bytes; browsers' cookies and our longest links are a tenth of it


class PromptHttp(HttpToolsProtocol):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = True
        self._head_size = 0
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._late = self.loop.call_later(HEAD_WITHIN, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._in_head:
            return
        self._head_size += len(data)
        if self._head_size > HEAD:
            self.transport.abort()

    def on_message_begin(self) -> None:
        self._in_head, self._head_size = True, 0
        if self._late is None:
            self._late = self.loop.call_later(HEAD_WITHIN, self.transport.abort)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._in_time()
        super().on_headers_complete()
        # For whoever writes to a client that does not read.
        self.scope["vmconsole.abort"] = self.transport.abort  # type: ignore[typeddict-unknown-key]

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
