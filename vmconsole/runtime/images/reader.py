"""Reading a header with bounds: never past the end, never more than asked.

One small class instead of `seek` and `read` in six parsers, so that no parser can forget a bound.
"""

from __future__ import annotations

import os
from typing import BinaryIO

from vmconsole.runtime.images.refusal import damaged

LARGEST_READ = 64 * 2**20  # the largest table any header may make us read at once


class Reader:
    """A file of known size. `kind` names the format in refusals."""

    def __init__(self, file: BinaryIO, kind: str = "disk") -> None:
        self.file = file
        self.kind = kind
        self.size = file.seek(0, os.SEEK_END)

    def named(self, kind: str) -> Reader:
        self.kind = kind
        return self

    def peek(self, offset: int, length: int) -> bytes:
        """What is there, perhaps less than `length`."""
        if offset < 0 or offset >= self.size or length <= 0:
            return b""
        self.file.seek(offset)
        return self.file.read(min(length, LARGEST_READ))

    def read(self, offset: int, length: int, what: str) -> bytes:
        """Exactly `length` bytes, or the refusal that `what` is missing."""
        self.inside(offset, length, what)
        if length > LARGEST_READ:
            raise damaged(self.kind, f"{what} is larger than any real one")
        return self.peek(offset, length)

    def inside(self, offset: int, length: int, what: str) -> None:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise damaged(self.kind, f"{what} lies beyond the end of the file")
