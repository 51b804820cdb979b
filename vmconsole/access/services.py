"""What can be asked about people, roles and namespaces. Each is one transaction with its audit entry.

Rights count from the next request on, because nobody's are kept longer than one.
"""

from __future__ import annotations

import secrets
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from vmconsole.access import journal, lockout
from vmconsole.access.actors import Actor
from vmconsole.access.errors import Conflict, NotFound, Unprocessable
from vmconsole.access.models import Namespace, RoleBinding, User
from vmconsole.access.rights import Right, forget, require
from vmconsole.access.rules import CLUSTER_ROLES, Role

PASSWORD_BYTES = 12  # 96 bits in 16 characters: beyond guessing, and still typed by hand from a terminal


def one_time_password() -> str:
    return secrets.token_urlsafe(PASSWORD_BYTES)


@transaction.atomic
def create_person(asker: User, actor: Actor, username: str) -> tuple[User, str]:
    """Let somebody in. Returns the person and the one-time password, which nobody can read again."""
    require(asker, Right.BIND_ROLES, None)
    password = one_time_password()
    person = User(username=username, password_expired=True)
    person.set_password(password)
    try:
        person.full_clean(exclude=["email"])
    except ValidationError as error:
        raise Unprocessable(" ".join(error.messages), "Invalid", "username") from error
    person.save()
    _record(actor, "person_create", person)
    return person, password


@transaction.atomic
def reset_password(asker: User, actor: Actor, person: User) -> str:
    """A new one-time password for somebody who lost theirs. Ends their sessions."""
    require(asker, Right.BIND_ROLES, None)
    password = one_time_password()
    person.set_password(password)
    person.password_expired = True
    person.save(update_fields=["password", "password_expired"])
    lockout.unlock(person.username)
    _record(actor, "password_reset", person)
    return password


@transaction.atomic
def change_password(actor: Actor, person: User, password: str) -> None:
    """One's own choice. Ends all other sessions; the caller keeps the one that asked."""
    person.set_password(password)
    person.password_expired = False
    person.save(update_fields=["password", "password_expired"])
    _record(actor, "password_change", person)


@transaction.atomic
def set_active(asker: User, actor: Actor, person: User, active: bool) -> None:
    """Shut somebody out, or let them in again. Their roles are kept, their open sessions and consoles end."""
    require(asker, Right.BIND_ROLES, None)
    if person.pk == asker.pk and not active:
        raise Conflict(_("You cannot deactivate yourself."), "Yourself", fix=_("Ask another administrator."))
    if User.objects.filter(pk=person.pk, is_active=not active).update(is_active=active):
        _record(actor, "person_activate" if active else "person_deactivate", person)


@transaction.atomic
def end_sessions(asker: User, actor: Actor, person: User) -> None:
    """Sign this person out everywhere."""
    if asker.pk != person.pk:
        require(asker, Right.BIND_ROLES, None)
    User.objects.filter(pk=person.pk).update(sessions_epoch=F("sessions_epoch") + 1)
    _record(actor, "sessions_end", person)


@transaction.atomic
def unlock(asker: User, actor: Actor, person: User) -> None:
    """Forget wrong passwords, so that the person need not wait."""
    require(asker, Right.BIND_ROLES, None)
    lockout.unlock(person.username)
    _record(actor, "person_unlock", person)


@transaction.atomic
def bind(asker: User, actor: Actor, person: User, role: Role, namespace: str | None) -> RoleBinding:
    """Give a role. Administrators of a namespace give roles in it; only those of the cluster give more."""
    require(asker, Right.BIND_ROLES, namespace)
    if namespace and role in CLUSTER_ROLES:
        raise Unprocessable(_("This role is not held in a namespace."), "ClusterRole", "namespace")
    if namespace and not Namespace.objects.filter(name=namespace).exists():
        raise NotFound(_("There is no such namespace."))
    binding, fresh = RoleBinding.objects.get_or_create(user=person, role=role.value, namespace_id=namespace)
    if fresh:
        forget(person)
        _record(actor, "role_bind", person, namespace=namespace or "", diff={"role": [None, str(binding)]})
    return binding


@transaction.atomic
def unbind(asker: User, actor: Actor, binding: RoleBinding) -> None:
    """Take a role away."""
    require(asker, Right.BIND_ROLES, binding.namespace_id)
    person = binding.user
    if person.pk == asker.pk and binding.role == Role.CLUSTER_ADMIN:
        raise Conflict(_("You cannot take this role from yourself."), "Yourself", fix=_("Ask another administrator."))
    said = str(binding)
    binding.delete()
    forget(person)
    _record(actor, "role_unbind", person, namespace=binding.namespace_id or "", diff={"role": [said, None]})


@transaction.atomic
def create_namespace(asker: User, actor: Actor, name: str, **columns: Any) -> Namespace:
    """A new place for resources, with nobody in it yet. `columns` are labels and the like."""
    require(asker, Right.CLUSTER_EDIT, None)
    namespace = Namespace(name=name, **columns)
    try:
        namespace.full_clean(validate_unique=False)
    except ValidationError as error:
        raise Unprocessable(" ".join(error.messages), "Invalid", "name") from error
    try:
        with transaction.atomic():
            namespace.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(_("There is a namespace of this name already."), "AlreadyExists", "name") from error
    forget(asker)
    journal.record(actor, "namespace_create", kind="Namespace", uid=None, name=name, phase="succeeded", namespace=name)
    journal.told("Namespace", namespace, "ADDED")
    return namespace


def _record(actor: Actor, action: str, person: User, **more: Any) -> None:
    journal.record(actor, action, kind="User", uid=str(person.pk), name=person.username, phase="succeeded", **more)
