"""/api/v1: machines by the search words of the pages, and what this console is.

Machines themselves are Kubernetes' resources and served there; a search with conditions has no word there.
"""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from inventory.models import VirtualMachine
from inventory.search import MACHINES
from inventory.showing import one
from observability import promql
from storage.services.uploads import LARGEST, PART_BYTES
from vmconsole import VERSION
from vmconsole.access.authentication import person
from vmconsole.access.errors import NotFound
from vmconsole.access.rights import Right, may
from vmconsole.access.tokening import LONGEST, TOKENS_PER_PERSON
from vmconsole.http import CursorPages
from vmconsole.runtime.models import Runtime

# What an answer never shows: reading it would cost more than the search.
UNSEEN = ("annotations", "spec_compute", "spec_firmware", "spec_cloud_init", "spec_rest", "status_guest")
WORDS = "Search words as on the page of machines, such as `state:running vcpu>4 -is:protected web`."


class FoundMachine(serializers.ModelSerializer[VirtualMachine]):
    """What a list shows of a machine. `namespace` is empty for one made outside."""

    state = serializers.CharField(source="status_state")
    node = serializers.CharField(source="status_node")
    type = serializers.CharField(source="spec_type_name")
    os_type = serializers.CharField(source="spec_os_type")
    vcpus = serializers.IntegerField(source="status_vcpus", allow_null=True)
    memory_bytes = serializers.IntegerField(source="status_memory_bytes", allow_null=True)
    addresses = serializers.ListField(child=serializers.CharField(), source="status_addresses")
    labels = serializers.DictField(child=serializers.CharField())

    class Meta:
        model = VirtualMachine
        fields: ClassVar = [
            "uid", "namespace", "name", "display_name", "managed", "state", "node", "type", "os_type", "vcpus",
            "memory_bytes", "addresses", "labels", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class Search(ListAPIView[VirtualMachine]):
    """The machines that fit every word. A word that is none is refused: it would show too much."""

    serializer_class = FoundMachine
    queryset = VirtualMachine.objects.none()
    ordering = ("name", "uid")

    def get_queryset(self) -> QuerySet[VirtualMachine]:
        rows = VirtualMachine.objects.visible_to(person(self.request))
        return MACHINES.demand(rows, self.request.query_params.get("q", "")).defer(*UNSEEN)

    @extend_schema(operation_id="search", parameters=[OpenApiParameter("q", str, description=WORDS)])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class FixSerializer(serializers.Serializer[Any]):
    """One thing to do about it. `why_not` says why this person may not; empty when they may."""

    label = serializers.CharField()  # type: ignore[assignment]  # a field of that name, not our title
    url = serializers.CharField(help_text="A page of the console, or where the page posts to.")
    why_not = serializers.CharField()


class WhySerializer(serializers.Serializer[Any]):
    """Why a machine is not as it was asked to be. `key` is one word for programs, empty when all is as asked."""

    key = serializers.CharField()
    tone = serializers.ChoiceField(choices=["", "bad", "warn", "busy", "off"])
    sentence = serializers.CharField()
    evidence = serializers.ListField(child=serializers.CharField())
    since = serializers.DateTimeField(allow_null=True)
    fixes = FixSerializer(many=True)


class WhyOf(APIView):
    """The “why?” line of one machine, as its page shows it."""

    @extend_schema(operation_id="why", responses=WhySerializer)
    def get(self, request: Request, uid: UUID) -> Response:
        vm = VirtualMachine.objects.visible_to(person(request)).filter(uid=uid).first()
        if vm is None:
            raise NotFound(_("There is no such machine that you can see."))
        row = one(person(request), vm)
        told: dict[str, Any] = {
            "key": "",
            "tone": "",
            "sentence": _("It is as it was asked to be."),
            "evidence": [],
            "since": None,
        }
        if row.why:
            line = row.why
            told = {"key": line.key, "tone": line.tone, "sentence": line.sentence, "evidence": list(line.facts),
                    "since": line.since}  # fmt: skip
        return Response(WhySerializer({**told, "fixes": row.fixes}).data)


class RuntimeSerializer(serializers.ModelSerializer[Runtime]):
    reachable = serializers.BooleanField(source="status_reachable")
    message = serializers.CharField(source="status_message", help_text="For those who see the cluster.")
    as_of = serializers.DateTimeField(source="status_as_of", allow_null=True)

    class Meta:
        model = Runtime
        fields: ClassVar = ["name", "kind", "reachable", "message", "as_of"]
        read_only_fields = fields


class LimitsSerializer(serializers.Serializer[Any]):
    """How much is taken: of one client, or at once."""

    requests_per_minute = serializers.IntegerField()
    page_size = serializers.IntegerField()
    upload_bytes = serializers.IntegerField()
    upload_part_bytes = serializers.IntegerField()
    consoles = serializers.IntegerField()
    consoles_per_user = serializers.IntegerField()
    tokens_per_user = serializers.IntegerField()
    token_days = serializers.IntegerField()
    query_chars = serializers.IntegerField()


class SettingsSerializer(serializers.Serializer[Any]):
    """What this console is. Read only: the environment sets it."""

    version = serializers.CharField()
    runtimes = RuntimeSerializer(many=True)
    limits = LimitsSerializer()
    history = serializers.BooleanField(help_text="Whether there is a Prometheus for what is older than an hour.")
    languages = serializers.ListField(child=serializers.CharField())


class Settings(APIView):
    """What this console is, and how much it takes."""

    @extend_schema(operation_id="settings", responses=SettingsSerializer)
    def get(self, request: Request) -> Response:
        runtimes = list(Runtime.objects.order_by("name"))
        if not may(request.user, Right.CLUSTER_VIEW, None):
            for runtime in runtimes:
                runtime.status_message = ""
        told = {
            "version": VERSION,
            "runtimes": runtimes,
            "limits": limits(),
            "history": bool(settings.PROMETHEUS_URL),
            "languages": [code for code, _word in settings.LANGUAGES],
        }
        return Response(SettingsSerializer(told).data)


def limits() -> dict[str, int]:
    return {
        "requests_per_minute": int(settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]["user"].split("/")[0]),
        "page_size": CursorPages.max_page_size,
        "upload_bytes": LARGEST,
        "upload_part_bytes": PART_BYTES,
        "consoles": settings.CONSOLES,
        "consoles_per_user": settings.CONSOLES_PER_USER,
        "tokens_per_user": TOKENS_PER_PERSON,
        "token_days": LONGEST.days,
        "query_chars": promql.LONGEST,
    }
