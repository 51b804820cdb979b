"""The reader's time zone: theirs, else their browser's, else UTC; hostile ones are none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from inventory.models import VirtualMachine
from tests.people import MINE, client_of, make_people
from vmconsole.access.models import User
from vmconsole.operations.models import Operation
from vmconsole.pages import moment

pytestmark = pytest.mark.django_db


def test_a_zone_is_kept_with_the_person() -> None:
    people = make_people()
    carol = client_of(people.carol)
    carol.post("/settings/preferences", {"time_zone": "Asia/Tokyo"})
    assert User.objects.get(pk=people.carol.pk).time_zone == "Asia/Tokyo"
    page = client_of(User.objects.get(pk=people.carol.pk)).get("/settings/").content.decode()
    assert 'data-zone="Asia/Tokyo"' in page and "<option selected>Asia/Tokyo</option>" in page
    carol.post("/settings/preferences", {"theme": "dark"})
    carol.post("/settings/preferences", {"time_zone": "Mars/Base"})
    assert User.objects.get(pk=people.carol.pk).time_zone == "Asia/Tokyo"
    carol.post("/settings/preferences", {"time_zone": "browser"})
    assert User.objects.get(pk=people.carol.pk).time_zone == ""


@pytest.mark.parametrize(
    ("cookie", "own", "clock"),
    [
        ("", "", "23:30:00"),
        ("Asia/Tokyo", "", "08:30:00"),
        ("America/New_York", "Asia/Tokyo", "08:30:00"),
        ("Asia/Tokyo", "UTC", "23:30:00"),
        ("../../etc/passwd", "", "23:30:00"),
        ("Mars/Base", "", "23:30:00"),
    ],
)
def test_times_are_told_in_it_with_utc_on_hover(cookie: str, own: str, clock: str) -> None:
    people = make_people()
    User.objects.filter(pk=people.carol.pk).update(time_zone=own)
    at = datetime(2026, 11, 5, 23, 30, tzinfo=UTC)
    operation = Operation.objects.create(
        verb="start", subject_kind="VirtualMachine", subject_uid="12345678123456781234567812345678", subject_name="web",
        namespace=MINE, actor_name="carol", deadline_at=at, steps=[{"at": at.isoformat(), "text": "Asked"}],
    )  # fmt: skip
    client = client_of(User.objects.get(pk=people.carol.pk))
    if cookie:
        client.cookies["zone"] = cookie
    page = client.get(f"/operations/{operation.uid}/").content.decode()
    assert f'title="2026-11-05 23:30:00 UTC">{clock}</time>' in page


def test_a_day_of_a_search_is_the_readers() -> None:
    people = make_people()
    VirtualMachine.objects.create(namespace=MINE, name="late", created_at=datetime(2026, 11, 5, 23, 30, tzinfo=UTC))
    client = client_of(people.carol)
    there = {"q": "created:2026-11-06"}
    assert list(client.get("/vms/", there).context["page"]) == []
    client.cookies["zone"] = "Asia/Tokyo"
    assert [row.vm.name for row in client.get("/vms/", there).context["page"]] == ["late"]
    assert client.get("/api/v1/search", {"q": "created:2026-11-05"}).status_code == 200


def test_no_time_is_a_dash() -> None:
    assert moment(None) == "–"
    assert "UTC" in moment(timezone.now() - timedelta(days=1))
