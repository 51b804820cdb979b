"""Pages of a list: every row once and in order, from whichever end they are read."""

from __future__ import annotations

import pytest

from inventory.models import VirtualMachine
from vmconsole.lists import Pages

pytestmark = pytest.mark.django_db
NAMES = [f"vm-{number:03}" for number in range(123)]


@pytest.fixture(autouse=True)
def machines() -> None:
    VirtualMachine.objects.bulk_create(VirtualMachine(namespace="a", name=name) for name in NAMES)


@pytest.mark.parametrize("most", [None, 1000])
def test_all_pages_together_are_all_rows_in_order(most: int | None) -> None:
    rows = VirtualMachine.objects.order_by("name").values_list("name", flat=True)
    numbers = range(1, Pages(rows, 10, "name", most).num_pages + 1)
    shown = [list(Pages(rows, 10, "name", most).get_page(str(number))) for number in numbers]
    assert [len(page) for page in shown] == [10] * 12 + [3]
    assert [name for page in shown for name in page] == NAMES


def test_what_is_not_counted_to_its_end_is_read_from_the_beginning() -> None:
    rows = VirtualMachine.objects.order_by("name").values_list("name", flat=True)
    pages = Pages(rows, 10, "name", 50)
    assert (pages.num_pages, pages.said) == (5, "50+")
    assert list(pages.get_page("5")) == NAMES[40:50]


def test_a_wish_on_an_old_copy_is_numbered_after_the_newer_one() -> None:
    one, other = (VirtualMachine.objects.get(name="vm-000") for _copy in range(2))
    one.wish(display_name="first")
    other.wish(display_name="second")
    assert (one.generation, other.generation) == (2, 3)
    assert VirtualMachine.objects.get(name="vm-000").display_name == "second"
