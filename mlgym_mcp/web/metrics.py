"""Metrics for Prometheus: what the meter is told, counted, and how the server stands, taken when somebody asks."""

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from mlgym_mcp import __version__
from mlgym_mcp.meter import CallOutcome, Census, Meter, TakeCensus

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
CALLS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Seconds. The fastest call takes some 2 ms, and none longer than clients wait."""
STARTS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SCORINGS = (0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)
COMMITS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.01, 0.05, 0.25, 1, 5)


class Metrics(Meter):
    """Everything that one server counts, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._census = _Standing()
        self._started = Counter("mlgym_sessions_started", "Sessions begun.", ["task"], registry=registry)
        self._ended = Counter("mlgym_sessions_ended", "Sessions over.", ["task", "exit_status"], registry=registry)
        self._not_opened = Counter("mlgym_sessions_not_opened", "Sessions that could not be opened.", registry=registry)
        self._calls = Histogram(
            "mlgym_tool_call_seconds", "Tool calls.", ["tool", "outcome"], buckets=CALLS, registry=registry
        )
        self._sandboxes = Histogram(
            "mlgym_sandbox_start_seconds",
            "How long a session waited for its sandbox to start; warm: for one that was started ahead.",
            ["backend", "warm"],
            buckets=STARTS,
            registry=registry,
        )
        self._not_started = Counter(
            "mlgym_sandbox_start_failures", "Sandboxes that could not be started.", ["backend"], registry=registry
        )
        self._asked = Counter("mlgym_guest_requests", "Requests sent to guests.", registry=registry)
        self._scorings = Histogram(
            "mlgym_scoring_seconds", "Scorings.", ["task", "phase", "outcome"], buckets=SCORINGS, registry=registry
        )
        self._commits = Histogram(
            "mlgym_store_commit_seconds", "Transactions of the store.", buckets=COMMITS, registry=registry
        )
        self._requests = Counter("mlgym_http_requests", "Requests over HTTP.", ["method", "code"], registry=registry)
        registry.register(self._census)
        ProcessCollector(registry=registry)

    def exposition(self) -> bytes:
        """All of it, in Prometheus's text format."""
        return generate_latest(self._registry)

    def follow(self, census: TakeCensus | None) -> None:
        """Ask this manager from now on how it stands; None: there is none."""
        self._census.take = census or Census

    def session_started(self, task: str) -> None:
        """Count it."""
        self._started.labels(task).inc()

    def session_ended(self, task: str, exit_status: str) -> None:
        """Count it."""
        self._ended.labels(task, exit_status).inc()

    def session_not_opened(self) -> None:
        """Count it."""
        self._not_opened.inc()

    def tool_called(self, tool: str, outcome: CallOutcome, seconds: float) -> None:
        """Count it."""
        self._calls.labels(tool, outcome).observe(seconds)

    def sandbox_given(self, backend: str, seconds: float, *, warm: bool) -> None:
        """Count it."""
        self._sandboxes.labels(backend, "yes" if warm else "no").observe(seconds)

    def sandbox_not_started(self, backend: str) -> None:
        """Count it."""
        self._not_started.labels(backend).inc()

    def guest_asked(self) -> None:
        """Count it."""
        self._asked.inc()

    def scored(self, task: str, phase: str, outcome: str, seconds: float) -> None:
        """Count it."""
        self._scorings.labels(task, phase, outcome).observe(seconds)

    def committed(self, seconds: float) -> None:
        """Count it."""
        self._commits.observe(seconds)

    def request_answered(self, method: str, code: int) -> None:
        """Count it."""
        self._requests.labels(method, str(code)).inc()


class _Standing(Collector):
    """How the server stands, as Prometheus asks for it."""

    def __init__(self) -> None:
        self.take: TakeCensus = Census

    def collect(self) -> Iterator[Metric]:
        census = self.take()
        yield _gauge("mlgym_sessions_open", "Sessions that take calls.", census.open)
        yield _each("mlgym_sessions_waiting", "Sessions not open yet, by what they wait for.", "stage", census.waiting)
        yield _gauge("mlgym_calls_in_sandboxes", "Calls that sandboxes work on.", census.calls)
        yield _gauge("mlgym_jobs_running", "Jobs that run, as last seen, at most half a minute ago.", census.jobs)
        taken = {kind: room.taken for kind, room in census.rooms.items()}
        total = {kind: room.total for kind, room in census.rooms.items()}
        yield _each("mlgym_capacity_used", "What is taken: places, bytes, CPUs, scorings.", "kind", taken)
        yield _each("mlgym_capacity_total", "What there is: places, bytes, CPUs, scorings.", "kind", total)
        yield _gauge("mlgym_scorings_waiting", "Artefacts that wait to be scored.", census.scorings_waiting)
        yield _gauge("mlgym_gpu_leases", "GPUs lent to sessions, by all servers of the data folder.", census.gpus_lent)
        yield _gauge("mlgym_pool_warm", "Sandboxes started ahead that wait to be taken.", census.warm)
        yield CounterMetricFamily("mlgym_pool_hits", "Sessions that found a warm sandbox.", census.warm_taken)
        yield CounterMetricFamily("mlgym_pool_misses", "Sessions that found none.", census.warm_missed)
        version = GaugeMetricFamily("mlgym_build_info", "The version that runs.", labels=["version"])
        version.add_metric([__version__], 1)
        yield version


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value)


def _each(name: str, meaning: str, label: str, values: Mapping[Any, float]) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=[label])
    for kind, value in values.items():
        family.add_metric([kind], value)
    return family
