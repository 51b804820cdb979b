"""A real nginx before a web process, set up as docs/production.md says, with a patience of one's own."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

CONFIG = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr warn; worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://{upstream};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_read_timeout {patience}s;
      proxy_buffering off;
    }}
  }}
}}
"""


@contextmanager
def nginx(folder: Path, upstream: str, patience: int) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Its port and process. It hangs up on whoever says nothing for `patience` seconds."""
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    assert program, "nginx is among the packages of the tests"
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(folder=folder, port=port, upstream=upstream, patience=patience))
    with subprocess.Popen([program, "-p", str(folder), "-e", "stderr", "-c", str(config)]) as process:
        try:
            yield port, process
        finally:
            process.terminate()
