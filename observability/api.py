"""/api/v1: the audit log and charts' figures. Read only, by the rights of the pages."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from observability import history, marks, subjects
from observability.charts import CHARTS, LINES, RANGES
from observability.filters import AuditFilter
from observability.models import HASHED, AuditEntry, AuditQuerySet
from observability.views import readable
from vmconsole.access.errors import NotFound
from vmconsole.access.rights import Right, require
from vmconsole.http import Filters


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    """One entry. `diff` and `extra` are JSON; the hash is over their exact text, which the JSONL export has."""

    diff = serializers.SerializerMethodField()
    extra = serializers.SerializerMethodField()

    class Meta:
        model = AuditEntry
        fields = [*HASHED, "hash"]
        read_only_fields = fields

    @extend_schema_field(serializers.DictField())
    def get_diff(self, entry: AuditEntry) -> dict[str, Any]:
        return entry.changes

    @extend_schema_field(serializers.DictField())
    def get_extra(self, entry: AuditEntry) -> dict[str, Any]:
        return entry.details


class AuditList(ListAPIView[AuditEntry]):
    """Who asked for what, newest first. Needs the right to read the audit of a namespace, or of the cluster."""

    serializer_class = AuditEntrySerializer
    filter_backends = [Filters]
    filterset_class = AuditFilter
    queryset = AuditEntry.objects.none()
    ordering = ("-id",)

    def get_queryset(self) -> AuditQuerySet:
        return readable(self.request.user)


class WindowQuery(serializers.Serializer[dict[str, Any]]):
    """The range up to now, or a piece of time."""

    range = serializers.ChoiceField(choices=list(RANGES), default="10m")
    to = serializers.FloatField(required=False, help_text="With `from`: this piece of time, in Unix seconds, instead.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return super().get_fields() | {"from": serializers.FloatField(required=False)}

    def zoom(self) -> tuple[float, float] | None:
        begin, end = self.validated_data.get("from"), self.validated_data.get("to")
        if begin is None and end is None:
            return None
        return history.zoomed("" if begin is None else begin, "" if end is None else end)


class RangeQuery(WindowQuery):
    uid = serializers.UUIDField(help_text="The virtual machine.")
    metric = serializers.ChoiceField(choices=list(CHARTS))


class CompareQuery(WindowQuery):
    uid = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=history.MOST_COMPARED, help_text="Virtual machines."
    )
    line = serializers.ChoiceField(choices=list(LINES), help_text="One line of a chart.")


class LineSerializer(serializers.Serializer[dict[str, Any]]):
    key = serializers.CharField(help_text="The field of live points that goes on with this line.")
    name = serializers.CharField(help_text="What to call it, in the reader's language.")
    values = serializers.ListField(child=serializers.FloatField(allow_null=True), help_text="null: not known.")


class MarkSerializer(serializers.Serializer[dict[str, Any]]):
    at = serializers.FloatField()
    kind = serializers.ChoiceField(choices=[kind.value for kind in marks.Kind])
    reason = serializers.CharField()
    text = serializers.CharField()
    level = serializers.CharField()


class WindowAnswer(serializers.Serializer[dict[str, Any]]):
    range = serializers.CharField()
    unit = serializers.ChoiceField(choices=sorted({chart.unit for chart in CHARTS.values()}))
    to = serializers.FloatField(help_text="Unix seconds, the end of the chart; `from` is its beginning.")
    step = serializers.IntegerField()
    live = serializers.BooleanField(help_text="Whether it goes on with now.")
    note = serializers.CharField(help_text="A sentence to show, or empty.")
    times = serializers.ListField(child=serializers.FloatField(), help_text="Unix seconds.")
    series = LineSerializer(many=True)
    marks = MarkSerializer(many=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        taken: dict[str, serializers.Field[Any, Any, Any, Any]] = {  # words of Python's and of the framework's
            "from": serializers.FloatField(),
            "source": serializers.ChoiceField(choices=["collector", "prometheus"]),
        }
        return super().get_fields() | taken


class RangeAnswer(WindowAnswer):
    uid = serializers.UUIDField()
    metric = serializers.CharField()


class CompareAnswer(WindowAnswer):
    line = serializers.CharField()


class MetricRange(APIView):
    """The figures of one chart of one machine: the last hour from memory, older from Prometheus where that is."""

    @extend_schema(parameters=[RangeQuery], responses=RangeAnswer)
    def get(self, request: Request) -> Response:
        asked = RangeQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        uid = asked.validated_data["uid"]
        name = subjects.find(uid)
        if name is None:
            raise NotFound(_("There is nothing here that you can see."))
        require(request.user, Right.VIEW, name.namespace)
        metric, span = asked.validated_data["metric"], asked.validated_data["range"]
        return Response(history.chart(uid, name, metric, span, zoom=asked.zoom()))


class MetricCompare(APIView):
    """One line of a chart for up to eight machines, on one grid of times."""

    @extend_schema(parameters=[CompareQuery], responses=CompareAnswer)
    def get(self, request: Request) -> Response:
        asked = CompareQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        uids = list(dict.fromkeys(asked.validated_data["uid"]))
        machines = []
        for uid in uids:
            name = subjects.find(uid)
            if name is None:
                raise NotFound(_("There is nothing here that you can see."))
            require(request.user, Right.VIEW, name.namespace)
            machines.append((uid, name))
        data = asked.validated_data
        return Response(history.compare(machines, data["line"], data["range"], zoom=asked.zoom()))
