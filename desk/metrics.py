"""What the desk counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest


class DeskMetrics:
    """Counters of one desk. Labels are fixed words (route templates, status codes), never ids or names."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.requests = Counter(
            "ringside_desk_requests",
            "HTTP requests answered by the web desk.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.screens = Gauge(
            "ringside_desk_screens", "Live connections (open screens) of the web desk.", registry=self.registry
        )
        self.refused_logins = Counter(
            "ringside_desk_logins_refused", "Log-ins refused, by cause.", ["cause"], registry=self.registry
        )
        self.closed_screens = Counter(
            "ringside_desk_screens_closed",
            "Live connections the desk ended, by cause.",
            ["cause"],
            registry=self.registry,
        )

    def text(self) -> bytes:
        """All metrics of the registry in Prometheus' text format."""
        return generate_latest(self.registry)
