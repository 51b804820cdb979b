"""Reaching a guest's socket without being led elsewhere.

A guest that breaks out of QEMU owns its console socket and may put a symbolic link in its place, to make us write
into another daemon. So names are uids, the path is opened without following links and held while connecting, and the
kernel is asked who listens before the first byte passes.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import socket
import stat
import struct
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from vmconsole.gateway.pipe import Guest
from vmconsole.gateway.wire import FAILED, OFF, Refusal

PATIENCE = 5.0  # seconds; a stopped QEMU accepts late
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


async def connect_unix(path: Path) -> Guest:
    """A connection to the process that listens at `path`. Raises Refusal when there is none, or it is not QEMU."""
    try:
        held = _hold(path)
    except OSError as error:
        raise Refusal(OFF, "The machine is off, or it has no such console.") from error
    loop = asyncio.get_running_loop()
    try:
        if not stat.S_ISSOCK(os.fstat(held).st_mode):
            raise Refusal(FAILED, "What stands in the place of the machine's console is not a socket.")
        async with asyncio.timeout(PATIENCE):
            transport, guest = await loop.create_unix_connection(Guest, f"/proc/self/fd/{held}")
    except (OSError, TimeoutError) as error:
        raise Refusal(OFF, "The machine's console does not answer.") from error
    finally:
        os.close(held)
    if _listener(transport.get_extra_info("socket")) not in trusted_uids():
        guest.close()
        raise Refusal(FAILED, "Something else than the machine listens at its console.")
    return guest


async def connect_local_port(port: int) -> Guest:
    """A VNC server of a machine made outside. Only ever on this host itself."""
    try:
        async with asyncio.timeout(PATIENCE):
            _, guest = await asyncio.get_running_loop().create_connection(Guest, "127.0.0.1", port)
    except (OSError, TimeoutError) as error:
        raise Refusal(OFF, "The machine's screen does not answer.") from error
    return guest


def _hold(path: Path) -> int:
    """A handle on exactly this file, which cannot be swapped any more."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return os.open(path.name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    finally:
        os.close(folder)


def _listener(connection: socket.socket) -> int:
    """The user who called listen()."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(raw)[1])


@lru_cache(1)
def trusted_uids() -> frozenset[int]:
    """Our own user, for a console that runs everything under one, and those of the settings that exist here."""
    uids = {os.geteuid()}
    for name in settings.CONSOLE_PEERS:
        try:
            uids.add(pwd.getpwnam(name).pw_uid)
        except KeyError:
            continue
    return frozenset(uids)
