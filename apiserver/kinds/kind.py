"""What the API needs to know of a kind: its names, its schema, its columns, and the services behind its verbs.

Everything the door offers (URLs, discovery, OpenAPI, tables, patches, watches) is derived from these values, so a kind
is added in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from msgspec import Struct

from apiserver.meta import metadata_of
from observability.models import Change
from vmconsole.access.actors import Actor
from vmconsole.access.models import User
from vmconsole.access.rights import Right

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, as services want to know it."""

    user: User
    actor: Actor


def asking_in(request: HttpRequest) -> Asking:
    """Who asks: the door has put it there."""
    asking: Asking = request.asking  # type: ignore[attr-defined]
    return asking


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`. Those of priority 1 are for `-o wide`."""

    name: str
    cell: Callable[[Any], Any]
    type: str = "string"
    format: str = ""
    priority: int = 0
    description: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One kind of resource. A verb without a function is not offered.

    `change` is what the outbox (`observability.models.Change.kind`) calls it. `create`, `update` and `delete` call the
    app's service, which checks rights and rules; `create` and `update` get the whole checked manifest and return the
    row, which is read again by whoever shows it. `one` shows a single object to somebody where that is more than a
    list may show.
    """

    group: str
    version: str
    name: str
    plural: str
    singular: str
    schema: type[Struct]
    rows: Callable[[User], QuerySet[Any]]
    to_manifest: Callable[[Any], Manifest]
    columns: tuple[Column, ...] = ()
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    namespaced: bool = True
    change: str = ""
    description: str = ""
    see: Right = Right.VIEW
    edit: Right = Right.EDIT
    create: Callable[[Asking, Manifest], Any] | None = None
    update: Callable[[Asking, Any, Manifest], Any] | None = None
    delete: Callable[[Asking, Any], Any] | None = None
    one: Callable[[Asking, Any], Manifest] | None = None
    related: Callable[[QuerySet[Any]], QuerySet[Any]] = field(default=lambda rows: rows)
    load: Callable[..., Any] | None = None  # `related` for one row, by its key: faster, for what is asked most
    gives_as_it_is: bool = False  # what `create` and `update` give needs no second look
    metadata: Callable[[Any], Manifest] = metadata_of
    find: Callable[[QuerySet[Any], str], QuerySet[Any]] = field(default=lambda rows, name: rows.filter(name=name))
    selectable: Mapping[str, str] = field(default_factory=dict)
    status: type[Struct] | None = None
    order: tuple[str, ...] = ()
    door: str = ""  # what its URLs are called, where the plural is another kind's too
    read: tuple[str, ...] = ()  # the columns of the row that a table's line and metadata read; none: all
    # For watches: the rows of changes, what rows and changes are matched by, and whether such a row shows an object.
    changed_rows: Callable[[QuerySet[Any], Iterable[str]], QuerySet[Any]] = field(
        default=lambda rows, keys: rows.filter(uid__in=keys)
    )
    change_key: Callable[[Change], str] = field(default=lambda change: change.uid)
    row_key: Callable[[Any], str] = field(default=lambda row: str(row.uid))
    present: Callable[[Any], bool] | None = None

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """As errors call it: `virtualmachines.vm.cluster.gke.io`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that lists are ordered by, and go on from."""
        return self.order or (("namespace", "name") if self.namespaced else ("name",))

    @property
    def verbs(self) -> list[str]:
        offered = {"create": self.create, "update": self.update, "patch": self.update, "delete": self.delete}
        found = [verb for verb, function in offered.items() if function]
        return sorted([*found, "get", "list", "watch", *(["deletecollection"] if self.delete else [])])
