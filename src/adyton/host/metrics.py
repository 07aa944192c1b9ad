"""Counters for the operator, in Prometheus' text format: counts and times, nothing of any one client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 60)
_ENTRIES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Metrics:
    """The server's own registry; nothing of the process or platform is collected by itself."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._answers = Counter(
            "adyton_http_answers", "HTTP answers", ("route", "status"), registry=self.registry
        )
        self._known: dict[tuple[str, int], Callable[[], None]] = {}
        self.block_entries = Histogram(
            "adyton_block_entries", "entries of a block", buckets=_ENTRIES, registry=self.registry
        )
        self.commit_seconds = Histogram(
            "adyton_commit_seconds", "storing a block", buckets=_SECONDS, registry=self.registry
        )
        self.enclave_starts = Counter(
            "adyton_enclave_starts", "starts of the enclave", registry=self.registry
        )
        self.height = Gauge("adyton_height", "newest committed block", registry=self.registry)
        self.epoch = Gauge("adyton_epoch", "epoch of that block", registry=self.registry)
        self.log_size = Gauge("adyton_log_size", "entries in the log", registry=self.registry)
        self.waiting = Gauge("adyton_long_polls", "long polls waiting", registry=self.registry)
        self.blob_bytes = Gauge("adyton_blob_bytes", "bytes of blobs", registry=self.registry)

    def answered(self, route: str, status: int) -> None:
        """Count one HTTP answer; `route` is the template, never the path that was asked for."""
        count = self._known.get((route, status))
        if count is None:
            count = self._known[route, status] = self._answers.labels(route, str(status)).inc
        count()

    def text(self) -> bytes:
        """Return the exposition text."""
        return generate_latest(self.registry)
