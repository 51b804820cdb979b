"""The audit log as a SIEM takes it: one syslog line (RFC 5424) with a Common Event Format message for each entry.

CEF separates with `|` and `=` and ends at the line's end, so whoever can name a machine could otherwise write fields,
or whole lines, of their own.
"""

from __future__ import annotations

import re
from datetime import UTC
from ipaddress import ip_address

from observability.models import AuditEntry, Phase
from vmconsole import VERSION

FACILITY = 13  # "log audit"
NOTICE, WARNING = 5, 4
SEVERITIES = {Phase.REFUSED: 6, Phase.FAILED: 5}  # of ten
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def lines(page: list[AuditEntry]) -> bytes:
    return "".join(f"{line(entry)}\n" for entry in page).encode()


def line(entry: AuditEntry) -> str:
    severity = SEVERITIES.get(Phase(entry.phase), 3)
    priority = FACILITY * 8 + (NOTICE if severity == 3 else WARNING)
    at = entry.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    named = f"{entry.action} {entry.phase}"
    head = "|".join(map(header, ("CEF:0", "vmconsole", "vmconsole", VERSION, entry.action, named, str(severity))))
    told = " ".join(f"{key}={extension(value)}" for key, value in fields(entry).items() if value != "")
    return f"<{priority}>1 {at} - vmconsole - {entry.id} - {head}|{told}"


def fields(entry: AuditEntry) -> dict[str, str]:
    where = "src" if is_address(entry.source) else "shost"
    return {
        "rt": str(int(entry.at.timestamp() * 1000)),
        "externalId": str(entry.id),
        "act": entry.action,
        "outcome": entry.phase,
        "reason": entry.reason,
        "suser": entry.actor_name,
        "suid": "" if entry.actor_user_id is None else str(entry.actor_user_id),
        where: entry.source,
        "requestClientApplication": entry.user_agent,
        **labelled("cs1", "namespace", entry.namespace),
        **labelled("cs2", "kind", entry.kind),
        **labelled("cs3", "object", entry.name),
        **labelled("cs4", "objectUid", entry.uid),
        **labelled("cs5", "signedInBy", " ".join(filter(None, (entry.auth, entry.token_id)))),
        **labelled("cs6", "hash", entry.hash),
        "msg": entry.diff or entry.extra,
    }


def labelled(key: str, label: str, value: str) -> dict[str, str]:
    return {f"{key}Label": label, key: value} if value else {}


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def header(text: str) -> str:
    return plain(text).replace("\\", "\\\\").replace("|", "\\|")


def extension(text: str) -> str:
    return plain(text).replace("\\", "\\\\").replace("=", "\\=")


def plain(text: str) -> str:
    """One line, whatever is in it: a break becomes a space, for the reader and for the collector."""
    return CONTROL.sub(" ", text)
