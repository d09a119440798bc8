"""Count and time what conversion webhooks are asked. Source: kube apiextensions pkg/apiserver/conversion/metrics.go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from knarr.apiserver.metrics import Histogram, Labels, counter, histogram

SECONDS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0)
CALL: Final = "conversion_webhook_call_failure"
MALFORMED: Final = "conversion_webhook_malformed_response_failure"
PARTIAL: Final = "conversion_webhook_partial_response_failure"
INVALID: Final = "conversion_webhook_invalid_converted_object_failure"


class ConversionMetrics:
    """One distribution for each outcome: success, and the four sorts of failure."""

    def __init__(self) -> None:
        self._took: dict[str, Histogram] = {}

    def observe(self, took_s: float, failure: str = "") -> None:
        """Take one call in. failure: its sort, empty for none."""
        if failure not in self._took:
            self._took[failure] = Histogram.of(SECONDS)
        self._took[failure].observe(took_s)

    def families(self) -> Iterator[str]:
        """Yield the lines; nothing as long as no webhook was asked."""
        if not self._took:
            return
        rows = [(took, _labels(failure)) for failure, took in list(self._took.items())]
        yield from counter("apiserver_conversion_webhook_request_total", "Calls of conversion webhooks.",
                           ((labels, sum(took.counts)) for took, labels in rows))  # fmt: skip
        yield from histogram("apiserver_conversion_webhook_duration_seconds", "How long they took.", rows)


def _labels(failure: str) -> Labels:
    return ("failure_type", failure), ("result", "failure" if failure else "success")
