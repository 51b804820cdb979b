"""Why an image was refused, in words for the person who brought it, and the limits behind the words.

Every refusal is decided by us from the header alone; none of them repeats text out of the file.
"""

from __future__ import annotations

from typing import Final

GIB: Final = 2**30

# Larger disks than this exist in no product we know of on one host. A header that says more is a trap for tools
# that allocate tables by virtual size; raising it costs memory in qemu-img (about 1 MiB per 8 TiB of qcow2).
LARGEST_DISK: Final = 64 * 1024 * GIB


class BadImage(Exception):
    """The file is not taken. The message says what, why and what to do; `reason` is one CamelCase word."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence


def damaged(kind: str, what: str) -> BadImage:
    return BadImage(
        "ImageDamaged",
        f"The {kind} image is damaged or cut off: {what}. Make or download it again.",
    )


def refers_elsewhere(kind: str, what: str, fix: str) -> BadImage:
    return BadImage(
        "ImageRefersToOtherFiles",
        f"The {kind} image {what}, and images may not refer to other files. {fix}",
    )


def check_size(kind: str, virtual_bytes: int) -> None:
    if virtual_bytes <= 0:
        raise damaged(kind, "its header says that the disk has no size")
    if virtual_bytes > LARGEST_DISK:
        raise BadImage(
            "ImageTooLarge",
            f"The {kind} image says that its disk is larger than {LARGEST_DISK // (1024 * GIB)} TiB, which no disk "
            "here can be. Check where the image comes from.",
        )
