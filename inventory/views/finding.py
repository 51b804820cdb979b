"""From a URL to a machine that this person may see; not theirs is the same as not there."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit
from uuid import UUID

from django.http import HttpRequest, QueryDict
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from inventory.columns import columns_of, view_of
from inventory.models import VirtualMachine, VirtualMachineQuerySet
from inventory.rows import row_html
from inventory.showing import Shown
from vmconsole.access.errors import NotFound
from vmconsole.access.views_people import asker
from vmconsole.lists import namespace_of

# What a row never shows. Reading it would cost a third of the page; what its why-line reads must not stand here, or
# every row would ask for it alone (tests/test_lists.py counts).
UNSEEN = (
    "annotations", "delete_disks", "spec_compute", "spec_firmware", "spec_cloud_init", "spec_rest",
    "status_guest", "status_screen",
)  # fmt: skip


def visible(request: HttpRequest) -> VirtualMachineQuerySet:
    """The machines a list shows: all that they may see, or those of the chosen namespace."""
    rows: VirtualMachineQuerySet = VirtualMachine.objects.visible_to(asker(request))
    chosen = namespace_of(request)
    return rows.filter(namespace=chosen) if chosen else rows


def in_order(uids: Iterable[UUID]) -> list[VirtualMachine]:
    """The rows of a list whose order an index knew."""
    wanted = list(uids)
    found = VirtualMachine.objects.defer(*UNSEEN).in_bulk(wanted)
    return [found[uid] for uid in wanted if uid in found]


def machine(request: HttpRequest, namespace: str, name: str) -> VirtualMachine:
    rows = VirtualMachine.objects.visible_to(asker(request)).select_related("runtime")
    uid = uid_of(name) if namespace == "-" else None
    found = rows.filter(uid=uid, namespace="") if uid else rows.filter(namespace=namespace, name=name)
    vm: VirtualMachine | None = found.first()
    if vm is None:
        if VirtualMachine.objects.trashed_for(asker(request)).filter(namespace=namespace, name=name).exists():
            sentence = _("%(name)s is in the trash.") % {"name": name[:80]}
            raise NotFound(sentence, fix=_("Open the trash to restore it."))
        raise NotFound(_("There is no virtual machine %(name)s that you can see.") % {"name": name[:80]})
    return vm


def around(request: HttpRequest) -> QueryDict:
    """What the address of the page around a fragment asks for."""
    try:
        return QueryDict(urlsplit(request.headers.get("HX-Current-URL", "")).query)
    except ValueError:
        return QueryDict()


def row_of(request: HttpRequest, row: Shown) -> SafeString:
    """A row for the list that the asking page shows: with its columns, which its address tells."""
    user, asked = asker(request), around(request)
    return row_html(row, columns_of(user, asked, view_of(user, asked)))


def uid_of(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
