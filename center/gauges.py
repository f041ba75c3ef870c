"""Numbers of a running node for monitoring: what goes on now, and what must go back to nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Gauge

HELP = {
    "legs": "Legs of calls now.",
    "browser_calls": "Calls of browser phones now.",
    "media_workers": "Processes that carry browser phones' audio now.",
    "interactions": "Interactions that are not closed now.",
    "escalations": "Escalations that run now.",
    "leases": "Reservations of people that this node holds now.",
    "events_lost": "Events that could not be kept anywhere since the start.",
}


def register_gauges(registry: CollectorRegistry, read: Callable[[], Mapping[str, float]]) -> None:
    """Export what `read` tells; it is asked when somebody looks."""
    for name, says in HELP.items():
        Gauge(f"ringside_{name}", says, registry=registry).set_function(lambda name=name: read()[name])  # type: ignore[misc]
