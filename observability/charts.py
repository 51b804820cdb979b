"""Which lines a chart has, and how each is asked of Prometheus. Pure tables.

The live points and the history speak of the same thing: a line's key is a field of `rates.FIELDS`, its query the same
quantity in PromQL over KubeVirt's metric names.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

VMI = "kubevirt_vmi_"


class Line(NamedTuple):
    """In `query` WHO stands for the labels that say which machine, WINDOW for the length of a rate."""

    key: str
    label: Any
    query: str


class Chart(NamedTuple):
    title: Any
    unit: str
    lines: tuple[Line, ...]
    hint: Any = ""


class Range(NamedTuple):
    title: Any
    seconds: int
    step: int


def rate(metric: str) -> str:
    """Per second, over all devices of the machine."""
    return f"sum(rate({VMI}{metric}{{WHO}}[WINDOW]))"


def level(metric: str) -> str:
    return f"max({metric}{{WHO}})"


def latency(times: str, counts: str) -> str:
    """Time that one request took; nothing where there was none."""
    return f"{rate(times)} / ({rate(counts)} > 0)"


READ_TIME = latency("storage_read_times_seconds_total", "storage_iops_read_total")
WRITE_TIME = latency("storage_write_times_seconds_total", "storage_iops_write_total")
CPU = f"100 * {rate('cpu_usage_seconds_total')} / {level('vmconsole_vmi_vcpus')}"
CPU_DELAY = f"clamp_max(100 * {rate('vcpu_delay_seconds_total')} / {level('vmconsole_vmi_vcpus')}, 100)"

CHARTS: dict[str, Chart] = {
    "cpu": Chart(
        _("CPU"),
        "percent",
        (Line("cpu", _("Used"), CPU), Line("cpu_delay", _("Waiting for the host"), CPU_DELAY)),
        _("Of all its virtual CPUs. Waiting: they could have run, and the host had no processor for them."),
    ),
    "memory": Chart(
        _("Memory"),
        "bytes",
        (
            Line("memory_host", _("Host: taken by it"), level(VMI + "memory_resident_bytes")),
            Line("memory_guest", _("Guest: used inside"), level(VMI + "memory_used_bytes")),
            Line("memory_domain", _("Given to it"), level(VMI + "memory_domain_bytes")),
        ),
        _("The host's view is what it takes there; the guest's what its programs use, if its balloon driver tells."),
    ),
    "disk-bytes": Chart(
        _("Disk throughput"),
        "bytes/s",
        (
            Line("disk_read_bytes", _("Read"), rate("storage_read_traffic_bytes_total")),
            Line("disk_write_bytes", _("Written"), rate("storage_write_traffic_bytes_total")),
        ),
    ),
    "disk-ops": Chart(
        _("Disk requests"),
        "ops/s",
        (
            Line("disk_read_ops", _("Reads"), rate("storage_iops_read_total")),
            Line("disk_write_ops", _("Writes"), rate("storage_iops_write_total")),
        ),
    ),
    "disk-latency": Chart(
        _("Disk latency"),
        "seconds",
        (Line("disk_read_latency", _("Reads"), READ_TIME), Line("disk_write_latency", _("Writes"), WRITE_TIME)),
        _("Time that one request took. No requests, no line."),
    ),
    "network-bytes": Chart(
        _("Network throughput"),
        "bytes/s",
        (
            Line("network_receive_bytes", _("Received"), rate("network_receive_bytes_total")),
            Line("network_transmit_bytes", _("Sent"), rate("network_transmit_bytes_total")),
        ),
    ),
    "network-drops": Chart(
        _("Packets dropped"),
        "packets/s",
        (
            Line("network_receive_drops", _("Receiving"), rate("network_receive_packets_dropped_total")),
            Line("network_transmit_drops", _("Sending"), rate("network_transmit_packets_dropped_total")),
        ),
    ),
}

DAY = 86_400
RANGES: dict[str, Range] = {
    "10m": Range(_("10 minutes"), 600, 10),
    "1h": Range(_("1 hour"), 3600, 10),
    "1d": Range(_("1 day"), DAY, 120),
    "1w": Range(_("1 week"), 7 * DAY, 900),
    "1mo": Range(_("1 month"), 30 * DAY, 3600),
    "1y": Range(_("1 year"), 365 * DAY, DAY // 2),
}

# What a chosen window is drawn with: the finest of these that makes no more points than a screen can tell apart.
STEPS = (10, 30, 60, 120, 300, 900, 3600, 6 * 3600, DAY // 2)
MOST_POINTS = 720
LEAST_SECONDS = 20
MOST_SECONDS = 2 * 366 * DAY
LINES: dict[str, tuple[str, Line]] = {
    line.key: (metric, line) for metric, drawn in CHARTS.items() for line in drawn.lines
}


class Window(NamedTuple):
    """A piece of time on the axis. `live` goes on with now."""

    begin: float
    end: float
    step: int
    live: bool


def window(span: str, now: float, zoom: tuple[float, float] | None = None) -> Window:
    if zoom is None:
        chosen = RANGES[span]
        return Window(now - chosen.seconds, now, chosen.step, live=True)
    length = zoom[1] - zoom[0]
    return Window(*zoom, next((step for step in STEPS if length / step <= MOST_POINTS), STEPS[-1]), live=False)


def query(line: Line, namespace: str, name: str, step: int) -> str:
    """The line in PromQL for one machine. A rate needs some scrapes in its window, whatever the step."""
    who = f'namespace="{quoted(namespace)}",name="{quoted(name)}"'
    return line.query.replace("WINDOW", f"{max(step, 60)}s").replace("WHO", who)


def quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
