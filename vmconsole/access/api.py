"""/api/v1: signing in for programs, tokens, and oneself."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.contrib.auth import authenticate
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView

from vmconsole.access import lockout, tokening
from vmconsole.access.actors import USER_AGENT_CHARS, Actor, actor_of, request_id
from vmconsole.access.asking import JsonSerializer
from vmconsole.access.authentication import person
from vmconsole.access.errors import Denied, NotFound
from vmconsole.access.models import TOKEN_NAME_CHARS, RoleBinding, Token, User
from vmconsole.access.rights import Right, everywhere, may, namespaces
from vmconsole.access.rules import TokenRights
from vmconsole.access.views import SignIn, stranger

USUAL_LIFE = timedelta(days=30)
RIGHTS = [rights.value for rights in TokenRights]


class TokenSerializer(serializers.ModelSerializer[Token]):
    """A token, without what it is: nobody can read that again. `namespaces` null: wherever the owner may."""

    owner = serializers.CharField(source="user.username")
    rights = serializers.ChoiceField(choices=RIGHTS)
    namespaces = serializers.ListField(child=serializers.CharField(), allow_null=True)
    state = serializers.SerializerMethodField(
        help_text="Good, Revoked, Expired, or ShutOut: its owner may not sign in."
    )

    class Meta:
        model = Token
        fields: ClassVar = [
            "id", "name", "prefix", "owner", "rights", "namespaces", "state",
            "created_at", "expires_at", "last_used_at", "revoked_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_state(self, token: Token) -> str:
        return token.fault() or "Good"


class NewTokenSerializer(TokenSerializer):
    """A token and, this once, what it is."""

    token = serializers.SerializerMethodField()

    class Meta(TokenSerializer.Meta):
        fields: ClassVar = [*TokenSerializer.Meta.fields, "token"]
        read_only_fields = fields

    def get_token(self, token: Token) -> str:
        return str(self.context["raw"])


class TokenAsked(JsonSerializer):
    """What a new token shall be. A year is the longest, 30 days the usual."""

    name = serializers.CharField(max_length=TOKEN_NAME_CHARS)
    rights = serializers.ChoiceField(choices=RIGHTS, default=TokenRights.READ.value)
    namespaces = serializers.ListField(
        child=serializers.CharField(max_length=63),
        allow_null=True,
        default=None,
        max_length=tokening.NAMESPACES_PER_TOKEN,
        help_text="null: wherever the owner may.",
    )
    expires_at = serializers.DateTimeField(required=False)

    def made(self, user: User, actor: Actor) -> Response:
        """The answer to whoever asked, with the token made."""
        told = self.validated_data
        expires_at: datetime = told.get("expires_at") or timezone.now() + USUAL_LIFE
        token, raw = tokening.create(
            user,
            actor,
            name=told["name"],
            rights=TokenRights(told["rights"]),
            places=told["namespaces"],
            expires_at=expires_at,
        )
        return Response(NewTokenSerializer(token, context={"raw": raw}).data, status=201)


class TokenList(ListAPIView[Token]):
    """One's own tokens; administrators of the cluster see everybody's. Revoked and expired ones for 30 days more."""

    serializer_class = TokenSerializer
    queryset = Token.objects.none()
    ordering = ("-id",)

    def get_queryset(self) -> QuerySet[Token]:
        return tokening.visible_to(person(self.request))

    @extend_schema(operation_id="tokens_create", request=TokenAsked, responses={201: NewTokenSerializer})
    def post(self, request: Request) -> Response:
        asked = TokenAsked(data=request.data)
        asked.is_valid(raise_exception=True)
        return asked.made(person(request), actor_of(request))


class TokenOne(RetrieveAPIView[Token]):
    """One token."""

    serializer_class = TokenSerializer
    queryset = Token.objects.none()

    def get_queryset(self) -> QuerySet[Token]:
        return tokening.visible_to(person(self.request))

    @extend_schema(operation_id="tokens_revoke", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Revoke it: it opens nothing from now on, and what it opened closes within five seconds."""
        token = self.get_queryset().filter(pk=pk).first()
        if token is None:
            raise NotFound(_("There is no such token."))
        tokening.revoke(person(request), actor_of(request), token)
        return Response(status=204)


class LoginAsked(TokenAsked):
    """Name and password, and what the token shall be."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=4096, trim_whitespace=False, write_only=True)
    rights = serializers.ChoiceField(choices=RIGHTS, default=TokenRights.EVERYTHING.value)


class Login(APIView):
    """A token for name and password: what `vmctl login` asks for."""

    permission_classes = (AllowAny,)
    throttle_classes = (ScopedRateThrottle,)
    throttle_scope = "login"

    @extend_schema(operation_id="login", request=LoginAsked, responses={201: NewTokenSerializer}, auth=[])
    def post(self, request: Request) -> Response:
        asked = LoginAsked(data=request.data)
        asked.is_valid(raise_exception=True)
        user = proven(request, asked.validated_data["username"], asked.validated_data["password"])
        actor = Actor(
            user_id=user.pk,
            name=user.get_username(),
            auth="password",
            source=lockout.address_of(request),
            user_agent=request.META.get("HTTP_USER_AGENT", "")[:USER_AGENT_CHARS],
            request_id=request_id(),
        )
        SignIn.tell(actor, "sign_in", user.username, "succeeded")
        return asked.made(user, actor)


def proven(request: Request, username: str, password: str) -> User:
    """The person whose name and password these are; everything else is said, written down, and counted."""
    plain = request._request  # noqa: SLF001  # axes marks Django's own request
    user = authenticate(plain, username=username, password=password)
    locked = bool(getattr(plain, "axes_locked_out", False))
    if isinstance(user, User) and not locked:
        lockout.unlock(username, lockout.address_of(plain))
        if not user.password_expired:
            return user
        SignIn.tell(stranger(plain, username), "sign_in", username, "refused", "PasswordExpired")
        raise Denied(
            _("This is a one-time password. Choose your own first."),
            "PasswordExpired",
            fix=_("Sign in with a browser, choose your password there, and come back."),
        )
    known = username if User.objects.filter(username=username).exists() else ""
    SignIn.tell(stranger(plain, known), "sign_in", known, "refused", "LockedOut" if locked else "WrongPassword")
    if locked:
        wait = lockout.waiting(username, lockout.address_of(plain)).total_seconds()
        raise Throttled(max(1, wait), _("Too many wrong passwords."))
    raise AuthenticationFailed(_("This name and password do not belong together."))


class HeldRole(serializers.ModelSerializer[RoleBinding]):
    namespace = serializers.CharField(source="namespace_id", allow_null=True)

    class Meta:
        model = RoleBinding
        fields: ClassVar = ["role", "namespace"]
        read_only_fields = fields


class MeSerializer(serializers.Serializer[Any]):
    """Who asks, and how far they reach, within the scope of the token they came with."""

    id = serializers.IntegerField()
    username = serializers.CharField()
    roles = HeldRole(many=True, help_text="What the person holds; null: everywhere.")
    namespaces = serializers.ListField(child=serializers.CharField())
    everywhere = serializers.BooleanField(help_text="Whether they see every namespace, also those to come.")
    cluster_rights = serializers.ListField(child=serializers.ChoiceField(choices=[right.value for right in Right]))
    token = TokenSerializer(allow_null=True)


class Me(APIView):
    """Oneself."""

    @extend_schema(operation_id="me", responses=MeSerializer)
    def get(self, request: Request) -> Response:
        user = person(request)
        about = {
            "id": user.pk,
            "username": user.username,
            "roles": list(user.role_bindings.all()),
            "namespaces": namespaces(user),
            "everywhere": everywhere(user),
            "cluster_rights": [right for right in Right if may(user, right, None)],
            "token": user.token,
        }
        return Response(MeSerializer(about).data)
