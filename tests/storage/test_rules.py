"""What may be done to a disk, and what is said when not."""

from __future__ import annotations

import pytest

from storage.rules import (
    Holder,
    Subject,
    Verb,
    attach_problem,
    checksum_problem,
    grow_problem,
    name_problem,
    size_problem,
    why_not,
)

READY = Subject()
WRITER, READER = Holder("web-1", read_only=False), Holder("web-2", read_only=True)


@pytest.mark.parametrize(
    ("verb", "disk", "reason"),
    [
        (Verb.GROW, READY, ""),
        (Verb.GROW, Subject(holders=(WRITER,)), ""),  # under a running machine
        (Verb.GROW, Subject(holders=(READER,)), "InUse"),
        (Verb.GROW, Subject(phase="ImportInProgress"), "NotNow"),
        (Verb.GROW, Subject(adopted=True), "NotNow"),
        (Verb.GROW, Subject(busy="create"), "Busy"),
        (Verb.DELETE, READY, ""),
        (Verb.DELETE, Subject(phase="ImportInProgress", busy="create"), ""),  # ends the import
        (Verb.DELETE, Subject(holders=(WRITER,)), "InUse"),
        (Verb.DELETE, Subject(holders=(READER,)), "InUse"),
        (Verb.DELETE, Subject(deleting=True), "BeingDeleted"),
        (Verb.RETRY, Subject(phase="Failed"), ""),
        (Verb.RETRY, Subject(phase="Failed", uploaded=True), "NotNow"),
        (Verb.RETRY, READY, "NotNow"),
        (Verb.RETRY, Subject(phase="Failed", busy="retry"), "Busy"),
        (Verb.EDIT, READY, ""),
        (Verb.EDIT, Subject(deleting=True), "BeingDeleted"),
    ],
)
def test_why_not(verb: Verb, disk: Subject, reason: str) -> None:
    problem = why_not(verb, disk)
    assert (problem.reason if problem else "") == reason


@pytest.mark.parametrize(
    ("holders", "read_only", "reason"),
    [
        ((), False, ""),
        ((), True, ""),
        ((READER,), True, ""),
        ((READER, Holder("web-3", read_only=True)), True, ""),
        ((READER,), False, "InUse"),
        ((WRITER,), True, "InUse"),
        ((WRITER,), False, "InUse"),
    ],
)
def test_one_writer_or_many_readers(holders: tuple[Holder, ...], read_only: bool, reason: str) -> None:
    problem = attach_problem(Subject(holders=holders), read_only=read_only)
    assert (problem.reason if problem else "") == reason
    if problem:
        assert "web-" in dict(problem.values)["machines"]


def test_the_sentence_names_the_machine() -> None:
    problem = why_not(Verb.DELETE, Subject(holders=(WRITER, READER)))
    assert problem
    assert problem.sentence % dict(problem.values) == (
        "It is in use by virtual machine web-1, web-2. Detach it there, or delete the machine first."
    )


@pytest.mark.parametrize("name", ["a", "web-1", "web.data-0", "0", "a" * 63])
def test_names(name: str) -> None:
    assert name_problem(name) is None


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a_b", "a b", "ä", "名前", "a" * 64, "a/b", "..", "<b>", "a\n"])
def test_what_is_no_name(name: str) -> None:
    assert name_problem(name)


@pytest.mark.parametrize(
    ("size", "reason"), [(10 << 30, ""), (1 << 20, ""), (10, "InvalidSize"), (1 << 60, "InvalidSize")]
)
def test_sizes(size: int, reason: str) -> None:
    problem = size_problem(size)
    assert (problem.reason if problem else "") == reason


def test_disks_only_become_larger() -> None:
    smaller = grow_problem(1 << 30, 2 << 30)
    assert smaller
    assert smaller.reason == "DiskCannotShrink"
    assert grow_problem(2 << 30, 2 << 30) is None


@pytest.mark.parametrize("checksum", ["", "sha256:" + "a" * 64, "sha512:" + "0" * 128])
def test_checksums(checksum: str) -> None:
    assert checksum_problem(checksum) is None


@pytest.mark.parametrize("checksum", ["a" * 64, "sha256:", "sha256:xyz", "md5:" + "a" * 32, "sha256:" + "a" * 65])
def test_what_is_no_checksum(checksum: str) -> None:
    assert checksum_problem(checksum)
