"""A real guest for real programs: a VNC client from PyPI, the serial console, KubeVirt's verbs and kubectl's word."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import asyncvnc
import httpx
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.gateway.conftest import close_code
from tests.running import Console, admin, console
from tests.visitors import PASSWORD, Visitor, wait_for
from vmconsole.gateway.wire import OFF

pytestmark = [pytest.mark.e2e, pytest.mark.libvirt]
__all__ = ["admin", "console"]

NAME = "guest-1"
SUB = "apis/subresources.kubevirt.io/v1/namespaces/default"


@pytest.fixture(scope="module")
def api(console: Console, admin: Visitor) -> Iterator[httpx.Client]:
    answer = httpx.post(f"{console.url}api/v1/login", json={"username": admin.name, "password": PASSWORD, "name": "t"})
    assert answer.status_code == 201, answer.text
    headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    with httpx.Client(base_url=console.url, headers=headers, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def guest(api: httpx.Client, admin: Visitor) -> str:
    """A machine from the demo image, made and awaited over the API."""
    (image,) = api.get("api/v1/images").json()["results"]
    disk = {
        "apiVersion": "vm.cluster.gke.io/v1",
        "kind": "VirtualMachineDisk",
        "metadata": {"name": NAME, "namespace": "default"},
        "spec": {"source": {"image": {"name": image["name"], "namespace": image["namespace"]}}},
    }
    machine = {
        "apiVersion": "vm.cluster.gke.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": NAME, "namespace": "default"},
        "spec": {
            "compute": {"cpu": {"vcpus": 1}, "memory": {"capacity": "192Mi"}},
            "disks": [{"virtualMachineDiskName": NAME, "boot": True, "autoDelete": True}],
        },
    }
    for plural, body in (("virtualmachinedisks", disk), ("virtualmachines", machine)):
        made = api.post(f"apis/vm.cluster.gke.io/v1/namespaces/default/{plural}", json=body)
        assert made.status_code == 201, made.text
    wait_for(lambda: state(api) == "Running", seconds=180, why=lambda: shown(api))
    return NAME


def shown(api: httpx.Client) -> dict[str, Any]:
    return dict(api.get(f"apis/vm.cluster.gke.io/v1/namespaces/default/virtualmachines/{NAME}").json())


def state(api: httpx.Client) -> str:
    return str(shown(api).get("status", {}).get("state"))


def address(console: Console, word: str) -> str:
    return f"{console.url.replace('http', 'ws', 1)}{SUB}/virtualmachineinstances/{NAME}/{word}"


class Line:
    """What asyncvnc takes for a TCP connection: a websocket, as `virtctl vnc --proxy-only` joins the two."""

    def __init__(self, opened: ClientConnection) -> None:
        self.reader = asyncio.StreamReader()
        self.opened = opened
        self._left: asyncio.Queue[bytes] = asyncio.Queue()
        self._work = [asyncio.create_task(self._receive()), asyncio.create_task(self._send())]

    async def _receive(self) -> None:
        try:
            async for message in self.opened:
                assert isinstance(message, bytes)
                self.reader.feed_data(message)
        except ConnectionClosed:
            pass
        self.reader.feed_eof()

    async def _send(self) -> None:
        while True:
            await self.opened.send(await self._left.get())
            self._left.task_done()

    def write(self, data: bytes) -> None:
        self._left.put_nowait(bytes(data))

    async def drain(self) -> None:
        await self._left.join()

    def close(self) -> None:
        for task in self._work:
            task.cancel()

    async def wait_closed(self) -> None:
        await self.opened.close()


async def picture(console: Console, headers: dict[str, str]) -> Any:
    """The pixels, or None when the screen was another than at the start."""
    async with connect_async(
        address(console, "vnc"), additional_headers=headers, subprotocols=["plain.kubevirt.io"],  # type: ignore[list-item]
        compression=None, proxy=None, max_size=None,
    ) as opened:  # fmt: skip
        line = Line(opened)

        async def opener(_host: str, _port: int) -> tuple[asyncio.StreamReader, Line]:
            return line.reader, line

        async with asyncvnc.connect("", opener=opener) as client:
            client.keyboard.press("Shift_L")
            try:
                return await asyncio.wait_for(client.screenshot(), 15)
            except TimeoutError:  # the guest changed the size of its screen, which this client does not follow
                return None


def test_the_serial_console_asks_for_a_name_and_runs_a_command(console: Console, api: httpx.Client, guest: str) -> None:
    headers = {"Authorization": api.headers["Authorization"]}
    heard = b""
    with connect(address(console, "console"), additional_headers=headers, compression=None, proxy=None) as opened:

        def until(text: bytes, seconds: float = 240) -> None:
            nonlocal heard
            while text not in heard:
                message = opened.recv(timeout=seconds)
                assert isinstance(message, bytes)
                heard += message
            heard = heard.partition(text)[2]

        until(b"login: ")
        opened.send(b"demo\n")
        until(b"assword")
        opened.send(b"demo\n")
        until(b"demo@")
        opened.send(b"echo $((6*7))-is-it\n")
        until(b"42-is-it")
    with connect(address(console, "console"), additional_headers=headers, compression=None, proxy=None) as again:
        assert b"$" in again.recv(timeout=10)  # the prompt that waits


def test_a_vnc_client_sees_the_screen(console: Console, api: httpx.Client, guest: str) -> None:
    headers = {"Authorization": api.headers["Authorization"]}
    pixels = next(seen for _ in range(5) if (seen := asyncio.run(picture(console, headers))) is not None)
    assert pixels.shape[0] >= 350 and pixels.shape[1] >= 640
    assert pixels[:, :, :3].any(), "all black"


def test_a_screenshot(api: httpx.Client, guest: str) -> None:
    answer = api.get(f"{SUB}/virtualmachineinstances/{NAME}/vnc/screenshot")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.content.startswith(b"\x89PNG")


def test_verbs_and_what_they_close(console: Console, api: httpx.Client, guest: str) -> None:
    headers = {"Authorization": api.headers["Authorization"]}
    for word, reached in (("pause", "Paused"), ("unpause", "Running")):
        asked = api.put(f"{SUB}/virtualmachineinstances/{NAME}/{word}")
        assert asked.status_code == 202, asked.text
        wait_for(lambda reached=reached: state(api) == reached, seconds=30, why=lambda: shown(api))  # type: ignore[misc]
    instance = api.get(f"apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances/{NAME}").json()
    assert instance["status"]["phase"] == "Running"
    with connect(address(console, "console"), additional_headers=headers, compression=None, proxy=None) as opened:
        asked = api.put(f"{SUB}/virtualmachines/{NAME}/stop", json={"gracePeriod": 0})
        assert asked.status_code == 202, asked.text
        assert close_code(opened, seconds=60) == OFF
    wait_for(lambda: state(api) == "Stopped", seconds=30, why=lambda: shown(api))
    assert api.get(f"apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances/{NAME}").status_code == 404
