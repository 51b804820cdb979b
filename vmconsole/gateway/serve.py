"""Starts the web process: `python -m vmconsole.gateway.serve --port 8000`.

The flags live here, beside the code that counts on them: frame caps, pings, no compression (it would hide a bomb from
the caps), one process (hubs, seats and feeds are in its memory).
"""

from __future__ import annotations

import argparse
import os
import socket
from typing import Any

import uvicorn

from vmconsole.gateway.doors import Server, TwoDoors
from vmconsole.gateway.pipe import FRAME

FLAGS: dict[str, Any] = {
    "app": "vmconsole.asgi:application",
    "loop": "uvloop",
    "http": "vmconsole.gateway.http1:PromptHttp",
    "ws": "vmconsole.gateway.websocket:LeanWebSocket",
    "ws_max_size": FRAME,
    "ws_ping_interval": 20.0,
    "ws_ping_timeout": 20.0,
    "ws_per_message_deflate": False,
    "lifespan": "on",
    "timeout_graceful_shutdown": 10,
    "timeout_keep_alive": 75,
    "backlog": 2048,
    "access_log": False,
    "server_header": False,
    "log_config": None,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="The web process of vmconsole.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--fd", type=int, help="a listening socket inherited from the parent, instead of host and port")
    parser.add_argument("--app", default=FLAGS["app"])
    parser.add_argument("--tls-certificate", help="PEM file; with --tls-key the console is https")
    parser.add_argument("--tls-port", type=int, help="https at this port, and http at the other")
    parser.add_argument("--tls-key")
    parser.add_argument(
        "--ping-seconds", type=float, default=FLAGS["ws_ping_interval"],
        help="how often a quiet websocket says that it lives: below the shortest patience of any proxy",
    )  # fmt: skip
    parser.add_argument("--trusted-proxies", default="", help="addresses whose X-Forwarded-* headers are believed")
    asked = parser.parse_args()
    everywhere = asked.tls_port is None
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vmconsole.settings")
    config = uvicorn.Config(
        **{**FLAGS, "app": asked.app, "ws_ping_interval": asked.ping_seconds},
        host=asked.host,
        port=asked.port,
        ssl_certfile=asked.tls_certificate if everywhere else None,
        ssl_keyfile=asked.tls_key if everywhere else None,
        proxy_headers=bool(asked.trusted_proxies),
        forwarded_allow_ips=asked.trusted_proxies or None,
    )
    sockets = None if asked.fd is None else [socket.socket(fileno=asked.fd)]
    server = Server(config) if everywhere else TwoDoors(config, asked.tls_port, asked.tls_certificate, asked.tls_key)
    server.run(sockets)


if __name__ == "__main__":
    main()
