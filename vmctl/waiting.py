"""`--wait`: until an object is as asked, with a bar for those who watch.

What counts is the object and its operation, never a length of time: an operation that failed ends the wait at once with
its sentence, and one of somebody else is none of ours.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from vmctl.discovery import DISK, MACHINE, Resource
from vmctl.errors import Exit, Failed
from vmctl.output import note
from vmctl.session import Session
from vmctl.watching import follow
from vmctl.words import _

SECONDS = 300
LOOK_EVERY = 0.5  # where there is nothing to watch
Condition = Callable[[dict[str, Any] | None], bool]
Tell = Callable[[str, float | None], None]
BROKEN = ("ErrorConfiguration", "ErrorPvcNotFound", "DataVolumeError", "ErrorUnschedulable", "CrashLoopBackOff")


def state_of(thing: dict[str, Any] | None) -> str:
    status = (thing or {}).get("status") or {}
    return str(status.get("state") or status.get("phase") or "")


def is_state(*states: str) -> Condition:
    return lambda thing: thing is not None and seen(thing) and state_of(thing) in states


def seen(thing: dict[str, Any]) -> bool:
    """Whether the status is about the spec as it is now."""
    observed = (thing.get("status") or {}).get("observedGeneration")
    return observed is None or observed >= (thing.get("metadata") or {}).get("generation", 0)


def is_gone(thing: dict[str, Any] | None) -> bool:
    return thing is None


def is_ready(resource: Resource, manifest: dict[str, Any]) -> Condition:
    """What “done” means for a kind."""
    if resource.kind == MACHINE.kind and resource.group == MACHINE.group:
        return is_state("Stopped" if (manifest.get("spec") or {}).get("runningState") == "Stopped" else "Running")
    if resource.kind == DISK.kind and resource.group == DISK.group:
        return is_state("Succeeded")
    return lambda thing: thing is not None and seen(thing)


def wait(
    session: Session, resource: Resource, namespace: str, name: str, done: Condition, *, seconds: int = SECONDS,
    since: str = "",
) -> dict[str, Any] | None:  # fmt: skip
    """The object once it is as asked. `since` is the uid of the operation that it is to come from."""
    deadline = time.monotonic() + seconds
    with progress(f"{resource.kind} {name}") as tell:
        for seen_now in follow(session, resource, namespace, name, deadline):
            thing = seen_now
            tell(_told(thing), percent_of(thing))
            operation = latest(session, thing, since) if since or _looks_broken(thing) else {}
            if operation.get("state") == "failed":
                raise failure(operation)
            if done(thing) and operation.get("state") == "open":
                # The object changes first; that its operation ended is said by the operation alone.
                ended(session, operation["uid"], deadline, tell)
                thing = session.get(resource, name, namespace) if thing else None
            if done(thing):
                return thing
    raise AssertionError("follow ends by itself")


def _looks_broken(thing: dict[str, Any] | None) -> bool:
    return state_of(thing) in (*BROKEN, "Failed")


def _told(thing: dict[str, Any] | None) -> str:
    status = (thing or {}).get("status") or {}
    return " ".join(filter(None, [state_of(thing), str(status.get("message") or "")]))


def percent_of(thing: dict[str, Any] | None) -> float | None:
    text = str(((thing or {}).get("status") or {}).get("progress") or "").rstrip("%")
    try:
        return float(text)
    except ValueError:
        return None


def latest(session: Session, thing: dict[str, Any] | None, uid: str = "") -> dict[str, Any]:
    """The operation itself, or the newest of the object; {} when there is none or we may not know."""
    try:
        if uid:
            return dict(session.api.get(f"/api/v1/operations/{uid}"))
        subject = ((thing or {}).get("metadata") or {}).get("uid")
        return next(session.api.pages("/api/v1/operations", {"subject": subject}, 1), {}) if subject else {}
    except Failed as failed:
        if failed.code in (Exit.NOT_FOUND, Exit.FORBIDDEN):
            return {}
        raise


def wait_operation(session: Session, uid: str, *, seconds: int = SECONDS) -> dict[str, Any]:
    """An operation once it ended, however it did."""
    with progress(uid) as tell:
        return ended(session, uid, time.monotonic() + seconds, tell, failing=False)


def ended(session: Session, uid: str, deadline: float, tell: Tell, *, failing: bool = True) -> dict[str, Any]:
    """The operation when it is over, asked again and again: there is nothing to watch."""
    while time.monotonic() < deadline:
        operation: dict[str, Any] = session.api.get(f"/api/v1/operations/{uid}")
        tell(str(operation.get("message") or operation.get("state")), operation.get("percent"))
        if operation.get("state") == "failed" and failing:
            raise failure(operation)
        if operation.get("state") != "open":
            return operation
        time.sleep(LOOK_EVERY)
    raise Failed(_("The operation was not over yet when the time was."), _("It goes on."), Exit.TIMEOUT)


def failure(operation: dict[str, Any]) -> Failed:
    sentence = _("%(verb)s of %(name)s failed: %(why)s")
    why = " ".join(filter(None, [str(operation.get("message") or ""), str(operation.get("detail") or "")]))
    name = operation.get("subject_name") or operation.get("name") or ""
    values = {"verb": operation.get("verb", ""), "name": name, "why": why or operation.get("reason") or "-"}
    return Failed(sentence % values, _("See more: vmctl why %(name)s.") % {"name": name})


@contextmanager
def progress(title: str, total: float = 100) -> Iterator[Tell]:
    """`tell(text, percent)`: a bar on a terminal, a line at each change elsewhere."""
    if not sys.stderr.isatty():
        yield _lines(title)
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

    from vmctl.errors import clean

    shown = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()]
    with Progress(*shown, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(escape(title), total=None)

        def tell(text: str, percent: float | None) -> None:
            bars.update(task, description=escape(clean(f"{title} {text}", keep="")), completed=percent or 0)
            bars.update(task, total=None if percent is None else total)

        yield tell


def _lines(title: str) -> Tell:
    last = ""

    def tell(text: str, _percent: float | None) -> None:
        nonlocal last
        if text and text != last:
            note(f"{title}: {text}")
            last = text

    return tell
