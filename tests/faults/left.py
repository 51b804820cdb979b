"""What a console has at one moment, in its database, on its disk and in its libvirt, to compare with another."""

from __future__ import annotations

from tests.running import Console
from tests.visitors import wait_for

TABLES = {
    "machine": "select name from inventory_virtualmachine",
    "disk": "select name from storage_virtualmachinedisk",
    "image": "select name from storage_image",
    "held": "select machine_name from storage_attachment",
    "card": "select name from networking_networkinterface",
    "secret": "select name from access_secret",
    "upload": "select name from storage_upload where state = 'open'",
    "operation": "select verb || ' ' || subject_name from operations_operation where state = 'open'",
}
LOGS = {"jobs/importer.log"}  # made by the first import, and kept
FOLDERS = ("disks", "images", "uploads", "jobs", "seeds", "console", "serial")


def inventory(console: Console) -> set[str]:
    """Everything by name. Logs of guests stay when a machine goes only as long as it takes to remove them."""
    rows = {f"{kind} {name}" for kind, question in TABLES.items() for (name,) in console.rows(question)}
    files = {f"{folder}/{file.name}" for folder in FOLDERS for file in (console.state / folder).glob("*")}
    domains = {f"domain {name}" for name in console.virsh("list", "--all", "--name").split()}
    return rows | (files - LOGS) | domains


def changes(console: Console, before: set[str]) -> set[str]:
    """What is there now and was not, or the other way round.

    But for sockets that went: those of guests that were stopped or killed are swept away a little later.
    """
    return {left for left in inventory(console) ^ before if left not in before or not left.startswith("console/")}


def wait_until_only(console: Console, before: set[str]) -> None:
    """Nothing is there that was not there before, and nothing is missing."""
    wait_for(lambda: changes(console, before) == set(), why=lambda: changes(console, before))
