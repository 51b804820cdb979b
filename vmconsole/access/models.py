"""People, namespaces, who holds which role where, tokens, and secrets at rest.

A namespace's name is its key everywhere: manifests, URLs and other tables say the name, so renaming is not offered.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from vmconsole.access.rules import CLUSTER_ROLES, Role, Scope, TokenRights
from vmconsole.columns import ObjectMeta

TOKEN_NAME_CHARS = 50  # with its prefix it fits the audit's column

dns_label = RegexValidator(
    r"\A[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z",
    _("Use small letters, digits and hyphens; begin and end with a letter or digit."),
)


class Theme(models.TextChoices):
    AUTO = "auto", _("Like the system")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


class User(AbstractUser):
    """A person. `is_superuser` is somebody who may do everything; nobody needs `is_staff` here."""

    language = models.CharField(max_length=8, blank=True)
    theme = models.CharField(max_length=8, blank=True, choices=Theme)
    time_zone = models.CharField(max_length=64, blank=True)  # "": the browser's
    lists = models.JSONField(default=dict, blank=True)  # how they like lists: {list: {"columns": [], "view": uid}}
    password_expired = models.BooleanField(default=False)  # a one-time password: good for choosing another, only
    sessions_epoch = models.PositiveIntegerField(default=0)

    # Not kept: how this person came here. Only `vmconsole.access.tokens` sets them.
    token: Token | None = None
    token_scope: Scope | None = None

    def get_session_auth_hash(self) -> str:
        """Raising `sessions_epoch` ends every session of this person at once, as changing the password does."""
        return self._session_hash(None)

    def get_session_auth_fallback_hash(self):  # type: ignore[no-untyped-def]  # django-stubs has no such method
        """The same under the signing keys that were retired lately."""
        from django.conf import settings

        for retired in settings.SECRET_KEY_FALLBACKS:
            yield self._session_hash(retired)

    def _session_hash(self, secret: str | bytes | None) -> str:
        value = f"{self.password}:{self.sessions_epoch}"
        return salted_hmac("vmconsole.access.session", value, secret=secret, algorithm="sha256").hexdigest()


class Namespace(ObjectMeta):
    """Who owns resources; the unit of roles."""

    name = models.CharField(primary_key=True, max_length=63, validators=[dns_label])
    uid = models.UUIDField(default=uuid.uuid4, editable=False, db_index=True)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class RoleBinding(models.Model):
    """Somebody holds a role in a namespace, or, without one, in every namespace or in the cluster."""

    user = models.ForeignKey(User, models.CASCADE, related_name="role_bindings")
    role = models.CharField(max_length=16, choices=[(role.value, role.value) for role in Role])
    namespace = models.ForeignKey(Namespace, models.CASCADE, null=True, blank=True, related_name="role_bindings")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["namespace", "role"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "role", "namespace"], name="binding_once"),
            models.UniqueConstraint(
                fields=["user", "role"], condition=Q(namespace=None), name="binding_once_everywhere"
            ),
            models.CheckConstraint(
                condition=Q(namespace=None) | ~Q(role__in=sorted(role.value for role in CLUSTER_ROLES)),
                name="binding_cluster_roles_have_no_namespace",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} @ {self.namespace_id or '*'}"


class Token(models.Model):
    """A program's proof that it acts for somebody. What it is itself is shown once and kept nowhere."""

    user = models.ForeignKey(User, models.CASCADE, related_name="tokens")
    # Made with another token: goes when that one goes, or a stolen one would outlive its revocation.
    parent = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="children")
    name = models.CharField(max_length=TOKEN_NAME_CHARS)
    prefix = models.CharField(max_length=16)  # by which people recognise it
    digest = models.CharField(max_length=64, unique=True)
    rights = models.CharField(max_length=16, choices=[(rights.value, rights.value) for rights in TokenRights])
    namespaces = models.JSONField(null=True, blank=True)  # a list of names; null: wherever the owner may
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)  # to the minute
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.prefix} {self.name}"

    def fault(self) -> str:
        """Why it opens nothing now, as one word; empty when it does."""
        if self.revoked_at:
            return "Revoked"
        if self.expires_at <= timezone.now():
            return "Expired"
        return "" if self.user.is_active and not self.user.password_expired else "ShutOut"


class Secret(ObjectMeta):
    """Sealed data. Only `vmconsole.access.secrets` reads or writes `sealed`.

    `keys` are the names in it, for lists, which show no values. Those in `binary` are sealed as base64.
    """

    uid = models.UUIDField(default=uuid.uuid4, editable=False, db_index=True)
    namespace = models.CharField(max_length=63)
    name = models.CharField(max_length=253)
    type = models.CharField(max_length=253, default="Opaque")
    immutable = models.BooleanField(default=False)
    keys = models.JSONField(default=list, blank=True)
    binary = models.JSONField(default=list, blank=True)
    sealed = models.BinaryField()
    owner_uid = models.UUIDField(null=True, blank=True)  # goes when its owner goes

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["namespace", "name"], name="secret_named_once")]

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class ConfigMap(ObjectMeta):
    """Plain settings of a namespace, for those who read them over the API."""

    uid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    namespace = models.CharField(max_length=63)
    name = models.CharField(max_length=253)
    immutable = models.BooleanField(default=False)
    data = models.JSONField(default=dict, blank=True)
    binary_data = models.JSONField(default=dict, blank=True)  # base64, as it came

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["namespace", "name"], name="config_map_named_once")]

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class ResourceQuota(ObjectMeta):
    """The most that a namespace may have; each has one or none. `hard` is by `rules.Counted`; what it leaves out is
    not limited.
    """

    uid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    namespace = models.CharField(max_length=63, unique=True)
    name = models.CharField(max_length=63)
    hard = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"
