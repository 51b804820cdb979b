"""What can be asked of the audit log and the events: the same words in the pages' URLs and in the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import django_filters as filters
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from observability.models import AuditEntry, Phase
from observability.queries import AUDIT

SPANS = {
    "1h": (_("Last hour"), timedelta(hours=1)),
    "24h": (_("Last 24 hours"), timedelta(hours=24)),
    "7d": (_("Last 7 days"), timedelta(days=7)),
    "30d": (_("Last 30 days"), timedelta(days=30)),
}
SPAN_CHOICES = [(key, title) for key, (title, _length) in SPANS.items()]


class AuditFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    """Who, what, how it ended, where and when. Times without a zone are UTC."""

    q = filters.CharFilter(method="by_words", label=_("Search words, as `who:alice result:refused -action:start`"))
    person = filters.CharFilter(field_name="actor_name", lookup_expr="icontains", label=_("Person"))
    object = filters.CharFilter(method="by_object", label=_("Object: part of its name, or its uid"))
    kind = filters.CharFilter(field_name="kind", label=_("Kind of object"))
    action = filters.CharFilter(field_name="action", label=_("Action"))
    phase = filters.ChoiceFilter(field_name="phase", choices=Phase.choices, label=_("Result"))
    namespace = filters.CharFilter(field_name="namespace", label=_("Namespace"))
    operation = filters.CharFilter(field_name="operation_uid", label=_("Operation"))
    request = filters.CharFilter(field_name="request_id", label=_("Request"))
    span = filters.ChoiceFilter(method="by_span", choices=SPAN_CHOICES, label=_("Time"))
    since = filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte", label=_("From (UTC)"))
    until = filters.IsoDateTimeFilter(field_name="at", lookup_expr="lt", label=_("To (UTC)"))

    class Meta:
        model = AuditEntry
        fields: list[str] = []

    def by_words(self, entries: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return AUDIT.demand(entries, value)

    def by_object(self, entries: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return entries.filter(Q(name__icontains=value) | Q(uid=value))

    def by_span(self, entries: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return entries.filter(at__gte=timezone.now() - SPANS[value][1])


class AuditPageFilter(AuditFilter):
    """A page says beside the list which word is none, and shows what the others find."""

    complaints: tuple[str, ...] = ()

    def by_words(self, entries: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        entries, complaints = AUDIT.search(entries, value)
        self.complaints = tuple(complaints)
        return entries
