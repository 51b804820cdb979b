"""Prometheus's API through ours: what reaches Prometheus is limited to what the asker may see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from observability import api_prometheus
from tests.access.tokens import program_of, token_of
from tests.people import MINE, OTHER, make_people, make_person
from vmconsole.access.rules import Role, TokenRights

FORM = "application/x-www-form-urlencoded"
pytestmark = pytest.mark.django_db


class Prometheus(ThreadingHTTPServer):
    """Notes what it is asked, and answers that."""

    status = 200
    body: bytes | None = None

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, dict[str, list[str]]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Prometheus

    def do_GET(self) -> None:
        self._answer(parse_qs(urlsplit(self.path).query))

    def do_POST(self) -> None:
        self._answer(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))

    def _answer(self, told: dict[str, list[str]]) -> None:
        self.server.asked.append((urlsplit(self.path).path, told))
        body = self.server.body or json.dumps({"status": "success", "data": told}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def prometheus(settings: Any) -> Iterator[Prometheus]:
    with Prometheus() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        settings.PROMETHEUS_URL = server.url
        yield server
        server.shutdown()


def dave(**scope: Any) -> Client:
    return program_of(token_of(make_people().dave, **scope)[1])


def test_a_query_reaches_prometheus_with_its_limit(prometheus: Prometheus) -> None:
    answer = dave().get("/api/v1/query", {"query": 'up{namespace="a"} or up', "time": "12", "debug": "1"})
    assert answer.status_code == 200 and answer.json()["status"] == "success"
    ((path, told),) = prometheus.asked
    assert path == "/api/v1/query" and set(told) == {"query", "time"}
    assert told["query"][0].split() == [
        '{__name__="up",namespace="a",namespace="b"}',
        "or",
        '{__name__="up",namespace="b"}',
    ]


def test_as_grafana_asks(prometheus: Prometheus) -> None:
    """By POST, as a form, with a token and no form token."""
    span = {"start": "1", "end": "2", "step": "15"}
    client = dave()
    assert client.post("/api/v1/query_range", "query=up&start=1&end=2&step=15", content_type=FORM).status_code == 200
    assert prometheus.asked[-1] == (
        "/api/v1/query_range", {"query": ['{__name__="up",namespace="b"}'], **{k: [v] for k, v in span.items()}}
    )  # fmt: skip
    assert client.get("/api/v1/query", {"query": "1+1"}).status_code == 200


def test_the_query_of_the_body_and_of_the_address_are_not_mixed(prometheus: Prometheus) -> None:
    dave().post("/api/v1/query?query=a&query=b", "query=c&query=d", content_type=FORM)
    assert prometheus.asked[-1][1]["query"] == ['{__name__="d",namespace="b"}']


@pytest.mark.parametrize("path", ["labels", "label/namespace/values", "label/__name__/values"])
def test_metadata_is_of_what_one_sees(prometheus: Prometheus, path: str) -> None:
    client = dave()
    assert client.get(f"/api/v1/{path}").status_code == 200
    assert prometheus.asked[-1] == (f"/api/v1/{path}", {"match[]": ['{namespace="b"}']})
    client.get(f"/api/v1/{path}", {"match[]": ["up", '{namespace="a"}']})
    assert prometheus.asked[-1][1]["match[]"] == ['{__name__="up",namespace="b"}', '{namespace="a",namespace="b"}']


def test_series_need_a_selector(prometheus: Prometheus) -> None:
    client = dave()
    assert client.get("/api/v1/series").status_code == 400
    for wrong in ("sum(up)", 'up{a="b" or c="d"}', "up[5m]", "{"):
        assert client.get("/api/v1/series", {"match[]": ["up", wrong]}).status_code == 400
    assert prometheus.asked == []
    assert client.get("/api/v1/series", {"match[]": "up"}).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["metadata", "targets", "rules", "alerts", "status/config", "query_exemplars", "admin/tsdb/delete_series",
     "label/..%2f..%2fstatus%2fconfig/values", "label/a/b/values", "read", "format_query", "federate"],
)  # fmt: skip
def test_nothing_else_of_prometheus_can_be_reached(prometheus: Prometheus, path: str) -> None:
    answer = program_of(token_of(make_people().erin)[1]).get(f"/api/v1/{path}")
    assert answer.status_code == 404 and prometheus.asked == []


def test_who_sees_everything_asks_freely(prometheus: Prometheus) -> None:
    erin = make_people().erin
    program_of(token_of(erin)[1]).get("/api/v1/query", {"query": "up # as it is"})
    assert prometheus.asked[-1][1]["query"] == ["up # as it is"]
    program_of(token_of(erin, TokenRights.READ, [OTHER])[1]).get("/api/v1/query", {"query": "up"})
    assert prometheus.asked[-1][1]["query"] == ['{__name__="up",namespace="b"}']


def test_who_sees_the_cluster_sees_nodes_and_no_foreign_namespace(prometheus: Prometheus) -> None:
    """Like the pages: `cluster-view` shows nodes, and not the machines of a namespace without a role in it."""
    people = make_people()
    program_of(token_of(people.alice)[1]).get("/api/v1/query", {"query": "up"})
    assert prometheus.asked[-1][1]["query"] == ['{__name__="up",namespace=~"a|"}']
    everything = make_person("fay", [(Role.VIEW, None), (Role.CLUSTER_VIEW, None)])
    program_of(token_of(everything)[1]).get("/api/v1/query", {"query": "up"})
    assert prometheus.asked[-1][1]["query"] == ["up"]


def test_who_sees_nothing_asks_nothing(prometheus: Prometheus) -> None:
    nobody = make_person("gil", [])
    assert program_of(token_of(nobody)[1]).get("/api/v1/query", {"query": "up"}).status_code == 404
    assert prometheus.asked == []


def test_its_errors_are_passed_on_and_ours_look_the_same(prometheus: Prometheus) -> None:
    client = dave()
    prometheus.status, prometheus.body = 422, b'{"status":"error","errorType":"execution","error":"too many"}'
    answer = client.get("/api/v1/query", {"query": "up"})
    assert (answer.status_code, answer.content) == (422, prometheus.body)
    for query in ("", "up{", "info(up)"):
        wrong = client.get("/api/v1/query", {"query": query})
        assert wrong.status_code == 400 and wrong.json()["errorType"] == "bad_data" and wrong.json()["error"]


def test_an_answer_too_large_is_none(prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_prometheus, "LARGEST", 1000)
    prometheus.body = b'"' + b"x" * 2000 + b'"'
    assert dave().get("/api/v1/query", {"query": "up"}).status_code == 400


def test_without_prometheus(settings: Any) -> None:
    client = dave()
    for url in ("", "http://127.0.0.1:9"):
        settings.PROMETHEUS_URL = url
        answer = client.get("/api/v1/query", {"query": "up"})
        assert answer.status_code == 503 and answer.json()["status"] == "error"


def test_of_two_namespaces(prometheus: Prometheus) -> None:
    make_people()
    both = make_person("hal", [(Role.VIEW, MINE), (Role.VIEW, OTHER)])
    program_of(token_of(both)[1]).get("/api/v1/query", {"query": "up"})
    assert prometheus.asked[-1][1]["query"] == ['{__name__="up",namespace=~"a|b"}']
