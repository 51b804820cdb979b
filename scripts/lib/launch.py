"""Bring the processes of one instance up in order, watch them, and take them down again.

The checkout may lie anywhere, below a closed home folder too. So the processes live in a mount namespace in which it
appears, read-only, as STATE/app: service users can read it there, and cannot change the program they run.
"""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import FrameType

import guests
import host_setup
import kvm_probe
import libvirt_check
import linux
from instance import ROOT, Instance, Trouble, is_free, make_certificate, make_database, make_keys
from processes import Supervisor, configuration_file, programs, write_configuration
from rich.console import Console

PATIENCE = 90.0
DEMO_CACHE = ROOT / ".cache/guest"


def make_ready(instance: Instance, out: Console) -> Path | None:
    """All that the processes need but the database. Returns the demo image. Ends in a mount namespace of our own."""
    if not (ROOT / "manage.py").stat().st_mode & 0o004:
        raise Trouble(f"Service users cannot read this checkout. Run: chmod -R go+rX {ROOT}")
    with out.status("Users and folders ..."):
        host_setup.prepare(instance.state)
        instance.choose_prometheus_port()
        instance.choose_api_port()
        make_keys(instance.state)
        make_certificate(instance)
        make_database(instance.state)
    with out.status("Trying the hypervisor ..."):
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        kvm_probe.verdict(instance.state)
    with out.status("Demo image ..."):
        image = demo_image(out)
    linux.own_mounts()
    linux.bind(ROOT, instance.app, read_only=True)
    write_configuration(instance)
    return image


def start(instance: Instance, out: Console) -> str:
    """Everything up and answering. Returns the one-time password when one was just made."""
    if not is_free(instance.host, instance.port):
        raise Trouble(
            f"Something else listens at {instance.host}:{instance.port}. "
            f"Choose another address: VMCONSOLE_LISTEN=127.0.0.1:{instance.port + 1} scripts/up"
        )
    image = make_ready(instance, out)
    started_at = time.monotonic()
    supervisord, password = launch_supervisord(instance), ""
    try:
        with out.status("Database ..."):
            password = first_steps(instance, image)
        with out.status("Processes ..."):
            supervisor = Supervisor(instance.state)
            for program in programs(instance):
                if program.needs_database:
                    supervisor.start(program.name)
            wait_until_it_answers(instance, supervisord)
    except BaseException:
        if password:  # the next start cannot show it again
            out.print(f"For when it runs: sign in as admin with the password {password}", soft_wrap=True)
        supervisord.terminate()
        supervisord.wait(PATIENCE)
        raise
    out.print(f"Everything runs after {time.monotonic() - started_at:.1f} s.")
    return password


def demo_image(out: Console) -> Path | None:
    """Built once. Without it the console runs all the same, so a failure is a sentence."""
    built = subprocess.run(
        [sys.executable, ROOT / "scripts/lib/guest/build.py", DEMO_CACHE], capture_output=True, text=True, check=False
    )
    if built.returncode:
        said = (built.stderr.strip().splitlines() or ["?"])[-1]
        out.print(f"[yellow]There is no demo image: {said}[/yellow]", soft_wrap=True)
        return None
    return Path(built.stdout.split()[-1])


def environment(instance: Instance) -> dict[str, str]:
    return {**os.environ, **instance.environment()}


def launch_supervisord(instance: Instance) -> subprocess.Popen[bytes]:
    (instance.state / "supervisor/address").write_text(instance.url)
    with (instance.state / "log/supervisord.out").open("ab") as log:
        # Out of our session: Ctrl-C is for us, and we stop it in order.
        process = subprocess.Popen(
            [instance.app_python, "-m", "supervisor.supervisord", "-c", configuration_file(instance)],
            env=environment(instance),
            cwd=instance.app,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    supervisor = Supervisor(instance.state)
    end = time.monotonic() + PATIENCE
    while not supervisor.is_running():
        if process.poll() is not None or time.monotonic() > end:
            raise Trouble(f"supervisord did not start: see {instance.state}/log/supervisord.out")
        time.sleep(0.05)
    return process


def first_steps(instance: Instance, image: Path | None) -> str:
    user = pwd.getpwnam(host_setup.WORKER)
    seen = [str(instance.app / image.relative_to(ROOT))] if image else []
    done = subprocess.run(
        [instance.app_python, instance.app / "scripts/lib/first_steps.py", *seen],
        env=environment(instance),
        cwd=instance.app,
        user=user.pw_uid,
        group=user.pw_gid,
        extra_groups=os.getgrouplist(host_setup.WORKER, user.pw_gid),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Trouble(f"The database could not be made ready.\n{done.stderr.strip()[-2000:]}")
    return done.stdout.strip()


def wait_until_it_answers(instance: Instance, supervisord: subprocess.Popen[bytes]) -> None:
    supervisor = Supervisor(instance.state)
    end = time.monotonic() + PATIENCE
    silent = "libvirt does not answer" if instance.libvirt_is_private else ""
    while True:
        silent = silent and libvirt_check.trouble(instance)
        lame = [process["name"] for process in supervisor.states() if process["statename"] != "RUNNING"]
        if not lame and not silent and answers(instance):
            return
        if supervisord.poll() is not None or time.monotonic() > end:
            if silent:
                raise Trouble(f"Nothing was left running: {silent}. More in {instance.state}/libvirt/log.")
            names = ", ".join(lame) or "web"
            raise Trouble(f"Not running after {PATIENCE:.0f} s: {names}. See scripts/up logs, in {instance.state}/log.")
        time.sleep(0.1)


def answers(instance: Instance) -> bool:
    try:
        with urllib.request.urlopen(f"{instance.url}healthz", timeout=2) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def stay(instance: Instance, out: Console) -> None:
    """Tell what changes until somebody wants an end."""
    asked: list[int] = []

    def ask(number: int, _frame: FrameType | None) -> None:
        asked.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ask)
    out.print("Ctrl-C stops the console; guests go on running.")
    supervisor, known = Supervisor(instance.state), dict[str, str]()
    while not asked:
        if not supervisor.is_running():
            out.print("The console was stopped.")
            return
        for process in supervisor.states():
            name, state = process["name"], process["statename"]
            if known.get(name, "RUNNING") != state:
                out.print(f"{time.strftime('%H:%M:%S')} {name}: {state.lower()} {process['spawnerr']}".rstrip())
            known[name] = state
        signal.sigtimedwait([], 2)  # sleeps; a signal ends it
    stop(instance, out)


def stop(instance: Instance, out: Console) -> None:
    supervisor = Supervisor(instance.state)
    with out.status("Stopping ..."):
        supervisor.shutdown()
        end = time.monotonic() + PATIENCE
        while (instance.state / "supervisor/supervisord.pid").exists() and time.monotonic() < end:
            time.sleep(0.1)
    left = guests.count(instance)
    out.print("Stopped." + (f" {left} guests go on running; scripts/up finds them again." if left else ""))


def acceleration(instance: Instance) -> tuple[str, str]:
    try:
        verdict = json.loads((instance.state / "run/accelerator.json").read_text())
    except (OSError, ValueError):
        return "unknown", ""
    return verdict["accelerator"], verdict["why"]


def address(instance: Instance) -> str:
    """Where the running one listens: it may have been started with other variables than we see now."""
    try:
        return (instance.state / "supervisor/address").read_text()
    except OSError:
        return instance.url
