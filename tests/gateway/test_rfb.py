"""What passes to a VNC server: everything but being alone for those who write, only questions for those who look."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from tests.gateway.conftest import Browser, Machine
from tests.gateway.guests import GREETING, ListeningGuest
from tests.hosts import wait_until
from vmconsole.gateway.rfb import Shared, ViewOnly
from vmconsole.gateway.wire import Refusal

unhurried = how(deadline=None)  # other tests take the processor
VERSION = GREETING
ALONE = b"\x00"
HELLO = VERSION + b"\x01" + ALONE
PASSED_HELLO = VERSION + b"\x01" + b"\x01"

questions = st.one_of(
    st.binary(min_size=19, max_size=19).map(lambda body: b"\x00" + body),
    st.integers(0, 40).flatmap(
        lambda count: st.binary(min_size=4 * count, max_size=4 * count).map(
            lambda body: b"\x02\x00" + struct.pack("!H", len(body) // 4) + body
        )
    ),
    st.binary(min_size=9, max_size=9).map(lambda body: b"\x03" + body),
    st.binary(min_size=9, max_size=9).map(lambda body: b"\x96" + body),
    st.binary(max_size=64).map(lambda body: b"\xf8" + bytes(7) + bytes([len(body)]) + body),
)
acts = st.one_of(
    st.binary(min_size=7, max_size=7).map(lambda body: b"\x04" + body),
    st.binary(min_size=5, max_size=5).map(lambda body: b"\x05" + body),
    st.binary(max_size=300).map(lambda body: b"\x06\0\0\0" + struct.pack("!i", len(body)) + body),
    st.binary(min_size=4, max_size=300).map(lambda body: b"\x06\0\0\0" + struct.pack("!i", -len(body)) + body),
    st.binary(min_size=3, max_size=3).map(lambda body: b"\xfa" + body),
    st.integers(0, 4).map(lambda count: b"\xfb\0\0\0\0\0" + bytes([count, 0]) + bytes(16 * count)),
    st.binary(max_size=40).map(lambda body: b"\xfc\x01" + struct.pack("!H", len(body)) + body),
    st.binary(min_size=8, max_size=8).map(lambda body: b"\xff\x00\0\0" + body),
    st.just(b"\xff\x01\0\0"),
    st.binary(min_size=6, max_size=6).map(lambda body: b"\xff\x01\0\x02" + body),
)
messages = st.lists(
    st.tuples(st.just(True), questions) | st.tuples(st.just(False), acts),
    max_size=30,
)


def in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(places)]


@unhurried
@given(messages, st.lists(st.integers(0, 10_000), max_size=12))
def test_looking_passes_questions_and_nothing_else(said: list[tuple[bool, bytes]], cuts: list[int]) -> None:
    passes = ViewOnly()
    stream = HELLO + b"".join(message for _, message in said)
    heard = b"".join(passes(piece) for piece in in_pieces(stream, cuts))
    assert heard == PASSED_HELLO + b"".join(message for question, message in said if question)


@unhurried
@given(st.binary(max_size=2000), st.lists(st.integers(0, 3000), max_size=8))
def test_writing_passes_everything_but_being_alone(rest: bytes, cuts: list[int]) -> None:
    passes = Shared()
    heard = b"".join(passes(piece) for piece in in_pieces(HELLO + rest, cuts))
    assert heard == PASSED_HELLO + rest


@unhurried
@given(st.binary(max_size=3000), st.lists(st.integers(0, 3000), max_size=8))
def test_looking_never_passes_more_than_was_said(noise: bytes, cuts: list[int]) -> None:
    """Whatever it is, it is followed or refused; what is kept of it stays small."""
    passes = ViewOnly()
    try:
        heard = b"".join(passes(piece) for piece in in_pieces(HELLO + noise, cuts))
    except Refusal:
        return
    assert len(heard) <= len(HELLO + noise)
    assert len(passes._buffer) <= 4100


def test_password_answers_are_not_taken_for_messages() -> None:
    answer = bytes(range(16))
    assert ViewOnly()(VERSION + b"\x02" + answer + b"\x00") == VERSION + b"\x02" + answer + b"\x01"
    assert Shared()(VERSION + b"\x02" + answer + b"\x00rest") == VERSION + b"\x02" + answer + b"\x01rest"


@pytest.mark.parametrize("hello", [VERSION + b"\x13", b"RFB 003.003\n"])
def test_what_cannot_be_followed_is_not_for_looking(hello: bytes) -> None:
    with pytest.raises(Refusal):
        ViewOnly()(hello)
    assert Shared()(hello + b"\x00\x00") == hello + b"\x00\x00"


def test_two_gibibytes_of_clipboard_are_not_kept() -> None:
    passes = ViewOnly()
    passes(HELLO + b"\x06\0\0\0" + struct.pack("!i", -(2**31)))
    for _ in range(100):
        assert passes(bytes(65_536)) == b""
    assert not passes._buffer


def test_over_the_wire(carol: Browser, machine: Machine, screen: ListeningGuest) -> None:
    key, pointer, update = b"\x04\x01\0\0\0\0\0A", b"\x05\x01\0\x10\0\x10", b"\x03\x01" + bytes(8)
    with carol.console(machine, writable=False) as opened:
        opened.send(HELLO + key + pointer)
        opened.send(pointer + update + key)
        wait_until(lambda: screen.heard.endswith(update))
    assert screen.heard == PASSED_HELLO + update
