"""The short way in: requests for resources pass none of the middleware that pages need.

Sessions, form tokens, messages, frames and content policies are about browsers, and each step between threads costs
more than the answer. What is left is done here: nothing is kept by caches, nothing is guessed about types, the log
has one line for each request, and its number stands in the audit.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any
from uuid import uuid4

import structlog
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.exception import convert_exception_to_response
from django.db import connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import translation

log = structlog.get_logger(__name__)

CORE = r"api(?:/v1(?:/(?:namespaces|secrets|configmaps|resourcequotas|nodes|events)(?:/.*)?)?)?"
RESOURCES = re.compile(rf"/(?:apis(?:/.*)?|openapi/.*|version|{CORE})")
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
THREADS = 8  # one waits for SQLite's only writer, the others go on reading
App = Callable[[Any, Any, Any], Awaitable[None]]


class ResourcesHandler(ASGIHandler):
    """Django without middleware, on threads that stay: so does their connection to the database.

    Django's own way takes a fresh thread for each request, and with it opens the database anew.
    """

    def __init__(self) -> None:
        super().__init__()
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="resources")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = await self.read_body(receive)
        try:
            request, refusal = self.create_request(scope, body)
            if request is None:
                assert refusal is not None, "Django gives one of the two"
                await self.send_response(refusal, send)
            else:
                await self.send_response(await self.get_response_async(request), send)
        finally:
            body.close()

    def load_middleware(self, is_async: bool = False) -> None:  # Django's own signature
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        self._middleware_chain = convert_exception_to_response(self._noted)

    async def _noted(self, request: HttpRequest) -> HttpResponseBase:
        begun, number = time.monotonic(), str(uuid4())
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=number)
        request.get_host()  # an address that is not ours is refused, as everywhere
        with translation.override(translation.get_language_from_request(request)):
            run = partial(copy_context().run, self._answered, request)
            response = await asyncio.get_running_loop().run_in_executor(self.threads, run)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers["X-Request-ID"] = number
        spent = round((time.monotonic() - begun) * 1000, 1)
        log.info("request", method=request.method, path=request.path, code=response.status_code, ms=spent)
        return response

    def _answered(self, request: HttpRequest) -> HttpResponseBase:
        for connection in connections.all(initialized_only=True):
            if connection.errors_occurred:
                connection.close()  # the next query opens it again
        response: HttpResponseBase = self._get_response(request)  # type: ignore[attr-defined]
        return response


def resources_apart(pages: App) -> App:
    """The application for everything, with the short way for resources."""
    resources = ResourcesHandler()

    async def chosen(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await (resources if RESOURCES.fullmatch(scope["path"]) else pages)(scope, receive, send)

    return chosen
