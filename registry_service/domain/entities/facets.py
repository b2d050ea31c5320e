"""Which values there are of something, and how many versions have each."""

from __future__ import annotations

from registry_service.domain.entities.answer import Answer


class FacetValue(Answer, frozen=True, kw_only=True):
    """A value, and how many of the versions have it."""

    value: str | float
    count: int


class Facet(Answer, frozen=True, kw_only=True):
    """The values of a field that most versions have, the most frequent first. `lacking`: versions without any. `more`:
    there are further values. A version counts for each value that it has; texts are told apart by 256 characters."""

    field: str
    values: list[FacetValue]
    lacking: int
    more: bool


class Facets(Answer, frozen=True, kw_only=True):
    """Facets of the newest versions that a filter finds. `counted`: how many these are. `complete`: they are all."""

    counted: int
    complete: bool
    facets: list[Facet]
