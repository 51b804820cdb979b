"""The web process at two ports: http for browsers as ever, https beside it for programs.

kubectl sends no token over http. One server, one application and one set of limits stand behind both.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import uvicorn


class Server(uvicorn.Server):
    """Ends what never ends by itself; uvicorn would wait for it until its patience is over."""

    async def shutdown(self, sockets: Any = None) -> None:
        from vmconsole.gateway.lifespan import leaving  # late: needs Django, which the application sets up

        for leave in leaving:
            leave()
        await super().shutdown(sockets)


class TwoDoors(Server):
    """Uvicorn, with a second listener that speaks TLS."""

    def __init__(self, config: uvicorn.Config, port: int, certificate: str, key: str) -> None:
        super().__init__(config)
        self.tls_port = port
        self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.tls.load_cert_chain(certificate, key)

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        protocol: Any = self.config.http_protocol_class

        def connected() -> asyncio.Protocol:
            made: asyncio.Protocol = protocol(
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state
            )
            return made

        listening = await asyncio.get_running_loop().create_server(
            connected, host=self.config.host, port=self.tls_port, ssl=self.tls, backlog=self.config.backlog,
            ssl_handshake_timeout=10,
        )  # fmt: skip
        self.servers.append(listening)
