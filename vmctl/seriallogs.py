"""What a machine printed on its serial port, as text for a terminal or exactly as it was.

Guests print escape sequences that move cursors, ask questions and rename windows; `plain` leaves the words.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

from vmctl.session import Session

ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # cursor, colours
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\)"  # titles, device strings
    r"|\x1b[ -/]+[0-~]|\x1b[0-~]",  # the short ones
    re.DOTALL,
)
PAUSE = 1.0  # between two looks with --follow
PIECE = 1 << 20


def plain(text: str) -> str:
    return ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")


def read(
    session: Session, machine: dict[str, Any], *, tail: int = 0, follow: bool = False, since: str = "", until: str = ""
) -> Iterator[str]:
    """The log piece by piece; with `follow` it goes on for as long as somebody listens.

    `since` and `until` are the server's to read: how long ago is counted by its clock, which noted the times.
    """
    path = f"/api/v1/logs/{machine['metadata']['uid']}"
    offset = 0
    asked = {name: text for name, text in (("since", since), ("until", until)) if text}
    if tail:
        asked["tail"] = str(tail)
    if not (since or until):  # else it is one piece, with the older files of the log
        asked |= {"limit": str(PIECE)} | ({} if tail else {"offset": "0"})
    while True:
        answer = session.api.request("GET", path, params=asked, headers={"Accept": "*/*"})
        end = int(answer.headers.get("X-Log-End", offset + len(answer.content)))
        text = answer.content.decode("utf-8", "replace")
        if text:
            yield text
        moved, offset = end != offset, end
        asked = {"offset": str(offset), "limit": str(PIECE)}
        if until or (not moved and not follow):
            return
        if not moved:
            time.sleep(PAUSE)
