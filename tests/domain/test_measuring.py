from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import inf, isfinite, nan

import pytest

from registry_service.domain.entities import MetricSummary
from registry_service.domain.errors import InvalidInput, InvalidName, TooLarge
from registry_service.domain.measuring import LARGEST, MAX_METRICS, Figures, check_figures, summaries

AT = datetime(2026, 3, 3, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_figures_are_finite_numbers_by_names_of_ones_own() -> None:
    check_figures({})
    check_figures({"p95 ms": 41.5, "Fehler": 0, "drift": -LARGEST, "score": LARGEST})
    check_figures({f"m{number}": 1.0 for number in range(MAX_METRICS)})


@pytest.mark.parametrize("value", [nan, inf, -inf, 1.1e300, -1.1e300])
def test_what_is_no_finite_number_is_refused(value: float) -> None:
    with pytest.raises(InvalidInput, match=r"metrics\.p95"):
        check_figures({"score": 1.0, "p95": value})


def test_names_are_keys_and_bounded_in_number() -> None:
    for key in ("", " a", "a\n", "k" * 257):
        with pytest.raises(InvalidName):
            check_figures({key: 1.0})
    with pytest.raises(TooLarge):
        check_figures({f"m{number}": 1.0 for number in range(MAX_METRICS + 1)})


def test_reports_come_to_a_summary_of_each_metric() -> None:
    reports = [
        Figures(AT, {"p95": 40.0, "errors": 1.0}),
        Figures(AT + MINUTE, {"p95": 20.0}),
        Figures(AT + 2 * MINUTE, {"p95": 30.0}),
    ]
    found = summaries(reports, None)
    assert list(found) == ["errors", "p95"]
    assert found["p95"] == MetricSummary(
        count=3, latest=30.0, latest_at=AT + 2 * MINUTE, mean=30.0, lowest=20.0, highest=40.0, difference=None
    )
    assert (found["errors"].count, found["errors"].latest_at) == (1, AT)
    assert summaries([], found) == {}


def test_means_are_compared_with_the_primarys_where_it_has_the_metric() -> None:
    primary = summaries([Figures(AT, {"p95": 40.0})], None)
    canary = summaries([Figures(AT, {"p95": 52.5, "errors": 1.0})], primary)
    assert (canary["p95"].difference, canary["errors"].difference) == (12.5, None)


def test_the_largest_figures_come_to_finite_ones() -> None:
    primary = summaries([Figures(AT, {"x": -LARGEST})] * 1000, None)
    canary = summaries([Figures(AT, {"x": LARGEST})] * 1000, primary)
    difference = canary["x"].difference
    assert difference is not None and isfinite(difference) and isfinite(canary["x"].mean)
