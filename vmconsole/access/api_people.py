"""/api/v1: people and their roles, for those who may give roles. Everybody else finds nothing here."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from vmconsole.access import services
from vmconsole.access.actors import actor_of
from vmconsole.access.asking import JsonSerializer
from vmconsole.access.authentication import person
from vmconsole.access.errors import NotFound
from vmconsole.access.models import RoleBinding, User
from vmconsole.access.rights import Right, may, namespaces, require
from vmconsole.access.rules import Role
from vmconsole.access.views_people import people_visible_to, person_or_404

SEARCH = OpenApiParameter("q", str, description="A part of the name.")


class UserSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields: ClassVar = ["id", "username", "is_active", "password_expired", "date_joined", "last_login"]
        read_only_fields = fields


class NewUserSerializer(UserSerializer):
    """A person and, this once, their one-time password."""

    password = serializers.SerializerMethodField()

    class Meta(UserSerializer.Meta):
        fields: ClassVar = [*UserSerializer.Meta.fields, "password"]
        read_only_fields = fields

    def get_password(self, user: User) -> str:
        return str(self.context["password"])


class UserAsked(JsonSerializer):
    username = serializers.CharField(max_length=150)


class UserChange(JsonSerializer):
    is_active = serializers.BooleanField()


class UserList(ListAPIView[User]):
    """The people to whom one may give roles."""

    serializer_class = UserSerializer
    queryset = User.objects.none()
    ordering = ("username",)

    def get_queryset(self) -> QuerySet[User]:
        found = people_visible_to(person(self.request))
        wanted = self.request.query_params.get("q", "").strip()[:150]
        return found.filter(username__icontains=wanted) if wanted else found

    @extend_schema(operation_id="users_list", parameters=[SEARCH])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(operation_id="users_create", request=UserAsked, responses={201: NewUserSerializer})
    def post(self, request: Request) -> Response:
        """Let somebody in, with a one-time password that is shown this once."""
        require(person(request), Right.BIND_ROLES, None)
        asked = UserAsked(data=request.data)
        asked.is_valid(raise_exception=True)
        user, password = services.create_person(person(request), actor_of(request), asked.validated_data["username"])
        return Response(NewUserSerializer(user, context={"password": password}).data, status=201)


class UserOne(APIView):
    """One person."""

    @extend_schema(operation_id="users_retrieve", responses=UserSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return Response(UserSerializer(person_or_404(person(request), pk)).data)

    @extend_schema(operation_id="users_change", request=UserChange, responses=UserSerializer)
    def patch(self, request: Request, pk: int) -> Response:
        """Shut somebody out, or let them in again. What they have open closes within five seconds."""
        found = person_or_404(person(request), pk)
        require(person(request), Right.BIND_ROLES, None)
        asked = UserChange(data=request.data)
        asked.is_valid(raise_exception=True)
        services.set_active(person(request), actor_of(request), found, asked.validated_data["is_active"])
        found.refresh_from_db()
        return Response(UserSerializer(found).data)


class RoleSerializer(serializers.ModelSerializer[RoleBinding]):
    """Somebody holds a role in a namespace; null: in every one, or in the cluster."""

    username = serializers.CharField(source="user.username")
    role = serializers.ChoiceField(choices=[role.value for role in Role])
    namespace = serializers.CharField(source="namespace_id", allow_null=True)

    class Meta:
        model = RoleBinding
        fields: ClassVar = ["id", "username", "role", "namespace", "created_at"]
        read_only_fields = fields


class RoleAsked(JsonSerializer):
    username = serializers.CharField(max_length=150)
    role = serializers.ChoiceField(choices=[role.value for role in Role])
    namespace = serializers.CharField(max_length=63, allow_null=True, default=None)


class RoleList(ListAPIView[RoleBinding]):
    """Who holds which role, where one may give roles."""

    serializer_class = RoleSerializer
    queryset = RoleBinding.objects.none()
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[RoleBinding]:
        return bindings_of(person(self.request))

    @extend_schema(operation_id="roles_create", request=RoleAsked, responses={201: RoleSerializer})
    def post(self, request: Request) -> Response:
        """Give a role. Giving one that they hold already changes nothing."""
        bindings_of(person(request))
        asked = RoleAsked(data=request.data)
        asked.is_valid(raise_exception=True)
        told = asked.validated_data
        require(person(request), Right.BIND_ROLES, told["namespace"])
        found = User.objects.filter(username=told["username"]).first()
        if found is None:
            raise NotFound(_("There is no such person."), field="username")
        binding = services.bind(person(request), actor_of(request), found, Role(told["role"]), told["namespace"])
        return Response(RoleSerializer(binding).data, status=201)


class RoleOne(APIView):
    """One role that somebody holds."""

    @extend_schema(operation_id="roles_delete", responses={204: None})
    def delete(self, request: Request, binding: int) -> Response:
        held = bindings_of(person(request)).filter(pk=binding).first()
        if held is None:
            raise NotFound(_("There is no such role."))
        services.unbind(person(request), actor_of(request), held)
        return Response(status=204)


def bindings_of(asker: User) -> QuerySet[RoleBinding]:
    """The roles that this person may give and take."""
    found = RoleBinding.objects.select_related("user")
    if may(asker, Right.BIND_ROLES, None):
        return found
    mine = namespaces(asker, Right.BIND_ROLES)
    if not mine:
        raise NotFound(_("There is nothing here that you can see."))
    return found.filter(namespace__in=mine)
