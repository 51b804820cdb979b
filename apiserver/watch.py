"""Following changes: `?watch=1` on a list, one JSON object a line, from any version that is still kept.

A view decides as for every request; then Django is done with it, and the lines are written by plain ASGI
(`following`): a request that lasts an hour must not keep a thread, a database connection and a request object.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final

import msgspec
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from apiserver import answers, lists, tables
from apiserver.fanout import Stream, streams
from apiserver.follower import Watcher, reach_of
from apiserver.kinds import Kind, asking_in
from apiserver.limits import watches
from apiserver.matching import test_of
from apiserver.news import body_of, line_of
from apiserver.reading import seen_in
from apiserver.status import BadRequest, NotAcceptable, failure
from observability import changes
from vmconsole.gateway.people import in_thread
from vmconsole.gateway.watch import watch as judges
from vmconsole.gateway.wire import App, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

SCOPE: Final = "apiserver.watch"
LONGEST: Final = 3600
SHORTEST: Final = 1800  # of those who do not say how long: not all of them come back at once
BOOKMARK_EVERY: Final = 60.0
PATIENCE: Final = 20.0  # seconds in which a client takes what is sent to it
AT_ONCE: Final = 64 * 1024
DIGITS: Final = 18
END_OF_INITIAL: Final = "k8s.io/initial-events-end"


def watch(request: HttpRequest, kind: Kind, namespace: str) -> HttpResponseBase:
    """Who may follow what, and from where. `following` does the rest."""
    asking = asking_in(request)
    token = asking.user.token
    assert token is not None
    seen_in(asking, kind, namespace)
    dress = answers.dress_of(request)
    if dress == "yaml":
        raise NotAcceptable(_("A watch is told in JSON only."))
    given = request.GET
    initial = given.get("sendInitialEvents", "")
    if initial and given.get("resourceVersionMatch") != "NotOlderThan":
        raise BadRequest(_("sendInitialEvents needs resourceVersionMatch=NotOlderThan."), field="resourceVersionMatch")
    query = lists.query_of(request, asking, kind, namespace)
    wanted = given.get("resourceVersion", "")
    if len(wanted) > DIGITS:
        raise BadRequest(_("resourceVersion must be a number."), field="resourceVersion")
    from_now = initial in ("1", "true") or (not initial and wanted in ("", "0"))
    place = int(query.version if from_now or wanted in ("", "0") else wanted)
    place = 0 if place == 1 else place  # what lists of an empty outbox say, as 0 would mean “any” to clients
    watcher = Watcher(
        kind=kind,
        namespace=namespace,
        test=test_of(kind, given.get("labelSelector", ""), given.get("fieldSelector", "")),
        dress=f"table:{tables.includes(request)}" if dress == "table" else dress,
        place=place,
        seconds=_seconds(given.get("timeoutSeconds", "")),
        bookmarks=given.get("allowWatchBookmarks") in ("1", "true"),
        initial=query if from_now else None,
        marked=initial in ("1", "true"),
        token_id=token.pk,
        reach=reach_of(asking.user, kind),
    )
    watches.take(token.pk)
    scope = getattr(request, "scope", None)
    if scope is None:  # not behind our server: nothing would follow
        watches.leave(token.pk)
    else:
        scope[SCOPE] = watcher
    return HttpResponse(content_type="application/json")


def _seconds(text: str) -> float:
    if not text or text == "0":
        return random.uniform(SHORTEST, LONGEST)  # noqa: S311
    if not text.isdecimal() or len(text) > 9:
        raise BadRequest(_("timeoutSeconds must be a whole number, 0 or more."), field="timeoutSeconds")
    return float(min(int(text), LONGEST))


def following(app: Any) -> App:
    """The app, and the lines of a watch after the view has allowed it."""

    async def followed(scope: Scope, receive: Receive, send: Send) -> None:
        begun: list[Message] = []

        async def caught(message: Message) -> None:
            if SCOPE not in scope:
                await send(message)
            elif message["type"] == "http.response.start":
                begun.append(message)

        if scope["type"] != "http" or b"watch=" not in scope["query_string"]:
            await app(scope, receive, send)
            return
        try:
            await app(scope, receive, caught)
            watcher: Watcher | None = scope.get(SCOPE)
            if watcher is not None and begun and begun[0]["status"] == 200:
                unsized = [(name, value) for name, value in begun[0]["headers"] if name.lower() != b"content-length"]
                await _told(watcher, {**begun[0], "headers": unsized}, scope, receive, send)
        finally:
            if SCOPE in scope:
                watches.leave(scope[SCOPE].token_id)

    return followed


async def _told(watcher: Watcher, start: Message, scope: Scope, receive: Receive, send: Send) -> None:
    async def write(body: bytes, *, more: bool = True) -> None:
        async with asyncio.timeout(PATIENCE):
            await send({"type": "http.response.body", "body": body, "more_body": more})

    leaving = asyncio.ensure_future(_left(receive))
    leaving.add_done_callback(lambda _: watcher.leave())
    try:
        await send(start)
        async with aclosing(_lines(watcher)) as lines:
            async for body in lines:
                await write(body)
        await write(b"", more=False)
    except TimeoutError:
        log.info("A watch of %s is cut: its client does not read.", watcher.kind.plural)
        scope["vmconsole.abort"]()
    finally:
        leaving.cancel()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _lines(watcher: Watcher) -> AsyncGenerator[bytes]:
    """Everything that is to be said, in pieces that fit a socket's buffer."""
    latest, oldest = await in_thread(lambda: (changes.latest(), changes.oldest()))
    if watcher.place < oldest - 1 or watcher.place > max(latest, 1):
        yield error_line(410, _("too old resource version: %(version)s") % {"version": watcher.place})
        return
    async with _joined(watcher, latest) as stream:
        if watcher.initial is not None:
            async for piece in _initial(watcher):
                yield piece
        if watcher.marked and watcher.bookmarks:
            yield bookmark(watcher.kind, watcher.dress, watcher.place, first=True)
        async for piece in _changes(watcher, stream):
            yield piece
    if watcher.over is not None and not watcher.gone:
        yield error_line(*watcher.over)


@asynccontextmanager
async def _joined(watcher: Watcher, latest: int) -> AsyncIterator[Stream]:
    stream = streams.of(watcher.kind)
    stream.join(watcher, watcher.dress, latest, streams.last)
    judges.add(watcher)
    try:
        yield stream
    finally:
        judges.drop(watcher)
        stream.leave(watcher)


async def _initial(watcher: Watcher) -> AsyncIterator[bytes]:
    """What is there now, each as ADDED. Whatever changes meanwhile comes after it."""
    assert watcher.initial is not None
    pieces, watcher.initial = lists.pieces(watcher.initial), None
    while (piece := await in_thread(_piece, watcher, pieces)) is not None:
        if piece:
            yield piece
        if watcher.ended:
            return


def _piece(watcher: Watcher, pieces: Iterator[list[Any]]) -> bytes | None:
    rows = next(pieces, None)
    if rows is None:
        return None
    return b"".join(line_of("ADDED", body_of(watcher.kind, row, watcher.dress)) for row in rows)


async def _changes(watcher: Watcher, stream: Stream) -> AsyncIterator[bytes]:
    clock = asyncio.get_running_loop().time
    ends = clock() + watcher.seconds
    mark = clock() + BOOKMARK_EVERY
    while not watcher.ended:
        watcher.awake.clear()
        if watcher.place < stream.start:
            news, place = await stream.older(watcher.place, watcher.dress)
        else:
            news, place = stream.after(watcher.place), stream.head
        for body in _joined_up(watcher, news):
            yield body
        watcher.place = max(place, watcher.place)
        now = clock()
        if now >= min(ends, mark) and watcher.bookmarks:
            mark = now + BOOKMARK_EVERY
            yield bookmark(watcher.kind, watcher.dress, watcher.place)
        if now >= ends:
            return
        if watcher.place >= stream.head:
            await watcher.more(min(ends, mark) if watcher.bookmarks else ends)


def _joined_up(watcher: Watcher, news: Any) -> Iterator[bytes]:
    body = bytearray()
    for one in news:
        if not watcher.sees(one) or not (what := one.type_for(watcher.test)):
            continue
        body += one.line(what, watcher.dress)
        if len(body) >= AT_ONCE:
            yield bytes(body)
            body.clear()
    if body:
        yield bytes(body)


def bookmark(kind: Kind, dress: str, place: int, *, first: bool = False) -> bytes:
    """How far everything has been told: where to go on from, though nothing of this kind changed."""
    metadata: dict[str, Any] = {"resourceVersion": str(place)}
    if dress.startswith("table"):
        return line_of("BOOKMARK", msgspec.json.encode(tables.table(kind, [], metadata)))
    metadata["creationTimestamp"] = None
    if first:
        metadata["annotations"] = {END_OF_INITIAL: "true"}
    named = ("PartialObjectMetadata", "meta.k8s.io/v1") if dress == "metadata" else (kind.name, kind.api_version)
    body = {"kind": named[0], "apiVersion": named[1], "metadata": metadata}
    return line_of("BOOKMARK", msgspec.json.encode(body))


def error_line(code: int, message: str) -> bytes:
    return line_of("ERROR", msgspec.json.encode(failure(code, message)))
