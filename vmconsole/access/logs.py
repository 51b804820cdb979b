"""One log line is one JSON object, and nothing in it can reach a terminal or give away a secret.

Guests, file names and headers come from strangers and end up in messages. So control characters and everything
outside ASCII are escaped, and values that look like secrets are cut out by their names, wherever they were put.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

import structlog

CUT = "[cut]"
LINE_CHARS = 16_384  # one line; a longer value was a mistake and would only fill the disk

SENSITIVE = (
    r"pass(?:word|wd|phrase)?|secret|token|ticket|authorization|cookie|api[-_]?key|private[-_]?key"
    r"|user[-_]?data|sessionid|session[-_]?key|fernet[-_]?key|sealed"
)
_secret_name = re.compile(rf"(?:^|[-_.])(?:[a-z]*(?:{SENSITIVE}))s?$", re.IGNORECASE)
_secret_in_text = re.compile(
    rf"""((?:{SENSITIVE})["']?\s*[:=]\s*)("[^"]*"|'[^']*'|(?:(?:Bearer|Basic)\s+)?[^\s,;&}}"']+)""", re.IGNORECASE
)
_bearer = re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_userinfo = re.compile(r"(://)[^/\s:@]+:[^/\s@]+@")

_plain_record = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Time, level, logger, event, then whatever the caller added by name."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if isinstance(record.msg, dict):
            line.update(redacted(record.msg))
        else:
            line["event"] = cut_secrets(record.getMessage())
        line.update(redacted({k: v for k, v in record.__dict__.items() if k not in _plain_record}))
        line.update(redacted(structlog.contextvars.get_contextvars()))
        if record.exc_info:
            line["exception"] = cut_secrets(self.formatException(record.exc_info))
        return one_line(line)


def one_line(line: dict[str, Any]) -> str:
    """JSON in ASCII: json escapes everything else but DEL."""
    return json.dumps(line, default=str, ensure_ascii=True).replace("\x7f", "\\u007f")


def redacted(values: Any, name: str = "") -> Any:
    """The same, without the secrets in it."""
    if name and _secret_name.search(name):
        return CUT
    if isinstance(values, dict):
        return {str(key): redacted(value, str(key)) for key, value in values.items()}
    if isinstance(values, list | tuple | set | frozenset):
        return [redacted(value) for value in values]
    if isinstance(values, int | float | bool | None):
        return values
    return cut_secrets(str(values))


def cut_secrets(text: str) -> str:
    """The same text without what follows the name of a secret."""
    text = _secret_in_text.sub(rf"\1{CUT}", text[:LINE_CHARS])
    return _userinfo.sub(rf"\1{CUT}@", _bearer.sub(rf"\1 {CUT}", text))


def configure() -> None:
    """Send structlog through the standard library, so that there is one format and one redaction for everybody."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.render_to_log_kwargs,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
