"""Charts as people use them: drag over one and all follow, see what happened, compare, ask why it is slow."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Desk

METRICS = "vms/default/web-1/metrics"


@pytest.fixture
def charts(at_desk: Desk, machine: str) -> Page:
    tab = at_desk.tab()
    tab.go(METRICS)
    expect(tab.page.locator("vm-chart .u-over")).to_have_count(7)
    expect(tab.page.locator("vm-chart[data-metric=memory] .chart-key b").first).to_contain_text("MiB")
    return tab.page


def drag(page: Page, begin: float, end: float) -> None:
    box = page.locator("vm-chart[data-metric=cpu] .u-over").bounding_box()
    assert box is not None
    height = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * begin, height)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * end, height, steps=6)
    page.mouse.up()


def test_one_axis_for_all_charts(charts: Page) -> None:
    asked: list[str] = []
    charts.on("request", lambda request: asked.append(request.url) if "/metrics/range" in request.url else None)
    drag(charts, 0.5, 0.98)
    charts.wait_for_url(re.compile(r"from=\d+&to=\d+"))
    expect(charts.locator("vm-chart[aria-busy]")).to_have_count(0)
    chosen = parse_qs(urlsplit(charts.url).query)
    assert 200 <= int(chosen["to"][0]) - int(chosen["from"][0]) <= 320, "half of ten minutes"
    assert len(asked) == 7
    assert all(parse_qs(urlsplit(url).query)["from"] == chosen["from"] for url in asked), "all charts follow"

    charts.get_by_text("As a table").first.click()
    expect(charts.locator("details[open] table").first).to_be_visible()
    charts.reload()
    expect(charts.locator("[data-axis-said]")).to_contain_text("–")
    charts.get_by_role("link", name="Whole range").click()
    expect(charts.locator("[data-axis-said]")).to_have_text("")
    assert "from=" not in charts.url
    charts.go_back()
    expect(charts.locator("[data-axis-said]")).to_contain_text("–")


def test_one_cursor_for_all_charts(charts: Page) -> None:
    box = charts.locator("vm-chart[data-metric=cpu] .u-over").bounding_box()
    assert box is not None
    charts.mouse.move(box["x"] + box["width"] * 0.995, box["y"] + 20)
    expect(charts.locator("vm-chart[data-metric=cpu] .chart-tip")).to_be_visible()
    expect(charts.locator("vm-chart[data-metric=memory] .chart-tip")).to_be_hidden()
    lines = charts.locator("vm-chart .u-cursor-x").evaluate_all("all => all.map(one => one.style.transform)")
    assert len(lines) == 7 and all("-10px" not in line for line in lines), "the line stands in every chart"


def test_comparing_and_judging(charts: Page) -> None:
    charts.get_by_role("link", name="Compare with others").click()
    expect(charts.locator("vm-chart[data-line=memory_host] .chart-key")).to_contain_text("web-1")
    expect(charts.locator("vm-chart[data-line=memory_host] .chart-key b")).to_contain_text("MiB")
    charts.go_back()
    charts.get_by_role("link", name="Why is it slow?").click()
    expect(charts.locator(".slow-cause")).not_to_have_count(0)
    expect(
        charts.get_by_text("It is emulated").or_(charts.get_by_text("It waits for a processor")).first
    ).to_be_visible()
