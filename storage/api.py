"""The door for uploads: tus 1.0 with creation, expiration, termination and checksum, so that its clients work, and a
browser can go on after any break.

POST begins, HEAD tells how far it is, PATCH sends the next part (8 MiB at most), DELETE gives up.
"""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser, FormParser, MultiPartParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from storage import services, tus
from storage.models import Image, Upload, UploadState, VirtualMachineDisk
from storage.services.uploads import KINDS, LARGEST, PART_BYTES
from vmconsole.access.actors import actor_of
from vmconsole.access.errors import NotFound, TooLarge, Unprocessable
from vmconsole.access.models import User
from vmconsole.access.parsing import Json
from vmconsole.access.rights import namespaces
from vmconsole.runtime.quantities import BadQuantity, format_quantity, parse_quantity


def person(request: Request) -> User:
    assert isinstance(request.user, User)
    return request.user


class PartParser(BaseParser):
    """The bytes of one part, never more of them than a part may have."""

    media_type = "application/offset+octet-stream"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> dict[str, bytes]:
        length = (parser_context or {})["request"].META.get("CONTENT_LENGTH") or "0"
        if not str(length).isdigit() or int(length) > PART_BYTES:
            raise TooLarge(_("One part is 8 MiB at most."))
        return {"part": stream.read(PART_BYTES + 1)}


class OnlyJson(BaseContentNegotiation):
    """Answers are JSON whatever is asked for: upload clients send odd Accept headers."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        wanted = (request.content_type or "").split(";", 1)[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == wanted), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


@extend_schema_field(OpenApiTypes.STR)
class SizeText(serializers.Field[int, Any, str, Any]):
    """A size as people write it, bytes inside."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            return parse_quantity(str(data)) if str(data).strip() else 0
        except BadQuantity as error:
            raise serializers.ValidationError(_(str(error))) from error

    def to_representation(self, value: int) -> str:
        return format_quantity(value)


class UploadAsked(serializers.Serializer[Any]):
    """What an upload is to become. `length` is the file's, `size` the disk's."""

    kind = serializers.ChoiceField(choices=sorted(KINDS), default=VirtualMachineDisk.KIND)
    namespace = serializers.CharField(max_length=63)
    name = serializers.CharField(max_length=63)
    length = serializers.IntegerField(min_value=0)
    checksum = serializers.CharField(max_length=160, required=False, allow_blank=True, default="")
    size = SizeText(required=False, default=0)
    title = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    description = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")
    os_type = serializers.ChoiceField(choices=["", "Linux", "Windows"], required=False, default="")
    default_size = SizeText(required=False, default=0)

    def target(self) -> dict[str, Any]:
        told = self.validated_data
        if told["kind"] == Image.KIND:
            about = {field: told[field] for field in ("title", "description", "os_type")}
            return {**about, "default_size_bytes": told["default_size"] or 0}
        return {"size_bytes": told["size"] or 0}


class UploadSerializer(serializers.ModelSerializer[Upload]):
    """An upload under way. `url` takes its parts, `done` is the page of what it becomes."""

    url = serializers.SerializerMethodField()
    done = serializers.SerializerMethodField()
    length = serializers.IntegerField(source="size_bytes")

    class Meta:
        model = Upload
        fields: ClassVar = [
            "uid", "kind", "namespace", "name", "length", "offset", "state", "created_at", "expires_at", "url", "done",
        ]  # fmt: skip
        read_only_fields = fields

    def get_url(self, upload: Upload) -> str:
        return reverse("storage:upload", args=[upload.uid])

    def get_done(self, upload: Upload) -> str:
        return reverse(KINDS[upload.kind].URL, args=[upload.namespace, upload.name])


class TusView(APIView):
    """What every answer of the protocol has in common."""

    @extend_schema(exclude=True)
    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        return Response(status=204, headers=tus.abilities(LARGEST))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method != "OPTIONS":
            tus.refuse_other_version(request.headers)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        for name, value in tus.abilities(LARGEST).items() if answer.status_code == tus.OTHER_VERSION else ():
            answer[name] = value
        answer["Tus-Resumable"] = tus.VERSION
        return answer


def own(request: Request) -> QuerySet[Upload]:
    """What this person has begun, where they still may see something."""
    return Upload.objects.filter(actor_user_id=request.user.pk, namespace__in=namespaces(request.user))


class UploadsView(TusView):
    """Begin an upload, or see those you have begun."""

    parser_classes = (Json, MultiPartParser, FormParser)
    serializer_class = UploadSerializer

    @extend_schema(operation_id="uploads_list", responses=UploadSerializer(many=True))
    def get(self, request: Request) -> Response:
        begun = own(request).filter(state=UploadState.OPEN).order_by("-created_at")[:100]
        return Response(UploadSerializer(begun, many=True).data)

    @extend_schema(
        operation_id="uploads_create",
        parameters=[
            OpenApiParameter("Upload-Length", int, OpenApiParameter.HEADER, description="As tus has it."),
            OpenApiParameter("Upload-Metadata", str, OpenApiParameter.HEADER, description="As tus has it."),
        ],
        request=UploadAsked,
        responses={201: UploadSerializer},
    )
    def post(self, request: Request) -> Response:
        """As JSON, or as clients of the tus protocol do it: the same words in `Upload-Metadata`, and no body."""
        asked = UploadAsked(data=tus.asked(request.headers) if tus.is_spoken(request.headers) else request.data)
        asked.is_valid(raise_exception=True)
        told = asked.validated_data
        upload = services.begin_upload(
            person(request), actor_of(request), kind=told["kind"], namespace=told["namespace"], name=told["name"],
            size_bytes=told["length"], checksum=told["checksum"], target=asked.target(),
        )  # fmt: skip
        return Response(UploadSerializer(upload).data, status=201, headers=_told(upload))


class UploadView(TusView):
    """One upload, by whoever began it."""

    parser_classes = (PartParser,)
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = OnlyJson
    serializer_class = UploadSerializer

    def _own(self, request: Request, uid: UUID) -> Upload:
        upload = own(request).filter(uid=uid).first()
        if upload is None:
            raise NotFound(_("There is no such upload."))
        return upload

    @extend_schema(operation_id="uploads_get")
    def get(self, request: Request, uid: UUID) -> Response:
        upload = self._own(request, uid)
        return Response(UploadSerializer(upload).data, headers=_told(upload))

    @extend_schema(
        operation_id="uploads_append",
        parameters=[
            OpenApiParameter("Upload-Offset", int, OpenApiParameter.HEADER, required=True),
            OpenApiParameter(
                "Upload-Checksum", str, OpenApiParameter.HEADER, description="sha256 or sha1, and base64."
            ),
        ],
        request={"application/offset+octet-stream": bytes},
        responses={204: None},
    )
    def patch(self, request: Request, uid: UUID) -> Response:
        offset = request.headers.get("Upload-Offset", "")
        if not (offset.isascii() and offset.isdigit() and len(offset) < 19):
            raise Unprocessable(_("Say in Upload-Offset where this part begins."), field="Upload-Offset", status=400)
        upload = self._own(request, uid)
        sent: Any = request.data
        part: bytes = sent.get("part", b"")
        tus.refuse_other_bytes(request.headers, part)
        upload = services.append_part(person(request), actor_of(request), upload, offset=int(offset), data=part)
        return Response(status=204, headers=_told(upload))

    @extend_schema(operation_id="uploads_abandon", responses={204: None})
    def delete(self, request: Request, uid: UUID) -> Response:
        services.abandon_upload(person(request), actor_of(request), self._own(request, uid))
        return Response(status=204)


def _told(upload: Upload) -> dict[str, str]:
    return {
        "Upload-Offset": str(upload.offset),
        "Upload-Length": str(upload.size_bytes),
        "Upload-Expires": upload.expires_at.strftime("%a, %d %b %Y %H:%M:%S GMT"),
        "Location": reverse("storage:upload", args=[upload.uid]),
        "Cache-Control": "no-store",
    }
