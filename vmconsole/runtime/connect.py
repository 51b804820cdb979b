"""From a Runtime row to an open connection, one per process and runtime.

Drivers are named by dotted path and imported late: a host without libvirt must be able to start the console, and the
web process must never load a driver (`tests/test_shape.py`).
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings

from vmconsole.prepared import Prepared
from vmconsole.runtime.errors import Unreachable

if TYPE_CHECKING:
    from vmconsole.runtime.contract import RuntimeConnection
    from vmconsole.runtime.models import Runtime

DRIVERS = {
    "libvirt": "vmconsole.runtime.libvirt.connection",
    "fake": "vmconsole.runtime.fake.connection",
}

_open: dict[tuple[int, UUID], RuntimeConnection] = {}


def connect(runtime: Runtime) -> RuntimeConnection:
    """The open connection to a runtime. A forked worker opens its own."""
    key = (os.getpid(), runtime.uid)
    if key not in _open:
        driver = DRIVERS.get(runtime.kind)
        if driver is None:
            raise Unreachable(f"This console has no driver for runtimes of kind {runtime.kind}.")
        _open[key] = import_module(driver).open_connection(runtime.url, settings.STATE)
    return _open[key]


def only() -> Runtime:
    """The embedded runtime's row, made from the settings when it is not there yet."""
    from vmconsole.runtime.models import Runtime

    url = settings.LIBVIRT_URI if settings.RUNTIME_KIND == "libvirt" else ""
    runtime = _by_name().one("local")
    if runtime is not None and (runtime.kind, runtime.url) == (settings.RUNTIME_KIND, url):
        return runtime
    return Runtime.objects.update_or_create(name="local", defaults={"kind": settings.RUNTIME_KIND, "url": url})[0]


@cache
def _by_name() -> Prepared[Runtime]:
    from vmconsole.runtime.models import Runtime

    return Prepared(Runtime.objects.order_by(), "name")


def default() -> RuntimeConnection:
    return connect(only())
