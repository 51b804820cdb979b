"""The feed: a change in the database is a hint on the page soon after, for those who may know of it."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from websockets.sync.client import ClientConnection

from observability import changes, vitals
from observability.models import Vital
from tests.gateway.conftest import Browser, Machine, Server, close_code
from tests.people import MINE, OTHER, People
from vmconsole.access.models import RoleBinding
from vmconsole.gateway.feed import Subscriber
from vmconsole.gateway.wire import BAD_MESSAGE, SIGNED_OUT


class Page:
    """A page's end of the feed."""

    def __init__(self, opened: ClientConnection) -> None:
        self.opened = opened
        self.hello = self.hear()
        assert (self.hello["type"], self.hello["live"]) == ("hello", True)

    def hear(self, seconds: float = 5) -> dict[str, Any]:
        return dict(json.loads(self.opened.recv(timeout=seconds)))

    def until(self, wanted: Callable[[dict[str, Any]], bool], seconds: float = 5) -> dict[str, Any]:
        while True:
            message = self.hear(seconds)
            if wanted(message):
                return message

    def silent(self, seconds: float = 0.6) -> None:
        with suppress(TimeoutError):
            raise AssertionError(self.hear(seconds))

    def subscribe(self, *topics: str, **more: object) -> None:
        """In force when it is confirmed."""
        self.opened.send(json.dumps({"subscribe": topics, **more}))
        while self.hear()["type"] != "subscribed":
            continue


@contextmanager
def page(browser: Browser, *topics: str, **more: object) -> Iterator[Page]:
    with browser.socket("/feed") as opened:
        shown = Page(opened)
        if topics:
            shown.subscribe(*topics, **more)
        yield shown


def change(kind: str = "VirtualMachine", namespace: str = MINE, uid: str = "", what: str = "MODIFIED") -> str:
    uid = uid or str(uuid4())
    with transaction.atomic():
        changes.changed(kind, uid, "web-1", namespace, what)  # type: ignore[arg-type]
    return uid


def test_tells_what_changed(carol: Browser) -> None:
    with page(carol, "VirtualMachine") as shown:
        begun = time.monotonic()
        uid = change(what="ADDED")
        message = shown.hear()
        assert time.monotonic() - begun < 1.0
        assert message.pop("id") > shown.hello["last"]
        assert message == {
            "type": "changed", "kind": "VirtualMachine", "uid": uid, "namespace": MINE, "name": "web-1",
            "what": "ADDED",
        }  # fmt: skip


def test_tells_nothing_else(carol: Browser) -> None:
    mine = str(uuid4())
    with page(carol, f"VirtualMachine/{mine}") as shown:
        change()
        change("VirtualMachineDisk", uid=mine)
        change(uid=mine)
        assert shown.hear()["uid"] == mine
        shown.silent()


def test_tells_nobody_of_other_namespaces(carol: Browser) -> None:
    hidden = str(uuid4())
    with page(carol, "VirtualMachine", f"VirtualMachine/{hidden}") as shown:
        change(namespace=OTHER, uid=hidden)
        shown.silent()


def test_cluster_things_are_for_those_who_see_the_cluster(carol: Browser, people: People) -> None:
    with page(carol, "Node") as may, page(Browser(carol.server, people.dave), "Node") as may_not:
        uid = change("Node", namespace="")
        assert may.hear()["uid"] == uid
        may_not.silent()


def test_many_changes_of_one_thing_are_few_hints(carol: Browser) -> None:
    with page(carol, "VirtualMachine") as shown:
        uid = change(what="ADDED")
        ends = time.monotonic() + 2
        count = 1
        while time.monotonic() < ends:
            change(uid=uid)
            count += 1
        last = changes.latest()
        heard = [shown.hear()]
        while heard[-1]["id"] < last:
            heard.append(shown.hear())
        assert count > 2 * len(heard)
        assert len(heard) <= 2 * 5 + 3


def test_goes_on_from_where_it_was(carol: Browser) -> None:
    change()
    since = changes.latest()
    first, second = change(), change(namespace=OTHER)
    third = change()
    with page(carol, "VirtualMachine", since=since) as shown:
        heard = [shown.hear()["uid"], shown.hear()["uid"]]
        assert heard == [first, third]
        assert second not in heard
        shown.silent()


def test_says_when_too_much_was_missed(carol: Browser) -> None:
    with transaction.atomic():
        for _ in range(1100):
            changes.changed("VirtualMachine", uuid4(), "web-1", MINE, "MODIFIED")
    with page(carol, "VirtualMachine", since=1) as shown:
        shown.until(lambda message: message["type"] == "gap")  # the last of them may come before, from the tail


def test_a_flood_is_a_gap_not_a_queue(carol: Browser) -> None:
    with page(carol, "VirtualMachine") as shown:
        with transaction.atomic():
            for _ in range(2000):
                changes.changed("VirtualMachine", uuid4(), "web-1", MINE, "MODIFIED")
        shown.until(lambda message: message["type"] == "gap")


def test_right_taken_away_while_open(carol: Browser) -> None:
    with page(carol, "VirtualMachine") as shown:
        change()
        shown.hear()
        RoleBinding.objects.filter(user=carol.user).delete()
        heard_last = time.monotonic()
        ends = heard_last + 5
        while time.monotonic() < ends:
            change()
            try:
                shown.hear(0.5)
                heard_last = time.monotonic()
            except TimeoutError:
                break
        assert heard_last < ends - 0.5


def test_signed_out_while_open(carol: Browser) -> None:
    with page(carol) as shown:
        carol.session.delete()
        assert close_code(shown.opened, seconds=5) == SIGNED_OUT


def test_strangers(carol: Browser) -> None:
    carol.session.delete()
    with carol.socket("/feed") as opened:
        assert close_code(opened) == SIGNED_OUT


@pytest.mark.parametrize(
    "said", ["{", "[]", '{"subscribe": "x"}', '{"subscribe": [1]}', json.dumps({"subscribe": ["x" * 200]})]
)
def test_nonsense(said: str, carol: Browser) -> None:
    with page(carol) as shown:
        shown.opened.send(said)
        assert close_code(shown.opened) == BAD_MESSAGE


def test_outlives_a_restart_of_the_web_process(people: People, server: Server) -> None:
    with page(Browser(server, people.carol), "VirtualMachine") as shown:
        change()
        since = shown.hear()["id"]
        server.stop(signal.SIGKILL)
    missed = change()
    server.start()
    with page(Browser(server, people.carol), "VirtualMachine", since=since) as shown:
        assert shown.hear()["uid"] == missed


async def test_pending_hints_are_bounded_by_things() -> None:
    from observability.models import Change

    async def tell(_: object) -> None:
        raise AssertionError("nobody runs it")

    subscriber = Subscriber("key", tell, lambda _: None)
    subscriber.topics = frozenset({"VirtualMachine"})
    subscriber._namespaces = frozenset({MINE})
    for turn in range(10_000):
        subscriber.hear(
            Change(id=turn, kind="VirtualMachine", uid=str(turn % 7), namespace=MINE, name="x", what="MODIFIED")
        )
    assert len(subscriber._pending) == 7


# --- figures ------------------------------------------------------------------------------------------------------


class Controller(ThreadingMixIn, UnixStreamServer):
    """The controller's door, with figures that count up."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        self.watched: list[list[str]] = []
        self.asked: list[float] = []
        self.glanced: list[tuple[list[str], int]] = []
        path.unlink(missing_ok=True)
        super().__init__(str(path), Answer)
        Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


class Answer(BaseHTTPRequestHandler):
    server: Controller
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/glances":
            self.server.glanced.append((said["uids"], said["steps"]))
            line = [7] * said["steps"]
            self.reply(
                {"at": int(time.time()) // 10 * 10, "step": 10, "lines": dict.fromkeys(said["uids"], (line, line))}
            )
            return
        self.server.watched.append(said["uids"])
        self.reply({})

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        since = float(query["since"][0])
        self.server.asked.append(since)
        now = round(time.time(), 1)
        points = [{"at": now - 2, "cpu": 1.0}, {"at": now, "cpu": 2.0}]
        self.reply({"uid": query["uid"][0], "points": [point for point in points if point["at"] > since]})

    def reply(self, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(text)))
        self.send_header("connection", "close")  # or the next test's questions would go to this one's controller
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        return

    def address_string(self) -> str:
        return "unix"


@pytest.fixture
def controller() -> Iterator[Controller]:
    serving = Controller(Path(settings.CONTROLLER_SOCKET))
    yield serving
    serving.shutdown()
    serving.server_close()
    Path(settings.CONTROLLER_SOCKET).unlink(missing_ok=True)


def test_figures_come_every_two_seconds(carol: Browser, machine: Machine, controller: Controller) -> None:
    with page(carol, f"samples/{machine.uid}") as shown:
        first = shown.until(lambda message: message["type"] == "samples")
        assert first["uid"] == str(machine.uid)
        assert [point["cpu"] for point in first["points"]] == [1.0, 2.0]
        begun = time.monotonic()
        second = shown.until(lambda message: message["type"] == "samples")
        assert time.monotonic() - begun < 8  # two on a machine that has nothing else to do
        assert second["points"][-1]["at"] >= first["points"][-1]["at"]
    assert [str(machine.uid)] in controller.watched


def test_two_pages_ask_once(carol: Browser, machine: Machine, controller: Controller) -> None:
    with page(carol, f"samples/{machine.uid}") as one, page(carol, f"samples/{machine.uid}") as two:
        for shown in (one, two):
            shown.until(lambda message: message["type"] == "samples")
        controller.asked.clear()
        begun = time.monotonic()
        for shown in (one, two):
            shown.until(lambda message: message["type"] == "samples")
            shown.until(lambda message: message["type"] == "samples")
        assert len(controller.asked) <= (time.monotonic() - begun) / 2 + 1


def test_figures_of_other_namespaces_are_not_told(carol: Browser, controller: Controller) -> None:
    other = Machine(uuid4(), namespace=OTHER).known()
    with page(carol, f"samples/{other.uid}", "samples/nonsense") as shown:
        shown.silent(3)
    assert not controller.watched


def test_without_a_controller_everything_else_goes_on(carol: Browser, machine: Machine) -> None:
    with page(carol, f"samples/{machine.uid}", "VirtualMachine") as shown:
        uid = change()
        assert shown.until(lambda message: message["type"] == "changed")["uid"] == uid


def is_glances(message: dict[str, Any]) -> bool:
    return bool(message["type"] == "glances")


def test_small_figures_of_many_rows_are_one_question_and_watch_nobody(carol: Browser, controller: Controller) -> None:
    shown_here = [Machine(uuid4()).known() for _ in range(50)]
    other = Machine(uuid4(), namespace=OTHER).known()
    topics = [f"glance/{each.uid}" for each in (*shown_here, other)]
    with page(carol, *topics, "glance/nonsense") as one, page(carol, *topics[:1]) as two:
        first = one.until(is_glances)
        assert set(first["lines"]) == {str(each.uid) for each in shown_here}
        assert {len(line) for lines in first["lines"].values() for line in lines} == {61}
        assert list(two.until(is_glances)["lines"]) == [str(shown_here[0].uid)]
        one.until(is_glances, 15)  # a round that may be the first after a silent controller, which asks for everything
        controller.glanced.clear()
        later = one.until(is_glances, 15)
        assert set(later["lines"]) == set(first["lines"])
    assert [(len(uids), steps < 61) for uids, steps in controller.glanced] == [(50, True)]
    assert not controller.watched


def test_only_rows_that_are_new_on_a_page_are_told_from_the_beginning(carol: Browser, controller: Controller) -> None:
    first, second = (Machine(uuid4()).known() for _ in range(2))
    with page(carol, f"glance/{first.uid}") as shown:
        shown.until(is_glances)
        shown.subscribe(f"glance/{first.uid}", f"glance/{second.uid}")
        assert list(shown.until(lambda message: is_glances(message) and str(second.uid) in message["lines"])["lines"])
    assert [str(second.uid)] in [uids for uids, steps in controller.glanced if steps == 61]


def test_small_figures_end_with_the_right_to_see_them() -> None:
    subscriber = Subscriber("key", _nobody_hears, lambda _: None)
    subscriber.glances = {"u": MINE, "v": OTHER}
    subscriber._namespaces = frozenset({MINE})
    subscriber.hear_glances(10, 10, {"u": ([1], [2]), "v": ([1], [2])})
    assert subscriber._glances == {10: {"type": "glances", "at": 10, "step": 10, "lines": {"u": ([1], [2])}}}
    subscriber._namespaces = frozenset()
    subscriber.hear_glances(20, 10, {"u": ([1], [2])})
    assert list(subscriber._glances) == [10]


def test_a_page_that_does_not_listen_keeps_ten_minutes_of_them() -> None:
    subscriber = Subscriber("key", _nobody_hears, lambda _: None)
    subscriber.glances, subscriber._namespaces = {"u": MINE}, frozenset({MINE})
    subscriber.hear_glances(0, 10, {"u": ([1] * 61, [2] * 61)})
    subscriber.hear_glances(0, 10, {"u": ([1], [2])})
    assert len(subscriber._glances[0]["lines"]["u"][0]) == 61
    for at in range(0, 100_000, 10):
        subscriber.hear_glances(at, 10, {"u": ([1], [2])})
    assert len(subscriber._glances) == 61


async def _nobody_hears(_: object) -> None:
    raise AssertionError("nobody runs it")


def test_a_page_is_told_when_nobody_looks_any_more(carol: Browser) -> None:
    with page(carol) as shown:
        assert shown.hello["silent"] == {}
        since = timezone.now() - timedelta(minutes=3)
        Vital.objects.create(name="controller", count=1, seconds=0, last_at=since)
        told = shown.until(lambda message: message["type"] == "pulse", seconds=15)
        assert told["silent"] == {"controller": since.isoformat()}
        with page(carol) as other:
            assert other.hello["silent"] == told["silent"]
        vitals.beat("controller")
        assert shown.until(lambda message: message["type"] == "pulse", seconds=15)["silent"] == {}
