"""gzip and xz around an image: unpacked as a stream, with an eye on how much comes out.

A few kilobytes can unpack to terabytes. So output is counted while it is made, zeros become holes instead of blocks,
and what grows out of all proportion is refused before it has filled a disk.
"""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, Protocol

from vmconsole.runtime.images.refusal import LARGEST_DISK, BadImage, damaged

GZ: Final = b"\x1f\x8b"
XZ: Final = b"\xfd7zXZ\0"

_PIECE: Final = 2**20
# Images of mostly empty disks unpack to 50 times their size, bombs to 1,000 and more. Small ones do no harm.
_HARMLESS: Final = 256 * 2**20
_RATIO: Final = 250
_XZ_MEMORY: Final = 128 * 2**20  # `xz -9` needs 65 MiB to unpack


class _Unpacker(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def more(self, data: bytes) -> bytes: ...

    @property
    def hungry(self) -> bool: ...


class _Gz:
    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    @property
    def hungry(self) -> bool:
        return not self._stream.unconsumed_tail

    def more(self, data: bytes) -> bytes:
        return self._stream.decompress(self._stream.unconsumed_tail + data, _PIECE)


class _Xz:
    def __init__(self) -> None:
        self._stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    @property
    def hungry(self) -> bool:
        return self._stream.needs_input

    def more(self, data: bytes) -> bytes:
        return self._stream.decompress(data, _PIECE)


_CONTAINERS: Final[dict[str, tuple[bytes, Callable[[], _Unpacker]]]] = {"gz": (GZ, _Gz), "xz": (XZ, _Xz)}


def container_of(file: BinaryIO) -> str:
    """ "gz", "xz", or nothing when the file is not packed."""
    file.seek(0)
    head = file.read(8)
    return next((name for name, (magic, _) in _CONTAINERS.items() if head.startswith(magic)), "")


def unpack(
    source: BinaryIO, target: BinaryIO, container: str, *, most_bytes: int, moved: Callable[[int], None] | None = None
) -> int:
    """Unpack into `target`, sparsely; the number of bytes. `moved` hears how much of `source` has been read."""
    source.seek(0)
    most = min(most_bytes, LARGEST_DISK)
    written = 0
    try:
        for piece in _pieces(source, _CONTAINERS[container][1]):
            if written == 0 and piece.startswith((GZ, XZ)):
                raise BadImage("ImagePackedTwice", "The file is packed twice. Unpack it once before importing.")
            written += len(piece)
            _refuse_bomb(written, source.tell(), most)
            if piece.count(0) == len(piece):
                target.seek(len(piece), 1)
            else:
                target.write(piece)
            if moved:
                moved(source.tell())
    except (zlib.error, lzma.LZMAError) as error:
        raise damaged(container, "it cannot be unpacked") from error
    target.truncate(written)
    return written


def _refuse_bomb(written: int, read: int, most: int) -> None:
    if written > most:
        raise BadImage(
            "ImageTooLarge",
            "The packed image is larger, once unpacked, than this host can take. Free space, or import it as qcow2.",
        )
    if written > _HARMLESS and written > read * _RATIO:
        raise BadImage(
            "ImageUnpacksTooLarge",
            f"The packed image unpacks to more than {_RATIO} times its size, as traps do. "
            "Import it unpacked, or as qcow2.",
        )


def _pieces(source: BinaryIO, make: Callable[[], _Unpacker]) -> Iterator[bytes]:
    """Members one after the other, each piece at most 1 MiB. Zeros between and after them are padding."""
    stream, begun, data = make(), False, b""
    while True:
        if not data and stream.hungry:
            data = source.read(_PIECE)
        if not begun:
            data = data.lstrip(b"\0")
        ended = not data and stream.hungry
        piece = stream.more(data)
        begun, data = begun or bool(data), b""
        if piece:
            yield piece
        if stream.eof:
            stream, begun, data = make(), False, stream.unused_data
        elif ended and not piece:
            break
    if begun:
        raise damaged("packed", "it ends in the middle")
