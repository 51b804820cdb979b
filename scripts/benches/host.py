"""A whole console with real guests: what it adds to a boot and a start, how soon it tells, what it costs when idle.

Held against QEMU started by hand with the same machine, in the same run.
"""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from scripts.benches._processes import ROOT, family
from scripts.benches.results import Figure, show

MIB = 1 << 20
BOOTS = 7
STARTS = 10
CHANGES = 20
IDLE_GUESTS = 10
IDLE_SECONDS = 60.0
DEMO = {"source": "image", "boot_size": "512Mi", "memory": "192Mi", "vcpus": "1", "boot_auto_delete": "on"}


def bench(json_file: Annotated[Path | None, typer.Option("--json")] = None) -> None:
    sys.path.insert(0, str(ROOT / "scripts" / "lib"))
    from tests.running import running_console
    from tests.visitors import come_in

    with running_console() as console:
        admin = come_in(console.url, "admin", console.admin_password)
        figures = [*boots(console, admin), *starts(console, admin), news(console, admin), *idle(console, admin)]
    raise typer.Exit(0 if show("One host", figures, json_file) else 1)


def boots(console: Any, admin: Any) -> list[Figure]:
    """From the click on create to the login prompt, against the same QEMU command line on a copy of the same image."""
    image = next((console.state / "images").glob("*.qcow2"))
    ours, bare = [], []
    for number in range(BOOTS):
        took, command = created(console, admin, f"boot-{number}")
        ours.append(took)
        bare.append(by_hand(command, image))
    ratio = statistics.median(ours) / statistics.median(bare)
    detail = f"ours {statistics.median(ours):.2f} s, by hand {statistics.median(bare):.2f} s, {BOOTS} each"
    return [Figure("create to login ÷ QEMU by hand", ratio, "×", limit=1.10, detail=detail)]


def created(console: Any, admin: Any, name: str) -> tuple[float, list[str]]:
    """Seconds to the login prompt, and libvirt's QEMU command line for the machine."""
    image = spelled(console.rows("SELECT uid FROM storage_image WHERE name = 'demo'")[0][0])
    begun = time.perf_counter()
    answer = admin.create(name, **DEMO, image=image)
    assert answer.status_code == 302, answer.text[:2000]
    uid = spelled(console.rows("SELECT uid FROM inventory_virtualmachine WHERE name = ?", name)[0][0])
    log = console.state / "serial" / f"{uid}.log"
    until(lambda: log.exists() and b"login:" in log.read_bytes())
    took = time.perf_counter() - begun
    command = console.virsh("domxml-to-native", "qemu-argv", "--domain", f"default_{name}")
    admin.power(name, "force-stop")
    admin.wait_for_state(name, "Stopped")
    admin.remove(name)
    return took, shlex.split(command)


def spelled(uid: str) -> str:
    """As the pages write it; SQLite keeps uids without dashes."""
    return str(UUID(uid))


def by_hand(command: list[str], image: Path) -> float:
    """The same machine as somebody with a shell has it: a copy of the image, and libvirt's own command line."""
    with tempfile.TemporaryDirectory() as folder:
        disk, log = Path(folder) / "disk.qcow2", Path(folder) / "serial.log"
        own = moved(command, Path(folder), disk, log)
        begun = time.perf_counter()
        shutil.copyfile(image, disk)
        subprocess.run(["qemu-img", "resize", "-q", "-f", "qcow2", disk, "512M"], check=True)
        qemu = subprocess.Popen(own, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until(lambda: log.exists() and b"login:" in log.read_bytes())
            return time.perf_counter() - begun
        finally:
            qemu.kill()
            qemu.wait()


def moved(command: list[str], folder: Path, disk: Path, log: Path) -> list[str]:
    """A domain's command line with files and sockets of its own, and without what only libvirt can talk to."""
    begin = next(place for place, word in enumerate(command) if word.endswith("qemu-system-x86_64"))
    own = [command[begin]]
    for option, value in pairs(command[begin + 1 :]):
        if option in ("-S", "-mon") or "masterKey0" in value or "id=charmonitor" in value:
            continue
        own += [option, here(value, folder, disk, log)] if value else [option]
    return own


def here(value: str, folder: Path, disk: Path, log: Path) -> str:
    value = re.sub(r"logfile=[^,]+", f"logfile={log}", value)
    value = re.sub(r"(path=|vnc=unix:)[^,]+/([^,/]+)", rf"\g<1>{folder}/\g<2>", value)
    return re.sub(r'"filename":"[^"]+\.qcow2"', f'"filename":"{disk}"', value)


def pairs(words: list[str]) -> Iterator[tuple[str, str]]:
    """Options with their values; "" for an option that has none."""
    place = 0
    while place < len(words):
        value = words[place + 1] if place + 1 < len(words) and not words[place + 1].startswith("-") else ""
        yield words[place], value
        place += 2 if value else 1


def until(true: Callable[[], bool], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise RuntimeError("what should be measured did not happen")
        time.sleep(0.005)


def starts(console: Any, admin: Any) -> list[Figure]:
    """From the click on start to the QEMU process, less what `virsh start` alone needs for the same machine."""
    admin.create("starter")
    admin.wait_for_state("starter", "Running")
    ours, bare = [], []
    terminal = ThreadPoolExecutor(1)  # virsh says so only when libvirt is done; the process is there before

    def running() -> bool:
        return bool(console.guest("default_starter") > 0)

    for _round in range(STARTS):
        stop(console, admin)
        ours.append(timed(lambda: admin.power("starter", "start"), running))
        admin.wait_for_state("starter", "Running")
        stop(console, admin)
        bare.append(timed(lambda: terminal.submit(console.virsh, "start", "default_starter"), running))
        admin.wait_for_state("starter", "Running")
    stop(console, admin)
    admin.remove("starter")
    share = statistics.median(ours) - statistics.median(bare)
    detail = f"click to process {statistics.median(ours):.2f} s, virsh start {statistics.median(bare):.2f} s"
    return [Figure("our share of a start", share, "s", limit=0.5, detail=detail)]


def stop(console: Any, admin: Any) -> None:
    admin.power("starter", "force-stop")
    admin.wait_for_state("starter", "Stopped")
    until(lambda: console.guest("default_starter") == 0)


def timed(do: Callable[[], object], done: Callable[[], bool]) -> float:
    begun = time.perf_counter()
    do()
    until(done)
    return time.perf_counter() - begun


def news(console: Any, admin: Any) -> Figure:
    """From `virsh suspend` to the row that a page gets after its hint."""
    admin.create("teller")
    admin.wait_for_state("teller", "Running")
    uid = spelled(console.rows("SELECT uid FROM inventory_virtualmachine WHERE name = 'teller'")[0][0])
    took = asyncio.run(told(console, admin, uid))
    admin.remove("teller")
    detail = f"{CHANGES} changes, slowest {max(took):.2f} s"
    return Figure("virsh to page, median", statistics.median(took), "s", limit=1.0, detail=detail)


async def told(console: Any, admin: Any, uid: str) -> list[float]:
    import websockets

    cookies = "; ".join(f"{name}={value}" for name, value in admin.http.cookies.items())
    headers = {"Cookie": cookies, "Origin": console.url.rstrip("/")}
    took = []
    async with websockets.connect(console.url.replace("http", "ws") + "feed", additional_headers=headers) as feed:
        await feed.send(json.dumps({"subscribe": ["VirtualMachine"]}))
        for number in range(CHANGES):
            verb, word = (("suspend", "Paused"), ("resume", "Running"))[number % 2]
            begun = time.perf_counter()
            await asyncio.to_thread(console.virsh, verb, "default_teller")
            while True:
                hint = json.loads(await asyncio.wait_for(feed.recv(), 30))
                if hint.get("uid") != uid:
                    continue
                row = await asyncio.to_thread(admin.get, f"vms/rows/{uid}")
                if word in row.text:
                    break
            took.append(time.perf_counter() - begun)
    return took


def idle(console: Any, admin: Any) -> list[Figure]:
    """CPU and memory of every process of ours with ten guests that do nothing, and nobody looking."""
    names = [f"idle-{number}" for number in range(IDLE_GUESTS)]
    for name in names:
        admin.create(name)
    for name in names:
        admin.wait_for_state(name, "Running")
    ours = processes(console)
    before, begun = cpu(ours), time.perf_counter()
    time.sleep(IDLE_SECONDS)
    share = 100 * (cpu(ours) - before) / (time.perf_counter() - begun)
    memory = {name: pss(pids) / MIB for name, pids in ours.items()}
    admin.remove(*names)
    parts = ", ".join(f"{name} {size:.0f}" for name, size in sorted(memory.items(), key=lambda part: -part[1]))
    return [
        Figure("idle CPU with 10 guests", share, "% of a core", limit=5, detail=f"over {IDLE_SECONDS:.0f} s"),
        Figure("memory of our processes", sum(memory.values()), "MiB", limit=600, detail=f"PSS: {parts}"),
    ]


def processes(console: Any) -> dict[str, list[int]]:
    """Ours by name, with their children; guests are not ours."""
    from processes import Supervisor

    guests = set(console.guests())
    found = {"supervisor": [int((console.state / "supervisor/supervisord.pid").read_text())]}
    for process in Supervisor(console.state).states():
        found[process["name"]] = [pid for pid in family(int(process["pid"])) if pid not in guests]
    return found


def cpu(ours: dict[str, list[int]]) -> float:
    total = 0
    for pid in {pid for pids in ours.values() for pid in pids}:
        for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            total += int(task.read_text().split()[0])
    return total / 1e9


def pss(pids: list[int]) -> int:
    """Proportional set size: shared pages are divided among those that share them."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total
