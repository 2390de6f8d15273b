"""Prometheus metrics of a run, on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from newsletter.delivery.tally import Tally
from newsletter.errors import SettingsError


class TallyCollector(Collector):
    """Reads the tally whenever it is asked: nothing is counted twice, and counting costs the engine nothing."""

    def __init__(self, tally: Callable[[], Tally]) -> None:
        self._tally = tally

    def collect(self) -> Iterator[Metric]:
        """The present figures."""
        tally = self._tally()
        deliveries = CounterMetricFamily(
            "newsletter_deliveries", "Messages by what became of them.", labels=["outcome"]
        )
        for outcome in ("sent", "deferred", "failed", "uncertain", "unsent"):
            deliveries.add_metric([outcome], getattr(tally, outcome))
        yield deliveries
        yield CounterMetricFamily("newsletter_sent_bytes", "Octets of the messages that were sent.", value=tally.octets)
        yield GaugeMetricFamily("newsletter_due", "Deliveries that are due and wait.", value=tally.due)
        yield GaugeMetricFamily("newsletter_send_rate", "Messages sent per second, lately.", value=tally.rate())
        yield GaugeMetricFamily(
            "newsletter_relays_resting", "Relays that get nothing for now.", value=len(tally.resting)
        )


def serve_metrics(port: int, tally: Callable[[], Tally]) -> Callable[[], None]:
    """Serve `/metrics` on 127.0.0.1; returns what stops it. Raises SettingsError when the port is taken."""
    registry = CollectorRegistry()
    registry.register(TallyCollector(tally))
    try:
        server, thread = start_http_server(port, addr="127.0.0.1", registry=registry)
    except OSError as error:
        raise SettingsError(f"port {port} can't be used: {error.strerror}", where="[log] metrics_port") from error

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop
