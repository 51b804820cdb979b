"""One running console: its state directory, its address, its keys, and what its processes are told.

Everything comes from VMCONSOLE_* variables, as in vmconsole/settings.py; nothing here is stored but keys and the port
that Prometheus got, so the same variables always mean the same console.
"""

from __future__ import annotations

import base64
import grp
import os
import pwd
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

import certificates
import host_setup

ROOT = Path(__file__).resolve().parent.parent.parent
LONGEST_STATE = 107 - len("/console/") - 36 - len(".serial")  # a socket's path has at most 107 characters


class Trouble(Exception):
    """A sentence for the person at the keyboard, with what to do."""


@dataclass(frozen=True)
class Instance:
    state: Path
    host: str
    port: int
    python: Path

    @property
    def app(self) -> Path:
        """The checkout as the service users see it, wherever it really lies."""
        return self.state / "app"

    @property
    def app_python(self) -> Path:
        return self.app / self.python.relative_to(ROOT)

    @property
    def runs_libvirt(self) -> bool:
        return os.environ.get("VMCONSOLE_RUNTIME", "libvirt") == "libvirt"

    @property
    def libvirt_is_private(self) -> bool:
        return self.runs_libvirt and not os.environ.get("VMCONSOLE_LIBVIRT_URI")

    @property
    def libvirt_uri(self) -> str:
        ours = f"qemu+unix:///system?socket={self.state}/libvirt/run/libvirt-sock"
        return os.environ.get("VMCONSOLE_LIBVIRT_URI") or ours

    @property
    def own_host(self) -> str:
        """The address under which this host reaches the web process."""
        return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)

    @property
    def url(self) -> str:
        return f"http://{self.own_host}:{self.port}/"

    @property
    def api_port(self) -> int:
        """Where the web process speaks https to programs; 0 when it does not. Kept: kubeconfigs name it."""
        file = self.state / "supervisor/api.port"
        return int(file.read_text()) if file.exists() else 0

    def choose_api_port(self) -> None:
        told = os.environ.get("VMCONSOLE_API_PORT", "")
        if told and not (told.isdigit() and int(told) < 65536):
            raise Trouble(f"VMCONSOLE_API_PORT={told} is not a port, as 8443, or 0 for none.")
        usual = self.port + 363  # 8443 beside 8080
        wanted = int(told) if told else self.api_port or (usual if usual < 65536 else free_port())
        if wanted and not is_free(self.host, wanted):
            if told:
                raise Trouble(f"Something else listens at port {told}. Choose another VMCONSOLE_API_PORT.")
            wanted = free_port()
        (self.state / "supervisor/api.port").write_text(str(wanted))

    def environment(self) -> dict[str, str]:
        """What every process is told beside what we were told. No secrets: those lie in files."""
        told = {
            "VMCONSOLE_STATE": str(self.state),
            "DJANGO_SETTINGS_MODULE": "vmconsole.settings",
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": str(self.app),
            "HOME": "/nonexistent",
            "VMCONSOLE_API_PORT": str(self.api_port),
            "VMCONSOLE_PROMETHEUS_URL": os.environ.get("VMCONSOLE_PROMETHEUS_URL") or self.prometheus_url,
        }
        if "VMCONSOLE_HOSTS" not in os.environ and self.host not in ("127.0.0.1", "::1", "localhost"):
            told["VMCONSOLE_HOSTS"] = ",".join(own_names())
        return told

    @property
    def prometheus_url(self) -> str:
        return f"http://127.0.0.1:{self.prometheus_port}"

    @property
    def prometheus_port(self) -> int:
        """Chosen once; a free one is taken when somebody else got it in the meantime."""
        return int((self.state / "supervisor/prometheus.port").read_text())

    def choose_prometheus_port(self) -> None:
        file = self.state / "supervisor/prometheus.port"
        if not file.exists() or not is_free("127.0.0.1", self.prometheus_port):
            file.write_text(str(free_port()))


def from_environment(python: Path) -> Instance:
    state = Path(os.environ.get("VMCONSOLE_STATE") or "/var/lib/vmconsole").absolute()
    if len(os.fsencode(state)) > LONGEST_STATE:
        raise Trouble(f"The path {state} is too long for sockets: VMCONSOLE_STATE may have {LONGEST_STATE} characters.")
    listen = os.environ.get("VMCONSOLE_LISTEN") or "127.0.0.1:8080"
    host, _, port = listen.rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise Trouble(f"VMCONSOLE_LISTEN={listen} is not ADDRESS:PORT, as in 127.0.0.1:8080.")
    return Instance(state, host.strip("[]") or "0.0.0.0", int(port), python)


def own_names() -> list[str]:
    """Names a browser may use for this host when it listens to the network."""
    names = ["localhost", "127.0.0.1", "[::1]", socket.gethostname(), socket.getfqdn()]
    for family, *_, address in socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_STREAM):
        names.append(f"[{address[0]}]" if family == socket.AF_INET6 else str(address[0]))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; tells which address faces the network
            names.append(probe.getsockname()[0])
        except OSError:
            pass
    return sorted(set(names))


def is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_once(file: Path, text: str, *, group: str) -> None:
    """A secret that is made once. Created with its final mode: nobody sees it in between."""
    if file.exists():
        return
    draft = file.with_suffix(".new")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o640)
    with os.fdopen(fd, "w") as out:
        os.fchown(fd, 0, grp.getgrnam(group).gr_gid)
        os.fchmod(fd, 0o640)
        out.write(text + "\n")
    draft.replace(file)


def make_keys(state: Path) -> None:
    for name, value in (
        ("secret.key", secrets.token_urlsafe(48)),
        ("fernet.key", base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()),
        ("metrics.token", secrets.token_urlsafe(32)),
    ):
        write_once(state / "etc" / name, value, group=host_setup.WORKER)


def make_certificate(instance: Instance) -> None:
    """For the names under which this host may be called."""
    names = {"localhost", "127.0.0.1", "::1", instance.own_host, *own_names()}
    certificates.make(instance.state / "etc", names, grp.getgrnam(host_setup.WORKER).gr_gid)


def make_database(state: Path) -> None:
    """SQLite would make its file readable for the group only; web and worker both write it."""
    file = state / "db/vmconsole.sqlite3"
    if not file.exists():
        owner = pwd.getpwnam(host_setup.WORKER)
        fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o660)
        os.fchown(fd, owner.pw_uid, owner.pw_gid)
        os.fchmod(fd, 0o660)
        os.close(fd)
