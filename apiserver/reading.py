"""Rows that somebody may see: by name, or all of a namespace. What is not theirs is not there."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apiserver.kinds import Asking, Kind
from vmconsole.access.errors import NotFound
from vmconsole.access.rights import may


def seen_in(asking: Asking, kind: Kind, namespace: str) -> QuerySet[Any]:
    """The rows of a namespace, or of all that they see. A namespace they do not see is 404, not an empty list."""
    rows = kind.rows(asking.user)
    if not namespace:
        return rows
    if not may(asking.user, kind.see, namespace):
        raise NotFound(_('namespaces "%(name)s" not found') % {"name": namespace[:63]})
    return rows.filter(namespace=namespace)


def found(asking: Asking, kind: Kind, namespace: str, name: str, *, lock: bool = False) -> Any:
    rows = kind.find(seen_in(asking, kind, namespace), name).order_by()  # one: `first` would sort it
    if kind.load:
        key = next(iter(rows.values_list("pk", flat=True)[:1]), None)
        row = kind.load(key, lock=lock) if key else None
    else:
        rows = kind.related(rows)
        row = next(iter((rows.select_for_update(of=("self",)) if lock else rows)[:1]), None)
    if row is None:
        raise NotFound(_('%(resource)s "%(name)s" not found') % {"resource": kind.resource, "name": name[:253]})
    return row
