"""Compare docs/openapi.json with what the views say; `--write` brings it up to date.

The file is kept, so that a change of the API shows in review as what clients will see of it.
"""

from __future__ import annotations

import difflib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
KEPT = ROOT / "docs/openapi.json"


def made_now() -> str:
    command = [sys.executable, "manage.py", "spectacular", "--format", "openapi-json", "--fail-on-warn"]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "vmconsole.settings"}
    return subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> None:
    now = made_now().rstrip() + "\n"
    if "--write" in sys.argv[1:]:
        KEPT.write_text(now)
        return
    kept = KEPT.read_text() if KEPT.exists() else ""
    if kept != now:
        changed = list(difflib.unified_diff(kept.splitlines(), now.splitlines(), "docs/openapi.json", "views", n=1))
        print("\n".join(changed[:60]))
        sys.exit("The API changed. If it was meant to: python scripts/lib/openapi.py --write")


if __name__ == "__main__":
    main()
