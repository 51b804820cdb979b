"""/api/v1/server: where programs find us by https, and whose signature to trust there. Secrets: none."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class ServerSerializer(serializers.Serializer[Any]):
    """`port` 0: there is no door of our own for programs; come the way you came."""

    port = serializers.IntegerField(help_text="Where https is spoken on this host, for kubectl and vmctl.")
    certificate_authority = serializers.CharField(help_text="PEM of who signed its certificate.", allow_blank=True)


class ServerView(APIView):
    """What a client needs before it sends a password or a token."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(operation_id="server", responses=ServerSerializer, auth=[])
    def get(self, request: Request) -> Response:
        authority = settings.STATE / "etc" / "tls-authority.crt"
        port = settings.API_PORT if authority.exists() else 0
        pem = authority.read_text() if port else ""
        return Response(ServerSerializer({"port": port, "certificate_authority": pem}).data)
