"""Every list page: search, sort, pages and their count on the server, and the same rows as CSV.

One mechanism for all, so that a list which grows to a hundred thousand rows needs no new one. A list is a value
(`Listing`): its words, its sorts, its columns of the CSV. Views give it the rows that this person may see.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from vmconsole.access.errors import NotFound
from vmconsole.access.rights import namespaces
from vmconsole.query import LONGEST, Grammar
from vmconsole.runtime.models import Runtime

PER_PAGE = 50
MOST_EXPORTED = 100_000
MOST_COUNTED = 10_000  # of what a search finds; counting a hundred thousand names by a part of them takes 40 ms

SAID = ("name", "status_as_of")  # of a runtime that does not answer; its own words are for those who see the cluster


@dataclass(frozen=True)
class Listing:
    """What one list can be asked. `sorts`: the word in the URL -> columns, the last of which make the order total."""

    name: str
    grammar: Grammar
    sorts: dict[str, tuple[str, ...]]
    first: str = "name"
    counted_by: str = "pk"  # a column of the index that a count walks
    cells: dict[str, Callable[[Any], Any]] = field(default_factory=dict)  # the CSV: head -> value of a row

    def asked(self, request: HttpRequest, rows: QuerySet[Any]) -> Asked:
        query = request.GET.get("q", "").strip()[:LONGEST]
        rows, complaints = self.grammar.search(rows, query)
        sort = request.GET.get("sort", "")
        sort = sort if sort.removeprefix("-") in self.sorts else self.first
        return Asked(self, self.ordered(rows, sort), query, sort, complaints)

    def ordered(self, rows: QuerySet[Any], sort: str) -> QuerySet[Any]:
        columns = self.sorts[sort.removeprefix("-")]
        return rows.order_by(*(turned(column) if sort.startswith("-") else column for column in columns))

    def export(self, request: HttpRequest, rows: QuerySet[Any]) -> StreamingHttpResponse:
        """What the search shows, all pages of it."""
        asked = self.asked(request, rows)
        if asked.query and not asked.rows.exists():
            raise NotFound(_("Nothing matches, so there is nothing to export."))
        lines = csv_lines(self.cells, asked.rows[:MOST_EXPORTED])
        answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{self.name}-{timezone.now():%Y%m%d-%H%M}.csv"'
        return answer


@dataclass
class Asked:
    """The answer to one request for a list: rows in order, and what the page says about the search."""

    listing: Listing
    rows: QuerySet[Any]
    query: str
    sort: str
    complaints: list[str]

    def page(self, request: HttpRequest) -> Page[Any]:
        return self.pages().get_page(request.GET.get("page"))

    def pages(self) -> Pages:
        return Pages(self.rows, PER_PAGE, self.listing.counted_by, MOST_COUNTED if self.query else None)

    def context(self, page: Page[Any]) -> dict[str, Any]:
        """What `parts/query.html`, `parts/complaints.html`, `parts/paging.html` and the sorting heads show."""
        return {
            "page": page,
            "query": self.query,
            "sort": self.sort,
            "complaints": self.complaints,
            "silent": silent(),
            "lessons": self.listing.grammar.lessons,
        }


def silent() -> QuerySet[Runtime]:
    """Runtimes that do not answer."""
    return Runtime.objects.filter(status_reachable=False).exclude(status_as_of=None).only(*SAID)


def turned(column: str) -> str:
    return column[1:] if column.startswith("-") else f"-{column}"


class Pages(Paginator):  # type: ignore[type-arg]  # takes none when it runs
    """Pages of ordered rows, for which the database walks no further than it must.

    What a search found is counted up to `most`: many are “10,000+”. Without `most` the count is exact.
    """

    object_list: QuerySet[Any]

    def __init__(self, rows: QuerySet[Any], per_page: int, counted_by: str, most: int | None = None) -> None:
        super().__init__(rows, per_page)
        self.counted_by, self.most = counted_by, most

    @cached_property
    def counted(self) -> int:
        rows = self.object_list.order_by()
        return rows.count() if self.most is None else rows.values_list(self.counted_by)[: self.most + 1].count()

    @property
    def count(self) -> int:
        return self.counted if self.most is None else min(self.counted, self.most)

    @property
    def said(self) -> str:
        return str(self.count) if self.count == self.counted else f"{self.count}+"

    def get_page(self, number: Any) -> Page[Any]:
        """A first page that is not full says how many there are, so that a search for few reads the rows once."""
        if number not in (None, "", "1"):
            return super().get_page(number)
        rows = list(self.object_list[: self.per_page + 1])
        if len(rows) <= self.per_page:
            self.counted = len(rows)
        return Page(rows[: self.per_page], 1, self)

    def page(self, number: int | str) -> Page[Any]:
        """From the nearer end: a page costs as many steps along the index as there are rows before it."""
        number = self.validate_number(number)
        begin = (number - 1) * self.per_page
        if 2 * begin < self.count or self.count < self.counted:
            return super().page(number)
        end = self.count - begin
        rows = self.object_list.reverse()[max(end - self.per_page, 0) : end]
        return Page(list(rows)[::-1], number, self)


def namespace_of(request: HttpRequest) -> str:
    """The namespace the pages look at; "" is all that the person may see. Chosen by the URL, kept in the session."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return ""
    seen = namespaces(user)
    if "namespace" in request.GET:
        asked = request.GET["namespace"]
        chosen = asked if asked in seen else ""
        if request.session.get("namespace", "") != chosen:
            request.session["namespace"] = chosen
        return chosen
    kept = str(request.session.get("namespace", ""))
    return kept if kept in seen else ""


class Echo:
    """A file that gives back what is written to it: how csv writes a line that is sent at once."""

    def write(self, text: str) -> str:
        return text


def csv_lines(cells: dict[str, Callable[[Any], Any]], rows: QuerySet[Any]) -> Iterator[str]:
    writer = csv.writer(Echo())
    yield writer.writerow(list(cells))
    for row in rows.iterator(chunk_size=500):
        yield writer.writerow([harmless(value(row)) for value in cells.values()])


def harmless(value: Any) -> Any:
    """A spreadsheet runs what begins like a formula. Times are ISO 8601 in UTC, nothing is an empty cell."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
    return "" if value is None else value
