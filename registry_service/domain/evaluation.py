"""Whether a candidate is worse than the champion, and by more than is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from math import isfinite
from typing import Final

import msgspec

from registry_service.domain.errors import InvalidInput
from registry_service.domain.metadata import Direction, Metadata

READABLE_DIGITS: Final = 4
# From here on the part before the point is longer than anybody reads.
UNREADABLE: Final = 1e15


class Regression(msgspec.Struct, frozen=True, kw_only=True):
    """A metric that got worse than allowed. `worse_by` counts in the metric's own unit and towards the worse; None
    where the candidate brings no finite value. As text, the figures are rounded for people."""

    metric: str
    direction: Direction
    candidate: float | None
    champion: float | None
    worse_by: float | None
    allowed: float

    def __str__(self) -> str:
        if self.worse_by is None:
            return f"{self.metric} is {'missing' if self.candidate is None else self.candidate}"
        assert self.candidate is not None
        assert self.champion is not None
        figures = (self.candidate, self.champion, self.worse_by, self.allowed)
        words = [_rounded(figure) for figure in figures]
        if words[2] == words[3]:
            # Never "worse by 0.01, allowed 0.01": what rounding hides is said exactly.
            words = [str(figure) for figure in figures]
        candidate, champion, worse_by, allowed = words
        return f"{self.metric} is {candidate}, was {champion}: worse by {worse_by}, allowed {allowed}"


def regressions(candidate: Metadata, champion: Metadata, max_regression: Mapping[str, float]) -> list[Regression]:
    """The metrics of `max_regression` in which the candidate is worse than allowed, in the order given.

    The bound is absolute, in the metric's unit: 0.01 lets `auc` fall from 0.91 to 0.90; a negative one demands
    progress. Higher is better unless a side declares otherwise; the champion's word counts before the candidate's.
    What the champion lacks can't be compared and passes; what the candidate lacks, or has as NaN or infinity, is a
    regression, so that neither a misspelt metric nor a broken run passes in silence.

    :raises InvalidInput: a bound is not a finite number.
    """

    found = []
    for metric, allowed in max_regression.items():
        if not isfinite(allowed):
            raise InvalidInput(f"max_regression['{metric}'] is {allowed}. Give a finite number.", metric=metric)
        regression = _compare(metric, candidate, champion, allowed)
        if regression is not None:
            found.append(regression)
    return found


def _compare(metric: str, candidate: Metadata, champion: Metadata, allowed: float) -> Regression | None:
    new, old = candidate.metrics.get(metric), champion.metrics.get(metric)
    direction = champion.directions.get(metric, candidate.direction(metric))
    worse_by = None
    if new is not None and isfinite(new):
        if old is None:
            return None
        # As people read the figures: 0.91 - 0.9 is 0.01, which binary fractions make a little more.
        change = Decimal(str(old)) - Decimal(str(new))
        worse = change if direction is Direction.HIGHER_IS_BETTER else -change
        if worse <= Decimal(str(allowed)):
            return None
        worse_by = float(worse)
    return Regression(
        metric=metric, direction=direction, candidate=new, champion=old, worse_by=worse_by, allowed=allowed
    )


def _rounded(figure: float) -> str:
    """In so many significant digits as people take in at a glance, but with all that are before the point."""
    text = f"{figure:.{READABLE_DIGITS}g}"
    return f"{figure:.0f}" if "e+" in text and abs(figure) < UNREADABLE else text
