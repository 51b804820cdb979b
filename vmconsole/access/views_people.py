"""The door to people and namespaces, for those who may give roles.

Administrators of the cluster see everybody; those of a namespace see who holds a role in it. Everyone else finds
nothing here. A one-time password is in the answer that made it and nowhere else.
"""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from vmconsole.access import journal, lockout, quota, services, tokening
from vmconsole.access.actors import actor_of
from vmconsole.access.errors import NotFound, Refused
from vmconsole.access.forms import NamespaceForm, PersonForm, RoleForm
from vmconsole.access.models import Namespace, ResourceQuota, RoleBinding, User
from vmconsole.access.rights import Right, may, namespaces, require
from vmconsole.access.rules import Role

PEOPLE_PER_PAGE = 100
TOKENS_SHOWN = 200


def asker(request: HttpRequest) -> User:
    user = request.user
    assert isinstance(user, User)
    return user


def people_visible_to(user: User) -> QuerySet[User]:
    """Whom this person may give roles to, or already may have. Not theirs to know is 404."""
    if may(user, Right.BIND_ROLES, None):
        return User.objects.all()
    mine = namespaces(user, Right.BIND_ROLES)
    if not mine:
        raise NotFound(_("There is nothing here that you can see."))
    return User.objects.filter(role_bindings__namespace__in=mine).distinct()


def person_or_404(user: User, pk: int) -> User:
    person = people_visible_to(user).filter(pk=pk).first()
    if person is None:
        raise NotFound(_("There is no such person."))
    return person


def bindings_visible_to(user: User, person: User) -> QuerySet[RoleBinding]:
    bindings = RoleBinding.objects.filter(user=person)
    if may(user, Right.BIND_ROLES, None):
        return bindings
    return bindings.filter(namespace__in=namespaces(user, Right.BIND_ROLES))


def role_form(request: HttpRequest, data: Any = None) -> RoleForm:
    everywhere = may(request.user, Right.BIND_ROLES, None)
    return RoleForm(data, namespaces=namespaces(request.user, Right.BIND_ROLES), everywhere=everywhere)


@require_http_methods(["GET"])
def person_list(request: HttpRequest) -> HttpResponse:
    return show_list(request)


def show_list(request: HttpRequest, *, form: PersonForm | None = None, status: int = 200) -> HttpResponse:
    query = request.GET.get("q", "").strip()
    found = people_visible_to(asker(request)).order_by("username").prefetch_related("role_bindings")
    if query:
        found = found.filter(Q(username__icontains=query))
    context = {
        "page": Paginator(found, PEOPLE_PER_PAGE).get_page(request.GET.get("page")),
        "query": query,
        "form": form or PersonForm(),
        "role_form": role_form(request),
        "may_create": may(request.user, Right.BIND_ROLES, None),
        "managed": namespaces(request.user, Right.BIND_ROLES),
        "locked": lockout.locked_usernames(),
    }
    return render(request, "access/person_list.html", context, status=status)


@require_POST
def person_create(request: HttpRequest) -> HttpResponse:
    require(asker(request), Right.BIND_ROLES, None)
    form = PersonForm(request.POST)
    if not form.is_valid():
        return show_list(request, form=form, status=422)
    try:
        person, password = services.create_person(asker(request), actor_of(request), form.cleaned_data["username"])
    except Refused as error:
        journal.note_refusal(request, error.status, error.reason, error.public)
        form.add_error("username", error.public)
        return show_list(request, form=form, status=error.status)
    return show_person(request, person, password=password, status=201)


@require_http_methods(["GET"])
def person_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return show_person(request, person_or_404(asker(request), pk))


def show_person(request: HttpRequest, person: User, *, password: str = "", status: int = 200) -> HttpResponse:
    context = {
        "person": person,
        "password": password,
        "bindings": bindings_visible_to(asker(request), person),
        "role_form": role_form(request),
        "may_manage": may(request.user, Right.BIND_ROLES, None),
        "yourself": person.pk == request.user.pk,
        "locked": lockout.locked_usernames(),
        "tokens": tokening.visible_to(asker(request)).filter(user=person)[:TOKENS_SHOWN],
    }
    return render(request, "access/person_detail.html", context, status=status)


@require_POST
def person_activate(request: HttpRequest, pk: int) -> HttpResponse:
    services.set_active(asker(request), actor_of(request), person_or_404(asker(request), pk), True)
    return redirect("access:person_detail", pk)


@require_POST
def person_deactivate(request: HttpRequest, pk: int) -> HttpResponse:
    services.set_active(asker(request), actor_of(request), person_or_404(asker(request), pk), False)
    return redirect("access:person_detail", pk)


@require_POST
def person_unlock(request: HttpRequest, pk: int) -> HttpResponse:
    services.unlock(asker(request), actor_of(request), person_or_404(asker(request), pk))
    return redirect("access:person_detail", pk)


@require_POST
def person_sessions_end(request: HttpRequest, pk: int) -> HttpResponse:
    services.end_sessions(asker(request), actor_of(request), person_or_404(asker(request), pk))
    return redirect("access:person_detail", pk)


@require_POST
def person_password_reset(request: HttpRequest, pk: int) -> HttpResponse:
    person = person_or_404(asker(request), pk)
    password = services.reset_password(asker(request), actor_of(request), person)
    return show_person(request, person, password=password)


@require_POST
def role_bind(request: HttpRequest) -> HttpResponse:
    """By user name, because an administrator of a namespace may not see whom they are about to invite."""
    people_visible_to(asker(request))
    form = role_form(request, request.POST)
    person = User.objects.filter(username=request.POST.get("username", "")).first()
    if person is None:
        raise NotFound(_("There is no such person."), field="username")
    if not form.is_valid():
        raise Refused(_("Choose a role and a namespace."), "Invalid", "role")
    namespace = form.cleaned_data["namespace"] or None
    services.bind(asker(request), actor_of(request), person, Role(form.cleaned_data["role"]), namespace)
    return redirect("access:person_detail", person.pk)


@require_POST
def role_unbind(request: HttpRequest, pk: int, binding: int) -> HttpResponse:
    person = person_or_404(asker(request), pk)
    held = bindings_visible_to(asker(request), person).filter(pk=binding).select_related("user").first()
    if held is None:
        raise NotFound(_("There is no such role."))
    services.unbind(asker(request), actor_of(request), held)
    seen = may(request.user, Right.BIND_ROLES, None) or bindings_visible_to(asker(request), person).exists()
    return redirect("access:person_detail", pk) if seen else redirect("access:person_list")


@require_http_methods(["GET"])
def namespace_list(request: HttpRequest) -> HttpResponse:
    return show_namespaces(request)


def show_namespaces(request: HttpRequest, *, form: NamespaceForm | None = None, status: int = 200) -> HttpResponse:
    mine = namespaces(request.user)
    rows = Namespace.objects.filter(name__in=mine).annotate(people=Count("role_bindings__user", distinct=True))
    limits = {row.namespace: quota.limits_in(row) for row in ResourceQuota.objects.filter(namespace__in=mine)}
    used = quota.used(mine)
    context = {
        "namespaces": [(row, quota.shares(limits.get(row.name, {}), used[row.name])) for row in rows],
        "counted": quota.WORDS.values(),
        "form": form or NamespaceForm(),
        "may_create": may(request.user, Right.CLUSTER_EDIT, None),
    }
    return render(request, "access/namespace_list.html", context, status=status)


@require_POST
def namespace_create(request: HttpRequest) -> HttpResponse:
    require(request.user, Right.CLUSTER_EDIT, None)
    form = NamespaceForm(request.POST)
    if not form.is_valid():
        return show_namespaces(request, form=form, status=422)
    try:
        services.create_namespace(asker(request), actor_of(request), form.cleaned_data["name"])
    except Refused as error:
        journal.note_refusal(request, error.status, error.reason, error.public)
        form.add_error("name", error.public)
        return show_namespaces(request, form=form, status=error.status)
    return redirect("access:namespace_list")
