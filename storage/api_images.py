"""/api/v1/images: what machines start from. List, one, add from an address, delete; uploads have doors of their own."""

from __future__ import annotations

from typing import ClassVar

import django_filters as filters
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from storage import queries, services
from storage.api import SizeText, person
from storage.models import Image
from vmconsole.access.actors import actor_of
from vmconsole.access.asking import JsonSerializer
from vmconsole.access.errors import NotFound
from vmconsole.access.rights import Right, require
from vmconsole.http import Filters
from vmconsole.runtime.quantities import format_quantity


class ImageSerializer(serializers.ModelSerializer[Image]):
    """An image of the catalogue. `progress` null: not known."""

    phase = serializers.CharField(source="state")
    progress = serializers.FloatField(source="status_percent", allow_null=True)
    size = serializers.SerializerMethodField(help_text="Of a disk made from it.")
    reason = serializers.CharField(source="status_reason")
    message = serializers.CharField(source="status_message")

    class Meta:
        model = Image
        fields: ClassVar = [
            "uid", "namespace", "name", "title", "description", "os_type", "public", "phase", "progress", "size",
            "reason", "message", "labels", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.CharField())
    def get_size(self, image: Image) -> str:
        return format_quantity(image.status_size_bytes) if image.status_size_bytes else ""


class ImageAsked(JsonSerializer):
    """An image to fetch from an address."""

    namespace = serializers.CharField(max_length=63)
    name = serializers.CharField(max_length=63)
    url = serializers.CharField(max_length=2000)
    checksum = serializers.CharField(max_length=160, required=False, allow_blank=True, default="")
    title = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    description = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")
    os_type = serializers.ChoiceField(choices=["", "Linux", "Windows"], required=False, default="")
    default_size = SizeText(required=False, default=0)

    def made(self, request: Request) -> Image:
        told = self.validated_data
        http = {"url": told["url"]} | ({"checksum": told["checksum"]} if told["checksum"] else {})
        described = {field: told[field] for field in ("title", "description", "os_type")}
        return services.create_image(
            person(request), actor_of(request), told["namespace"], told["name"], source={"http": http},
            default_size_bytes=told["default_size"] or 0, **described,
        )  # fmt: skip


class ImageFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter has no types
    namespace = filters.CharFilter(field_name="namespace", label=gettext_lazy("Namespace"))
    name = filters.CharFilter(field_name="name", label=gettext_lazy("Name"))
    q = filters.CharFilter(method="by_words", label=gettext_lazy("As in the search field of the page"))

    class Meta:
        model = Image
        fields: ClassVar[list[str]] = []

    def by_words(self, images: QuerySet[Image], name: str, value: str) -> QuerySet[Image]:
        return queries.IMAGES.grammar.demand(images, value)


class ImageList(ListAPIView[Image]):
    """The images that one can start machines from: those of one's namespaces, and those for everybody."""

    serializer_class = ImageSerializer
    filter_backends = [Filters]
    filterset_class = ImageFilter
    queryset = Image.objects.none()
    ordering = ("namespace", "name")

    def get_queryset(self) -> QuerySet[Image]:
        return Image.objects.visible_to(person(self.request))

    @extend_schema(operation_id="images_create", request=ImageAsked, responses={201: ImageSerializer})
    def post(self, request: Request) -> Response:
        asked = ImageAsked(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(ImageSerializer(asked.made(request)).data, status=201)


class ImageOne(APIView):
    """One image."""

    def found(self, request: Request, namespace: str, name: str) -> Image:
        image: Image | None = Image.objects.visible_to(person(request)).filter(namespace=namespace, name=name).first()
        if image is None:
            raise NotFound(_("There is no image %(name)s that you can see.") % {"name": name})
        return image

    @extend_schema(operation_id="images_get", responses=ImageSerializer)
    def get(self, request: Request, namespace: str, name: str) -> Response:
        return Response(ImageSerializer(self.found(request, namespace, name)).data)

    @extend_schema(operation_id="images_delete", responses={202: ImageSerializer})
    def delete(self, request: Request, namespace: str, name: str) -> Response:
        """Disks that were made from it are copies and stay."""
        image = self.found(request, namespace, name)
        require(person(request), Right.EDIT, namespace)
        services.delete_image(person(request), actor_of(request), image)
        image.refresh_from_db()
        return Response(ImageSerializer(image).data, status=202)
