"""The configuration of our private Prometheus: one target, which is us.

Written as JSON, which is YAML: nothing needs quoting by hand. The token stays in its file; only the path is named.
"""

from __future__ import annotations

import json
from pathlib import Path

SCRAPE_SECONDS = 10


def config(target: str, token_file: Path, *, tls: bool = False) -> str:
    """`target` is host:port of the web process."""
    scrape: dict[str, object] = {
        "job_name": "vmconsole",
        "scheme": "https" if tls else "http",
        "metrics_path": "/metrics",
        "authorization": {"credentials_file": str(token_file)},
        "static_configs": [{"targets": [target]}],
        "follow_redirects": False,
    }
    if tls:
        scrape["tls_config"] = {"insecure_skip_verify": True}  # it is this host, by its loopback address
    settings = {"scrape_interval": f"{SCRAPE_SECONDS}s", "scrape_timeout": "8s", "evaluation_interval": "30s"}
    return json.dumps({"global": settings, "scrape_configs": [scrape]}, indent=2) + "\n"


def arguments(config_file: Path, data: Path, listen: str) -> list[str]:
    """What to start it with. A year is what the charts offer; it is on loopback only."""
    return [
        "prometheus",
        f"--config.file={config_file}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=400d",
        f"--web.listen-address={listen}",
        "--log.level=warn",
    ]
