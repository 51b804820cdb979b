"""Judges one file in a process of its own, and tells the reason and what memory it took."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from vmconsole.runtime.images import BadImage, container_of, inspect, unpack


def judged(path: Path) -> str:
    with path.open("rb") as file:
        container = container_of(file)
        if not container:
            inspect(file)
            return ""
        with path.with_suffix(".out").open("w+b") as out:
            unpack(file, out, container, most_bytes=2**50)
            inspect(out)
    return ""


try:
    reason = judged(Path(sys.argv[1]))
except BadImage as refusal:
    reason = refusal.reason
# Not ru_maxrss: that begins with the size of whoever started us.
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
print(json.dumps({"reason": reason, "memory": int(peak.split()[1]) * 1024}))
