"""What runs: the configuration of supervisord and of the two servers that are not ours, and a way to talk to it.

supervisord runs as root, because one of its children (libvirtd) must; each other child is started as its own user with
umask 007. Its socket lies where only root gets.
"""

from __future__ import annotations

import http.client
import os
import socket
import xmlrpc.client
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from host_setup import WEB, WORKER
from instance import Instance

SUPERVISORD = """\
[supervisord]
nodaemon = true
user = root
umask = 007
logfile = {state}/log/supervisord.log
logfile_maxbytes = 5MB
logfile_backups = 2
pidfile = {state}/supervisor/supervisord.pid
childlogdir = {state}/log
identifier = vmconsole

[unix_http_server]
file = {state}/supervisor/supervisor.sock
chmod = 0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""

PROGRAM = """
[program:{name}]
command = {command}
directory = {directory}
user = {user}
umask = 007
priority = {priority}
autostart = {autostart}
autorestart = true
startsecs = {startsecs}
startretries = 1000
stopwaitsecs = {stopwaitsecs}
stopasgroup = {stopasgroup}
killasgroup = {stopasgroup}
redirect_stderr = true
stdout_logfile = {state}/log/{name}.log
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 3
"""

REDIS = """\
port 0
unixsocket {state}/redis/redis.sock
unixsocketperm 770
dir {state}/redis
save ""
appendonly no
maxmemory 64mb
maxmemory-policy noeviction
"""

# Every 15 s for 15 days: about 1 GB for 100 machines.
PROMETHEUS = """\
global:
  scrape_interval: 15s
scrape_configs:
  - job_name: vmconsole
    scheme: http
    metrics_path: /metrics
    authorization:
      credentials_file: {state}/etc/metrics.token
    static_configs:
      - targets: ["{target}"]
"""


@dataclass(frozen=True)
class Program:
    name: str
    command: str
    user: str
    needs_database: bool = False
    stopwaitsecs: int = 15
    stopasgroup: bool = True
    options: dict[str, str] = field(default_factory=dict)


def quoted(*words: object) -> str:
    """A command line as supervisord reads it: a percent sign begins a variable there."""
    return " ".join(f'"{word}"' if " " in str(word) else str(word) for word in words).replace("%", "%%")


def programs(instance: Instance) -> list[Program]:
    state, python = instance.state, instance.app_python
    found = []
    if instance.libvirt_is_private:
        # Not as a group: guests and dnsmasq are its descendants and live on.
        script = instance.app / "scripts/lib/private_libvirt.py"
        netns = os.environ.get("VMCONSOLE_NETNS")
        words = ["/usr/bin/python3", script, state, *(["--netns", netns] if netns else [])]
        found.append(Program("libvirt", quoted(*words), "root", stopwaitsecs=30, stopasgroup=False))
    if not os.environ.get("VMCONSOLE_BROKER_URL"):
        found.append(Program("redis", quoted("redis-server", state / "redis/redis.conf"), WORKER))
    if not os.environ.get("VMCONSOLE_PROMETHEUS_URL"):
        found.append(Program("prometheus", prometheus(instance), WORKER))
    found.append(Program("web", web(instance), WEB, needs_database=True))
    worker = ("worker", "-c", "2", "--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING")
    # Not as a group either: imports are sessions of their own and survive the worker.
    celery = quoted(python, "-m", "celery", "-q", "-A", "vmconsole.celery", *worker)
    found.append(Program("worker", celery, WORKER, needs_database=True, stopwaitsecs=60, stopasgroup=False))
    control = quoted(python, instance.app / "manage.py", "controller")
    found.append(Program("controller", control, WORKER, needs_database=True))
    return found


def prometheus(instance: Instance) -> str:
    state = instance.state
    return quoted(
        "prometheus",
        f"--config.file={state}/etc/prometheus.yml",
        f"--storage.tsdb.path={state}/prometheus",
        f"--storage.tsdb.retention.time={os.environ.get('VMCONSOLE_RETENTION', '400d')}",
        "--storage.tsdb.retention.size=5GB",
        f"--web.listen-address=127.0.0.1:{instance.prometheus_port}",
        "--log.level=warn",
    )


def web(instance: Instance) -> str:
    words: list[object] = [instance.app_python, "-m", "vmconsole.gateway.serve"]
    words += ["--host", instance.host, "--port", instance.port]
    if instance.api_port:
        keys = instance.state / "etc"
        words += ["--tls-port", instance.api_port, "--tls-certificate", keys / "tls.crt", "--tls-key", keys / "tls.key"]
    proxies = os.environ.get("VMCONSOLE_PROXIES")  # who may say for whom it speaks; nobody by default
    words += ["--trusted-proxies", proxies] if proxies else []
    return quoted(*words)


def configuration_file(instance: Instance) -> Path:
    return instance.state / "supervisor/supervisord.conf"


def write_configuration(instance: Instance) -> None:
    state = instance.state
    text = SUPERVISORD.format(state=state)
    for priority, program in enumerate(programs(instance), start=1):
        text += PROGRAM.format(
            name=program.name,
            command=program.command,
            directory=instance.app,
            user=program.user,
            priority=priority,
            autostart=str(not program.needs_database).lower(),
            startsecs=1,
            stopwaitsecs=program.stopwaitsecs,
            stopasgroup=str(program.stopasgroup).lower(),
            state=state,
        )
    configuration_file(instance).write_text(text)
    (state / "redis/redis.conf").write_text(REDIS.format(state=state))
    target = f"{instance.own_host}:{instance.port}"
    (state / "etc/prometheus.yml").write_text(PROMETHEUS.format(state=state, target=target))
    for served in (state / "redis/redis.conf", state / "etc/prometheus.yml"):
        served.chmod(0o644)  # their folders are closed to others; no secret is in them


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=70)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        return _Connection(self.path)


class Supervisor:
    """supervisord of one state directory, over its socket. Raises OSError when it does not run."""

    def __init__(self, state: Path) -> None:
        transport = _Transport(str(state / "supervisor/supervisor.sock"))
        self.call: Any = xmlrpc.client.ServerProxy("http://localhost", transport=transport).supervisor

    def is_running(self) -> bool:
        try:
            return bool(self.call.getState()["statecode"] == 1)
        except (OSError, http.client.HTTPException):
            return False

    def states(self) -> list[dict[str, Any]]:
        return list(self.call.getAllProcessInfo())

    def start(self, name: str) -> None:
        self.call.startProcess(name, False)

    def stop(self, name: str) -> None:
        self.call.stopProcess(name, True)

    def shutdown(self) -> None:
        self.call.shutdown()
