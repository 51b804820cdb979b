"""For the web process that tests start: the same database as theirs."""

from __future__ import annotations

import os

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES

DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]
CONSOLES_PER_USER = 8
WATCHES_PER_TOKEN = 20
API_RATE, API_BURST = 50.0, 300
CONTROL_IDLE_SECONDS = 1.0
