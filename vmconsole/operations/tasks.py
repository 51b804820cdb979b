"""The doorbell's other end."""

from uuid import UUID

from celery import shared_task

from observability import vitals
from vmconsole.operations import loop


@shared_task(name="vmconsole.look", ignore_result=True)
def look(kind: str, uid: str) -> None:
    # No retry here: the loop rings again by itself, and the resync comes round every 30 s.
    loop.look_after(kind, UUID(uid))


@shared_task(name="vmconsole.beat", ignore_result=True)
def beat() -> None:
    """The worker's sign of life, for /readyz."""
    vitals.beat("worker")
