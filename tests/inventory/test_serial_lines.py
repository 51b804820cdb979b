"""A guest's serial output as lines of a page: whatever it prints, it is text, and it has an end."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import OperationalError, connection, transaction
from django.http import HttpResponse
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from inventory.serial_lines import MOST_CHARS, MOST_LINES, cleaned, lines_of, stamped
from observability.models import AuditEntry
from tests.people import MINE, client_of
from tests.world import make_world
from vmconsole.access import zones
from vmconsole.gateway import readings
from vmconsole.gateway.kept_log import RECORD


def texts(data: bytes, query: str = "") -> list[str]:
    return ["".join(line.parts) for line in lines_of(data, query)]


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        (b"Booting\r\nlogin: ", ["Booting", "login: "]),
        (b"\x1b[2J\x1b[1;31mred\x1b[0m\n", ["red"]),
        (b"\x1b]0;a title\x07after\n", ["after"]),
        (b"\x1bPq#0;2;0;0;0\x1b\\after\n", ["after"]),
        (b" 10 %\r 50 %\r100 %\n", ["100 %"]),
        (b"a\tb\n", ["a       b"]),
        (b"\xff\xfe\x00\x07bell\n", ["\ufffd\ufffdbell"]),
        ("a\u202egnp.exe\n".encode(), ["agnp.exe"]),
        (b"\n\nx\n", ["", "", "x"]),
        (b"", []),
    ],
)
def test_what_is_shown_of_what_was_printed(printed: bytes, shown: list[str]) -> None:
    assert texts(printed) == shown


def test_only_what_was_searched_for_with_its_place_in_the_log() -> None:
    found = lines_of(b"one\nTwo error\nthree\nERROR four\n", "error")
    assert [(line.number, line.parts) for line in found] == [(2, ("Two ", "error", "")), (4, ("", "ERROR", " four"))]
    assert texts(b"a.c\nabc\n", "a.c") == ["a.c"]  # no pattern, the very text


def test_endless_output_has_an_end() -> None:
    assert len(lines_of(b"x\n" * 10_000)) == MOST_LINES
    assert len(texts(b"x" * 1_000_000)[0]) <= MOST_CHARS + 2


def test_each_second_is_told_once_and_each_day_in_the_readers_zone() -> None:
    midnight = datetime(2026, 11, 27, 15, 0, tzinfo=UTC).timestamp()  # in Tokyo
    at = {0: None, 4: midnight - 1, 8: midnight - 0.5, 12: midnight + 0.2, 16: midnight + 0.7}
    token = zones._NOW.set(ZoneInfo("Asia/Tokyo"))
    try:
        found = stamped(lines_of(b"one\ntwo\n3rd\n4th\nend\n"), at.get)
    finally:
        zones._NOW.reset(token)
    assert [(each.timed, each.clock, each.day[:7]) for each in found] == [
        (False, "", ""), (True, "23:59:59", "Nov. 27"), (True, "", ""), (True, "00:00:00", "Nov. 28"), (True, "", ""),
    ]  # fmt: skip
    assert found[1].utc == "2026-11-27 14:59:59"
    flood = stamped(lines_of(b"x\n" * 50), lambda _offset: midnight)
    assert [number for number, each in enumerate(flood) if each.clock] == [0, 20, 40]


@given(st.binary(max_size=2000))
def test_nothing_that_steers_a_terminal_is_left(data: bytes) -> None:
    for text in texts(data):
        assert not set(text) & {chr(code) for code in [*range(32), 0x7F, *range(0x80, 0xA0)]}
        assert cleaned(text) == text


@pytest.mark.django_db
def test_the_page_follows_and_is_in_the_audit_once(settings: Any, tmp_path: Path) -> None:
    world = make_world()
    settings.SERIAL_DIR = tmp_path
    vm, log = world.vm, tmp_path / f"{world.vm.uid}.log"
    log.write_bytes(b"Booting <b>\nlogin: ")
    client, page = client_of(world.people.carol), f"/vms/{MINE}/{vm.name}/logs"

    def asked(query: str) -> HttpResponse:
        return cast("HttpResponse", client.get(f"{page}{query}", headers={"HX-Request": "true", "HX-Target": "vm-log"}))

    body = client.get(page).content.decode()
    assert "Booting &lt;b&gt;" in body and "times are kept while" in body
    mark = body.partition("logs?mark=")[2].partition('"')[0]
    assert asked(f"?mark={mark}").status_code == 204
    log.write_bytes(b"Booting <b>\nlogin: demo\n")
    assert "login: demo" in asked(f"?mark={mark}").content.decode()
    assert "is not in the log" in client.get(f"{page}?q=nowhere").content.decode()
    assert AuditEntry.objects.filter(action="serial_log", name=vm.name).count() == 1


@pytest.mark.django_db
def test_the_page_and_the_file_of_a_part_of_the_time(settings: Any, tmp_path: Path) -> None:
    world = make_world()
    settings.SERIAL_DIR = tmp_path
    vm, log, now = world.vm, tmp_path / f"{world.vm.uid}.log", time.time()
    log.write_bytes(b"old line\nnew line\n")
    inode = log.stat().st_ino
    noted = [(now - 90_000, 0), (now - 90_000, 9), (now - 60, 18)]
    log.with_name(f"{log.name}.times").write_bytes(b"".join(RECORD.pack(int(at * 1000), inode, to) for at, to in noted))
    client, place = client_of(world.people.carol), f"/vms/{MINE}/{vm.name}"

    def seen(query: str, status: int = 200) -> str:
        answer = client.get(f"{place}/logs?{query}")
        assert answer.status_code == status
        return answer.content.decode()

    assert "old line" in seen("") and f"{datetime.fromtimestamp(now - 60, UTC):%H:%M:%S}" in seen("")
    assert "old line" not in seen("span=1h") and "new line" in seen("span=1h")
    then = f"{datetime.fromtimestamp(now - 3600, UTC):%Y-%m-%dT%H:%M}"
    assert "new line" not in seen(f"to={then}") and "old line" in seen(f"to={then}")
    assert "Nothing was printed in this time" in seen("to=2020-01-01T00:00")
    assert "is no day and time" in seen("from=soon", 422) and "later than" in seen(f"from={then}&to=2020-01-01", 422)
    assert client.get(f"{place}/serial.log?span=1h").content == b"new line\n"
    assert client.get(f"{place}/serial.log?from=soon").status_code == 422
    log.with_name(f"{log.name}.times").unlink()
    assert "not known when" in seen("span=1h", 409)
    assert "old line" in seen("")


@pytest.mark.django_db
def test_a_look_that_the_audit_could_not_take_is_refused_and_the_next_one_is_noted(rf: RequestFactory) -> None:
    world = make_world()
    request = rf.get("/")
    request.user, request.session = world.people.carol, SessionStore()

    def full(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if 'INSERT INTO "observability_auditentry"' in sql:
            raise OperationalError("database or disk is full")
        return run(sql, params, many, context)

    def look() -> None:
        with transaction.atomic():
            readings.note(request, world.vm.uid, world.vm.name, MINE)

    with connection.execute_wrapper(full), pytest.raises(OperationalError):
        look()
    look()
    look()
    assert AuditEntry.objects.filter(action="serial_log", uid=str(world.vm.uid)).count() == 1
