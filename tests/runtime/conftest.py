"""The contract's libvirt bench, for what only libvirt has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.conftest import Bench, libvirt_connection
from vmconsole.runtime.libvirt.connection import Connection

__all__ = ["libvirt_connection"]  # fixtures are found here by name


@pytest.fixture
def bench(libvirt_connection: Connection) -> Iterator[Bench]:
    bench = Bench(libvirt_connection)
    yield bench
    bench.clear()
