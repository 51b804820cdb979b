"""One line, no control bytes, no secrets: whatever was thrown at the log."""

from __future__ import annotations

import io
import json
import logging
import sys
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from vmconsole.access.logs import JsonFormatter

CANARY = "s3cr3t-c4n4ry"


def line_of(message: object, *args: object, **extra: Any) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    log = logging.getLogger("tests.logs")
    log.addHandler(handler)
    try:
        log.warning(message, *args, extra=extra)
    finally:
        log.removeHandler(handler)
    return stream.getvalue()


@given(st.text())
def test_any_text_is_one_printable_line(text: str) -> None:
    line = line_of("seen %s", text, where=text)
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert all(" " <= sign <= "~" for sign in line[:-1])
    json.loads(line)


@pytest.mark.parametrize("hostile", ["a\r\nb", "\x1b[2J", "\x9b31m", "\u202egnp.exe", "\x7f", "\u2028", "\x00"])
def test_terminal_tricks_are_escaped_and_kept(hostile: str) -> None:
    assert json.loads(line_of(hostile))["event"] == hostile


@pytest.mark.parametrize(
    ("message", "extra"),
    [
        (f"password={CANARY}", {}),
        (f"got 'token': '{CANARY}'", {}),
        (f'{{"user_data": "{CANARY}"}}', {}),
        (f"Authorization: Bearer {CANARY}{CANARY}", {}),
        (f"fetching https://me:{CANARY}@host/x", {}),
        ("x", {"password": CANARY}),
        ("x", {"new_password": CANARY}),
        ("x", {"headers": {"Cookie": f"sessionid={CANARY}"}}),
        ("x", {"tickets": [CANARY]}),
        ("x", {"spec": {"cloudInit": {"userData": CANARY}}}),
        ("x", {"url": f"/console?ticket={CANARY}&y=1"}),
    ],
)
def test_secrets_are_cut_by_their_names(message: str, extra: dict[str, Any]) -> None:
    line = line_of(message, **extra)
    assert CANARY not in line
    assert "[cut]" in line


def test_ordinary_words_stay() -> None:
    line = json.loads(line_of("stopped", vm="web-1", seconds=1.5, keys=["a"], passed=True))
    assert (line["event"], line["vm"], line["seconds"], line["keys"], line["passed"]) == (
        "stopped",
        "web-1",
        1.5,
        ["a"],
        True,
    )


def test_secrets_in_a_traceback_are_cut() -> None:
    try:
        int(f"password={CANARY}")
    except ValueError:
        record = logging.makeLogRecord({"msg": "failed", "exc_info": sys.exc_info()})
    line = JsonFormatter().format(record)
    assert CANARY not in line
    assert "Traceback" in line


def test_structlog_speaks_the_same_line(caplog: pytest.LogCaptureFixture) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        structlog.get_logger("tests.structlog").warning("power changed", vm="web-1", password=CANARY)
        line = json.loads(JsonFormatter().format(caplog.records[-1]))
    assert (line["event"], line["vm"], line["request_id"]) == ("power changed", "web-1", "r-1")
    assert line["password"] == "[cut]"
