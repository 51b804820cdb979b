"""A small cloud-config from three answers, for those who don't want to write one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Person:
    """Who may log in to the guest."""

    name: str = ""
    password: str = field(default="", repr=False)
    ssh_key: str = ""


def user_data_of(person: Person) -> str:
    """The `#cloud-config` for this person, or "" when nothing was given. Quoting is YAML's own business."""
    if not (person.name or person.password or person.ssh_key):
        return ""
    config: dict[str, Any] = {}
    if person.name:
        config["user"] = person.name
    if person.password:
        config |= {"password": person.password, "chpasswd": {"expire": False}, "ssh_pwauth": True}
    keys = [line.strip() for line in person.ssh_key.splitlines() if line.strip()]
    if keys:
        config["ssh_authorized_keys"] = keys
    return "#cloud-config\n" + yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
