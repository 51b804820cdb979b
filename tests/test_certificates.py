"""The console's own certificate: kept while it is good, renewed under the same authority, and its keys nobody's."""

from __future__ import annotations

import os
import ssl
import stat
from pathlib import Path

import certificates
import pytest

NAMES = ["localhost", "127.0.0.1", "[::1]", "host.example"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    certificates.make(tmp_path, NAMES, os.getgid())
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def shake_hands(folder: Path, name: str) -> None:
    """A client that trusts the authority and nobody else, and a server with the certificate, without a network."""
    client, server = (
        ssl.create_default_context(cafile=folder / "tls-authority.crt"),
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
    )
    server.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    one, two = client.wrap_bio(down, up, server_hostname=name), server.wrap_bio(up, down, server_side=True)
    waiting = {one, two}
    while waiting:
        for side in list(waiting):
            try:
                side.do_handshake()
                waiting.remove(side)
            except ssl.SSLWantReadError:
                continue


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "host.example"])
def test_clients_trust_it_under_every_name(folder: Path, name: str) -> None:
    shake_hands(folder, name)


def test_a_stranger_is_not_trusted(folder: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(folder, "elsewhere.example")


def test_what_is_good_stays(folder: Path) -> None:
    before = contents(folder)
    certificates.make(folder, NAMES, os.getgid())
    assert contents(folder) == before


def test_new_names_need_no_new_trust(folder: Path) -> None:
    before = contents(folder)
    certificates.make(folder, [*NAMES, "new.example"], os.getgid())
    shake_hands(folder, "new.example")
    assert contents(folder)["tls-authority.crt"] == before["tls-authority.crt"]


def test_the_authoritys_key_is_roots(folder: Path) -> None:
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    assert modes == {"tls-authority.pem": 0o600, "tls-authority.crt": 0o640, "tls.crt": 0o640, "tls.key": 0o640}
    assert b"PRIVATE KEY" not in (folder / "tls-authority.crt").read_bytes()
