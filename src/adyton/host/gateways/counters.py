"""A gateway's counters, in Prometheus' text format: counts and times, nothing of any one device."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 60)


class Counters:
    """The gateway's own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._relayed = Counter(
            "adyton_gateway_relayed", "requests answered", ("status",), registry=self.registry
        )
        self._dropped = Counter(
            "adyton_gateway_dropped", "bad messages", ("reason",), registry=self.registry
        )
        self._transactions = Counter(
            "adyton_gateway_transactions", "what became of them", ("event",), registry=self.registry
        )
        self.node_faults = Counter(
            "adyton_gateway_node_faults",
            "answers of the Ethereum node that contradict",
            registry=self.registry,
        )
        self.seconds = Histogram(
            "adyton_gateway_seconds",
            "from a request to its answer",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "adyton_gateway_in_flight", "requests being relayed", registry=self.registry
        )

    def relayed(self, status: int) -> None:
        """Count an answer."""
        self._relayed.labels(str(status)).inc()

    def dropped(self, reason: str) -> None:
        """Count a message that was not relayed; the reason is one of ours, never the sender's words."""
        self._dropped.labels(reason).inc()

    def transaction(self, event: str) -> None:
        """Count what became of a transaction."""
        self._transactions.labels(event).inc()

    def text(self) -> bytes:
        """Return the exposition text."""
        return generate_latest(self.registry)
