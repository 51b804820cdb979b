"""The guests of one instance, when the console is stopped or about to be: how many run, and shutting them down."""

from __future__ import annotations

import time
from typing import Any

import libvirt
import private_libvirt
from instance import Instance, Trouble
from rich.console import Console

OURS = "https://vmconsole.dev/libvirt/1"


def count(instance: Instance) -> int:
    """By pid files, so that it can be told when libvirtd is down too."""
    return len(private_libvirt.running_guests(instance.state / "libvirt/run"))


def is_ours(domain: Any, *, private: bool) -> bool:
    """On the host's libvirt only what bears our mark: other people's machines are not ours to stop."""
    if private:
        return True
    try:
        domain.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, OURS)
    except libvirt.libvirtError:
        return False
    return True


def shut_down(instance: Instance, patience: int, out: Console) -> None:
    """Ask every guest, wait, switch off who did not obey; then the networks of a private libvirt."""
    libvirt.registerErrorHandler(lambda *_: None, None)
    try:
        connection = libvirt.open(instance.libvirt_uri)
    except libvirt.libvirtError as error:
        raise Trouble(f"libvirt does not answer, so no guest was stopped: {error}") from error
    private = instance.libvirt_is_private
    with out.status("Shutting guests down ..."):
        for domain in running(connection, private=private):
            attempt(domain.shutdown)
        end = time.monotonic() + patience
        while running(connection, private=private) and time.monotonic() < end:
            time.sleep(0.5)
        for domain in running(connection, private=private):
            out.print(f"{domain.name()} did not shut down in {patience} s and was switched off.")
            attempt(domain.destroy)
        if private:
            for network in connection.listAllNetworks(libvirt.VIR_CONNECT_LIST_NETWORKS_ACTIVE):
                attempt(network.destroy)
    connection.close()


def running(connection: Any, *, private: bool) -> list[Any]:
    domains = connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
    return [domain for domain in domains if is_ours(domain, private=private)]


def attempt(action: Any) -> None:
    """It may have ended by itself in the meantime."""
    try:
        action()
    except libvirt.libvirtError:
        return
