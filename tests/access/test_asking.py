"""Bodies, filters and page sizes of `/api/v1`: of the type that the document says, or refused with the field's name."""

from __future__ import annotations

from typing import Any

import pytest

from tests.people import client_of
from tests.world import make_world
from vmconsole.access.models import Token

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": 0}, "name"),
        ({"name": ["x"]}, "name"),
        ({"name": "x", "rights": 1}, "rights"),
        ({"name": "x", "namespaces": "a"}, "namespaces"),
        ({"name": "x", "namespaces": {"a": 1}}, "namespaces"),
        ({"name": "x", "namespaces": ["a", 1]}, "namespaces"),
        ({"name": "x", "expires_at": 1764000000}, "expires_at"),
        ({"name": None}, "name"),
    ],
)
def test_another_type_is_refused(body: dict[str, Any], field: str) -> None:
    answer = client_of(make_world().people.dave).post("/api/v1/tokens", body, content_type="application/json")
    assert answer.status_code == 422 and field in answer.json()["errors"]
    assert Token.objects.filter(user__username="dave").count() == 0


@pytest.mark.parametrize("body", ["", "[]", "null", "1", '"x"', "{", "\x00", "[[[[" * 5000])
def test_what_is_no_object_is_refused(body: str) -> None:
    answer = client_of(make_world().people.erin).post("/api/v1/users", body, content_type="application/json")
    assert answer.status_code in (400, 422)


def test_what_is_too_much_is_refused_before_it_is_read() -> None:
    erin = client_of(make_world().people.erin)
    for path in ("/api/v1/users", "/api/v1/uploads/"):
        answer = erin.post(path, '{"a": "' + "x" * (1 << 20) + '"}', content_type="application/json")
        assert answer.status_code == 413 and answer.json()["reason"] == "TooLarge"


@pytest.mark.parametrize("limit", ["0", "-1", "x", "", "1e3", "1" * 30, "١"])
def test_a_page_size_is_a_number(limit: str) -> None:
    answer = client_of(make_world().people.erin).get("/api/v1/users", {"limit": limit})
    assert answer.status_code == 422 and "limit" in answer.json()["errors"]


def test_more_than_the_most_is_the_most() -> None:
    erin = client_of(make_world().people.erin)
    assert erin.get("/api/v1/users", {"limit": "100000"}).status_code == 200
    first = erin.get("/api/v1/users", {"limit": "2"}).json()
    assert len(first["results"]) == 2 and len(erin.get(first["next"]).json()["results"]) == 2
    assert erin.get("/api/v1/users", {"cursor": "nonsense"}).status_code in (404, 422)


@pytest.mark.parametrize("path", ["operations?subject=", "audit?since=", "audit?phase=", "operations?state=no"])
def test_an_empty_or_unknown_value_is_not_any(path: str) -> None:
    assert client_of(make_world().people.erin).get(f"/api/v1/{path}").status_code == 422


def test_people_search_by_a_part_of_their_name() -> None:
    erin = client_of(make_world().people.erin)
    assert [row["username"] for row in erin.get("/api/v1/users", {"q": "LIC"}).json()["results"]] == ["alice"]
