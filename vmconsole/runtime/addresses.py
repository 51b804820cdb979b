"""Where an import may connect to: the public internet, and what the administrator added.

An address given by a person is fetched from inside our network, so it must not be a way to look around there. The
name is resolved once, every answer is judged, and the connection goes to the judged address, not to the name again.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from typing import Final
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

VARIABLE: Final = "VMCONSOLE_IMPORT_ALLOW"
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_LONGEST_URL: Final = 2048


class ForbiddenAddress(Exception):
    """We do not connect there. The message is a sentence for people."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def allow_list(text: str | None = None) -> tuple[Network, ...]:
    """The networks in a comma-separated list; by default the administrator's."""
    given = os.environ.get(VARIABLE, "") if text is None else text
    return tuple(ipaddress.ip_network(item.strip(), strict=False) for item in given.split(",") if item.strip())


def check_url(url: str, allow: tuple[Network, ...]) -> None:
    """Judge what can be judged without asking anybody: scheme, shape, and an address written as one."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ForbiddenAddress(
            "The address cannot be read. It must look like https://host/path/image.qcow2."
        ) from error
    if parts.scheme not in ("http", "https"):
        raise ForbiddenAddress(
            "Images are fetched by http and https only. Offer the image by one of them, or upload it."
        )
    if not host or port == 0 or len(url) > _LONGEST_URL or not url.isprintable() or " " in url or not url.isascii():
        raise ForbiddenAddress("The address cannot be read. It must look like https://host/path/image.qcow2.")
    if parts.username is not None or parts.password is not None:
        raise ForbiddenAddress(
            "The address contains a user name or password, which would be stored in the open. Use a secret."
        )
    address = literal(host)
    if address is not None:
        check_address(address, allow)


def literal(host: str) -> Address | None:
    """The address that `host` is, also in the forms that C libraries take: 2130706433, 0x7f.1, 127.1."""
    try:
        return ipaddress.ip_address(host.split("%", 1)[0])
    except ValueError:
        pass
    if host and set(host.lower()) <= set("0123456789abcdefx."):
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            return None
    return None


def check_address(address: Address, allow: tuple[Network, ...]) -> None:
    inner = _inner(address)
    if any(inner in network for network in allow if network.version == inner.version):
        return
    if inner.is_global and not inner.is_multicast and not inner.is_reserved and not inner.is_unspecified:
        return
    raise ForbiddenAddress(
        "The address leads to this host or to an internal network, where images may not be fetched from. "
        f"An administrator can allow a network with {VARIABLE}."
    )


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 one only wraps."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)


def resolve(host: str, port: int, allow: tuple[Network, ...]) -> str:
    """The one address to connect to. A name with any forbidden answer is refused: it may be a trick of its owner."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    found = [str(answer[4][0]) for answer in answers]
    for text in found:
        check_address(ipaddress.ip_address(text.split("%", 1)[0]), allow)
    return found[0]
