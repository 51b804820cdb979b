"""A real web process on the fake runtime, a loop that runs beside it, and the real kubectl in front of it."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.db import DatabaseError, connections

from inventory.services.types import ensure_predefined
from networking.services import ensure_pod_network
from storage.classes import ensure_local
from tests.access.tokens import token_of
from tests.apiserver.certificates import self_signed
from tests.gateway.conftest import Server
from tests.people import MINE, People, make_people
from tests.settle import fresh_connections
from vmconsole.access.models import User
from vmconsole.operations import loop
from vmconsole.runtime import connect

KUBECTL = Path(sys.executable).parent / "kubectl"


def distribution_has(package: str) -> bool:
    return bool(subprocess.run(["apt-cache", "show", package], check=False, capture_output=True).stdout)


# Ubuntu has no kubectl of its own (a snap only), so there is no old one to try.
collect_ignore = [] if distribution_has("kubernetes-client") else ["test_old_kubectl.py"]


@pytest.fixture(scope="session")
def api_process(django_db_setup: None) -> Iterator[Server]:
    # kubectl sends tokens over TLS only.
    server = Server(
        certificate=self_signed(Path(settings.STATE) / "run"),
        app="vmconsole.asgi:application",
        environment={"VMCONSOLE_RUNTIME": "fake", "VMCONSOLE_DOORBELL": "collect"},
        log=Path(settings.STATE) / "run" / "api.log",
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def api(api_process: Server, transactional_db: None, settings: Any) -> Server:
    """The web process; tests and it see the same rows. Nothing happens to them by itself."""
    settings.RUNTIME_KIND, settings.DOORBELL = "fake", "collect"
    return api_process


@pytest.fixture
def people(api: Server) -> People:
    return make_people()


@pytest.fixture
def working(api: Server, settings: Any, tmp_path: Path) -> Iterator[None]:
    """The loop, running as the worker does, on a fake runtime of its own."""
    settings.STATE = tmp_path
    fresh_connections()
    connection: Any = connect.default()
    connection._world.transition_seconds = 0.02
    ensure_pod_network()
    ensure_predefined()
    ensure_local()
    ended = threading.Event()
    worker = threading.Thread(target=_work, args=(ended,), daemon=True)
    worker.start()
    yield
    ended.set()
    worker.join(10)
    fresh_connections()
    loop.rung.clear()


def _work(ended: threading.Event) -> None:
    while not ended.wait(0.02):
        with suppress(DatabaseError):
            loop.resync()
            while loop.rung and not ended.is_set():
                kind, uid = loop.rung.pop(0)
                loop.look_after(kind, uid)
    connections.close_all()


@dataclass(frozen=True)
class Kubectl:
    """kubectl as somebody runs it."""

    config: Path
    program: str = str(KUBECTL)

    def run(self, *words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program, "--kubeconfig", str(self.config), *words],
            input=stdin, capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, "HOME": str(self.config.parent), "KUBECACHEDIR": str(self.config.parent), **environment},
        )  # fmt: skip

    def __call__(self, *words: str, stdin: str = "", **environment: str) -> str:
        done = self.run(*words, stdin=stdin, **environment)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}{done.stdout}"
        return done.stdout

    def refused(self, *words: str, stdin: str = "") -> str:
        done = self.run(*words, stdin=stdin)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "-o", "json"))


def kubeconfig(path: Path, server: Server, token: str, namespace: str = MINE) -> Path:
    assert server.certificate
    authority = str(server.certificate[0])
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "vmconsole", "cluster": {"server": server.origin, "certificate-authority": authority}}],
        "users": [{"name": "me", "user": {"token": token}}],
        "contexts": [{"name": "vmconsole", "context": {"cluster": "vmconsole", "user": "me", "namespace": namespace}}],
        "current-context": "vmconsole",
    }
    path.write_text(json.dumps(config))
    return path


def kubectl_of(user: User, server: Server, folder: Path) -> Kubectl:
    _token, raw = token_of(user)
    return Kubectl(kubeconfig(folder / f"{user.username}.config", server, raw))


@pytest.fixture
def kubectl(api: Server, people: People, tmp_path: Path) -> Kubectl:
    """erin's: she administers the cluster."""
    return kubectl_of(people.erin, api, tmp_path)


@pytest.fixture
def carols(api: Server, people: People, tmp_path: Path) -> Kubectl:
    """carol's: she edits namespace a."""
    return kubectl_of(people.carol, api, tmp_path)


@dataclass(frozen=True)
class Client:
    """Plain HTTP with a token, where a test looks at the bytes."""

    http: httpx.Client

    def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        headers = {"Content-Type": "application/json", **more.pop("headers", {})}
        content = body if isinstance(body, bytes | str | None) else json.dumps(body)
        return self.http.request(method, path, content=content, headers=headers, **more)


def client_with(server: Server, user: User) -> Client:
    _token, raw = token_of(user)
    headers = {"Authorization": f"Bearer {raw}"}
    assert server.certificate
    trusted = ssl.create_default_context(cafile=str(server.certificate[0]))
    return Client(httpx.Client(base_url=server.origin, headers=headers, timeout=30, trust_env=False, verify=trusted))


@pytest.fixture
def erin(api: Server, people: People) -> Client:
    return client_with(api, people.erin)


@pytest.fixture
def carol(api: Server, people: People) -> Client:
    return client_with(api, people.carol)


@pytest.fixture
def bob(api: Server, people: People) -> Client:
    return client_with(api, people.bob)


@pytest.fixture
def dave(api: Server, people: People) -> Client:
    return client_with(api, people.dave)
