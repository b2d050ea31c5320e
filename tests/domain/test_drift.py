from __future__ import annotations

import itertools

import pytest

from registry_service.domain.drift import is_drifted


@pytest.mark.parametrize(
    ("observed", "applied", "current"), list(itertools.product([None, "a", "b"], [None, True, False], [None, "a", "b"]))
)
def test_a_target_has_drifted_by_what_it_serves_or_by_what_became_of_its_leave(
    observed: str | None, applied: bool | None, current: str | None
) -> None:
    expected = {
        # What is authorised, on leave that goes on, or was used and is current still.
        ("a", None): False,
        ("a", True): current != "a",
        ("a", False): True,
    }.get((observed, applied), observed == "b") if observed else False  # fmt: skip
    assert is_drifted("a", observed, applied=applied, current=current) is expected
