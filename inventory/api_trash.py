"""/api/v1/trash: what was deleted and can be had back, for programs that delete as people do.

Kubernetes has no word for it: its DELETE, which is served there, means gone.
"""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from inventory.models import VirtualMachine
from inventory.services import trash
from vmconsole.access.actors import actor_of
from vmconsole.access.authentication import person
from vmconsole.access.errors import NotFound
from vmconsole.operations.api import OperationSerializer


class ThrownAway(serializers.ModelSerializer[VirtualMachine]):
    """A machine in the trash. `delete_disks` are the disks that go when it is purged."""

    disks = serializers.SlugRelatedField[Any](many=True, read_only=True, slug_field="disk_name")
    delete_disks = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = VirtualMachine
        fields: ClassVar = [
            "uid", "namespace", "name", "display_name", "trashed_at", "trashed_by", "purge_at", "disks", "delete_disks",
        ]  # fmt: skip
        read_only_fields = fields


class Thrown(serializers.Serializer[Any]):
    """A machine to delete. Without `delete_disks` those go with it that are marked `autoDelete`."""

    namespace = serializers.CharField(max_length=63)
    name = serializers.CharField(max_length=255)
    delete_disks = serializers.ListField(child=serializers.CharField(max_length=253), required=False, max_length=100)


class TrashList(ListAPIView[VirtualMachine]):
    """What is in the trash, the latest first; and the way into it."""

    serializer_class = ThrownAway
    queryset = VirtualMachine.objects.none()
    ordering = ("-trashed_at", "uid")

    def get_queryset(self) -> QuerySet[VirtualMachine]:
        rows: QuerySet[VirtualMachine] = VirtualMachine.objects.trashed_for(person(self.request))
        return rows.prefetch_related("disks")

    @extend_schema(operation_id="trash_add", request=Thrown, responses={202: OperationSerializer})
    def post(self, request: Request) -> Response:
        """Delete a machine: into the trash, or at once where the trash is turned off."""
        told = Thrown(data=request.data)
        told.is_valid(raise_exception=True)
        asked = told.validated_data
        rows = VirtualMachine.objects.visible_to(person(request)).exclude(namespace="")
        vm = rows.filter(namespace=asked["namespace"], name=asked["name"]).first()
        if vm is None:
            raise NotFound(_("There is no virtual machine %(name)s that you can see.") % {"name": asked["name"][:80]})
        disks = asked.get("delete_disks")
        operation = trash.discard(person(request), actor_of(request), vm, delete_disks=disks)
        return Response(OperationSerializer(operation).data, status=202)


class TrashOne(APIView):
    @extend_schema(operation_id="trash_purge", request=None, responses={202: OperationSerializer})
    def delete(self, request: Request, uid: UUID) -> Response:
        """Delete it for good."""
        operation = trash.purge(person(request), actor_of(request), thrown_away(request, uid))
        return Response(OperationSerializer(operation).data, status=202)


class TrashRestore(APIView):
    @extend_schema(operation_id="trash_restore", request=None, responses={202: OperationSerializer})
    def post(self, request: Request, uid: UUID) -> Response:
        """Take it out again, stopped."""
        operation = trash.restore(person(request), actor_of(request), thrown_away(request, uid))
        return Response(OperationSerializer(operation).data, status=202)


def thrown_away(request: Request, uid: UUID) -> VirtualMachine:
    vm: VirtualMachine | None = VirtualMachine.objects.trashed_for(person(request)).filter(uid=uid).first()
    if vm is None:
        raise NotFound(_("There is no such machine in the trash."))
    return vm
