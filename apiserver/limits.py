"""How much of the server one token may have: requests a second, and watches at once.

A token's program in an endless loop must not take the consoles of everybody else with it. One web process runs, so its
memory is the right place to count.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from threading import Lock

from django.conf import settings
from django.utils.translation import gettext as _

from apiserver.status import TooMany

REMEMBERED = 4096  # tokens; who is forgotten begins with a full bucket again


class Rates:
    """A bucket for each token: filled steadily, emptied by requests."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[int, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def take(self, token_id: int) -> None:
        rate, burst, now = settings.API_RATE, settings.API_BURST, time.monotonic()
        with self._lock:
            left, at = self._buckets.pop(token_id, (float(burst), now))
            left = min(float(burst), left + (now - at) * rate)
            self._buckets[token_id] = (left - 1 if left >= 1 else left, now)
            if len(self._buckets) > REMEMBERED:
                self._buckets.popitem(last=False)
        if left < 1:
            sentence = _("This token asks more than %(rate)s times a second. Wait a moment, and ask less often.")
            raise TooMany(sentence % {"rate": rate}, retry_in=(1 - left) / rate)


class Watches:
    """How many are open, by token."""

    def __init__(self) -> None:
        self._open: Counter[int] = Counter()
        self._lock = Lock()

    def take(self, token_id: int) -> None:
        with self._lock:
            if self._open[token_id] >= settings.WATCHES_PER_TOKEN:
                raise TooMany(_("This token has too many watches open. Close one first."), retry_in=5)
            if self._open.total() >= settings.WATCHES:
                raise TooMany(_("Too many watches are open here. Try again later."), retry_in=30)
            self._open[token_id] += 1

    def leave(self, token_id: int) -> None:
        with self._lock:
            self._open -= Counter({token_id: 1})  # drops what came down to nought

    def total(self) -> int:
        return self._open.total()


rates = Rates()
watches = Watches()
