from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_service.domain.errors import InvalidInput
from registry_service.domain.evaluation import regressions
from registry_service.domain.metadata import Direction, Metadata

LOWER = Direction.LOWER_IS_BETTER
HIGHER = Direction.HIGHER_IS_BETTER


def of(directions: dict[str, Direction] | None = None, **metrics: float) -> Metadata:
    return Metadata(metrics=metrics, directions=directions or {})


def worse(candidate: Metadata, champion: Metadata, **bounds: float) -> list[str]:
    return [regression.metric for regression in regressions(candidate, champion, bounds)]


def test_higher_is_better_unless_declared() -> None:
    assert worse(of(auc=0.95), of(auc=0.90), auc=0.0) == []
    assert worse(of(auc=0.85), of(auc=0.90), auc=0.01) == ["auc"]
    assert worse(of({"rmse": LOWER}, rmse=3.0), of(rmse=2.0), rmse=0.5) == ["rmse"]
    assert worse(of({"rmse": LOWER}, rmse=1.0), of(rmse=2.0), rmse=0.5) == []


def test_a_fall_of_exactly_the_bound_is_allowed_as_people_read_the_figures() -> None:
    assert 0.91 - 0.90 > 0.01, "binary fractions say otherwise"
    assert worse(of(auc=0.90), of(auc=0.91), auc=0.01) == []
    assert worse(of(auc=0.8999), of(auc=0.91), auc=0.01) == ["auc"]


def test_a_candidate_cannot_turn_the_direction_that_the_champion_declared() -> None:
    champion = of({"auc": HIGHER}, auc=0.9)
    assert worse(of({"auc": LOWER}, auc=0.1), champion, auc=0.0) == ["auc"]


def test_what_the_champion_lacks_passes_and_what_the_candidate_lacks_does_not() -> None:
    assert worse(of(auc=0.1), of(), auc=0.0) == []
    found = regressions(of(), of(auc=0.9), {"auc": 1.0})
    assert [(one.candidate, one.champion, one.worse_by) for one in found] == [(None, 0.9, None)]
    assert str(found[0]) == "auc is missing"
    assert worse(of(), of(), acu=0.0) == ["acu"]


@pytest.mark.parametrize("broken", [nan, inf, -inf])
def test_a_broken_figure_is_a_regression(broken: float) -> None:
    found = regressions(of(auc=broken), of(auc=0.9), {"auc": 1.0})
    assert str(found[0]) == f"auc is {broken}"


def test_a_negative_bound_demands_progress() -> None:
    assert worse(of(auc=0.91), of(auc=0.90), auc=-0.01) == []
    assert worse(of(auc=0.905), of(auc=0.90), auc=-0.01) == ["auc"]


@pytest.mark.parametrize("bound", [nan, inf])
def test_a_bound_is_a_finite_number(bound: float) -> None:
    with pytest.raises(InvalidInput, match="finite"):
        regressions(of(auc=1.0), of(auc=1.0), {"auc": bound})


def test_a_regression_says_by_how_much() -> None:
    (found,) = regressions(of({"ms": LOWER}, ms=12.5), of(ms=10.0), {"ms": 1.0})
    assert (found.worse_by, found.direction) == (2.5, LOWER)
    assert str(found) == "ms is 12.5, was 10: worse by 2.5, allowed 1"


@pytest.mark.parametrize(
    ("candidate", "champion", "bound", "words"),
    [
        (0.8010075566750629, 0.8816120906801007, 0.01, "m is 0.801, was 0.8816: worse by 0.0806, allowed 0.01"),
        (-123456.789, 0.5, 0.0, "m is -123457, was 0.5: worse by 123457, allowed 0"),
        (1.23456e-7, 2.5e-7, 0.0, "m is 1.235e-07, was 2.5e-07: worse by 1.265e-07, allowed 0"),
        (-1e300, 0.0, 0.0, "m is -1e+300, was 0: worse by 1e+300, allowed 0"),
    ],
)
def test_figures_are_rounded_for_people(candidate: float, champion: float, bound: float, words: str) -> None:
    (found,) = regressions(of(m=candidate), of(m=champion), {"m": bound})
    assert str(found) == words
    assert (found.candidate, found.champion) == (candidate, champion), "exact in the value"


def test_rounding_never_makes_what_is_worse_look_allowed() -> None:
    (found,) = regressions(of(auc=0.8899999), of(auc=0.9), {"auc": 0.01})
    assert str(found) == "auc is 0.8899999, was 0.9: worse by 0.0100001, allowed 0.01"
    (found,) = regressions(of(rows=99_998.4), of(rows=100_000.0), {"rows": 1.5})
    assert str(found) == "rows is 99998, was 100000: worse by 1.6, allowed 1.5"


@given(st.floats(-1e300, 1e300), st.floats(0, 1e300), st.floats(0, 1e6))
def test_words_tell_what_is_worse_from_what_is_allowed(champion: float, loss: float, bound: float) -> None:
    for found in regressions(of(m=champion - loss), of(m=champion), {"m": bound}):
        worse_by, allowed = str(found).partition("worse by ")[2].split(", allowed ")
        assert worse_by != allowed or found.worse_by == found.allowed


figures = st.floats(-1e6, 1e6, allow_nan=False)


@given(figures, st.sampled_from(Direction), st.floats(0, 10))
def test_the_same_figures_are_no_regression(figure: float, direction: Direction, bound: float) -> None:
    metadata = of({"m": direction}, m=figure)
    assert regressions(metadata, metadata, {"m": bound}) == []


@given(figures, figures, st.floats(0, 10))
def test_turning_signs_and_direction_changes_nothing(new: float, old: float, bound: float) -> None:
    up = worse(of(m=new), of({"m": HIGHER}, m=old), m=bound)
    down = worse(of(m=-new), of({"m": LOWER}, m=-old), m=bound)
    assert up == down
