"""The real web process for the console bench: every uid is a machine with its sockets in the usual place."""

from __future__ import annotations

from uuid import UUID

from vmconsole.asgi import application

from vmconsole.gateway import targets  # isort: skip  # after Django was set up

__all__ = ["application"]


def lookup(uid: UUID) -> targets.ConsoleTarget | None:
    return targets.ConsoleTarget(namespace="default", name=str(uid))


targets.register("Bench", lookup)
