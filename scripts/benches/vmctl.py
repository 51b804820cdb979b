"""How long the command line takes to start: its help, and what `get` takes beside the server's answer."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated

import typer

from scripts.benches.results import Figure, show

PROMISE_MS = 250.0
KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters: [{{name: vmconsole, cluster: {{server: "http://127.0.0.1:{port}"}}}}]
users: [{{name: vmconsole, user: {{token: "vmc_bench"}}}}]
contexts: [{{name: vmconsole, context: {{cluster: vmconsole, user: vmconsole}}}}]
"""
GROUPS = (
    b'{"kind":"APIGroupDiscoveryList","items":[{"metadata":{"name":"vm.cluster.gke.io"},"versions":[{"version":"v1",'
    b'"resources":[{"resource":"virtualmachines","responseKind":{"kind":"VirtualMachine"},"scope":"Namespaced",'
    b'"singularResource":"virtualmachine","shortNames":["gvm"],"verbs":["get","list"]}]}]}]}'
)
TABLE = (
    b'{"kind":"Table","metadata":{},"columnDefinitions":[{"name":"Name","priority":0}],'
    b'"rows":[{"cells":["web-1"],"object":{"metadata":{"name":"web-1"}}}]}'
)


class Quick(BaseHTTPRequestHandler):
    """A server that knows its answers already: what is measured is the client."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = TABLE if "virtualmachines" in self.path else GROUPS
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        return


def timed(command: list[str], environment: dict[str, str], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter()
        subprocess.run(command, env=environment, check=True, capture_output=True)
        taken.append(1000 * (time.perf_counter() - begun))
    return min(taken)  # other work on the machine only ever adds


def bench(
    rounds: Annotated[int, typer.Option(help="How often each; the quickest counts.")] = 15,
    json_file: Annotated[Path | None, typer.Option("--json")] = None,
) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Quick)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    vmctl = [sys.executable, "-m", "vmctl"]
    with tempfile.TemporaryDirectory(prefix="vmc-bench-", dir="/tmp") as folder:
        config = Path(folder) / "config"
        config.write_text(KUBECONFIG.format(port=server.server_address[1]))
        environment = {**os.environ, "KUBECONFIG": str(config), "LC_ALL": "C.UTF-8"}
        python = timed([sys.executable, "-c", "pass"], environment, rounds)
        figures = [
            Figure("Python alone", python, "ms", detail="the floor under both"),
            Figure("vmctl --help", timed([*vmctl, "--help"], environment, rounds), "ms", limit=PROMISE_MS),
            Figure("vmctl get gvm", timed([*vmctl, "get", "gvm"], environment, rounds), "ms", limit=PROMISE_MS),
        ]
    server.shutdown()
    if not show("vmctl", figures, json_file):
        raise SystemExit(1)
