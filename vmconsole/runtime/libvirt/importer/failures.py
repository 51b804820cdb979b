"""How making a volume ends when it does not end well."""

from __future__ import annotations

import errno


class ImportFailed(Exception):
    """It cannot be made. `sentence` is for the person who asked, `detail` for the log."""

    def __init__(self, reason: str, sentence: str, detail: str = "") -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence
        self.detail = detail


class Cancelled(BaseException):
    """Somebody asked for the end. No Exception, so that no retry catches it."""


_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}


def disk_full(detail: str = "") -> ImportFailed:
    return ImportFailed(
        "DiskFull",
        "There is not enough space left on the host for this disk. Nothing was kept. Free some space and try again.",
        detail,
    )


def failed_by(error: OSError) -> ImportFailed:
    """Words for what the operating system said."""
    if error.errno in _NO_SPACE:
        return disk_full(str(error))
    return ImportFailed(
        "HostFailed",
        "The host could not write the disk. Its administrator finds the cause in the importer's log.",
        str(error),
    )
