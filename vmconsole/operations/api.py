"""/api/v1/operations: requests in flight and ended, as the pages' panel shows them; one can be cancelled."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

import django_filters as filters
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from vmconsole.access.actors import actor_of
from vmconsole.access.authentication import person
from vmconsole.access.errors import NotFound
from vmconsole.access.rights import Right, require
from vmconsole.http import Filters
from vmconsole.operations import services
from vmconsole.operations.models import Operation, State
from vmconsole.operations.queries import OPERATIONS
from vmconsole.operations.views import visible_to


class StepSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    text = serializers.CharField()


class OperationSerializer(serializers.ModelSerializer[Operation]):
    """One request: who, what, on what, how far, how it ended."""

    steps = StepSerializer(many=True)

    class Meta:
        model = Operation
        fields: ClassVar = [
            "uid", "verb", "subject_kind", "subject_uid", "subject_name", "namespace", "actor_name", "state", "percent",
            "message", "reason", "detail", "steps", "can_cancel", "cancel_requested", "created_at", "finished_at",
        ]  # fmt: skip
        read_only_fields = fields


class OperationFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    subject = filters.UUIDFilter(field_name="subject_uid", label=gettext_lazy("Uid of the object"))
    kind = filters.CharFilter(field_name="subject_kind", label=gettext_lazy("Kind of object"))
    namespace = filters.CharFilter(field_name="namespace", label=gettext_lazy("Namespace"))
    state = filters.ChoiceFilter(field_name="state", choices=State.choices, label=gettext_lazy("State"))
    q = filters.CharFilter(method="by_words", label=gettext_lazy("As in the search field of the page"))

    class Meta:
        model = Operation
        fields: ClassVar[list[str]] = []

    def by_words(self, operations: QuerySet[Operation], name: str, value: str) -> QuerySet[Operation]:
        return OPERATIONS.grammar.demand(operations, value)


class OperationList(ListAPIView[Operation]):
    """What was asked for, newest first."""

    serializer_class = OperationSerializer
    filter_backends = [Filters]
    filterset_class = OperationFilter
    queryset = Operation.objects.none()
    ordering = ("-created_at", "-uid")

    def get_queryset(self) -> QuerySet[Operation]:
        return visible_to(person(self.request))


class OperationOne(RetrieveAPIView[Operation]):
    """One request, step by step."""

    serializer_class = OperationSerializer
    queryset = Operation.objects.none()
    lookup_field = "uid"

    def get_queryset(self) -> QuerySet[Operation]:
        return visible_to(person(self.request))


class OperationCancel(APIView):
    """Ask for its end. The loop does it, and the operation says how it came out."""

    @extend_schema(operation_id="operations_cancel", request=None, responses={202: OperationSerializer})
    def post(self, request: Request, uid: UUID) -> Response:
        operation = visible_to(person(request)).filter(uid=uid).first()
        if operation is None:
            raise NotFound(_("There is no such operation that you can see."))
        place = operation.namespace or None
        require(person(request), Right.EDIT if place else Right.CLUSTER_EDIT, place)
        services.request_cancel(operation, actor_of(request))
        operation.refresh_from_db()
        return Response(OperationSerializer(operation).data, status=202)
