"""Lighthouse over every page of a running console: accessibility, best practices, and how quick the two main ones are.

Lighthouse is fetched by npm into `.cache`, at one version: nothing else needs it. What it gave no full marks for is
named.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scripts.benches._fakes import FLAGS, chromium_program, console_with, cookies_of
from scripts.benches._processes import ROOT
from scripts.benches.results import Figure, show

if TYPE_CHECKING:
    from tests.running import Console
    from tests.visitors import Visitor

VERSION = "12.8.2"
FOLDER = ROOT / ".cache" / "lighthouse"
MACHINES = 200
PAGES = (
    "", "vms/", "vms/new", "vms/new/yaml", "disks/", "disks/new", "images/", "images/new", "networks/", "networks/new",
    "types/", "types/new", "nodes/", "operations/", "trash/", "audit/", "audit/consoles",
    "metrics/compare", "settings/", "settings/password", "settings/tokens/", "settings/people/", "settings/namespaces/",
)  # fmt: skip
LISTS = ("disks/", "images/", "networks/", "types/", "nodes/", "operations/", "settings/people/", "audit/")
NAME = "lighthouse"
OF_MACHINE = ("", "console", "metrics", "slow", "configuration", "disks", "network", "logs", "events", "yaml")
QUICK = ("vms/", "")  # the list, and a machine's first page: their speed counts too
KINDS = {"accessibility": 95, "best-practices": 95, "performance": 90}


def bench(
    only: Annotated[str, typer.Option(help="Only the pages whose address has this in it.")] = "",
    json_file: Annotated[Path | None, typer.Option("--json")] = None,
) -> None:
    from playwright.sync_api import sync_playwright

    install()
    with console_with(MACHINES) as (console, admin), sync_playwright() as playwright, chromium(playwright) as port:
        admin.create(NAME)
        admin.wait_for_state(NAME, "Running")
        sign_in(playwright, port, admin, console)
        figures = []
        for path, quick in pages(admin):
            if only in f"/{path}":
                found = judged(console.url + path, port, f"/{path}", quick=quick)
                for each in found:  # it takes minutes
                    typer.echo(f"{each.value:3.0f} {each.name} {each.detail}", err=True)
                figures += found
    raise typer.Exit(0 if show("Lighthouse, desktop", figures, json_file) else 1)


def install() -> None:
    sys.path.insert(0, str(ROOT / "scripts" / "lib"))
    import prepare

    if (FOLDER / "node_modules/lighthouse/package.json").exists() and (FOLDER / VERSION).exists():
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "package.json").write_text('{"private": true}\n')
    words = ("install", "--ignore-scripts", "--no-audit", "--no-fund", "--save-exact", f"lighthouse@{VERSION}")
    prepare.run("npm", *words, cwd=FOLDER, path=prepare.node_folder())
    (FOLDER / VERSION).touch()


@contextmanager
def chromium(playwright: Any) -> Iterator[int]:
    """A browser that Lighthouse can open its pages in. It picks its port itself and says which."""
    with tempfile.TemporaryDirectory(prefix="vmc-lighthouse-") as profile:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=chromium_program(), args=[*FLAGS, "--remote-debugging-port=0"]
        )
        told = Path(profile) / "DevToolsActivePort"
        while not told.exists():
            time.sleep(0.05)
        yield int(told.read_text().split()[0])
        context.close()


def sign_in(playwright: Any, port: int, admin: Visitor, console: Console) -> None:
    browser = playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}")
    browser.contexts[0].add_cookies(cookies_of(admin, console.url))


def pages(admin: Visitor) -> Iterator[tuple[str, bool]]:
    """Every address, and whether its speed counts."""
    for path in PAGES:
        yield path, path == QUICK[0]
    for path in OF_MACHINE:
        yield f"vms/default/{NAME}/{path}", path == QUICK[1]
    for path in LISTS:
        if found := re.search(rf'href="/({path}(?!new)[^".?]+)"', admin.get(path).text):
            yield found[1], False
    yield "sign-in", False


def judged(url: str, port: int, name: str, *, quick: bool) -> list[Figure]:
    kinds = [kind for kind in KINDS if quick or kind != "performance"]
    report = asked(url, port, kinds, quick=quick)
    figures = []
    for kind in kinds:
        category = report["categories"][kind]
        lost = ", ".join(lost_in(report, category))
        score = 100 * (category["score"] or 0)
        figures.append(Figure(f"{name} {kind.replace('-', ' ')}", score, "", KINDS[kind], at_least=True, detail=lost))
    return figures


def lost_in(report: dict[str, Any], category: dict[str, Any]) -> list[str]:
    """The checks that cost something, with what was found where there is a figure."""
    weights = {each["id"]: each["weight"] for each in category["auditRefs"]}
    checks = [check for key, check in report["audits"].items() if weights.get(key)]
    return [
        f"{check['id']} {check.get('displayValue', '')}".strip()
        for check in checks
        if check["score"] is not None and check["score"] < 0.9
    ]


def asked(url: str, port: int, kinds: list[str], *, quick: bool) -> dict[str, Any]:
    """What Lighthouse says. Where speed does not count its pretended slow network would only cost time."""
    command = [
        "node", str(FOLDER / "node_modules/lighthouse/cli/index.js"), url, f"--port={port}", "--disable-storage-reset",
        "--preset=desktop", "--output=json", "--quiet", f"--only-categories={','.join(kinds)}",
        *([] if quick else ["--throttling-method=provided"]),
    ]  # fmt: skip
    import prepare

    path = os.pathsep.join([str(prepare.node_folder() or ""), os.environ["PATH"]]).strip(os.pathsep)
    done = subprocess.run(command, env={**os.environ, "PATH": path}, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{url}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
