"""A machine's screen for any VNC viewer: a port of this computer, passed on through the API.

Only 127.0.0.1 listens, and each viewer gets a websocket of its own. VNC has no password here; the port is open to
everybody on this computer for as long as the command runs.
"""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from vmctl.errors import Failed
from vmctl.words import _

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

PIECE = 1 << 16
HOST = "127.0.0.1"
VIEWERS = {
    "remote-viewer": "vnc://{host}:{port}",
    "vncviewer": "{host}::{port}",
    "xtightvncviewer": "{host}::{port}",
    "gvncviewer": "{host}::{port}",
    "vinagre": "vnc://{host}:{port}",
}


def listen(port: int = 0) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        sentence = _("Port %(port)s of this computer cannot be had: %(why)s.") % {"port": port, "why": error.strerror}
        raise Failed(sentence, _("Leave --port out, and a free one is taken.")) from error
    listener.listen(8)
    return listener


def serve(listener: socket.socket, connect: Callable[[], ClientConnection], tell: Callable[[str], None]) -> None:
    """Take viewers until the listener is closed."""
    while True:
        try:
            viewer, _address = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve_one, args=(viewer, connect, tell), daemon=True).start()


def _serve_one(viewer: socket.socket, connect: Callable[[], ClientConnection], tell: Callable[[str], None]) -> None:
    with viewer:
        viewer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            connection = connect()
        except Failed as failed:
            tell(str(failed))
            return
        with connection:
            pipe(viewer, connection)


def pipe(viewer: socket.socket, connection: ClientConnection) -> None:
    """Bytes both ways until one side ends."""
    from websockets.exceptions import ConnectionClosed

    def to_viewer() -> None:
        with suppress(ConnectionClosed, OSError):
            for message in connection:
                if isinstance(message, bytes):
                    viewer.sendall(message)
        with suppress(OSError):
            viewer.shutdown(socket.SHUT_RDWR)

    back = threading.Thread(target=to_viewer, daemon=True)
    back.start()
    with suppress(ConnectionClosed, OSError):
        while data := viewer.recv(PIECE):
            connection.send(data)
    connection.close()
    back.join(5)


def viewer_command(port: int) -> list[str]:
    """How to start a viewer of this computer; [] when it has none."""
    for program, address in VIEWERS.items():
        if path := shutil.which(program):
            return [path, address.format(host=HOST, port=port)]
    return []
