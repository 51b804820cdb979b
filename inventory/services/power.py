"""Start, stop and their like: each writes a wish and opens an operation, and returns at once."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from inventory.models import VirtualMachine
from inventory.rules import Verb
from inventory.services.asking import KIND, refuse_unless_allowed, require_on, tell
from vmconsole.access.actors import Actor
from vmconsole.access.models import User
from vmconsole.operations import loop
from vmconsole.operations import services as operations
from vmconsole.operations.models import Operation
from vmconsole.runtime.types import Power

WISHES = {
    Verb.START: Power.ON,
    Verb.RESTART: Power.ON,
    Verb.RESUME: Power.ON,
    Verb.STOP: Power.OFF,
    Verb.FORCE_STOP: Power.OFF,
    Verb.PAUSE: Power.PAUSED,
}


@transaction.atomic
def power(
    user: User, actor: Actor, vm: VirtualMachine, verb: Verb, *, idempotency_key: str = "",
    grace_seconds: int | None = None,
) -> Operation:  # fmt: skip
    """Ask for a power verb.

    The operation is done when the machine is seen so; when it fails, the wish is withdrawn, so that it cannot come
    true hours later. A forced stop replaces a stop that the guest does not obey. `grace_seconds` is how long the guest
    may take this time, instead of the machine's own.
    """
    require_on(user, vm)
    vm = VirtualMachine.objects.get(uid=vm.uid)
    replaced = refuse_unless_allowed(verb, vm)
    if replaced:
        operations.cancelled(replaced, _("Replaced by “%(verb)s”.") % {"verb": verb})
    data = {"power_before": vm.spec_power} | ({} if grace_seconds is None else {"grace": grace_seconds})
    operation = operations.begin(
        actor, verb, kind=KIND, uid=vm.uid, name=vm.name, namespace=vm.namespace, idempotency_key=idempotency_key,
        can_cancel=verb in (Verb.START, Verb.STOP, Verb.RESTART), data=data,
    )  # fmt: skip
    if verb in WISHES:
        VirtualMachine.objects.filter(uid=vm.uid).update(
            spec_power=WISHES[verb], status_fault="", status_fault_reason=""
        )
    tell(vm)
    loop.enqueue(KIND, vm.uid)
    return operation
