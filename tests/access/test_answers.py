"""How errors look from outside, and which headers every answer has."""

from __future__ import annotations

import json

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.test import Client, RequestFactory
from django.urls import resolve
from rest_framework import exceptions as drf

from observability.models import AuditEntry
from tests.people import client_of, make_people
from vmconsole.access.errors import Conflict, Denied, NotFound, Refused, TooLarge, Unprocessable
from vmconsole.http import Problems, describe
from vmconsole.runtime import errors as runtime

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (Refused("no"), 422, "Refused"),
        (Refused("no", "Odd", "name", 418), 418, "Odd"),
        (Unprocessable("no"), 422, "Invalid"),
        (Denied("no"), 403, "Forbidden"),
        (NotFound("no"), 404, "NotFound"),
        (Conflict("no", "Busy"), 409, "Busy"),
        (TooLarge("no"), 413, "TooLarge"),
        (runtime.Missing("no"), 404, "Missing"),
        (runtime.Unsupported("no"), 422, "Unsupported"),
        (runtime.Rejected("no", reason="NoMemory"), 422, "NoMemory"),
        (runtime.Stale("no"), 409, "Stale"),
        (runtime.Busy("no"), 409, "Busy"),
        (runtime.Unreachable("no"), 503, "Unreachable"),
        (runtime.RuntimeFault("no"), 502, "RuntimeFault"),
        (Http404("secret path"), 404, "NotFound"),
        (PermissionDenied("secret"), 403, "Forbidden"),
        (ValidationError("no"), 422, "Invalid"),
        (drf.ValidationError({"name": ["no"]}), 422, "Invalid"),
        (drf.NotAuthenticated(), 401, "Unauthorized"),
        (drf.MethodNotAllowed("PUT"), 405, "MethodNotAllowed"),
    ],
)
def test_every_error_has_its_status(error: Exception, status: int, reason: str) -> None:
    found = describe(error)
    assert found is not None
    assert (found.status, found.reason) == (status, reason)
    body = found.as_json()
    assert body["status"] == status
    assert "secret" not in json.dumps(body)


def test_a_faults_detail_is_for_the_log_only() -> None:
    found = describe(runtime.Rejected("The host refused.", detail="qemu+ssh://root@hv3/etc"))
    assert found is not None
    assert "hv3" not in json.dumps(found.as_json())


def test_a_bug_is_nobodys_answer() -> None:
    assert describe(KeyError("x")) is None


def answer(error: Exception, client: Client, method: str = "post", **headers: str):  # type: ignore[no-untyped-def]
    """What the middleware makes of a view that raised."""
    request = getattr(RequestFactory(), method)("/settings/sessions/end", headers=headers)
    request.resolver_match = resolve("/settings/sessions/end")
    request.session = client.session
    request.user = make_people().bob
    return Problems(lambda _: HttpResponse()).process_exception(request, error)


def test_a_page_a_fragment_and_a_problem() -> None:
    refused = Conflict("Somebody was faster.", "Busy")
    page = answer(refused, Client(), accept="text/html")
    assert page.status_code == 409
    assert "<html" in page.content.decode()
    assert "Somebody was faster." in page.content.decode()


def test_a_fragment_for_htmx() -> None:
    fragment = answer(Conflict("Somebody was faster.", "Busy"), Client(), **{"HX-Request": "true"})
    assert fragment.status_code == 409
    assert "<html" not in fragment.content.decode()
    assert "Somebody was faster." in fragment.content.decode()


def test_a_problem_for_programs() -> None:
    said = answer(runtime.Unreachable("No answer."), Client(), accept="application/json")
    assert said.status_code == 503
    assert said["Content-Type"] == "application/problem+json"
    assert said["Retry-After"] == "5"
    assert json.loads(said.content)["detail"] == "No answer."


def test_a_refused_change_is_in_the_audit_and_a_refused_look_is_not() -> None:
    client = Client()
    answer(Denied("You may not."), client)
    entry = AuditEntry.objects.get()
    assert (entry.phase, entry.action, entry.actor_name, entry.reason) == (
        "refused",
        "sessions_end",
        "bob",
        "Forbidden",
    )


def test_a_look_that_was_refused_is_not_an_entry() -> None:
    answer(Denied("You may not."), Client(), "get")
    assert not AuditEntry.objects.exists()


def test_markup_in_a_sentence_is_text() -> None:
    page = answer(Unprocessable("<script>alert(1)</script>"), Client(), accept="text/html")
    assert "<script>alert" not in page.content.decode()


def test_an_unknown_address_for_people_and_programs() -> None:
    erin = client_of(make_people().erin)
    assert erin.get("/no/such/page").status_code == 404
    said = erin.get("/api/v1/no/such", headers={"accept": "application/json"})
    assert said.status_code == 404
    assert said.json()["reason"] == "NotFound"


def test_a_host_we_do_not_serve() -> None:
    said = Client().get("/sign-in", headers={"host": "evil.example"})
    assert said.status_code == 400
    assert "evil" not in said.content.decode()


def test_a_missing_token_is_explained() -> None:
    people = make_people()
    said = client_of(people.alice, csrf=True).post("/settings/sessions/end")
    assert said.status_code == 403
    assert "too old" in said.content.decode()
    assert AuditEntry.objects.get().reason == "CsrfFailed"


def test_a_form_that_is_refused_is_in_the_audit_too() -> None:
    erin = client_of(make_people().erin)
    assert erin.post("/settings/namespaces/new", {"name": "NO"}).status_code == 422
    entry = AuditEntry.objects.get()
    assert (entry.phase, entry.action, entry.reason) == ("refused", "namespace_create", "Invalid")


OTHERS = [
    ("cross-site", "no-cors", "image"),
    ("cross-site", "cors", "empty"),
    ("same-site", "cors", "empty"),
    ("cross-site", "navigate", "iframe"),
    ("cross-site", "websocket", "websocket"),
]


@pytest.mark.parametrize(("site", "mode", "dest"), OTHERS)
def test_other_sites_get_nothing(site: str, mode: str, dest: str) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
    assert Client().get("/sign-in", headers=headers).status_code == 403


def test_a_link_from_elsewhere_opens_a_page_but_posts_nothing() -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert Client().get("/sign-in", headers=headers).status_code == 200
    assert Client().post("/sign-in", headers=headers).status_code == 403
    assert Client().post("/sign-in", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 422


def test_headers_of_every_page() -> None:
    page = Client().get("/sign-in")
    assert "no-store" in page["Cache-Control"]
    assert page["X-Frame-Options"] == "DENY"
    assert page["X-Content-Type-Options"] == "nosniff"
    assert page["Referrer-Policy"] == "same-origin"
    assert page["Cross-Origin-Opener-Policy"] == "same-origin"
    assert page["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in page["Permissions-Policy"]
    assert "default-src 'none'" in page["Content-Security-Policy"]
    assert "unsafe" not in page["Content-Security-Policy"]


def test_strangers_are_sent_to_sign_in_by_page_fragment_and_program() -> None:
    stranger = Client()
    assert stranger.get("/settings/")["Location"] == "/sign-in?next=/settings/"
    fragment = stranger.get(
        "/settings/", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/settings/?a=1"}
    )
    assert (fragment.status_code, fragment["HX-Redirect"]) == (401, "/sign-in?next=%2Fsettings%2F%3Fa%3D1")
    assert stranger.get("/settings/", headers={"accept": "application/json"}).status_code == 401


def test_a_views_bug_is_a_page_without_its_details() -> None:
    request = RequestFactory().get("/x", headers={"accept": "text/html"})
    said = Problems(lambda _: HttpResponse()).process_exception(request, KeyError("inner"))
    assert said is not None
    assert said.status_code == 500
    assert "inner" not in said.content.decode()
