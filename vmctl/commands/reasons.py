"""`why`: why a machine is as it is, in one line, with what events and operations say to it."""

from __future__ import annotations

from typing import Any

import typer

from vmctl import waiting
from vmctl.commands.looking import event_rows, when
from vmctl.discovery import EVENT
from vmctl.errors import Exit, Failed, clean
from vmctl.options import Context, Format, Machine, Namespace, Output
from vmctl.output import columns, dump, say
from vmctl.session import Session
from vmctl.words import _


def why(name: Machine, output: Output = Format.TABLE, namespace: Namespace = "", context: Context = "") -> None:
    session = Session(context, namespace)
    machine = session.machine(name)
    status, metadata = machine.get("status") or {}, machine["metadata"]
    uid = metadata.get("uid", "")
    events = list(session.list(EVENT, metadata.get("namespace", ""), fieldSelector=f"involvedObject.uid={uid}"))
    operation = waiting.latest(session, machine)
    line = said(session, uid)
    told = {
        "name": metadata["name"], "state": waiting.state_of(machine), "reason": status.get("reason", ""),
        "sentence": line.get("sentence") or sentence(machine, operation), "evidence": line.get("evidence", []),
        "since": line.get("since"), "fixes": line.get("fixes", []), "operation": operation,
        "events": _telling(events),
    }  # fmt: skip
    if output in (Format.YAML, Format.JSON):
        typer.echo(dump(told, output))
        return
    head = f"{told['name']}: {told['state'] or '-'}" + (f" ({told['reason']})" if told["reason"] else "")
    say("\n".join(map(clean, [head, str(told["sentence"]), *told["evidence"]])))
    fixes = [str(fix["label"]) for fix in told["fixes"] if not fix.get("why_not")]
    if fixes:
        say(_("What may help: %(fixes)s.") % {"fixes": clean(", ".join(fixes))})
    if operation:
        say("\n" + _operation(operation))
    if told["events"]:
        say("\n" + columns([_("TYPE"), _("REASON"), _("AGE"), _("COUNT"), _("MESSAGE")], event_rows(told["events"])))


def said(session: Session, uid: str) -> dict[str, Any]:
    """The server's own “why?” line; {} of a server from before it had one."""
    try:
        return dict(session.api.get(f"/api/v1/why/{uid}")) if uid else {}
    except Failed as failed:
        if failed.code in (Exit.NOT_FOUND, Exit.FORBIDDEN):
            return {}
        raise


def sentence(machine: dict[str, Any], operation: dict[str, Any]) -> str:
    """The one line: what the server says of it, else what the last request came to."""
    status = machine.get("status") or {}
    if status.get("message"):
        return str(status["message"])
    if operation.get("state") == "failed":
        return str(operation.get("message") or operation.get("detail") or _("The last request failed."))
    if operation.get("state") == "open":
        return _("A request is under way: %(verb)s.") % {"verb": operation.get("verb", "")}
    if status.get("reason"):
        return _("Its state has the reason %(reason)s.") % {"reason": status["reason"]}
    if not waiting.seen(machine):
        return _("Its newest configuration was not looked at yet.")
    if any(
        one.get("type") == "ConfigurationSynced" and one.get("status") == "False"
        for one in status.get("conditions") or []
    ):
        return _("Its configuration was changed; the change holds from its next start.")
    return _("It is as it was asked to be.")


def _operation(operation: dict[str, Any]) -> str:
    told = _("Last request: %(verb)s by %(who)s: %(state)s.")
    values = {
        "verb": operation.get("verb", ""),
        "who": operation.get("actor_name", ""),
        "state": operation.get("state", ""),
    }
    detail = " ".join(filter(None, [str(operation.get("message") or ""), str(operation.get("detail") or "")]))
    return clean(f"{told % values} {detail}".strip())


def _telling(events: list[dict[str, Any]], most: int = 5) -> list[dict[str, Any]]:
    """The newest, warnings before the rest."""
    newest = sorted(events, key=when, reverse=True)
    return sorted(newest, key=lambda one: one.get("type") != "Warning")[:most]
