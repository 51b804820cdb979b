"""Ten quiet minutes at a screen behind a proxy that hangs up after sixty: nothing may break, and the next key arrives.

The proxy is a real nginx with its usual patience, the browser a real Chromium, the guest one that waits at its prompt.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

import typer

from scripts.benches._processes import ROOT
from scripts.benches.results import Figure, show
from scripts.benches.screens import FIRST_FRAME, FLAGS

NAME = "quiet"
PATIENCE = 60  # seconds: nginx's own when nothing is said
PICTURE = "() => document.querySelector('.screen-stage canvas:not(.screen-ghost)').toDataURL()"


def bench(
    minutes: Annotated[float, typer.Option(help="How long nobody does anything.")] = 10,
    json_file: Annotated[Path | None, typer.Option("--json")] = None,
) -> None:
    sys.path.insert(0, str(ROOT / "scripts" / "lib"))
    from browser import chromium
    from playwright.sync_api import sync_playwright

    from tests.proxies import nginx
    from tests.running import running_console
    from tests.visitors import come_in

    with running_console() as console, TemporaryDirectory() as folder, sync_playwright() as playwright:
        admin = come_in(console.url, "admin", console.admin_password)
        image = console.rows("SELECT uid FROM storage_image WHERE name = 'demo'")[0][0]
        card = {"card-TOTAL_FORMS": "1", "card-0-network": "pod-network", "card-0-model": "virtio"}
        made = admin.create(NAME, source="image", image=str(UUID(image)), boot_size="", memory="192Mi", **card)
        assert made.status_code == 302, made.text
        admin.wait_for_state(NAME, "Running")
        upstream = urlsplit(console.url).netloc
        with nginx(Path(folder), upstream, PATIENCE) as (port, _process):
            url = f"http://127.0.0.1:{port}/"
            browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            context.add_cookies(
                [{"name": one.name, "value": one.value or "", "url": url} for one in admin.http.cookies.jar]
            )
            figures = sit_quietly(context.new_page(), url, minutes)
            browser.close()
    raise typer.Exit(0 if show("A quiet screen behind a proxy", figures, json_file) else 1)


def sit_quietly(page: Any, url: str, minutes: float) -> list[Figure]:
    opened: list[str] = []
    lost: list[str] = []

    def note(socket: Any) -> None:
        opened.append(socket.url)
        socket.on("close", lambda _socket: lost.append(socket.url))

    page.on("websocket", note)
    page.goto(f"{url}vms/default/{NAME}/console", wait_until="load")
    page.wait_for_function(FIRST_FRAME, polling="raf", timeout=60_000)
    page.wait_for_function("() => document.querySelector('#live')?.dataset.state === 'live'")
    before = len(opened)
    ends = time.monotonic() + 60 * minutes
    while time.monotonic() < ends:
        page.wait_for_timeout(5000)
    picture = page.evaluate(PICTURE)
    page.locator(".screen-stage canvas:not(.screen-ghost)").click()
    typed = time.monotonic()
    page.keyboard.type("still here")
    page.wait_for_function(f"(picture) => ({PICTURE})() !== picture", arg=picture, timeout=30_000)
    return [
        Figure(
            f"connections lost in {minutes:g} minutes", len(lost), "", limit=0, detail=f"{before} open: screen and feed"
        ),
        Figure("connections made anew", len(opened) - before, "", limit=0),
        Figure("from a key to another picture, afterwards", time.monotonic() - typed, "s", limit=2),
    ]
