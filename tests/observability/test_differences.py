"""What a change changed, down to the leaves."""

from typing import Any

import pytest

from observability.differences import Line, lines


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"cpu": [1, 2]}, [Line("cpu", "changed", 1, 2)]),
        ({"note": ["", "x"]}, [Line("note", "added", "", "x")]),
        ({"note": ["x", None]}, [Line("note", "removed", "x", None)]),
        ({"said": "so"}, [Line("said", "said", None, "so")]),
        ({"labels": [{"a": "1", "b": "2"}, {"a": "1", "b": "3"}]}, [Line("labels.b", "changed", "2", "3")]),
        ({"spec": [None, {"cpu": {"vcpus": 2}}]}, [Line("spec.cpu.vcpus", "added", None, 2)]),
        (
            {"disks": [[{"name": "a", "boot": True}], [{"name": "new"}, {"name": "a", "boot": False}]]},
            [Line("disks[a].boot", "changed", True, False), Line("disks[new].name", "added", None, "new")],
        ),
        ({"names": [["a", "b"], ["b"]]}, [Line("names", "changed", ["a", "b"], ["b"])]),
        ({"password": ["***", "***"]}, [Line("password", "hidden")]),
    ],
)
def test_lines(changes: dict[str, Any], found: list[Line]) -> None:
    assert lines(changes) == found


def test_what_has_no_end_is_cut() -> None:
    deep: dict[str, Any] = {}
    for _level in range(100):
        deep = {"x": deep, "y": 1}
    assert lines({"deep": [{}, deep]})
    assert len(lines({str(number): [1, 2] for number in range(1000)})) == 200
