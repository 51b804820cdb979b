"""What a namespace may have: the decision, who sets the limits, and where they are seen."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.test import Client

from observability.models import AuditEntry, Change
from tests.people import MINE, OTHER, People, client_of, make_people
from vmconsole.access import configuration, quota
from vmconsole.access.actors import Actor
from vmconsole.access.errors import Denied, NotFound, OverQuota, Unprocessable
from vmconsole.access.models import Namespace, ResourceQuota
from vmconsole.access.rules import Counted, excess

GIB = 1 << 30
ACTOR = Actor(user_id=1, name="erin", source="127.0.0.1")
PAGE = f"/settings/namespaces/{MINE}/quota"
MACHINES, VCPUS, MEMORY, STORAGE = Counted


@pytest.fixture
def people(db: None) -> People:
    return make_people()


@pytest.fixture
def erin(people: People) -> Client:
    return client_of(people.erin)


def said(answer: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


@pytest.mark.parametrize(
    ("limits", "used", "asked", "over"),
    [
        ({}, {VCPUS: 100}, {VCPUS: 100}, {}),
        ({VCPUS: 8}, {VCPUS: 6}, {VCPUS: 2}, {}),
        ({VCPUS: 8}, {VCPUS: 6}, {VCPUS: 4}, {VCPUS: 2}),
        ({VCPUS: 8}, {}, {VCPUS: 9}, {VCPUS: 1}),
        ({VCPUS: 0}, {}, {VCPUS: 1}, {VCPUS: 1}),
        ({VCPUS: 8}, {VCPUS: 12}, {MEMORY: GIB}, {}),  # over already, and not asked for more of it
        ({VCPUS: 8}, {VCPUS: 12}, {VCPUS: 0}, {}),
        ({VCPUS: 8}, {VCPUS: 12}, {VCPUS: 1}, {VCPUS: 5}),
        ({MACHINES: 1, STORAGE: GIB}, {MACHINES: 1}, {MACHINES: 1, STORAGE: 2 * GIB}, {MACHINES: 1, STORAGE: GIB}),
    ],
)
def test_what_does_not_fit(limits: Any, used: Any, asked: Any, over: Any) -> None:
    assert {each.counted: each.over for each in excess(limits, used, asked)} == over


@pytest.mark.parametrize(
    ("counted", "figures", "sentence"),
    [
        (VCPUS, (8, 6, 4), "Namespace a may have 8 vCPUs, uses 6, and this asks for 4 more: 2 too many."),
        (
            MACHINES,
            (1, 1, 2),
            "Namespace a may have 1 virtual machines, has 1, and this asks for 2 more: 2 too many.",
        ),
        (MEMORY, (8 * GIB, GIB, 8 * GIB), "may have 8 GiB of memory, uses 1 GiB, and this asks for 8 GiB more: 1 GiB"),
        (STORAGE, (GIB, 0, GIB + 1024), "may have 1 GiB of disk space, uses 0, and this asks for 1 GiB more: 1 KiB"),
    ],
)
def test_the_sentence_has_the_figures(counted: Counted, figures: tuple[int, int, int], sentence: str) -> None:
    limit, used, asked = figures
    (found,) = excess({counted: limit}, {counted: used}, {counted: asked})
    assert sentence in quota.said_of("a", found)


def test_the_cluster_sets_them_and_nobody_else(people: People) -> None:
    configuration.set_limits(people.erin, ACTOR, MINE, {VCPUS: 8})
    made = ResourceQuota.objects.get()
    assert (made.name, quota.limits_of(MINE)) == ("quota", {VCPUS: 8})
    configuration.set_limits(people.erin, ACTOR, MINE, {MEMORY: GIB})
    configuration.set_limits(people.erin, ACTOR, MINE, {MEMORY: GIB})  # nothing new, nothing written
    configuration.set_limits(people.erin, ACTOR, MINE, {})
    assert not ResourceQuota.objects.exists()
    kept = AuditEntry.objects.filter(kind="ResourceQuota").order_by("id")
    assert list(kept.values_list("action", flat=True)) == ["create", "edit", "delete"]
    assert kept[1].changes == {"hard": [{VCPUS: 8}, {MEMORY: GIB}]}
    assert list(Change.objects.filter(kind="ResourceQuota").values_list("what", flat=True)) == [
        "ADDED", "MODIFIED", "DELETED",
    ]  # fmt: skip
    with pytest.raises(Denied):
        configuration.set_limits(people.alice, ACTOR, MINE, {VCPUS: 800})
    with pytest.raises(NotFound):
        configuration.set_limits(people.dave, ACTOR, MINE, {VCPUS: 800})


def test_there_is_one_in_a_namespace_and_it_goes_with_it(people: People) -> None:
    configuration.create_quota(people.erin, ACTOR, MINE, "first", hard={VCPUS: 8})
    with pytest.raises(Unprocessable, match="has a quota already: first"):
        configuration.create_quota(people.erin, ACTOR, MINE, "second", hard={})
    configuration.delete_namespace(people.erin, ACTOR, Namespace.objects.get(name=MINE))
    assert not ResourceQuota.objects.exists()


def test_more_than_is_left_is_refused_with_a_way_out(people: People) -> None:
    configuration.set_limits(people.erin, ACTOR, MINE, {VCPUS: 8, STORAGE: GIB})
    quota.refuse_over(MINE, {VCPUS: 8, MEMORY: 1 << 50})
    quota.refuse_over(OTHER, {VCPUS: 800})
    with pytest.raises(OverQuota, match=r"8 vCPUs.*1 GiB of disk space") as refused:
        quota.refuse_over(MINE, {VCPUS: 9, STORAGE: 2 * GIB}, {VCPUS: "vcpus"})
    assert (refused.value.status, refused.value.reason, refused.value.field) == (403, "QuotaExceeded", "vcpus")
    assert "Ask an administrator" in refused.value.fix


# --- pages ---
def test_limits_are_set_on_the_page_and_seen_by_all_who_work_there(people: People, erin: Client) -> None:
    answer = erin.post(PAGE, {"machines": "3", "vcpus": "", "memory": "1.5", "storage": "100"})
    assert answer.headers["Location"] == "/settings/namespaces/"
    assert quota.limits_of(MINE) == {MACHINES: 3, MEMORY: 3 * GIB // 2, STORAGE: 100 * GIB}
    for person in (people.bob, people.erin):
        text = said(client_of(person).get("/settings/namespaces/"))
        assert "0 of 3" in text and "0 of 1.5 GiB" in text and "0 used" in text
    theirs = said(client_of(people.dave).get("/settings/namespaces/"))
    assert "of 3" not in theirs
    form = erin.get(PAGE).content.decode()
    assert 'name="memory" value="1.5"' in form and 'name="storage" value="100"' in form
    erin.post(PAGE, {"machines": "", "vcpus": "", "memory": "", "storage": ""})
    assert not ResourceQuota.objects.exists()


def test_a_limit_that_was_left_alone_is_not_rounded(people: People, erin: Client) -> None:
    configuration.set_limits(people.erin, ACTOR, MINE, {MEMORY: 16 * 10**9})
    shown = re.search(r'name="memory" value="([\d.]+)"', erin.get(PAGE).content.decode())
    assert shown and shown[1] == "14.901"
    erin.post(PAGE, {"vcpus": "4", "memory": shown[1]})
    assert quota.limits_of(MINE) == {VCPUS: 4, MEMORY: 16 * 10**9}


@pytest.mark.parametrize("wrong", ["-1", "x", "1e99", "9" * 40, "1.23456"])
def test_what_is_no_limit_is_refused_beside_its_field(people: People, erin: Client, wrong: str) -> None:
    answer = erin.post(PAGE, {"memory": wrong})
    assert answer.status_code == 422 and "form-error" in answer.content.decode()
    assert not ResourceQuota.objects.exists()
    assert AuditEntry.objects.filter(action="quota_change", phase="refused").exists()


def test_a_namespace_that_is_not_there_has_no_page(erin: Client) -> None:
    assert erin.get("/settings/namespaces/nowhere/quota").status_code == 404
