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
from vmconsole.gateway.rfb import Gate
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
    passes = Gate(drives=False)
    stream = HELLO + b"".join(message for _, message in said)
    heard = b"".join(passes(piece) for piece in in_pieces(stream, cuts))
    assert heard == PASSED_HELLO + b"".join(message for question, message in said if question)


@unhurried
@given(st.binary(max_size=2000), st.lists(st.integers(0, 3000), max_size=8))
def test_writing_passes_everything_but_being_alone(rest: bytes, cuts: list[int]) -> None:
    """Also what nobody here knows. The head of a message that is not all here is kept until it is."""
    passes = Gate(drives=True)
    heard = b"".join(passes(piece) for piece in in_pieces(HELLO + rest, cuts))
    assert heard + passes._buffer == PASSED_HELLO + rest
    assert len(passes._buffer) < 12


@unhurried
@given(st.binary(max_size=3000), st.lists(st.integers(0, 3000), max_size=8))
def test_looking_never_passes_more_than_was_said(noise: bytes, cuts: list[int]) -> None:
    """Whatever it is, it is followed or refused; what is kept of it stays small."""
    passes = Gate(drives=False)
    try:
        heard = b"".join(passes(piece) for piece in in_pieces(HELLO + noise, cuts))
    except Refusal:
        return
    assert len(heard) <= len(HELLO + noise)
    assert len(passes._buffer) < 12


def test_password_answers_are_not_taken_for_messages() -> None:
    answer = bytes(range(16))
    assert Gate(drives=False)(VERSION + b"\x02" + answer + b"\x00") == VERSION + b"\x02" + answer + b"\x01"
    assert Gate(drives=True)(VERSION + b"\x02" + answer + b"\x00rest") == VERSION + b"\x02" + answer + b"\x01rest"


@pytest.mark.parametrize("hello", [VERSION + b"\x13", b"RFB 003.003\n"])
def test_what_cannot_be_followed_is_not_for_looking(hello: bytes) -> None:
    with pytest.raises(Refusal):
        Gate(drives=False)(hello)
    assert Gate(drives=True)(hello + b"\x00\x00") == hello + b"\x00\x00"


def test_two_gibibytes_of_clipboard_are_not_kept() -> None:
    passes = Gate(drives=False)
    passes(HELLO + b"\x06\0\0\0" + struct.pack("!i", -(2**31)))
    for _ in range(100):
        assert passes(bytes(65_536)) == b""
    assert not passes._buffer


@unhurried
@given(
    st.lists(
        st.tuples(st.booleans(), st.tuples(st.just(True), questions) | st.tuples(st.just(False), acts)), max_size=30
    )
)
def test_control_moves_between_two_messages(said: list[tuple[bool, tuple[bool, bytes]]]) -> None:
    passes, expected = Gate(drives=True), PASSED_HELLO
    heard = passes(HELLO)
    for drives, (question, message) in said:
        passes._held.clear()  # what letting go says is another test's
        passes._pointer = b""
        if drives != passes.drives:
            if drives:
                passes.give()
            else:
                heard += passes.take()
        heard += passes(message)
        expected += message if question or drives else b""
    assert heard == expected


def test_control_that_is_taken_in_the_middle_of_a_message_cuts_nothing() -> None:
    passes = Gate(drives=True)
    text = b"\x06\0\0\0" + struct.pack("!i", 10) + b"0123456789"
    key = b"\x04\x01\0\0\0\0\0A"
    heard = passes(HELLO + key + text[:12])
    heard += passes.take()
    heard += passes(text[12:] + key)
    assert heard == PASSED_HELLO + key + text + b"\x04\x00\0\0\0\0\0A"


def test_keys_and_buttons_are_let_go_when_control_is_taken() -> None:
    passes = Gate(drives=True)
    passes(HELLO)
    passes(b"\x04\x01\0\0\0\0\xff\xe3" + b"\x04\x01\0\0\0\0\0A" + b"\x04\x00\0\0\0\0\0A")
    passes(b"\xff\x00\x00\x01\0\0\0a\0\0\0\x1e" + b"\x05\x01\0\x10\0\x20")
    up = b"\x04\x00\0\0\0\0\xff\xe3" + b"\xff\x00\x00\x00\0\0\0a\0\0\0\x1e" + b"\x05\x00\0\x10\0\x20"
    assert passes.take() == up
    assert passes.take() == b""
    assert passes(b"\x05\x01\0\x10\0\x20") == b""


def test_a_viewer_that_cannot_be_followed_may_not_stay_to_look() -> None:
    passes = Gate(drives=True)
    assert passes(HELLO + b"\x63??") == PASSED_HELLO + b"\x63??"
    passes.take()
    with pytest.raises(Refusal):
        passes(b"\x04\x01\0\0\0\0\0A")


def test_over_the_wire(carol: Browser, machine: Machine, screen: ListeningGuest) -> None:
    key, pointer, update = b"\x04\x01\0\0\0\0\0A", b"\x05\x01\0\x10\0\x10", b"\x03\x01" + bytes(8)
    with carol.console(machine, writable=False) as opened:
        opened.send(HELLO + key + pointer)
        opened.send(pointer + update + key)
        wait_until(lambda: screen.heard.endswith(update))
    assert screen.heard == PASSED_HELLO + update
