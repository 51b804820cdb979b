"""The product's settings, with a state directory that nobody minds losing and a password hash that costs nothing."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

if not os.environ.get("VMCONSOLE_STATE"):
    os.environ["VMCONSOLE_STATE"] = tempfile.mkdtemp(prefix="vmc-unit-", dir="/tmp")
    atexit.register(shutil.rmtree, os.environ["VMCONSOLE_STATE"], ignore_errors=True)

from vmconsole.settings import *  # noqa: F403
from vmconsole.settings import DATABASES, STATE

for name in ("db", "run", "uploads", "jobs", "disks", "images", "seeds", "console", "serial"):
    (Path(STATE) / name).mkdir(parents=True, exist_ok=True)

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, as in production: SQLite in memory is one connection, and races between two workers would not be real.
    DATABASES["default"]["TEST"] = {"NAME": Path(STATE) / "db" / "test.sqlite3"}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SECRET_KEY = "tests only"
FERNET_KEY = "dGVzdHMgb25seTogdGhpcyBrZXkgaXMgbm8gc2VjcmU="
