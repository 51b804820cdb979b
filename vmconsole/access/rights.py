"""May they? The one question every door asks first.

    from vmconsole.access.rights import Right, may, namespaces, require

Grants are read once per user object, that is once per request: whoever keeps a user longer (a console, a feed)
loads the person again before asking again (`sessions.user_of`), so that a right taken away is gone within seconds.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from vmconsole.access import rules
from vmconsole.access.errors import Denied, NotFound
from vmconsole.access.models import Namespace, RoleBinding
from vmconsole.access.rules import Grant, Right, Role, Scope

__all__ = ["Right", "Role", "everywhere", "forget", "grants", "may", "namespaces", "require"]


def may(user: Any, right: Right, namespace: str | None) -> bool:
    """Whether this person holds the right in the namespace, or, for `None`, in the cluster."""
    return rules.allows(grants(user), right, namespace)


def require(user: Any, right: Right, namespace: str | None) -> None:
    """Go on only if they may. What they may not even see does not exist for them."""
    if may(user, right, namespace):
        return
    if may(user, Right.VIEW, namespace):
        raise Denied(
            _("You can see this, but you may not do that with it."),
            fix=_("Ask an administrator of the namespace for a role that may."),
        )
    raise NotFound(_("There is nothing here that you can see."))


def namespaces(user: Any, right: Right = Right.VIEW) -> list[str]:
    """The names of the namespaces where they hold the right, sorted: the start of every `visible_to`."""
    reach = rules.reach(grants(user), right)
    if None not in reach:
        return sorted(name for name in reach if name)
    if not hasattr(user, "every_namespace"):
        user.every_namespace = list(Namespace.objects.order_by("name").values_list("name", flat=True))
    return list(user.every_namespace)


def everywhere(user: Any, right: Right = Right.VIEW) -> bool:
    """Whether they hold the right in every namespace, also in those to come: then a list needs no condition."""
    return None in rules.reach(grants(user), right)


def grants(user: Any) -> frozenset[Grant]:
    """Every role they hold now, within the scope of the token they came with. Nothing for strangers and for people
    who were deactivated.
    """
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    if not hasattr(user, "held_grants"):
        held = _held(user)
        scope: Scope | None = getattr(user, "token_scope", None)
        user.held_grants = scope.narrow(held) if scope else held
    found: frozenset[Grant] = user.held_grants
    return found


def _held(user: Any) -> frozenset[Grant]:
    if user.is_superuser:
        return frozenset({Grant(Role.CLUSTER_ADMIN, None)})
    bindings = RoleBinding.objects.filter(user_id=user.pk).values_list("role", "namespace_id")
    return frozenset(Grant(Role(role), namespace) for role, namespace in bindings)


def forget(user: Any) -> None:
    """Ask the database again the next time, after changing this person's roles."""
    for remembered in ("held_grants", "every_namespace"):
        user.__dict__.pop(remembered, None)
