"""What the tree must look like: sizes, names, and words that may not stand in it.

Each rule is here because breaking it is cheap today and dear in a year.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from django.template.loader import get_template

ROOT = Path(__file__).resolve().parent.parent
APPS = ("vmconsole", "apiserver", "inventory", "networking", "storage", "observability", "vmctl")
FILE_LINES = 500  # aim for 150
FUNCTION_LINES = 60  # aim for 15

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "shared", "base_classes"}

IN_TEMPLATES = {
    r"\|\s*safe\b": "marks text as safe HTML",
    r"autoescape\s+off": "turns escaping off",
    r"\sstyle\s*=": "has a style attribute; the policy of our pages refuses it",
    r"\son[a-z]+\s*=\s*[\"']": "has an inline event handler",
    r"<script(?![^>]*\ssrc=)": "has an inline script",
    r"<style": "has an inline style sheet",
    r"javascript:": "has a javascript: link",
    r"hx-on": "has hx-on, which needs eval",
    r"=[\"']js:": "has hx-vals with js:, which needs eval",
    r"https?://(?!www\.w3\.org/)": "loads or links something from elsewhere",
}
IN_PRODUCT = {
    r"\bmark_safe\b": "marks text as safe HTML",
    r"shell\s*=\s*True": "starts a shell",
    r"\bos\.(system|popen)\b": "starts a shell",
    r"\bpickle\b": "reads pickles",
    r"yaml\.(load\((?!.*SafeLoader)|unsafe_load|full_load)": "reads YAML that can make objects",
    r"^(?!.*\buds=).*\b(verify\s*=\s*False|no_verify=1|insecure-skip)": "does not check certificates",
    r"^\s*print\(": "prints",
}
IN_TESTS = {
    r"pytest\.(mark\.)?(skip|skipif|xfail|importorskip)\b": "skips",
    r"\b(MagicMock|mock\.patch|@patch)\b": "mocks our own code",
}


@cache
def tree() -> tuple[Path, ...]:
    """Every file that is ours: in git, or about to be."""
    said = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    paths = (ROOT / name for name in said.decode().split("\0") if name)
    return tuple(sorted(path for path in paths if path.is_file()))


def ours(*endings: str) -> list[Path]:
    return [path for path in tree() if path.suffix in endings and "migrations" not in path.parts]


def told(path: Path) -> str:
    return str(path.relative_to(ROOT))


def product() -> list[Path]:
    return [path for path in ours(".py") if path.relative_to(ROOT).parts[0] in APPS]


def templates() -> list[Path]:
    return [path for path in ours(".html") if "templates" in path.parts]


def offences(paths: list[Path], words: dict[str, str]) -> list[str]:
    found = []
    for path in paths:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found += [
                f"{told(path)}:{number} {why}: {line.strip()}" for word, why in words.items() if re.search(word, line)
            ]
    return found


def test_no_file_is_longer_than_a_person_reads() -> None:
    code = ours(".py", ".ts", ".css", ".html", ".sh")
    long = {told(path): lines for path in code if (lines := path.read_text().count("\n")) > FILE_LINES}
    assert long == {}


def test_no_function_is_longer_than_a_screen() -> None:
    long = {}
    for path in ours(".py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    long[f"{told(path)}:{node.name}"] = lines
    assert long == {}


def test_no_drawer_for_odds_and_ends() -> None:
    bad = [told(path) for path in tree() if FORBIDDEN_NAMES & {path.stem, *path.relative_to(ROOT).parts[:-1]}]
    assert bad == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        told(path)
        for path in ours(".py")
        if path.read_text().strip()
        and path.name != "__init__.py"
        and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_templates_keep_the_policy_of_our_pages() -> None:
    assert offences(templates(), IN_TEMPLATES) == []


@pytest.mark.parametrize("template", [str(path.relative_to(ROOT / "templates")) for path in templates()])
def test_every_template_compiles(template: str) -> None:
    get_template(template)


def test_nothing_dangerous_is_in_the_product() -> None:
    commands = ("management", "libvirt/importer")
    quiet = [path for path in product() if not any(word in str(path) for word in commands)]
    assert offences(quiet, IN_PRODUCT) == []


def test_tests_wait_for_conditions_and_are_never_skipped() -> None:
    files = [path for path in ours(".py") if path.relative_to(ROOT).parts[0] == "tests"]
    files = [path for path in files if path != Path(__file__).resolve()]
    assert offences(files, IN_TESTS) == []


def test_tests_sleep_only_between_two_looks_at_a_deadline() -> None:
    """A sleep is fine in a loop that asks and gives up in time; anywhere else it is a guess about a machine's speed."""
    guesses = []
    for path in ours(".py"):
        if path.relative_to(ROOT).parts[0] != "tests":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                called = {ast.unparse(call.func) for call in ast.walk(node) if isinstance(call, ast.Call)}
                if called & {"time.sleep", "sleep"} and not called & {"time.monotonic", "time.time", "monotonic"}:
                    guesses.append(f"{told(path)}:{node.lineno} {node.name}")
    assert guesses == []


def test_the_web_process_never_loads_libvirt() -> None:
    """Views, sockets and all: everything the web process imports, in a process of its own."""
    program = (
        "import sys, vmconsole.asgi\n"
        "from django.urls import get_resolver\n"
        "get_resolver().reverse_dict\n"
        "bad = [name for name in sys.modules if name.split('.')[0].startswith('libvirt')"
        " or name.startswith('vmconsole.runtime.libvirt')]\n"
        "print(*sorted(bad))\n"
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == ""


def test_our_names_stay_our_own() -> None:
    """No machine's paths and no tool's name in what others read."""
    words = {r"/work/|/tmp/w\b": "names a path of one machine"}
    texts = [
        path
        for path in ours(".py", ".html", ".ts", ".css", ".md", ".toml", ".txt", ".sh")
        if path.name != "test_shape.py"
    ]
    assert offences(texts, words) == []
