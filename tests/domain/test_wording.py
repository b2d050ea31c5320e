from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from registry_service.domain.wording import moment, size, span


def test_a_moment_is_told_in_utc() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert moment(datetime(2026, 3, 4, 0, 30, tzinfo=tokyo)) == "2026-03-03 15:30 UTC"
    assert moment(datetime(2026, 3, 3, tzinfo=UTC)) == "2026-03-03 00:00 UTC"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 s"),
        (0.2, "1 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3661, "1 h 1 min"),
        (86400 * 2 + 3600 * 3 + 59, "2 d 3 h"),
        (86400 + 59, "1 d 59 s"),
    ],
)
def test_a_span_is_told_in_its_largest_units(seconds: float, told: str) -> None:
    assert span(seconds) == told


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5 * 2**30, "5.0 GiB"), (3 * 2**50, "3072.0 TiB")],
)
def test_sizes_are_in_the_unit_that_suits_them(count: int, shown: str) -> None:
    assert size(count) == shown
