"""Secrets at rest: cloud-init data and passwords, sealed with Fernet before they reach the database.

`FERNET_KEY` holds one key or several with commas: the first seals, all of them open, so a key is rotated by putting
a new one in front. Without a key nothing is sealed or revealed, and the answer says how to make one: a database
with readable passwords would be worse than a request that fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from vmconsole.access import journal
from vmconsole.access.models import Secret


class Unreadable(Exception):
    """None of our keys opens it: it was sealed elsewhere, or its key was removed."""


def put(namespace: str, name: str, data: Mapping[str, str], owner_uid: UUID | None = None) -> Secret:
    """Seal the data under this name, in place of what was there."""
    sealed = seal(data)
    values = {"sealed": sealed, "owner_uid": owner_uid, "keys": sorted(data), "binary": []}
    secret, made = Secret.objects.update_or_create(namespace=namespace, name=name, defaults=values)
    journal.told("Secret", secret, "ADDED" if made else "MODIFIED")
    return secret


def reveal(namespace: str, name: str) -> dict[str, str] | None:
    """The data as it was put, or None when there is none of that name."""
    sealed = Secret.objects.filter(namespace=namespace, name=name).values_list("sealed", flat=True).first()
    return None if sealed is None else unseal(bytes(sealed))


def discard(owner_uid: UUID) -> int:
    """Forget every secret of an owner that is gone. How many there were."""
    owned = list(Secret.objects.filter(owner_uid=owner_uid))
    for secret in owned:
        secret.delete()
        journal.told("Secret", secret, "DELETED")
    return len(owned)


def seal(data: Mapping[str, str]) -> bytes:
    return _box().encrypt(msgspec.json.encode(dict(data)))


def unseal(sealed: bytes) -> dict[str, str]:
    try:
        return msgspec.json.decode(_box().decrypt(sealed), type=dict[str, str])
    except InvalidToken:
        raise Unreadable(
            "A stored secret cannot be opened with the keys of this installation. "
            "Put the key it was sealed with back, as a later one in VMCONSOLE_FERNET_KEY."
        ) from None


def reseal_all() -> int:
    """Seal everything again with the first key, so that older keys can go. How many were sealed."""
    box, count = _box(), 0
    for secret in Secret.objects.only("pk", "sealed").iterator():
        fresh: Any = box.rotate(bytes(secret.sealed))
        count += Secret.objects.filter(pk=secret.pk, sealed=secret.sealed).update(sealed=fresh)
    return count


def _box() -> MultiFernet:
    keys = [part.strip() for part in settings.FERNET_KEY.split(",") if part.strip()]
    if not keys:
        raise ImproperlyConfigured(
            "There is no key to seal secrets with. scripts/up makes one in <state>/etc/fernet.key; elsewhere set "
            "VMCONSOLE_FERNET_KEY to the output of: "
            'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
        )
    try:
        return MultiFernet([Fernet(each) for each in keys])
    except ValueError:
        raise ImproperlyConfigured("VMCONSOLE_FERNET_KEY is not a Fernet key (32 bytes in URL-safe base64).") from None
