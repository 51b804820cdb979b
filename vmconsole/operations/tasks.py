"""The doorbell's other end."""

from uuid import UUID

from observability import vitals
from vmconsole.celery import app  # by name: whoever rings needs our broker, not Celery's default one
from vmconsole.operations import loop


@app.task(name="vmconsole.look", ignore_result=True)
def look(kind: str, uid: str) -> None:
    # No retry here: the loop rings again by itself, and the resync comes round every 30 s.
    loop.look_after(kind, UUID(uid))


@app.task(name="vmconsole.beat", ignore_result=True)
def beat() -> None:
    """The worker's sign of life, for /readyz."""
    vitals.beat("worker")
