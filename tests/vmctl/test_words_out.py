"""What reaches a person's terminal: columns, ages, errors as sentences, and nothing that moves the cursor."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from vmctl import seriallogs
from vmctl.commands.consoles import address_of
from vmctl.errors import Exit, Failed, clean, from_answer
from vmctl.options import Format
from vmctl.output import age, columns, dump


@given(st.text())
def test_nothing_moves_the_cursor(text: str) -> None:
    assert not {chr(code) for code in (*range(9), *range(11, 32), *range(127, 160))} & set(clean(text))


def test_what_a_terminal_would_obey_is_escaped_in_json_and_yaml() -> None:
    thing = {"message": "\x1b[2J\x9b2J 電源"}
    for form in (Format.JSON, Format.YAML):
        text = dump(thing, form)
        assert "電源" in text and clean(text) == text
        assert yaml.safe_load(text) == thing


def test_columns_stand_below_each_other_in_japanese_too() -> None:
    drawn = columns(["NAME", "STATE"], [["仮想マシン", "Running"], ["web-1", "Stopped\x1b[2J"]])
    assert drawn.splitlines() == ["NAME         STATE", "仮想マシン   Running", "web-1        Stopped[2J"]


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        ("2026-01-02T00:00:00Z", "0s"), ("2026-01-01T23:58:30Z", "90s"), ("2026-01-01T23:57:00Z", "3m"),
        ("2026-01-01T22:30:00+00:00", "1h"), ("2025-12-31T00:00:00", "2d"), ("2026-01-05T00:00:00Z", "in 3d"),
        ("not a moment", "not a moment"),
    ],
)  # fmt: skip
def test_age(moment: str, shown: str) -> None:
    assert age(moment, datetime(2026, 1, 2, tzinfo=UTC)) == shown


def test_kubernetes_status_becomes_a_sentence_with_its_causes() -> None:
    causes = [{"field": "spec.cpu", "message": "must be at least 1"}, {"message": "already said"}]
    status = {
        "kind": "Status",
        "message": "vm is invalid: already said",
        "reason": "Invalid",
        "details": {"causes": causes},
    }
    failed = from_answer(422, status, "vmconsole")
    assert str(failed) == "vm is invalid: already said. spec.cpu: must be at least 1."
    assert (failed.code, failed.reason) == (Exit.INVALID, "Invalid")


def test_a_problem_becomes_its_detail_and_its_fix() -> None:
    problem = {"title": "No", "detail": "There is not enough space", "fix": "Delete disks.", "reason": "DiskFull"}
    assert str(from_answer(507, problem, "vmconsole")) == "There is not enough space. Delete disks."


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, 4), (403, 5), (404, 6), (409, 7), (400, 8), (422, 8), (503, 3), (500, 10)],
)
def test_every_failure_has_its_exit_code_and_a_sentence(status: int, code: int) -> None:
    failed = from_answer(status, None, "vmconsole")
    assert failed.code == code
    assert str(failed)


def test_a_log_loses_what_commands_a_terminal_and_keeps_its_words() -> None:
    printed = "\x1b[2J\x1b]0;evil\x07\x1b[1;32mlogin:\x1b[0m \x1b(Bok\x1b7\r\nnext"
    assert seriallogs.plain(printed) == "login: ok\nnext"


@pytest.mark.parametrize("text", ["-oProxyCommand=reboot", "host.example", "", "10.0.0.5;ls", "::g%eth0"])
def test_only_addresses_reach_ssh(text: str) -> None:
    machine = {"metadata": {"name": "web-1"}, "status": {"interfaces": [{"ipAddresses": [text]}]}}
    with pytest.raises(Failed, match="has no address"):
        address_of(machine)


def test_an_address_may_carry_its_prefix() -> None:
    machine = {"metadata": {"name": "web-1"}, "status": {"interfaces": [{}, {"ipAddresses": ["10.0.0.5/24"]}]}}
    assert address_of(machine) == "10.0.0.5"
