"""One HTTP client for everything: Bearer token, the reader's language, and errors that are sentences.

httpx is imported when the first request is made: `vmctl --help` needs none.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vmctl import __version__
from vmctl.errors import Exit, Failed, from_answer
from vmctl.kubeconfig import Context
from vmctl.words import _, language

if TYPE_CHECKING:
    import httpx

SECONDS = 30.0
PAGE = 500  # rows; the server gives no more at once
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _httpx() -> Any:
    # httpx's own command line drags in rich and pygments, which doubles the time of a start. We have our own.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
    import httpx

    return httpx


def tls(context: Context) -> Any:
    """The certificates a server is trusted by. Made only where it is needed: loading them all takes 50 ms."""
    import ssl

    if context.server.startswith("http://"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        return ssl.create_default_context(cadata=context.authority or None)
    except ssl.SSLError as error:
        sentence = _("The certificate authority of the context “%(name)s” cannot be read.")
        raise Failed(sentence % {"name": context.name}) from error


class Api:
    """The server of one context."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._client: httpx.Client | None = None

    @property
    def client(self) -> httpx.Client:
        if self._client is None:
            httpx = _httpx()
            self._client = httpx.Client(
                base_url=self.context.server,
                headers=self.headers(),
                timeout=SECONDS,
                verify=tls(self.context),
                trust_env=not self.context.server.startswith("http://"),
                follow_redirects=False,  # a token follows nobody
            )
        return self._client

    def headers(self) -> dict[str, str]:
        """What every request says of us, websockets' too."""
        told = {"User-Agent": f"vmctl/{__version__}", "Accept-Language": language()}
        if self.context.token:
            told["Authorization"] = f"Bearer {self.context.token}"
        return told

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The answer, if it is a good one."""
        with self._translated():
            answer = self.client.request(method, path, **_with_accept(options))
            return self._good(answer)

    def json(self, method: str, path: str, **options: Any) -> Any:
        answer = self.request(method, path, **options)
        if not answer.content:
            return {}
        try:
            return answer.json()
        except ValueError as error:
            sentence = _("%(server)s does not answer as a vmconsole does.") % {"server": self.context.server}
            raise Failed(sentence, _("Check the address."), Exit.UNREACHABLE) from error

    def get(self, path: str, **options: Any) -> Any:
        return self.json("GET", path, **options)

    @contextmanager
    def stream(self, method: str, path: str, **options: Any) -> Iterator[httpx.Response]:
        with self._translated(), self.client.stream(method, path, **_with_accept(options)) as answer:
            if answer.status_code >= 300:
                answer.read()
            yield self._good(answer)

    def pages(self, path: str, params: dict[str, Any] | None = None, most: int = 0) -> Iterator[dict[str, Any]]:
        """The rows of one of our lists, page after page, `most` at the utmost."""
        count, url = 0, path
        query: dict[str, Any] | None = {**(params or {}), "limit": str(min(most or PAGE, PAGE))}
        while url:
            page = self.get(url, params=query)
            rows = page if isinstance(page, list) else page.get("results", [])
            for row in rows:
                yield row
                count += 1
                if most and count >= most:
                    return
            url, query = "" if isinstance(page, list) else self._within(page.get("next") or ""), None

    def _within(self, url: str) -> str:
        """The path of a link that the server gave: never another host, whatever it says."""
        from urllib.parse import urlsplit

        parts = urlsplit(url)
        return f"{parts.path}?{parts.query}" if url else ""

    def _good(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code < 300:
            return answer
        if answer.is_redirect:
            sentence = _("%(server)s sends us somewhere else.") % {"server": self.context.server}
            raise Failed(sentence, _("Check the address, and that you are signed in."), Exit.UNREACHABLE)
        try:
            body = json.loads(answer.content)
        except ValueError:
            body = None
        retry_after = answer.headers.get("Retry-After", "")
        raise from_answer(answer.status_code, body, self.context.name, retry_after)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """The network's faults as sentences."""
        httpx = _httpx()
        try:
            yield
        except httpx.TimeoutException as error:
            sentence = _("%(server)s did not answer in time.") % {"server": self.context.server}
            raise Failed(sentence, _("Repeat it in a moment."), Exit.UNREACHABLE) from error
        except httpx.HTTPError as error:
            sentence = _("%(server)s cannot be reached: %(why)s.")
            values = {"server": self.context.server, "why": str(error).rstrip(".")}
            raise Failed(
                sentence % values, _("Check the address and that the console runs."), Exit.UNREACHABLE
            ) from error
        except httpx.InvalidURL as error:
            raise Failed(_("That is not an address: %(why)s.") % {"why": error}, "", Exit.USAGE) from error


def _with_accept(options: dict[str, Any]) -> dict[str, Any]:
    headers = {"Accept": "application/json", **(options.pop("headers", None) or {})}
    return {**options, "headers": headers}
