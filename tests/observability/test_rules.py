"""What is written down gives nothing away and fits on one line."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observability.export import inert
from observability.rules import HIDDEN, escaped, is_secret, kept, redacted

patient = settings(deadline=None)  # a busy machine is no bug
SECRET = "s3cr3t-marker"
NAMES = [
    "password", "Password", "PASSWORD", "adminPassword", "spec.cloudInit.userData", "user_data", "user-data",
    "networkData", "clientSecret", "secret", "token", "access_token", "apiKey", "sshKey", "key", "privateKey",
    "Authorization", "Set-Cookie", "chpasswd", "credentials", "ssh_authorized_keys",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["name", "cpu", "spec.memory", "keyboard", "runningState", "keyed", "passed", "host"])
def test_other_names(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    "value",
    [
        {"userData": [None, SECRET]},
        {"spec": {"cloudInit": {"noCloud": {"userData": SECRET}}}},
        {"headers": [["Authorization", SECRET]]},
        {"env": [{"name": "DB_PASSWORD", "value": SECRET}]},
        {"url": f"https://joe:{SECRET}@example.com/x"},
        {"text": f"#cloud-config\npassword: {SECRET}"},
        {"x": f"Bearer {SECRET}"},
        {"file": f"-----BEGIN OPENSSH PRIVATE KEY-----\n{SECRET}"},
        {"secret": {"deep": [SECRET]}},
    ],
)
def test_secrets_are_hidden(value: dict[str, Any]) -> None:
    text = kept(value)
    assert SECRET not in text
    assert HIDDEN in text


def test_the_rest_is_kept() -> None:
    value = {"cpu": [1, 2], "url": "https://example.com/a.qcow2", "tags": ["a", "b"], "x": None, "on": True, "f": 1.5}
    assert redacted(value) == value


def test_too_much_is_cut_to_its_fingerprint() -> None:
    assert json.loads(kept({"x": ["y" * 4000] * 100}))["cut"] > 64 * 1024


def test_no_depth_breaks_it() -> None:
    value: dict[str, Any] = {}
    for _ in range(500):
        value = {"a": value}
    assert kept(value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@patient
@given(json_values, st.sampled_from(NAMES), st.text(max_size=8), json_values)
def test_no_secret_survives_anywhere(around: Any, name: str, prefix: str, beside: Any) -> None:
    value = {"a": around, "b": [{"c": {f"{prefix}{name}": SECRET, "d": beside}}]}
    assert SECRET not in kept(value)


@patient
@given(json_values)
def test_what_is_kept_is_plain_json_on_one_line(value: Any) -> None:
    text = kept({"value": value})
    assert json.loads(text).keys() == {"value"}
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]", text)
    text.encode()


@patient
@given(st.text())
def test_escaped_is_never_longer_than_allowed(text: str) -> None:
    assert len(escaped(text, 64)) <= 64


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "|calc", "%x"])
def test_a_spreadsheet_runs_nothing(cell: str) -> None:
    assert inert(cell) == f"'{cell}"
    assert inert("web-1") == "web-1"
