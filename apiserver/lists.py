"""Lists: in order, in pieces (`limit`, `continue`), and in flat memory however long they are.

A continue token says after which object to go on, so a list that changes while it is read neither skips nor repeats
what stays. The version of the first piece is kept in it: whoever watches from there misses nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from asgiref.sync import sync_to_async
from django.core import signing
from django.db.models import F, QuerySet, Value
from django.db.models.fields.tuple_lookups import TupleGreaterThan
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from apiserver import answers, tables
from apiserver.kinds import Asking, Kind, asking_in
from apiserver.reading import seen_in
from apiserver.selectors import selected
from apiserver.status import BadRequest, Expired
from observability import changes

PIECE = 500
SALT = "apiserver.continue"
TOKEN_SECONDS = 3600
Place = tuple[Any, ...]


@dataclass(slots=True)
class Query:
    """What is listed, and from where on."""

    kind: Kind
    rows: QuerySet[Any]
    version: str
    limit: int
    after: Place | None
    mark: str  # what the list is of: a token of one list is no token of another
    include: str = "Metadata"
    whole: bool = True  # whether whole objects are shown, or a table's lines


def query_of(request: HttpRequest, asking: Asking, kind: Kind, namespace: str) -> Query:
    version = str(changes.latest() or 1)  # before any row is read: what changes meanwhile is watched twice, not never
    labels, fields = request.GET.get("labelSelector", ""), request.GET.get("fieldSelector", "")
    rows = selected(seen_in(asking, kind, namespace), kind, labels, fields)
    mark = hashlib.sha256(f"{kind.resource}\0{namespace}\0{labels}\0{fields}".encode()).hexdigest()[:16]
    _check_version(request, version)
    query = Query(kind, rows.order_by(*kind.key), version, _limit(request), None, mark)
    token = request.GET.get("continue", "")
    if token:
        query.version, query.after = _unsealed(token, mark)
    return query


def _limit(request: HttpRequest) -> int:
    text = request.GET.get("limit") or "0"
    if not text.isdecimal() or len(text) > 9:
        raise BadRequest(_("limit must be a whole number, 0 or more."), field="limit")
    return int(text)


def _check_version(request: HttpRequest, now: str) -> None:
    wanted, match = request.GET.get("resourceVersion", ""), request.GET.get("resourceVersionMatch", "")
    if wanted and not wanted.isdecimal():
        raise BadRequest(_("resourceVersion must be a number."), field="resourceVersion")
    if match not in ("", "Exact", "NotOlderThan"):
        raise BadRequest(_("resourceVersionMatch: supported values: “Exact”, “NotOlderThan”"))
    if match == "Exact" and wanted != now:
        raise Expired(_("The resourceVersion for the provided list is too old."))


def sealed(query: Query, place: Place) -> str:
    return signing.dumps([query.mark, query.version, list(place)], salt=SALT)


def _unsealed(token: str, mark: str) -> tuple[str, Place]:
    try:
        of, version, place = signing.loads(token[:2048], salt=SALT, max_age=TOKEN_SECONDS)
    except signing.SignatureExpired as error:
        sentence = _("The provided continue parameter is too old to display a consistent list result. List again.")
        raise Expired(sentence) from error
    except (signing.BadSignature, ValueError) as error:
        raise BadRequest(_("continue key is not valid"), field="continue") from error
    if of != mark:
        raise BadRequest(_("continue key is not valid: it belongs to another list"), field="continue")
    return version, tuple(place)


def pieces(query: Query) -> Iterator[list[Any]]:
    """The rows, a few hundred at a time. `query.after` is where the next piece begins, None at the end."""
    left = query.limit
    while True:
        size = min(PIECE, left) if left else PIECE
        rows = list(_read(query)[: size + 1])
        more, rows = len(rows) > size, rows[:size]
        query.after = tuple(_plain(rows[-1], name) for name in query.kind.key) if more else None
        yield rows
        left -= len(rows) if left else 0
        if not more or (query.limit and left <= 0):
            return


def _read(query: Query) -> QuerySet[Any]:
    """With what the answer shows of each, and no more."""
    rows = _from(query)
    if query.whole:
        return query.kind.related(rows)
    return rows.only(*query.kind.read) if query.kind.read else query.kind.related(rows)


def _from(query: Query) -> QuerySet[Any]:
    key, place = query.kind.key, query.after
    if place is None:
        return query.rows
    if len(key) == 1:
        return query.rows.filter(**{f"{key[0]}__gt": place[0]})
    return query.rows.filter(TupleGreaterThan(tuple(F(name) for name in key), tuple(Value(each) for each in place)))


def _plain(row: Any, name: str) -> Any:
    value = getattr(row, name)
    return value if isinstance(value, int) else str(value)


def listed(request: HttpRequest, kind: Kind, namespace: str) -> HttpResponseBase:
    asking = asking_in(request)
    dress = answers.dress_of(request)
    query = query_of(request, asking, kind, namespace)
    query.include = tables.includes(request)
    query.whole = dress in ("object", "yaml") or (dress == "table" and query.include == "Object")
    rows = pieces(query)
    first = next(rows)
    if dress == "yaml":
        items = [kind.to_manifest(row) for piece in (first, *rows) for row in piece]
        body = {"kind": f"{kind.name}List", "apiVersion": kind.api_version, "metadata": _metadata(query)}
        return answers.encoded({**body, "items": items}, dress=dress)
    writer = _Writer(query, dress)
    if query.after is None or (query.limit and query.limit <= PIECE):
        whole = b"".join((writer.start(), writer.items(first), writer.end()))
        return answers.plain(whole)
    response = StreamingHttpResponse(_streamed(writer, first, rows), content_type="application/json")
    response["X-Accel-Buffering"] = "no"
    return response


async def _streamed(writer: _Writer, first: list[Any], rows: Iterator[list[Any]]) -> AsyncIterator[bytes]:
    yield writer.start() + writer.items(first)
    following = sync_to_async(lambda: writer.items(piece) if (piece := next(rows, None)) is not None else b"")
    while part := await following():
        yield part
    yield writer.end()


class _Writer:
    """Writes a list piece by piece. Its metadata comes last, because only then it is known whether there is more."""

    def __init__(self, query: Query, dress: str) -> None:
        self.query, self.dress, self.begun = query, dress, False

    def start(self) -> bytes:
        kind = self.query.kind
        if self.dress == "table":
            head: dict[str, Any] = tables.head(kind, {})
            del head["metadata"]
        elif self.dress == "metadata":
            head = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
        else:
            head = {"kind": f"{kind.name}List", "apiVersion": kind.api_version}
        name = b"rows" if self.dress == "table" else b"items"
        return msgspec.json.encode(head)[:-1] + b',"' + name + b'":['

    def items(self, rows: list[Any]) -> bytes:
        kind = self.query.kind
        if self.dress == "table":
            shown = [tables.line(kind, row, self.query.include) for row in rows]
        elif self.dress == "metadata":
            shown = [tables.partial(kind, row) for row in rows]
        else:
            shown = [kind.to_manifest(row) for row in rows]
        if not shown:
            return b""
        comma, self.begun = b"," if self.begun else b"", True
        return comma + msgspec.json.encode(shown)[1:-1]

    def end(self) -> bytes:
        return b'],"metadata":' + msgspec.json.encode(_metadata(self.query)) + b"}"


def _metadata(query: Query) -> dict[str, Any]:
    metadata: dict[str, Any] = {"resourceVersion": query.version}
    if query.after is not None:
        metadata["continue"] = sealed(query, query.after)
    return metadata
