"""Fetches an image over http(s), again and again from where it was cut, and never from where it must not.

Redirects are followed by hand, because each of them names a new address to be judged. What is on disk is only
continued when the server proves, by its entity tag, that it still offers the same thing.
"""

from __future__ import annotations

import os
import re
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpcore
import tenacity

from vmconsole.runtime.addresses import ForbiddenAddress, Network, check_url, resolve
from vmconsole.runtime.libvirt.importer.failures import ImportFailed
from vmconsole.runtime.libvirt.importer.jobs import JobFile
from vmconsole.runtime.libvirt.importer.progress import Progress, check_space, mib

_MOST_REDIRECTS: Final = 5
_REDIRECTS: Final = {301, 302, 303, 307, 308}
_AGAIN: Final = {408, 425, 429, 500, 502, 503, 504}
_LOOK_AT_SPACE: Final = 32 * 2**20
_FAULTS: Final = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError)
_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to bear with a bad connection. Attempts count anew after each that brought something."""

    attempts: int = 8
    first_wait: float = 1.0
    longest_wait: float = 60.0
    silence_seconds: float = 30.0
    # Slower than a modem for a whole minute is not a download any more, and holds a place in the queue.
    slow_bytes: int = 2048
    slow_seconds: float = 60.0


class Cut(Exception):
    """The transfer ended early; another attempt may go on."""

    def __init__(self, reason: str, sentence: str, detail: str = "") -> None:
        super().__init__(sentence)
        self.reason, self.sentence, self.detail = reason, sentence, detail


class JudgedBackend(httpcore.NetworkBackend):
    """Connects to addresses that were judged, and to no name."""

    def __init__(self, allow: tuple[Network, ...]) -> None:
        self._allow = allow
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            address = resolve(host, port, self._allow)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        return self._inner.connect_tcp(address, port, timeout, local_address, socket_options)


class Download:
    """One image into one file."""

    def __init__(
        self, job: JobFile, target: Path, progress: Progress, *, allow: tuple[Network, ...], patience: Patience
    ) -> None:
        self.job = job
        self.target = target
        self.progress = progress
        self.allow = allow
        self.patience = patience
        self._fruitless = 0
        self._best = 0

    def run(self) -> None:
        """Returns when the whole file is there. Raises ImportFailed when it will never be."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Cut),
            stop=lambda _state: self._fruitless >= self.patience.attempts,
            wait=lambda _state: min(self.patience.first_wait * 2**self._fruitless, self.patience.longest_wait),
            before_sleep=self._say_waiting,
            reraise=True,
        )
        pool = httpcore.ConnectionPool(
            ssl_context=ssl.create_default_context(), network_backend=JudgedBackend(self.allow)
        )
        with pool:
            try:
                retrying(self._attempt, pool)
            except Cut as cut:
                raise ImportFailed(cut.reason, cut.sentence, cut.detail) from cut
            except ForbiddenAddress as error:
                raise ImportFailed("AddressForbidden", error.sentence) from error

    def _say_waiting(self, state: tenacity.RetryCallState) -> None:
        seconds = state.next_action.sleep if state.next_action else 0
        self.progress.at(self._share(), f"The connection was cut; trying again in {seconds:.0f} s")

    def _attempt(self, pool: httpcore.ConnectionPool) -> None:
        try:
            self._transfer(pool)
        except _FAULTS as error:
            self._count()
            raise Cut(
                "DownloadCut",
                "The server could not be reached or cut the connection again and again. Try later.",
                repr(error),
            ) from error
        except Cut:
            self._count()
            raise

    def _count(self) -> None:
        """Fruitful is what got further than ever: a server that cuts at changing places must not keep us for good."""
        have = self._have()
        self._fruitless = 0 if have > self._best else self._fruitless + 1
        self._best = max(have, self._best)

    def _have(self) -> int:
        return self.target.stat().st_size if self.target.exists() else 0

    def _share(self) -> float | None:
        return self._have() / self.job.total_bytes if self.job.total_bytes else None

    def _transfer(self, pool: httpcore.ConnectionPool) -> None:
        have = self._have() if self.job.etag else 0
        headers = [("Accept-Encoding", "identity"), ("User-Agent", "vmconsole")]
        if have:
            headers += [("Range", f"bytes={have}-"), ("If-Range", self.job.etag)]
        url, own = self.job.url, list(self.job.headers)
        for _ in range(_MOST_REDIRECTS + 1):
            check_url(url, self.allow)
            fields = [("Host", urlsplit(url).netloc), *headers, *own]
            with pool.stream("GET", url, headers=fields, extensions={"timeout": self._timeouts()}) as response:
                moved_to = _field(response, b"location")
                if response.status not in _REDIRECTS or not moved_to:
                    return self._take(response, have)
            target = urljoin(url, moved_to)
            if _origin(target) != _origin(url):
                own = []  # what identifies us to one server is no business of another
            url = target
        raise ImportFailed(
            "TooManyRedirects", "The server sends us from one address to the next. Use the address of the image itself."
        )

    def _timeouts(self) -> dict[str, float]:
        silence = self.patience.silence_seconds
        return {"connect": silence, "read": silence, "write": silence, "pool": silence}

    def _take(self, response: httpcore.Response, have: int) -> None:
        if response.status == 416:
            self.target.unlink(missing_ok=True)
            self.job.etag = ""
            raise Cut("DownloadCut", "The server changed the image while it was fetched. Try again.", "416")
        if response.status in _AGAIN:
            raise Cut("ServerError", f"The server answered {response.status} again and again. Try later.")
        if response.status not in (200, 206):
            raise _refused(response.status)
        start, total = _extent(response, have)
        self.job.total_bytes = total
        self.job.etag = _tag(response)
        self.progress.save()  # whoever takes this up after our death needs the tag
        check_space(self.target.parent, max(total - start, 0))
        with self.target.open("r+b" if start else "wb") as file:
            file.seek(start)
            file.truncate()
            self._copy(response, file.fileno(), file.write)
            file.flush()
            os.fsync(file.fileno())
        if total and self._have() < total:
            raise Cut(
                "DownloadCut", "The server sent less than it promised, again and again. Try later or another server."
            )

    def _copy(self, response: httpcore.Response, descriptor: int, write: Callable[[bytes], int]) -> None:
        done = looked = os.lseek(descriptor, 0, os.SEEK_CUR)
        since, at_since = time.monotonic(), done
        for piece in response.iter_stream():
            write(piece)
            done += len(piece)
            total = self.job.total_bytes
            self.progress.at(
                done / total if total else None, f"Downloading: {mib(done)}" + (f" of {mib(total)}" if total else "")
            )
            if done - looked > _LOOK_AT_SPACE:
                check_space(self.target.parent)
                looked = done
            now = time.monotonic()
            if now - since > self.patience.slow_seconds:
                if (done - at_since) / (now - since) < self.patience.slow_bytes:
                    raise ImportFailed(
                        "DownloadTooSlow",
                        "The server sends so slowly that the image would never arrive. Try another server.",
                    )
                since, at_since = now, done


def _field(response: httpcore.Response, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name), "")


def _tag(response: httpcore.Response) -> str:
    """What proves that it is the same thing later: a strong entity tag, or else the date of its last change."""
    tag = _field(response, b"etag")
    return tag if tag.startswith('"') else _field(response, b"last-modified")


def _extent(response: httpcore.Response, have: int) -> tuple[int, int]:
    """Where this answer begins in the file, and how long the file is (0: unknown)."""
    if response.status == 200:
        length = _field(response, b"content-length")
        return 0, int(length) if length.isascii() and length.isdigit() else 0
    told = _RANGE.fullmatch(_field(response, b"content-range"))
    if told is None or int(told[1]) != have:
        raise ImportFailed(
            "ServerConfused", "The server answered with another part of the image than asked. Try another server."
        )
    return have, int(told[2]) if told[2] != "*" else 0


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port


def _refused(status: int) -> ImportFailed:
    if status in (401, 403):
        return ImportFailed(
            "AccessDenied", f"The server refused access ({status}). Give credentials by a secret, or check the address."
        )
    if status in (404, 410):
        return ImportFailed("ImageNotFound", f"The server has nothing at this address ({status}). Check the address.")
    return ImportFailed("ServerError", f"The server answered {status}, which is no image. Check the address.")
