"""How much one client of `/api/v1` may ask in a minute."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import UserRateThrottle

from vmconsole.access.models import Token


class RatePerToken(UserRateThrottle):
    """Each token has its own measure: a script in a loop does not slow down its owner's other programs."""

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        if not isinstance(request.auth, Token):
            return super().get_cache_key(request, view)
        return self.cache_format % {"scope": "token", "ident": request.auth.pk}
