"""What a browser says to a VNC server, understood just well enough to take the keyboard away.

Viewers that may not write get an answer to every question about pixels, and their keys, pointer and clipboard are
dropped here, on the server. Whoever may write passes untouched, save that nobody can ask to be alone: the "shared"
flag is set for them, so that a second viewer never throws out the first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from vmconsole.gateway.wire import BAD_MESSAGE, Refusal

VERSION: Final = 12
NO_SECURITY, PASSWORD = 1, 2
PASSWORD_ANSWER: Final = 16
MOST_ENCODINGS: Final = 1024

# Type: (length, passed on). Those of variable length are in `_length`.
_FIXED: Final[dict[int, tuple[int, bool]]] = {
    0: (20, True),  # SetPixelFormat
    3: (10, True),  # FramebufferUpdateRequest
    4: (8, False),  # KeyEvent
    5: (6, False),  # PointerEvent
    150: (10, True),  # EnableContinuousUpdates
    250: (4, False),  # xvp: power
}
_SET_ENCODINGS, _CUT_TEXT, _FENCE, _DESKTOP_SIZE, _GII, _QEMU = 2, 6, 248, 251, 252, 255


class Shared:
    """For those who may write: watches the handshake go by, then lets everything pass."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._step: Callable[[], bytes | None] | None = self._version

    def __call__(self, data: bytes) -> bytes:
        return data if self._step is None else self._followed(data)

    def _followed(self, data: bytes) -> bytes:
        self._buffer += data
        passed = bytearray()
        while (step := self._step) is not None:
            part = step()
            if part is None:
                return bytes(passed)
            passed += part
        passed += self._rest()
        return bytes(passed)

    def _take(self, count: int) -> bytes | None:
        if len(self._buffer) < count:
            return None
        part = bytes(self._buffer[:count])
        del self._buffer[:count]
        return part

    def _rest(self) -> bytes:
        return self._take(len(self._buffer)) or b""

    def _version(self) -> bytes | None:
        part = self._take(VERSION)
        if part is not None:
            self._step = self._security
            if part < b"RFB 003.007":  # the server chooses, and does not tell us what
                self._unknown_handshake()
        return part

    def _security(self) -> bytes | None:
        part = self._take(1)
        if part is not None:
            self._step = self._client_init
            if part[0] == PASSWORD:
                self._step = self._password
            elif part[0] != NO_SECURITY:
                self._unknown_handshake()
        return part

    def _password(self) -> bytes | None:
        part = self._take(PASSWORD_ANSWER)
        if part is not None:
            self._step = self._client_init
        return part

    def _client_init(self) -> bytes | None:
        part = self._take(1)
        if part is None:
            return None
        self._step = None
        return b"\x01"

    def _unknown_handshake(self) -> None:
        self._step = None


class ViewOnly(Shared):
    """For those who may only look."""

    def __init__(self) -> None:
        super().__init__()
        self._skip = 0

    def __call__(self, data: bytes) -> bytes:
        self._buffer += data
        passed = bytearray()
        while True:
            part = self._step() if self._step is not None else self._message()
            if part is None:
                return bytes(passed)
            passed += part

    def _unknown_handshake(self) -> None:
        raise Refusal(BAD_MESSAGE, "This screen's sign-in cannot be followed, so it cannot be opened for viewing only.")

    def _message(self) -> bytes | None:
        """The next message if it may pass, nothing if it may not, None when there is no whole one yet."""
        if self._skip:
            dropped = min(self._skip, len(self._buffer))
            del self._buffer[:dropped]
            self._skip -= dropped
            return b"" if dropped else None
        if not self._buffer:
            return None
        found = self._length(self._buffer[0])
        if found is None:
            return None
        length, passes = found
        if passes:
            return self._take(length)
        self._skip = length  # may be far more than we would keep
        return b""

    def _length(self, kind: int) -> tuple[int, bool] | None:
        if kind in _FIXED:
            return _FIXED[kind]
        buffer, there = self._buffer, len(self._buffer)
        if kind == _SET_ENCODINGS:
            if there < 4:
                return None
            count = int.from_bytes(buffer[2:4], "big")
            if count > MOST_ENCODINGS:
                raise Refusal(BAD_MESSAGE, "That is more encodings than there are.")
            return 4 + 4 * count, True
        if kind == _CUT_TEXT:  # a negative length marks the extended form
            return None if there < 8 else (8 + abs(int.from_bytes(buffer[4:8], "big", signed=True)), False)
        if kind == _FENCE:
            return None if there < 9 else (9 + buffer[8], True)
        if kind == _DESKTOP_SIZE:
            return None if there < 8 else (8 + 16 * buffer[6], False)
        if kind == _GII:
            return None if there < 4 else (4 + int.from_bytes(buffer[2:4], "big"), False)
        if kind == _QEMU:
            return self._qemu_length()
        raise Refusal(BAD_MESSAGE, "The viewer sent something that is not known here.")

    def _qemu_length(self) -> tuple[int, bool] | None:
        """QEMU's own messages: keys with scan codes, and sound."""
        if len(self._buffer) < 4:
            return None
        what, operation = self._buffer[1], int.from_bytes(self._buffer[2:4], "big")
        if what == 0:
            return 12, False
        if what == 1:
            return (10 if operation == 2 else 4), False
        raise Refusal(BAD_MESSAGE, "The viewer sent something that is not known here.")
