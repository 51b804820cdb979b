"""Charts over longer times, asked of a real Prometheus that was filled with a known past."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from observability import controller, events, history, subjects
from observability.charts import CHARTS, RANGES, query, window
from observability.collector import Collector, Name
from observability.door import serve
from observability.exposition import exposition
from tests.observability.samples import GIB, UID, Clock, Host, sample
from tests.people import MINE, client_of, make_people

NAME = Name(MINE, 'web "1"', "n1")
STEP = 60
HOURS = 6


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> None:
    monkeypatch.setattr(subjects, "_lookups", [{UID: NAME}.get])
    settings.CONTROLLER_SOCKET = tmp_path / "controller.sock"
    settings.PROMETHEUS_URL = ""


def past(now: float) -> str:
    """Six hours at half a CPU, with a restart after two hours and silence for the fourth, as OpenMetrics."""
    by_metric: dict[str, list[str]] = {}
    begin = int(now - HOURS * 3600) // STEP * STEP
    for at in range(begin, int(now), STEP):
        age = at - begin
        if 3 * 3600 <= age < 4 * 3600:
            continue
        since_start = age if age < 2 * 3600 else age - 2 * 3600
        look = sample(float(at), since_start * 1.0, nics=(), disks=())
        for line in exposition([look], {UID: NAME}):
            if not line.startswith("#"):
                by_metric.setdefault(line.split("{")[0], []).append(f"{line} {at}")
    return "\n".join(line for group in by_metric.values() for line in group) + "\n# EOF\n"


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    place = tmp_path_factory.mktemp("prometheus")
    (place / "past.txt").write_text(past(time.time()))
    promtool = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(place / "past.txt"), str(place / "data")]
    made = subprocess.run(promtool, capture_output=True, text=True, check=False, timeout=60)
    assert made.returncode == 0, made.stderr
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    (place / "prometheus.yml").write_text("{}")
    program = [
        "prometheus", f"--config.file={place}/prometheus.yml", f"--storage.tsdb.path={place}/data",
        "--storage.tsdb.retention.time=400d", f"--web.listen-address={listen}",
    ]  # fmt: skip
    with subprocess.Popen(program, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: httpx.get(f"http://{listen}/-/ready").status_code == 200)
            yield f"http://{listen}"
        finally:
            process.terminate()
            process.wait(20)
            shutil.rmtree(place, ignore_errors=True)


def wait_for(condition: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        try:
            if condition():
                return
        except (httpx.HTTPError, controller.Silent):
            pass
        assert time.monotonic() < deadline, "waited too long"
        pause.wait(0.05)


def line(answer: dict[str, Any], key: str) -> list[float | None]:
    values: list[float | None] = next(item["values"] for item in answer["series"] if item["key"] == key)
    return values


@pytest.mark.django_db
class TestWithPrometheus:
    @pytest.fixture(autouse=True)
    def there(self, prometheus: str, settings: Any) -> None:
        settings.PROMETHEUS_URL = prometheus

    def test_a_day(self) -> None:
        answer = history.chart(UID, NAME, "cpu", "1d")
        assert answer["source"] == "prometheus"
        assert answer["note"] == ""
        assert len(answer["times"]) == 720
        cpu = line(answer, "cpu")
        known = [value for value in cpu if value is not None]
        assert 45 < sum(known) / len(known) < 55, "one second a second, of two CPUs"
        assert all(0 <= value < 60 for value in known), "the restart is no spike and not negative"

    def test_what_is_not_known_is_null(self) -> None:
        answer = history.chart(UID, NAME, "memory", "1d")
        host = line(answer, "memory_host")
        assert host[0] is None
        begin = next(index for index, value in enumerate(host) if value is not None)
        assert None in host[begin:], "the silent hour is a hole"
        assert {value for value in host if value is not None} == {GIB / 2}
        assert set(line(answer, "memory_guest")) == {None}

    @pytest.mark.parametrize("metric", CHARTS)
    @pytest.mark.parametrize("span", RANGES)
    def test_every_chart_of_every_range_is_a_query_that_works(self, metric: str, span: str) -> None:
        answer = history.chart(UID, NAME, metric, span)
        assert "Prometheus" not in answer["note"]
        assert all(len(item["values"]) == len(answer["times"]) for item in answer["series"])

    def test_a_restarted_controller_borrows_the_hour(self) -> None:
        answer = history.chart(UID, NAME, "memory", "1h")
        assert "controller" in answer["note"]
        assert line(answer, "memory_host").count(GIB / 2) > 100

    def test_another_machine_has_nothing(self) -> None:
        answer = history.chart(UID, Name(MINE, 'x"} or kubevirt_vmi_memory_domain_bytes{name!="'), "memory", "1d")
        assert answer["note"] == ""
        assert set(line(answer, "memory_domain")) == {None}


@pytest.mark.django_db
class TestWithout:
    def test_no_prometheus_is_said_plainly(self) -> None:
        answer = history.chart(UID, NAME, "cpu", "1w")
        assert "Only the last hour is kept" in answer["note"]
        assert answer["source"] == "collector"

    def test_a_dead_prometheus_is_said_plainly(self, settings: Any) -> None:
        settings.PROMETHEUS_URL = "http://127.0.0.1:1"
        assert "Prometheus does not answer" in history.chart(UID, NAME, "cpu", "1w")["note"]

    def test_what_happened_is_marked(self) -> None:
        events.record("VirtualMachine", UID, "web-1", MINE, "Started", "It runs.")
        events.record("VirtualMachine", UUID(int=9), "web-2", MINE, "Started", "It runs.")
        assert [mark["reason"] for mark in history.chart(UID, NAME, "cpu", "10m")["marks"]] == ["Started"]


@pytest.fixture
def running(settings: Any) -> Iterator[Collector]:
    """The controller's door, with three looks behind it."""
    clock, host = Clock(time.time() - 30), Host()
    collector = Collector(lambda: host, lambda: {UID: NAME}, clock=clock)  # type: ignore[arg-type, return-value]
    for step in range(3):
        host.next = [sample(clock.now, step * 10.0)]
        collector.look()
        clock.now += 10
    loop = asyncio.new_event_loop()
    task = loop.create_task(serve(collector, settings.CONTROLLER_SOCKET))
    thread = threading.Thread(target=lambda: loop.run_until_complete(asyncio.gather(task, return_exceptions=True)))
    thread.start()
    try:
        wait_for(controller.status)
        yield collector
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(20)
        loop.close()


@pytest.mark.django_db
@pytest.mark.usefixtures("running")
class TestDoors:
    def test_the_api_by_right(self) -> None:
        people = make_people()
        url = f"/api/v1/metrics/range?uid={UID}&metric=cpu&range=10m"
        answer = client_of(people.bob).get(url).json()
        assert [value for value in answer["series"][0]["values"] if value is not None] == pytest.approx([50, 50])
        assert client_of(people.dave).get(url).status_code == 404
        assert client_of(None).get(url).status_code in (401, 403)
        assert client_of(people.bob).get(url.replace("cpu", "heat")).status_code == 422
        assert client_of(people.bob).get(url.replace(str(UID), str(UUID(int=7)))).status_code == 404

    def test_a_chosen_piece_of_time(self) -> None:
        bob, now = client_of(make_people().bob), time.time()
        url = f"/api/v1/metrics/range?uid={UID}&metric=cpu"
        answer = bob.get(f"{url}&from={now - 300:.0f}&to={now - 15:.0f}").json()
        assert (answer["live"], answer["step"], round(answer["to"] - answer["from"])) == (False, 10, 285)
        assert len(answer["times"]) == 2, "the last look is later"
        for wrong in ("from=5", "from=9&to=9", "from=nan&to=inf", f"from=0&to={now}", "from=x&to=y", "from=-99&to=9"):
            assert bob.get(f"{url}&{wrong}").status_code == 422, wrong

    def test_several_machines_in_one_chart(self) -> None:
        people = make_people()
        url = f"/api/v1/metrics/compare?uid={UID}&line=cpu"
        answer = client_of(people.bob).get(url).json()
        assert [series["key"] for series in answer["series"]] == [str(UID)]
        assert all(at % answer["step"] == 0 for at in answer["times"]), "on one grid"
        assert 50 in answer["series"][0]["values"]
        assert client_of(people.dave).get(url).status_code == 404
        assert client_of(people.bob).get(f"{url}&uid={UUID(int=7)}").status_code == 404
        many = "".join(f"&uid={UUID(int=number)}" for number in range(9))
        assert client_of(people.bob).get(url + many).status_code == 422

    def test_who_takes_most(self, running: Collector) -> None:
        running.look()
        found = controller.top(5, None)
        assert found["memory"] == [(UID, GIB / 2)]
        assert controller.top(5, [MINE])["memory"] == found["memory"]
        assert controller.top(5, ["elsewhere"]) == {"cpu": [], "memory": [], "disk": [], "network": []}

    def test_the_table_beside_the_chart(self) -> None:
        people = make_people()
        page = client_of(people.bob).get(f"/metrics/{UID}/memory/table?range=10m")
        assert page.status_code == 200
        assert "512 MiB" in page.content.decode()
        assert client_of(people.dave).get(f"/metrics/{UID}/memory/table").status_code == 404

    def test_metrics_need_the_token(self, settings: Any) -> None:
        settings.METRICS_TOKEN = ""
        assert client_of(None).get("/metrics").status_code == 404
        settings.METRICS_TOKEN = "right"
        assert client_of(None).get("/metrics").status_code == 401
        assert client_of(None).get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
        answer = client_of(None).get("/metrics", headers={"Authorization": "Bearer right"})
        assert b"kubevirt_vmi_memory_domain_bytes{" in answer.content

    def test_alive_and_ready(self) -> None:
        from observability import vitals

        assert client_of(None).get("/healthz").status_code == 200
        answer = client_of(None).get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["checks"] == {"database": True, "controller": True, "worker": False, "runtime": True}
        vitals.beat("worker")
        assert client_of(None).get("/readyz").json()["ready"] is True


@pytest.mark.django_db
def test_a_silent_controller_is_not_ready(settings: Any) -> None:
    settings.METRICS_TOKEN = "right"
    assert client_of(None).get("/readyz").json()["checks"]["controller"] is False
    said = client_of(None).get("/readyz?verbose")
    assert said.status_code == 503 and "[-]controller failed" in said.text and "[+]database ok" in said.text
    assert client_of(None).get("/livez?verbose").text == "[+]ping ok\ncheck passed\n"
    assert client_of(None).get("/metrics", headers={"Authorization": "Bearer right"}).status_code == 503


def test_names_cannot_break_out_of_a_query() -> None:
    asked = query(CHARTS["cpu"].lines[0], "a", 'x"} or y{"\\WHO WINDOW', 60)
    assert asked.count('name="x\\"} or y{\\"\\\\WHO WINDOW"') == 2


def test_looks_that_drift_against_the_grid_leave_no_gap() -> None:
    slot: dict[float, float | None] = {0: 1.0, 10: 2.0, 30: 4.0, 40: None, 60: 6.0}
    assert history.laid(slot, [0, 10, 20, 30, 40, 50, 60, 70], 10) == [1, 2, 2, 4, None, None, 6, None]


@pytest.mark.parametrize(("seconds", "step"), [(30, 10), (7200, 10), (7300, 30), (86_400, 120), (366 * 86_400, 86_400)])
def test_a_window_is_no_finer_than_a_screen(seconds: float, step: int) -> None:
    found = window("10m", 1e9, (1e9 - seconds, 1e9))
    assert (found.step, found.live) == (min(step, 43_200), False)
