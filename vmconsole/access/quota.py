"""What of its quota a namespace uses, and the refusal of more.

Whose machines and disks are counted stands above this app, so the one who counts is named in the settings, as the
audit is. Counted is what was asked for, in the trash too: what can be had back must have its place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from vmconsole.access import rules
from vmconsole.access.errors import OverQuota
from vmconsole.access.models import ResourceQuota
from vmconsole.access.rules import IN_BYTES, Counted
from vmconsole.pages import percent_of, size
from vmconsole.prepared import Prepared

Amounts = Counter[Counted]
_QUOTA = Prepared(ResourceQuota.objects.order_by(), "namespace")
WORDS = {
    Counted.MACHINES: gettext_lazy("Virtual machines"),
    Counted.VCPUS: gettext_lazy("vCPUs"),
    Counted.MEMORY: gettext_lazy("Memory"),
    Counted.STORAGE: gettext_lazy("Disk space"),
}


class Count(Protocol):
    """What `NAMESPACE_USAGE` names. `alone`: nobody else takes anything until this transaction ends."""

    def __call__(self, namespaces: Collection[str], *, alone: bool = False) -> dict[str, Amounts]: ...


def used(namespaces: Collection[str], *, alone: bool = False) -> dict[str, Amounts]:
    count: Count = import_string(settings.NAMESPACE_USAGE)
    return count(namespaces, alone=alone)


def limits_of(namespace: str) -> dict[Counted, int]:
    """The limits that it has, none where there is no quota."""
    return limits_in(_QUOTA.one(namespace))


def limits_in(quota: ResourceQuota | None) -> dict[Counted, int]:
    return {counted: quota.hard[counted] for counted in Counted if counted in quota.hard} if quota else {}


def refuse_over(namespace: str, asked: Mapping[Counted, int], fields: Mapping[Counted, str] | None = None) -> None:
    """Go on only when so much more fits: to be asked before anything is written, in the transaction that writes it.
    `fields` says which input asks for what.
    """
    quota = _QUOTA.one(namespace)
    limits = limits_in(quota)
    if quota is None or not any(asked.get(counted, 0) > 0 for counted in limits):
        return
    found = rules.excess(limits, used([namespace], alone=True)[namespace], asked)
    if found:
        problems = [((fields or {}).get(each.counted, ""), said_of(namespace, each)) for each in found]
        fix = _("Ask an administrator of the cluster for more, or delete what nobody needs, also from the trash.")
        raise OverQuota(problems, quota=quota.name, excess=found, fix=fix)


def said_of(namespace: str, excess: rules.Excess) -> str:
    figures = {name: figure(excess.counted, getattr(excess, name)) for name in ("limit", "used", "asked", "over")}
    return _(excess.sentence) % {"namespace": namespace, **figures}


def figure(counted: Counted, value: int) -> str:
    return size(value) if counted in IN_BYTES and value else str(value)


@dataclass(frozen=True, slots=True)
class Share:
    """One line of a quota as people see it. `limit` None: as much as there is."""

    counted: Counted
    used: int
    limit: int | None

    @property
    def label(self) -> str:
        return str(WORDS[self.counted])

    @property
    def percent(self) -> int:
        return min(percent_of(self.used, self.limit), 100) if self.limit else 100

    @property
    def full(self) -> bool:
        return self.limit is not None and self.used >= self.limit

    @property
    def over(self) -> bool:
        return self.limit is not None and self.used > self.limit

    @property
    def said(self) -> str:
        return figure(self.counted, self.used)

    @property
    def limit_said(self) -> str:
        return "" if self.limit is None else figure(self.counted, self.limit)


def shares(limits: Mapping[Counted, int], taken: Mapping[Counted, int]) -> list[Share]:
    return [Share(counted, taken.get(counted, 0), limits.get(counted)) for counted in Counted]
