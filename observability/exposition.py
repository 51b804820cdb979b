"""The collector's counters as Prometheus text, under the names KubeVirt uses.

Written by hand instead of through metric objects: a scrape of a thousand machines is forty thousand lines, and the
client library would keep each of them as an object between scrapes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple
from uuid import UUID

from observability.collector import Name
from vmconsole.runtime.types import HostSample, Power, Sample

Rows = Iterable[tuple[str, float]]  # extra labels, value


class Metric(NamedTuple):
    name: str
    kind: str
    help: str
    rows: Callable[[Sample], Rows]


def one(value: Callable[[Sample], float | None]) -> Callable[[Sample], Rows]:
    """A metric with one value a machine, left out while it is unknown."""

    def rows(sample: Sample) -> Rows:
        found = value(sample)
        return [] if found is None else [("", found)]

    return rows


def each_disk(counter: str) -> Callable[[Sample], Rows]:
    return lambda sample: [(f',drive="{quoted(disk.name)}"', getattr(disk, counter)) for disk in sample.disks]


def each_nic(counter: str) -> Callable[[Sample], Rows]:
    return lambda sample: [(f',interface="{quoted(nic.name)}"', getattr(nic, counter)) for nic in sample.nics]


def used(sample: Sample) -> float | None:
    if sample.memory_available_bytes is None or sample.memory_usable_bytes is None:
        return None
    return sample.memory_available_bytes - sample.memory_usable_bytes


def vcpus(sample: Sample) -> Rows:
    return [(f',id="{number}",state="running"', spent) for number, spent in enumerate(sample.vcpu_seconds)]


def each_vcpu(counter: str) -> Callable[[Sample], Rows]:
    return lambda sample: [(f',id="{number}"', spent) for number, spent in enumerate(getattr(sample, counter))]


METRICS = [
    Metric("cpu_usage_seconds_total", "counter", "CPU time of the machine.", one(lambda s: s.cpu_seconds)),
    Metric("vcpu_seconds_total", "counter", "CPU time of each virtual CPU.", vcpus),
    Metric("vcpu_delay_seconds_total", "counter", "Time it waited for a processor.", each_vcpu("vcpu_delays")),
    Metric("vcpu_wait_seconds_total", "counter", "Time it waited for the host's I/O.", each_vcpu("vcpu_waits")),
    Metric("memory_domain_bytes", "gauge", "Memory it was given.", one(lambda s: s.memory_domain_bytes)),
    Metric("memory_resident_bytes", "gauge", "Memory it takes on the host.", one(lambda s: s.memory_resident_bytes)),
    Metric("memory_available_bytes", "gauge", "Memory the guest has.", one(lambda s: s.memory_available_bytes)),
    Metric("memory_unused_bytes", "gauge", "Memory the guest left free.", one(lambda s: s.memory_unused_bytes)),
    Metric("memory_usable_bytes", "gauge", "Memory programs could get.", one(lambda s: s.memory_usable_bytes)),
    Metric("memory_used_bytes", "gauge", "Memory the guest uses.", one(used)),
    Metric("memory_swap_in_traffic_bytes", "gauge", "Read back from swap.", one(lambda s: s.swap_in_bytes)),
    Metric("memory_swap_out_traffic_bytes", "gauge", "Written to swap.", one(lambda s: s.swap_out_bytes)),
    Metric("network_receive_bytes_total", "counter", "Bytes received.", each_nic("receive_bytes")),
    Metric("network_transmit_bytes_total", "counter", "Bytes sent.", each_nic("transmit_bytes")),
    Metric("network_receive_packets_total", "counter", "Packets received.", each_nic("receive_packets")),
    Metric("network_transmit_packets_total", "counter", "Packets sent.", each_nic("transmit_packets")),
    Metric("network_receive_errors_total", "counter", "Receive errors.", each_nic("receive_errors")),
    Metric("network_transmit_errors_total", "counter", "Send errors.", each_nic("transmit_errors")),
    Metric("network_receive_packets_dropped_total", "counter", "Dropped on receive.", each_nic("receive_dropped")),
    Metric("network_transmit_packets_dropped_total", "counter", "Dropped on send.", each_nic("transmit_dropped")),
    Metric("storage_iops_read_total", "counter", "Read requests.", each_disk("read_requests")),
    Metric("storage_iops_write_total", "counter", "Write requests.", each_disk("write_requests")),
    Metric("storage_read_traffic_bytes_total", "counter", "Bytes read.", each_disk("read_bytes")),
    Metric("storage_write_traffic_bytes_total", "counter", "Bytes written.", each_disk("write_bytes")),
    Metric("storage_read_times_seconds_total", "counter", "Time spent reading.", each_disk("read_seconds")),
    Metric("storage_write_times_seconds_total", "counter", "Time spent writing.", each_disk("write_seconds")),
    Metric("storage_flush_requests_total", "counter", "Flush requests.", each_disk("flush_requests")),
]
PHASES = {Power.ON: "running", Power.PAUSED: "paused", Power.STARTING: "scheduling", Power.STOPPING: "running"}


def exposition(samples: Iterable[Sample], names: dict[UUID, Name]) -> Iterator[str]:
    """Lines of text, one metric after the other. Machines without a name are left out: labels must identify."""
    machines = [(labels(names[sample.uid]), sample) for sample in samples if sample.uid in names]
    for metric in METRICS:
        yield f"# HELP kubevirt_vmi_{metric.name} {metric.help}"
        yield f"# TYPE kubevirt_vmi_{metric.name} {metric.kind}"
        for common, sample in machines:
            for extra, value in metric.rows(sample):
                yield f"kubevirt_vmi_{metric.name}{{{common}{extra}}} {value}"
    yield "# HELP vmconsole_vmi_vcpus Virtual CPUs it was given."
    yield "# TYPE vmconsole_vmi_vcpus gauge"
    for common, sample in machines:
        yield f"vmconsole_vmi_vcpus{{{common}}} {sample.vcpus}"
    yield from phases(machines, names)


def phases(machines: list[tuple[str, Sample]], names: dict[UUID, Name]) -> Iterator[str]:
    yield "# HELP kubevirt_vmi_phase_count Machines by phase and node."
    yield "# TYPE kubevirt_vmi_phase_count gauge"
    counts = Counter((PHASES.get(sample.power, "unknown"), names[sample.uid].node) for _, sample in machines)
    for (phase, node), count in sorted(counts.items()):
        yield f'kubevirt_vmi_phase_count{{phase="{phase}",node="{quoted(node)}"}} {count}'


def labels(name: Name) -> str:
    return f'namespace="{quoted(name.namespace)}",name="{quoted(name.name)}",node="{quoted(name.node)}"'


def quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


HOST: tuple[tuple[str, str, Callable[[HostSample], float | None]], ...] = (
    ("cpu_seconds_total", "counter", lambda host: host.total_seconds),
    ("cpu_idle_seconds_total", "counter", lambda host: host.idle_seconds),
    ("cpu_stolen_seconds_total", "counter", lambda host: host.stolen_seconds),
    ("memory_bytes", "gauge", lambda host: host.memory_bytes),
    ("memory_available_bytes", "gauge", lambda host: host.memory_available_bytes),
    ("swap_used_bytes", "gauge", lambda host: host.swap_used_bytes),
    ("stalled_cpu_seconds_total", "counter", lambda host: host.stalled_cpu_seconds),
    ("stalled_disk_seconds_total", "counter", lambda host: host.stalled_disk_seconds),
    ("stalled_memory_seconds_total", "counter", lambda host: host.stalled_memory_seconds),
)


def host_exposition(host: HostSample | None) -> Iterator[str]:
    """The host's counters, which have no namespace: for who sees the cluster."""
    for name, kind, value in HOST:
        found = value(host) if host else None
        if found is not None:
            yield f"# TYPE vmconsole_host_{name} {kind}"
            yield f"vmconsole_host_{name} {found}"
