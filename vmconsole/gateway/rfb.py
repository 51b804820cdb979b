"""What a browser says to a VNC server, understood just well enough to take the keyboard away.

Who does not drive gets an answer to every question about pixels, and their keys, pointer and clipboard are dropped
here, on the server. Who drives is followed message by message too, so that control can move at any moment without one
being cut in two. Nobody can ask to be alone: the "shared" flag is set for all, so that a second viewer never throws
out the first.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from vmconsole.gateway.wire import BAD_MESSAGE, Refusal

VERSION: Final = 12
NO_SECURITY, PASSWORD = 1, 2
PASSWORD_ANSWER: Final = 16
MOST_ENCODINGS: Final = 1024
MOST_HELD: Final = 64  # keys that are down at once
UNKNOWN = "The viewer sent something that is not known here."

_KEY, _POINTER = 4, 5
_SET_ENCODINGS, _CUT_TEXT, _FENCE, _DESKTOP_SIZE, _GII, _QEMU = 2, 6, 248, 251, 252, 255
# Type: (length, it acts on the machine). Those of variable length are in `_length`.
_FIXED: Final[dict[int, tuple[int, bool]]] = {
    0: (20, False),  # SetPixelFormat
    3: (10, False),  # FramebufferUpdateRequest
    _KEY: (8, True),
    _POINTER: (6, True),
    150: (10, False),  # EnableContinuousUpdates
    250: (4, True),  # xvp: power
}
_QUICK: Final = {kind: length for kind, (length, acts) in _FIXED.items() if not acts}  # whole frames of one question


class Gate:
    """Between one viewer and the screen: follows the handshake, then lets pass what the viewer may say.

    `drives` is set by whoever gives and takes control. A viewer whose protocol cannot be followed may drive, as long
    as nobody takes that away.
    """

    def __init__(self, *, drives: bool) -> None:
        self.acted = 0.0  # when the viewer last acted on the machine, or tried to; monotonic
        self.tried: Callable[[], None] | None = None  # told when somebody types who does not drive
        self._drives = drives
        self._buffer = b""  # the head of a message that is not all here
        self._left = 0  # bytes of the message that is being passed or dropped
        self._passing = True
        self._held: dict[bytes, bytes] = {}  # keys that are down, with what lets them go
        self._pointer = b""  # where a button is down
        self._release = b""  # to be said when the message that is on its way has ended
        self._followed = True
        self._step: Callable[[], bytes | None] | None = self._version

    @property
    def drives(self) -> bool:
        return self._drives

    def give(self) -> None:
        self._drives = True
        self.acted = time.monotonic()

    def take(self) -> bytes:
        """Take control away. What has to be said to the screen now: nobody else could let go of keys that are down."""
        self._drives = False
        release = b"".join(self._held.values())
        if self._pointer:
            release += bytes((_POINTER, 0)) + self._pointer
        self._held.clear()
        self._pointer = b""
        if self._left and self._passing:
            self._release = release
            return b""
        return release

    def __call__(self, data: bytes) -> bytes:
        if data and _QUICK.get(data[0]) == len(data) and self._followed and self._is_between:
            return data
        if self._step is not None:
            return self._handshake(data)
        return self._sorted(data)

    @property
    def _is_between(self) -> bool:
        return self._step is None and not self._left and not self._buffer

    # --- the handshake ----------------------------------------------------------------------------------------------

    def _handshake(self, data: bytes) -> bytes:
        self._buffer += data
        passed = b""
        while self._step is not None:
            part = self._step()
            if part is None:
                return passed
            passed += part
        rest, self._buffer = self._buffer, b""
        return passed + self._sorted(rest)

    def _cut(self, count: int) -> bytes | None:
        if len(self._buffer) < count:
            return None
        part, self._buffer = self._buffer[:count], self._buffer[count:]
        return part

    def _version(self) -> bytes | None:
        part = self._cut(VERSION)
        if part is not None:
            self._step = self._security
            if part < b"RFB 003.007":  # the server chooses, and does not tell us what
                self._unknown_handshake()
        return part

    def _security(self) -> bytes | None:
        part = self._cut(1)
        if part is not None:
            self._step = self._client_init
            if part[0] == PASSWORD:
                self._step = self._password
            elif part[0] != NO_SECURITY:
                self._unknown_handshake()
        return part

    def _password(self) -> bytes | None:
        part = self._cut(PASSWORD_ANSWER)
        if part is not None:
            self._step = self._client_init
        return part

    def _client_init(self) -> bytes | None:
        part = self._cut(1)
        if part is None:
            return None
        self._step = None
        return b"\x01"

    def _unknown_handshake(self) -> None:
        self._step = None
        self._lose_track("This screen's sign-in cannot be followed, so it can only be opened by whoever drives.")

    def _lose_track(self, why: str) -> None:
        """From here on everything passes or nothing does."""
        if not self._drives:
            raise Refusal(BAD_MESSAGE, why)
        self._followed = False

    # --- messages ---------------------------------------------------------------------------------------------------

    def _sorted(self, data: bytes) -> bytes:
        """Of these bytes, those that may pass. Keeps no more than the head of one message."""
        if not self._followed:
            return self._unsorted(data)
        if self._buffer:
            data, self._buffer = self._buffer + data, b""
        at = 0
        parts: list[bytes] = []
        while at < len(data):
            if not self._left and not self._begun(data, at):
                parts.append(self._rest(data, at))
                break
            end = min(at + self._left, len(data))
            self._left -= end - at
            if self._passing:
                parts.append(data[at:end])
            if self._release and not self._left:
                parts.append(self._release)
                self._release = b""
            at = end
        return b"".join(parts)

    def _unsorted(self, data: bytes) -> bytes:
        if not self._drives:
            raise Refusal(BAD_MESSAGE, "Somebody else drives this screen now, and your viewer cannot only look.")
        self.acted = time.monotonic()
        return data

    def _begun(self, data: bytes, at: int) -> bool:
        """Whether the message at `at` is known now; then it is decided whether it passes."""
        found = self._length(data, at)
        if found is None:
            return False
        self._left, acts = found
        self._passing = self._drives or not acts
        if acts:
            self._note(data, at)
        return True

    def _rest(self, data: bytes, at: int) -> bytes:
        """What passes of a message that is not known: all when nothing is followed any more, else not yet."""
        if not self._followed:
            return data[at:]
        self._buffer = data[at:]
        return b""

    def _length(self, data: bytes, at: int) -> tuple[int, bool] | None:
        """How long the message at `at` is, and whether it acts. None: its head is not all here, or nobody knows it."""
        kind, there = data[at], len(data) - at
        if kind in _FIXED:
            found = _FIXED[kind]
            return found if there >= found[0] or kind not in (_KEY, _POINTER) else None
        if kind == _SET_ENCODINGS:
            if there < 4:
                return None
            count = int.from_bytes(data[at + 2 : at + 4], "big")
            if count > MOST_ENCODINGS:
                self._lose_track("That is more encodings than there are.")
                return None
            return 4 + 4 * count, False
        if kind == _CUT_TEXT:  # a negative length marks the extended form
            size = int.from_bytes(data[at + 4 : at + 8], "big", signed=True)
            return None if there < 8 else (8 + abs(size), True)
        if kind == _FENCE:
            return None if there < 9 else (9 + data[at + 8], False)
        if kind == _DESKTOP_SIZE:
            return None if there < 8 else (8 + 16 * data[at + 6], True)
        if kind == _GII:
            return None if there < 4 else (4 + int.from_bytes(data[at + 2 : at + 4], "big"), True)
        if kind == _QEMU:
            return self._qemu_length(data, at, there)
        self._lose_track(UNKNOWN)
        return None

    def _qemu_length(self, data: bytes, at: int, there: int) -> tuple[int, bool] | None:
        """QEMU's own messages: keys with scan codes, and sound."""
        if there < 4:
            return None
        what, operation = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if what == 0:
            return None if there < 12 else (12, True)
        if what == 1:
            return (10 if operation == 2 else 4), True
        self._lose_track(UNKNOWN)
        return None

    def _note(self, data: bytes, at: int) -> None:
        """Somebody acts, or would like to."""
        kind = data[at]
        if not self._drives:
            if self.tried is not None and kind in (_KEY, _QEMU):
                self.tried()
            return
        self.acted = time.monotonic()
        if kind == _POINTER:
            self._pointer = data[at + 2 : at + 6] if data[at + 1] else b""
        elif kind == _KEY:
            self._hold(data[at + 4 : at + 8], data[at + 1], bytes((_KEY, 0)) + data[at + 2 : at + 8])
        elif kind == _QEMU and data[at + 1] == 0:
            down = data[at + 2] or data[at + 3]
            self._hold(data[at + 8 : at + 12], down, data[at : at + 2] + b"\0\0" + data[at + 4 : at + 12])

    def _hold(self, key: bytes, down: int, release: bytes) -> None:
        if not down:
            self._held.pop(key, None)
        elif len(self._held) < MOST_HELD:
            self._held[key] = release
