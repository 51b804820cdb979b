"""What the disks' and the images' pages have in common: forms answered by services, verbs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from storage.models import Volume
from storage.rules import Verb, why_not
from storage.services.asking import sentence, subject
from vmconsole.access import journal
from vmconsole.access.errors import Refused
from vmconsole.access.rights import Right, may
from vmconsole.access.views_people import asker

__all__ = ["answer", "asker", "done", "why"]


def why(request: HttpRequest, volume: Volume, verbs: Iterable[Verb], busy: str) -> dict[str, str]:
    """For each verb the sentence why its button is off, or ""."""
    if not may(request.user, Right.EDIT, volume.namespace):
        return {verb.value: _("You may look at this, but not change it.") for verb in verbs}
    view = subject(volume, busy)
    return {verb.value: sentence(problem) if (problem := why_not(verb, view)) else "" for verb in verbs}


def answer(request: HttpRequest, form: forms.Form, act: Callable[[], Any], names: dict[str, str]) -> Any:
    """What the service gave, or None with its refusal beside the field it is about. `names`: its field -> ours.

    A refusal that a form shows is as much a refusal as any: it goes into the audit.
    """
    if not form.is_valid():
        return None
    try:
        return act()
    except Refused as refusal:
        journal.note_refusal(request, refusal.status, refusal.reason, refusal.public)
        field = names.get(refusal.field, refusal.field)
        if field not in form.fields:
            field = ""
        form.add_error(field or None, f"{refusal.public} {refusal.fix}".strip())
        return None


def done(request: HttpRequest, to: Any) -> HttpResponse:
    """After a verb: nothing for htmx, whose page hears of the change by the feed; the page for everybody else."""
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(status=204, headers={"HX-Trigger": "dialog-close"})
    return redirect(to)
