"""A console's websocket, as KubeVirt's clients open it: binary messages are the raw stream.

The token goes in a header, never into the address. A refusal comes before the upgrade, as an ordinary error.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from vmctl.client import tls
from vmctl.errors import Exit, Failed, from_answer
from vmctl.session import Session
from vmctl.words import _

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

PROTOCOL = "plain.kubevirt.io"
SUBRESOURCES = "/apis/subresources.kubevirt.io/v1"
QUEUE = (16, 4)  # messages read ahead: a guest that floods us waits in the socket, not in our memory


def instance_path(namespace: str, name: str, verb: str) -> str:
    from urllib.parse import quote

    space, machine = quote(namespace, safe=""), quote(name, safe="")
    return f"{SUBRESOURCES}/namespaces/{space}/virtualmachineinstances/{machine}/{verb}"


def machine_path(namespace: str, name: str, verb: str) -> str:
    return instance_path(namespace, name, verb).replace("/virtualmachineinstances/", "/virtualmachines/")


def open_console(session: Session, name: str, kind: str) -> ClientConnection:
    from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI
    from websockets.sync.client import connect
    from websockets.typing import Subprotocol

    context = session.context
    secure = context.server.startswith("https://")
    address = "ws" + context.server.removeprefix("http") + instance_path(session.namespace, name, kind)
    try:
        return connect(
            address,
            additional_headers=session.api.headers(),
            subprotocols=[Subprotocol(PROTOCOL)],
            user_agent_header=None,
            compression=None,
            ssl=tls(context) if secure else None,
            max_size=None,
            max_queue=QUEUE,
            proxy=True if secure else None,
        )
    except InvalidStatus as error:
        raise _refused(error.response.status_code, error.response.body, context.name) from error
    except (OSError, InvalidHandshake, InvalidURI) as error:
        sentence = _("%(server)s cannot be reached: %(why)s.") % {"server": context.server, "why": error}
        raise Failed(sentence, _("Check the address and that the console runs."), Exit.UNREACHABLE) from error


def _refused(status: int, body: bytes | bytearray | None, context: str) -> Failed:
    try:
        told = json.loads(body or b"")
    except ValueError:
        told = None
    return from_answer(status, told, context)
