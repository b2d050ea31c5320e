"""What targets measure: figures that a report may carry, and how roles compare by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import fsum, isfinite
from typing import Final, NamedTuple

from registry_service.domain.entities import MetricSummary
from registry_service.domain.errors import InvalidInput, TooLarge
from registry_service.domain.names import check_key

MAX_METRICS: Final = 50
# So that no difference of two is infinite.
LARGEST: Final = 1e300


class Figures(NamedTuple):
    """What was reported at a time."""

    at: datetime
    metrics: Mapping[str, float]


def check_figures(metrics: Mapping[str, float]) -> None:
    """:raises InvalidName: a key is none.
    :raises InvalidInput: a figure is NaN, infinite or beyond 1e300.
    :raises TooLarge: there are more than 50.
    """

    if len(metrics) > MAX_METRICS:
        raise TooLarge(f"{len(metrics)} metrics are too many; {MAX_METRICS} are the limit.", field="metrics")
    for key, value in metrics.items():
        check_key(key)
        if not isfinite(value) or abs(value) > LARGEST:
            raise InvalidInput(f"metrics.{key} is {value}. Give a number from -1e300 to 1e300.", field="metrics")


def summaries(reports: Sequence[Figures], primary: Mapping[str, MetricSummary] | None) -> dict[str, MetricSummary]:
    """By metric, in the order of names: what reports, the oldest first, come to.

    :param primary: the summaries that the means are compared with; None: there are none
    """

    series: dict[str, list[tuple[datetime, float]]] = {}
    for report in reports:
        for key, value in report.metrics.items():
            series.setdefault(key, []).append((report.at, value))
    found = {}
    for key, points in sorted(series.items()):
        values = [value for _, value in points]
        mean = fsum(value / len(values) for value in values)
        other = None if primary is None else primary.get(key)
        found[key] = MetricSummary(
            count=len(values),
            latest=values[-1],
            latest_at=points[-1][0],
            mean=mean,
            lowest=min(values),
            highest=max(values),
            difference=None if other is None else mean - other.mean,
        )
    return found
