"""From a URL to a machine that this person may see; not theirs is the same as not there."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext as _

from inventory.models import VirtualMachine, VirtualMachineQuerySet
from vmconsole.access.errors import NotFound
from vmconsole.access.views_people import asker
from vmconsole.lists import namespace_of


def visible(request: HttpRequest) -> VirtualMachineQuerySet:
    """The machines a list shows: all that they may see, or those of the chosen namespace."""
    rows: VirtualMachineQuerySet = VirtualMachine.objects.visible_to(asker(request))
    chosen = namespace_of(request)
    return rows.filter(namespace=chosen) if chosen else rows


def machine(request: HttpRequest, namespace: str, name: str) -> VirtualMachine:
    rows = VirtualMachine.objects.visible_to(asker(request)).select_related("runtime")
    uid = uid_of(name) if namespace == "-" else None
    found = rows.filter(uid=uid, namespace="") if uid else rows.filter(namespace=namespace, name=name)
    vm: VirtualMachine | None = found.first()
    if vm is None:
        raise NotFound(_("There is no virtual machine %(name)s that you can see.") % {"name": name[:80]})
    return vm


def uid_of(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
