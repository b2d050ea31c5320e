from __future__ import annotations

from datetime import UTC, datetime

import pytest

from registry_service.domain.errors import InvalidInput
from registry_service.web.ui.parameters import moment_in_utc

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-03-03T12:00", "2026-03-03T12:00Z", "2026-03-03T13:00+01:00"])
def test_a_time_without_a_zone_is_in_utc_and_one_with_a_zone_in_that(text: str) -> None:
    assert moment_in_utc(text, "at") == NOON


@pytest.mark.parametrize("text", [None, ""])
def test_a_field_that_was_left_empty_names_no_time(text: str | None) -> None:
    assert moment_in_utc(text, "at") is None


def test_what_is_no_time_is_refused_by_the_name_of_its_field() -> None:
    with pytest.raises(InvalidInput, match="at is 'noon'"):
        moment_in_utc("noon", "at")
