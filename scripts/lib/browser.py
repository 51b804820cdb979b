"""The Chromium that tests, pictures and benchmarks drive: the distribution's, or one of the npm registry.

Ubuntu has Chromium as a snap only. A snap sees neither our checkout nor /tmp and needs its daemon, which containers do
not run, so it is not used: where there is no package, the same browser without a window comes from the registry that
the front end comes from. The distribution's is taken wherever there is one, because it gets its security updates.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DISTRIBUTIONS = Path("/usr/bin/chromium")
REGISTRYS = "@sparticuz/chromium@153.0.0"
FOLDER = ROOT / ".cache/chromium"
OURS = FOLDER / REGISTRYS.rpartition("@")[2] / "chromium"  # another version is another file
UNPACK = """
const { createReadStream, createWriteStream } = require('node:fs')
const { createBrotliDecompress } = require('node:zlib')
const [source, target] = process.argv.slice(1)
const out = createWriteStream(target, { mode: 0o755 })
require('node:stream/promises').pipeline(createReadStream(source), createBrotliDecompress(), out)
"""


def chromium() -> Path:
    for program in (DISTRIBUTIONS, OURS):
        if program.exists():
            return program
    raise FileNotFoundError(f"There is no Chromium: neither {DISTRIBUTIONS} nor {OURS}. scripts/test installs one.")


def is_here() -> bool:
    return DISTRIBUTIONS.exists() or OURS.exists()


def fetch(run: Callable[..., None], node: Path | None) -> None:
    """Get the registry's. `run` runs a program with the folder `node` first in its path, and tells when it fails."""
    OURS.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:  # moved when whole: half a browser is worse than none
        work = Path(folder)
        run("npm", "pack", "--silent", REGISTRYS, cwd=work, path=node)
        subprocess.run(["tar", "-xzf", next(work.glob("*.tgz")), "package/bin/chromium.br"], cwd=work, check=True)
        run("node", "-e", UNPACK, work / "package/bin/chromium.br", work / "chromium", cwd=work, path=node)
        (work / "chromium").replace(OURS)
