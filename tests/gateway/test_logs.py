"""Serial logs over the API: a range, the end, the lines with a word, a file; and nothing that is no log."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache

from observability.models import AuditEntry
from tests.access.tokens import program_of, token_of
from tests.people import client_of
from tests.world import World, make_world
from vmconsole.access.rules import TokenRights
from vmconsole.gateway.api_logs import piece_of
from vmconsole.gateway.kept_log import RECORD

pytestmark = pytest.mark.django_db
LINES = b"".join(b"line %03d\r\n" % number for number in range(100))


@pytest.fixture
def world(settings: object) -> World:
    cache.clear()
    made = make_world()
    log = Path(settings.SERIAL_DIR) / f"{made.vm.uid}.log"  # type: ignore[attr-defined]
    log.write_bytes(LINES)
    return made


def test_ranges_ends_and_words(world: World) -> None:
    carol, place = client_of(world.people.carol), f"/api/v1/logs/{world.vm.uid}"
    first = carol.get(place, {"limit": 10})
    assert (first.content, first["X-Log-End"]) == (b"line 000\r\n", "10")
    assert carol.get(place, {"offset": "10", "limit": "10"}).content == b"line 001\r\n"
    assert carol.get(place, {"offset": 5000, "limit": 10}).content == b"line 000\r\n"  # begun anew
    end = carol.get(place, {"tail": 2})
    assert (end.content, end["X-Log-End"]) == (b"line 098\r\nline 099\r\n", "1000")
    assert carol.get(place, {"q": "LINE 05"}).content == b"".join(b"line 05%d\r\n" % n for n in range(10))
    assert carol.get(place, {"q": "05", "tail": "1"}).content == b"line 059\r\n"
    assert carol.get(place, {"download": "true"})["Content-Disposition"].startswith("attachment;")
    assert AuditEntry.objects.filter(action="serial_log").count() == 1


def test_it_needs_the_right_to_the_console(world: World) -> None:
    place = f"/api/v1/logs/{world.vm.uid}"
    assert program_of(token_of(world.people.carol, TokenRights.READ)[1]).get(place).status_code == 403
    assert program_of(token_of(world.people.carol, TokenRights.CONSOLE)[1]).get(place).status_code == 200
    assert program_of(token_of(world.people.dave)[1]).get(place).status_code == 404
    assert client_of(world.people.erin).get(f"/api/v1/logs/{uuid4()}").status_code == 404


def test_a_part_of_the_time(world: World, settings: Any) -> None:
    carol, place = client_of(world.people.carol), f"/api/v1/logs/{world.vm.uid}"
    log = Path(settings.SERIAL_DIR) / f"{world.vm.uid}.log"
    assert carol.get(place, {"since": "10m"}).status_code == 409
    inode, now = log.stat().st_ino, time.time()
    noted = [(now - 7200, 0), (now - 7200, 500), (now - 60, 1000)]
    log.with_name(f"{log.name}.times").write_bytes(b"".join(RECORD.pack(int(at * 1000), inode, to) for at, to in noted))
    late = carol.get(place, {"since": "10m"})
    assert (late.content, late["X-Log-End"]) == (LINES[500:], "1000")
    then = datetime.fromtimestamp(now - 3600, UTC).isoformat()
    assert carol.get(place, {"until": then}).content == LINES[:500]
    assert carol.get(place, {"since": then, "until": "30m"}).content == b""
    assert carol.get(place, {"since": "3h", "tail": "1", "q": "line 04"}).content == b"line 049\r\n"
    assert carol.get(place, {"since": "10m", "limit": "10"}).content == b"line 099\r\n"


WRONG = ({"since": "soon"}, {"until": "2026-11-27"}, {"since": "x" * 50}, {"since": "1m", "until": "1h"})


@pytest.mark.parametrize(
    "wrong", [{"offset": -1}, {"limit": 0}, {"limit": 1 << 30}, {"tail": 0}, {"q": "x" * 300}, *WRONG]
)
def test_numbers_that_are_none(world: World, wrong: dict[str, Any]) -> None:
    assert client_of(world.people.carol).get(f"/api/v1/logs/{world.vm.uid}", wrong).status_code == 422


def test_nothing_but_a_file_is_read(tmp_path: Path) -> None:
    secret, link, pipe = tmp_path / "secret", tmp_path / "link", tmp_path / "pipe"
    secret.write_text("secret")
    link.symlink_to(secret)
    os.mkfifo(pipe)
    for path in (link, pipe, tmp_path, tmp_path / "none", Path("/dev/zero")):
        assert piece_of(path, 0, 100) == (b"", 0)
