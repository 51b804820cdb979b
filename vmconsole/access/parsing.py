"""The one form in which `/api/v1` takes what it is told: JSON, not too much and not too deep."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from vmconsole.access.errors import TooLarge

MOST_BYTES = 1 << 20  # the largest of ours are a few KiB


class Json(JSONParser):
    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        length = (parser_context or {})["request"].META.get("CONTENT_LENGTH") or "0"
        if not str(length).isdigit() or int(length) > MOST_BYTES:
            raise TooLarge(_("A request is 1 MiB at most."))
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError(_("This is nested too deeply.")) from error
