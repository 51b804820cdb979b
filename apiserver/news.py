"""A change of an object as watchers hear of it: what it was, what it is, and its bytes in every dress.

The object is read after the change, when it may have changed again or be gone. What the change itself remembers of it
(`Change.seen`) is laid over what is read: so every state that it passed is told, with the version that it had.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from django.db.models import Model

from apiserver import tables
from apiserver.kinds import Kind
from apiserver.matching import Facts, Test, facts_of
from observability.models import Change
from vmconsole.access.models import User

log = logging.getLogger(__name__)

EVERYBODY = User(username="everybody", is_superuser=True)  # sees all; who is told what is decided for each follower
SPARE = 512  # bytes that one costs besides what is sent


@dataclass(slots=True)
class News:
    """One change. `before` and `now` are None where the object was not, or is not; `unknown` is before our memory."""

    id: int
    what: str
    namespace: str
    name: str
    now: Facts | None
    before: Facts | None
    unknown: bool
    bodies: dict[str, bytes]
    _lines: dict[tuple[str, str], bytes] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return SPARE + 2 * sum(map(len, self.bodies.values()))

    def type_for(self, test: Test | None) -> str:
        """What it is to somebody with this selector; "" for nothing at all."""
        now = self.now is not None and (test is None or test(self.now))
        if self.unknown:
            before = now or self.now is not None  # better one deletion too many than one that is missed
        else:
            before = self.before is not None and (test is None or test(self.before))
        if now:
            return "MODIFIED" if before else "ADDED"
        return "DELETED" if before else ""

    def line(self, what: str, dress: str) -> bytes:
        """As it is sent; made once for all who get it so."""
        key = (what, dress)
        if key not in self._lines:
            self._lines[key] = line_of(what, self.bodies[dress])
        return self._lines[key]


def line_of(what: str, body: bytes) -> bytes:
    return b'{"type":"%s","object":%s}\n' % (what.encode(), body)


def body_of(kind: Kind, row: Any, dress: str, version: str = "") -> bytes:
    """`dress` is object, metadata, or table with what of the object goes with its line."""
    if dress.startswith("table"):
        line = tables.line(kind, row, dress.partition(":")[2])
        if version and "object" in line:
            line["object"]["metadata"]["resourceVersion"] = version
        return msgspec.json.encode(tables.table(kind, [line], {"resourceVersion": version}))
    shown = tables.partial(kind, row) if dress == "metadata" else kind.to_manifest(row)
    if version:
        shown["metadata"]["resourceVersion"] = version
    return msgspec.json.encode(shown)


def read(kind: Kind, found: Sequence[Change], dresses: Collection[str]) -> list[News]:
    """The news of these changes, each object read once. In a thread."""
    found = [change for change in found if change.namespace or not kind.namespaced]
    if not found:
        return []
    key = kind.change_key
    rows = _rows(kind, {key(change) for change in found})
    last = _last(kind, [change for change in found if key(change) not in rows])
    earlier = _earlier(found)
    news = []
    for change in found:
        row = rows.get(key(change)) or last.get(key(change))
        if row is None:
            continue
        try:
            before = earlier.get(change.seen.get("resource_version", 0))
            news.append(_news(kind, change, row, before, dresses))
        except Exception:  # one that cannot be shown must not keep all others from being told
            log.exception("Change %d of %s cannot be told.", change.id, kind.plural)
    return news


def _news(kind: Kind, change: Change, row: Any, earlier: Change | None, dresses: Collection[str]) -> News:
    then = laid_over(row, change.seen, change.id)
    there = kind.present is None or kind.present(then)
    before = laid_over(then, earlier.seen, earlier.id) if earlier is not None else then
    was_there = kind.present is None or kind.present(before)
    gone = change.what == "DELETED"
    return News(
        id=change.id,
        what=change.what,
        namespace=change.namespace,
        name=change.name,
        now=None if gone or not there else facts_of(kind, then),
        before=None if change.what == "ADDED" or not was_there else facts_of(kind, before),
        unknown=change.what == "MODIFIED" and earlier is None,
        bodies={dress: body_of(kind, then, dress, str(change.id)) for dress in dresses},
    )


def _rows(kind: Kind, keys: Iterable[str]) -> dict[str, Any]:
    found = kind.related(kind.changed_rows(kind.rows(EVERYBODY), keys))
    return {kind.row_key(row): row for row in found}


def _last(kind: Kind, gone: Sequence[Change]) -> dict[str, Any]:
    """Objects that are no more, from what their deletion remembers."""
    if not gone:
        return {}
    uids, after = {change.uid for change in gone}, min(change.id for change in gone)
    deletions = Change.objects.filter(kind=kind.change, id__gte=after, uid__in=uids, what="DELETED").order_by("id")
    model = kind.rows(EVERYBODY).model
    found = {}
    for deletion in deletions:
        known = {"name": deletion.name, "uid": deletion.uid, "created_at": deletion.at}
        if kind.namespaced:
            known["namespace"] = deletion.namespace
        found[kind.change_key(deletion)] = laid_over(model(), {**known, **deletion.seen}, deletion.id)
    return found


def _earlier(found: Sequence[Change]) -> Mapping[int, Change]:
    """The change before each of these, as far as it is kept."""
    known = {change.id: change for change in found}
    wanted = {change.seen.get("resource_version") for change in found} - {None, 0} - set(known)
    return known | Change.objects.in_bulk(list(wanted))


def laid_over(row: Any, seen: Mapping[str, Any], version: int) -> Any:
    """A copy of the row with the columns that a change remembers, and the change's version."""
    then: Model = copy.copy(row)
    fields = {each.attname: each for each in then._meta.concrete_fields}  # noqa: SLF001
    for name, value in seen.items():
        if name in fields:
            setattr(then, name, fields[name].to_python(value))
    then.resource_version = version  # type: ignore[attr-defined]  # of every row that has a kind
    return then
