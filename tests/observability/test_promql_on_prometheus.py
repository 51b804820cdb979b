"""Narrowed queries, asked of a real Prometheus that scrapes itself into two namespaces: it takes them and shows one."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from observability.promql import narrowed, reach
from tests.observability.test_promql import LEGAL

MORE = ['{namespace="b"} or up', "sum by (namespace) (up)", 'up{job="\\x41\\u00e9\\\\"}', "min_over_time(up[30s:5s])"]
# These make up a namespace of their own, from what is left, or need a number where nothing is.
MADE_UP = {query for query in LEGAL if query.startswith(("label_replace", "topk"))}


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    place: Path = tmp_path_factory.mktemp("prometheus")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    jobs = [
        {
            "job_name": name,
            "scrape_interval": "1s",
            "static_configs": [{"targets": [address], "labels": {"namespace": name}}],
        }
        for name in ("a", "b")
    ]
    config = place / "prometheus.yml"
    config.write_text(json.dumps({"scrape_configs": jobs}))
    command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={place}/data"]
    with (place / "log").open("wb") as log:
        process = subprocess.Popen([*command, f"--web.listen-address={address}"], stdout=log, stderr=log)
    try:
        until_both_are_there(f"http://{address}")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(20)


def until_both_are_there(url: str) -> None:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        try:
            if len(asked(url, "up == 1")["data"]["result"]) == 2:
                return
        except (httpx.HTTPError, KeyError, ValueError):
            pass
        time.sleep(0.2)
    raise AssertionError("Prometheus scraped nothing")


def asked(url: str, query: str) -> dict[str, Any]:
    return dict(httpx.post(f"{url}/api/v1/query", data={"query": query}, trust_env=False).json())


@pytest.mark.parametrize("query", [query for query in [*LEGAL, *MORE] if query not in MADE_UP])
def test_it_takes_the_query_and_shows_nothing_of_others(prometheus: str, query: str) -> None:
    for limit in (reach(["a"], cluster=False), reach(["a", "zz-1"], cluster=True)):
        answer = asked(prometheus, narrowed(query, limit))
        assert answer["status"] == "success", answer
        seen = {row["metric"].get("namespace") for row in answer["data"]["result"] if isinstance(row, dict)}
        assert "b" not in seen


def test_the_sum_over_everything_is_the_sum_over_ones_own(prometheus: str) -> None:
    whole = asked(prometheus, "count(up)")["data"]["result"][0]["value"][1]
    mine = asked(prometheus, narrowed("count(up)", reach(["a"], cluster=False)))["data"]["result"][0]["value"][1]
    assert (whole, mine) == ("2", "1")
