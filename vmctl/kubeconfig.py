"""Where the console is and who we are: a context of the kubeconfig, shared with kubectl.

Reading follows kubectl: the files of $KUBECONFIG in order, the first to name a thing wins. Writing changes three
entries of one file and keeps everything else of it, comments included.
"""

from __future__ import annotations

import os
import secrets
from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vmctl.errors import Exit, Failed
from vmctl.words import _

NAME = "vmconsole"
LARGEST = 8 << 20


@dataclass(frozen=True)
class Context:
    """One entry, resolved: the server, the token and the certificates it is trusted by."""

    name: str
    server: str
    token: str = ""
    namespace: str = "default"
    authority: str = ""  # PEM

    def __repr__(self) -> str:
        return f"Context({self.name!r}, {self.server!r})"  # never the token: reprs end up in tracebacks


def files() -> list[Path]:
    told = [part for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return [Path(part).expanduser() for part in told] or [Path("~/.kube/config").expanduser()]


def read(name: str = "") -> Context:
    """The context called `name`, else `vmconsole`."""
    name = name or os.environ.get("VMCTL_CONTEXT", "") or NAME
    documents = [(path, _load(path)) for path in files()]
    context = _find(documents, "contexts", name, "context")
    if context is None:
        sentence = _("There is no context “%(name)s” in %(files)s.")
        places = ", ".join(map(str, files()))
        raise Failed(sentence % {"name": name, "files": places}, _("Sign in first: vmctl login URL."), Exit.SIGNED_OUT)
    cluster = _find(documents, "clusters", context[1].get("cluster"), "cluster")
    user = _find(documents, "users", context[1].get("user"), "user")
    server = str((cluster or context)[1].get("server") or "")
    if not server.startswith(("http://", "https://")):
        raise Failed(
            _("The context “%(name)s” has no server.") % {"name": name}, _("Sign in again: vmctl login URL."),
            Exit.SIGNED_OUT,
        )  # fmt: skip
    return Context(
        name,
        server.rstrip("/"),
        _token(*user) if user else "",
        str(context[1].get("namespace") or "default"),
        _authority(*cluster) if cluster else "",
    )


def names() -> list[str]:
    """Every context there is."""
    found = (entry.get("name") for path in files() for entry in _load(path).get("contexts") or [])
    return sorted({str(name) for name in found if name})


def _load(path: Path) -> dict[str, Any]:
    import yaml

    try:
        if path.stat().st_size > LARGEST:
            raise Failed(_("%(file)s is too large for a kubeconfig.") % {"file": path})
        found = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Failed(_("%(file)s cannot be read: %(why)s.") % {"file": path, "why": error.strerror}) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _not_yaml(path) from error
    if found is not None and not isinstance(found, dict):
        raise _not_yaml(path)
    return found or {}


def _not_yaml(path: Path) -> Failed:
    return Failed(
        _("%(file)s is not a kubeconfig.") % {"file": path},
        _("Repair it, or name another file in KUBECONFIG."),
    )


def _find(
    documents: list[tuple[Path, dict[str, Any]]], listing: str, name: object, key: str
) -> tuple[Path, dict[str, Any]] | None:
    for path, document in documents:
        for entry in document.get(listing) or []:
            if isinstance(entry, dict) and entry.get("name") == name and isinstance(entry.get(key), dict):
                return path, entry[key]
    return None


def _token(path: Path, user: dict[str, Any]) -> str:
    if user.get("tokenFile") and not user.get("token"):
        return text_of(path.parent / str(user["tokenFile"])).strip()
    return str(user.get("token") or "")


def _authority(path: Path, cluster: dict[str, Any]) -> str:
    data, file = cluster.get("certificate-authority-data"), cluster.get("certificate-authority")
    if data:
        try:
            return b64decode(str(data), validate=True).decode()
        except (BadBase64, ValueError) as error:
            raise _not_yaml(path) from error
    return text_of(path.parent / str(file)) if file else ""


def text_of(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(_("%(file)s cannot be read: %(why)s.") % {"file": path, "why": error}) from error


# --- writing ----------------------------------------------------------------------------------------------------
def write(context: Context) -> Path:
    """Merge the context into the file that has it already, else into the first one. The file it went to."""
    path = _target(context.name).resolve()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(path):
        _replace(path, _merged(path, context))
    return path


def _target(name: str) -> Path:
    known = [path for path in files() if any(_named(_load(path), "contexts", name))]
    return (known or files())[0]


def _named(document: dict[str, Any], listing: str, name: str) -> Iterator[dict[str, Any]]:
    return (one for one in document.get(listing) or [] if isinstance(one, dict) and one.get("name") == name)


def _merged(path: Path, context: Context) -> bytes:
    from io import BytesIO

    from ruamel.yaml import YAML

    _load(path)  # refuses what is not a kubeconfig
    round_trip = YAML()  # round trip: keeps comments, order and quotes
    round_trip.preserve_quotes = True
    round_trip.width = 1 << 16  # a folded certificate is a changed one
    document = (round_trip.load(path.read_text()) if path.exists() else None) or {"apiVersion": "v1", "kind": "Config"}
    cluster: dict[str, Any] = {"server": context.server}
    if context.authority:
        cluster["certificate-authority-data"] = b64encode(context.authority.encode()).decode()
    link = {"cluster": context.name, "user": context.name, "namespace": context.namespace}
    _set(document, "clusters", context.name, "cluster", cluster)
    _set(document, "users", context.name, "user", {"token": context.token})
    _set(document, "contexts", context.name, "context", link)
    if not document.get("current-context"):
        document["current-context"] = context.name  # nobody's choice is changed
    out = BytesIO()
    round_trip.dump(document, out)
    return out.getvalue()


def _set(document: dict[str, Any], listing: str, name: str, key: str, value: dict[str, Any]) -> None:
    if not isinstance(document.get(listing), list):
        document[listing] = []
    for entry in _named(document, listing, name):
        entry[key] = value
        return
    document[listing].append({"name": name, key: value})


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """kubectl's own lock: a file beside it that only one process can create."""
    lock = path.with_name(path.name + ".lock")
    try:
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError as error:
        sentence = _("Somebody else is writing %(file)s.") % {"file": path}
        fix = _("If nobody is, delete %(lock)s and repeat.") % {"lock": lock}
        raise Failed(sentence, fix, Exit.CONFLICT) from error
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            lock.unlink()


def _replace(path: Path, content: bytes) -> None:
    """Whole or not at all, and for its owner's eyes only: it has a token in it."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise Failed(_("%(file)s cannot be written: %(why)s.") % {"file": path, "why": error.strerror}) from error
