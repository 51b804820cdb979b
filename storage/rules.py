"""May it be done to this disk or image now, and the sentence when not. Pure: no database, no Django.

Sentences say what, why and what to do. They are marked for translation here and translated where they are shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?")
CHECKSUM: Final = re.compile(r"(sha256:[0-9a-fA-F]{64}|sha512:[0-9a-fA-F]{128})?")
LEAST_SIZE: Final = 1 << 20  # smaller is a typing error: "10" instead of "10Gi"
MOST_SIZE: Final = 64 << 40


def _(sentence: str) -> str:
    """Marks a sentence for translation, as gettext_noop does, without importing Django."""
    return sentence


class Verb(StrEnum):
    CREATE = "create"
    RETRY = "retry"
    GROW = "grow"
    EDIT = "edit"
    DELETE = "delete"
    ATTACH = "attach"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why not. `values` are filled into the sentence's %(…)s, after it was translated."""

    sentence: str
    reason: str = "NotNow"
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Holder:
    """A machine that uses the disk."""

    name: str
    read_only: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rule needs to know of a disk or image."""

    phase: str = "Succeeded"
    busy: str = ""
    deleting: bool = False
    adopted: bool = False
    uploaded: bool = False
    holders: tuple[Holder, ...] = ()


def why_not(verb: Verb, disk: Subject) -> Problem | None:
    """The reason why this cannot be asked now, or None when it can."""
    if disk.deleting:
        return Problem(_("It is being deleted."), "BeingDeleted")
    if verb is Verb.DELETE:
        return _why_not_delete(disk)
    if disk.busy:
        return Problem(_("Another operation is still running. Wait for it, or cancel it."), "Busy")
    if verb is Verb.RETRY:
        return _why_not_retry(disk)
    if verb is Verb.GROW:
        return _why_not_grow(disk)
    return None


def _why_not_delete(disk: Subject) -> Problem | None:
    """An operation does not protect a disk: deleting it ends whatever is being done to it."""
    if disk.holders:
        names = _names(disk.holders)
        sentence = _("It is in use by virtual machine %(machines)s. Detach it there, or delete the machine first.")
        return Problem(sentence, "InUse", (("machines", names),))
    return None


def _why_not_retry(disk: Subject) -> Problem | None:
    if disk.phase != "Failed":
        return Problem(_("It has not failed, so there is nothing to repeat."))
    if disk.uploaded:
        return Problem(_("The uploaded file was not kept. Delete this one and upload it again."))
    return None


def _why_not_grow(disk: Subject) -> Problem | None:
    if disk.adopted:
        return Problem(_("Its file was made outside of this console. Make it larger with the tool that made it."))
    if disk.phase != "Succeeded":
        return Problem(_("It is not finished yet. Make it larger when it is."))
    if disk.holders and all(holder.read_only for holder in disk.holders):
        sentence = _("It is shared read-only by %(machines)s. Detach it there first.")
        return Problem(sentence, "InUse", (("machines", _names(disk.holders)),))
    return None


def attach_problem(disk: Subject, *, read_only: bool) -> Problem | None:
    """One writer, or any number of readers. `disk.holders` are the other machines."""
    if disk.deleting:
        return Problem(_("It is being deleted."), "BeingDeleted")
    writers = [holder for holder in disk.holders if not holder.read_only]
    if writers:
        sentence = _("It is attached to virtual machine %(machines)s, and only one machine may write to a disk.")
        return Problem(sentence, "InUse", (("machines", _names(writers)),))
    if disk.holders and not read_only:
        sentence = _("It is shared read-only by %(machines)s. Attach it read-only, or detach it there.")
        return Problem(sentence, "InUse", (("machines", _names(disk.holders)),))
    return None


def size_problem(size: int) -> Problem | None:
    if size < LEAST_SIZE:
        return Problem(_("A disk has at least 1Mi. Write the size with its unit, such as 10Gi."), "InvalidSize")
    if size > MOST_SIZE:
        return Problem(_("A disk has at most 64Ti. Write a smaller size."), "InvalidSize")
    return None


def grow_problem(size: int, now: int) -> Problem | None:
    if size < now:
        return Problem(_("Disks can only become larger. Write a larger size than it has now."), "DiskCannotShrink")
    return size_problem(size)


def name_problem(name: str) -> Problem | None:
    if NAME.fullmatch(name):
        return None
    sentence = _("“%(name)s” is not a name. Use up to 63 small letters, digits, “-” and “.”, such as web-1-data.")
    return Problem(sentence, "InvalidName", (("name", name[:40]),))


def checksum_problem(checksum: str) -> Problem | None:
    if CHECKSUM.fullmatch(checksum):
        return None
    return Problem(_("Write the checksum as sha256: or sha512: and its digits, or leave it out."), "InvalidChecksum")


def _names(holders: Iterable[Holder]) -> str:
    return ", ".join(sorted(holder.name for holder in holders))
