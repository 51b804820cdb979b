"""SQL that is written once gives what Django's own query gives."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from inventory.models import MachineDisk, VirtualMachine
from vmconsole.access.models import User
from vmconsole.prepared import Prepared

pytestmark = pytest.mark.django_db


@pytest.fixture
def vm() -> VirtualMachine:
    made: VirtualMachine = VirtualMachine.objects.create(namespace="a", name="web-1", labels={"app": "web"})
    for position, name in enumerate(("system", "data")):
        MachineDisk.objects.create(machine=made, position=1 - position, disk_name=name)
    return made


def test_rows_are_whole_and_in_the_order_of_the_query(vm: VirtualMachine) -> None:
    found = Prepared(VirtualMachine.objects.all(), "uid").one(vm.uid)
    assert found is not None
    for field in VirtualMachine._meta.concrete_fields:
        assert getattr(found, field.attname) == getattr(VirtualMachine.objects.get(), field.attname)
    disks = Prepared(MachineDisk.objects.all(), "machine")
    assert [disk.disk_name for disk in disks(vm.uid)] == ["data", "system"]
    assert [disk.disk_name for disk in disks(vm.uid)] == ["data", "system"]


def test_a_value_is_never_part_of_the_sql(vm: VirtualMachine) -> None:
    names = Prepared(VirtualMachine.objects.order_by(), "name")
    assert names.one("x' OR 1=1 --") is None
    assert names.one("web-1") == vm
    assert names.one("web-%") is None


def test_a_lock_is_asked_for_where_the_database_has_one(vm: VirtualMachine) -> None:
    locked = Prepared(VirtualMachine.objects.select_for_update(of=("self",)), "uid")
    with transaction.atomic(), CaptureQueriesContext(connection) as asked:
        assert locked.one(vm.uid) == vm
    assert ("FOR UPDATE" in asked.captured_queries[0]["sql"]) == connection.features.has_select_for_update


def test_a_query_that_asks_for_more_is_refused() -> None:
    with pytest.raises(ValueError, match="more than one value"):
        Prepared(User.objects.filter(is_active=True, username="a"), "id")(1)
