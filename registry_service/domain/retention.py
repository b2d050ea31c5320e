"""Which versions retention rules let go.

A version goes only if all of these hold:

    a rule is about its model         without one nothing ever goes
    no rule keeps it                  all that are about the model apply together
    nothing needs it                  stages, ways back, aliases, promotions, deployments, legal holds
    nothing that stays comes from it  what a version was made of stays as long as it does

The same is asked of all versions of a model at once, for a preview, and of one version again in the transaction that
deletes it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from registry_service.domain.entities import Keep, KeepKind, Use
from registry_service.domain.retention_rules import RetentionDocument

MAX_REASONS: Final = 20
"""How many reasons are told for one version."""


class Descendant(NamedTuple):
    """A version that is there and was made from another. `number`: its own, where it is judged together with that."""

    name: str
    number: int | None = None


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a version that is there. `newer`: how many versions of its model have a higher number and
    aren't revoked. `found_by`: names of the rules whose filter finds it."""

    number: int
    created_at: datetime
    newer: int
    uses: tuple[Use, ...] = ()
    found_by: frozenset[str] = frozenset()
    descendants: tuple[Descendant, ...] = ()


class Judgement(NamedTuple):
    """It goes exactly where nothing keeps it."""

    number: int
    kept_by: tuple[Keep, ...]

    @property
    def goes(self) -> bool:
        return not self.kept_by


def judge_all(rules: Sequence[RetentionDocument], candidates: Sequence[Candidate], now: datetime) -> list[Judgement]:
    """All versions of one model: first those that go, what was made before what it was made of, so that they can be
    deleted in this order one by one; then those that stay."""

    kept = {one.number: _kept_by_itself(rules, one, now) for one in candidates}
    ancestors: dict[int, list[int]] = defaultdict(list)
    waits_for: dict[int, int] = {}
    for one in candidates:
        below = [made.number for made in one.descendants if made.number is not None]
        waits_for[one.number] = len(below)
        for number in below:
            ancestors[number].append(one.number)
    # Begun from what nothing was made from: a circle, which there can't be, would stay.
    going = [number for number in kept if not kept[number] and not waits_for[number]]
    for number in going:
        for ancestor in ancestors[number]:
            waits_for[ancestor] -= 1
            if not waits_for[ancestor] and not kept[ancestor]:
                going.append(ancestor)
    gone = frozenset(going)
    staying = [
        Judgement(one.number, (*kept[one.number], *_kept_by_lineage(one, gone))[:MAX_REASONS])
        for one in candidates
        if one.number not in gone
    ]
    return [*(Judgement(number, ()) for number in going), *staying]


def judge_one(rules: Sequence[RetentionDocument], candidate: Candidate, now: datetime) -> Judgement:
    """One version alone: whatever there is that was made from it keeps it."""

    kept = (*_kept_by_itself(rules, candidate, now), *_kept_by_lineage(candidate, frozenset()))
    return Judgement(candidate.number, kept[:MAX_REASONS])


def _kept_by_itself(rules: Sequence[RetentionDocument], candidate: Candidate, now: datetime) -> tuple[Keep, ...]:
    needed = [Keep(kind=KeepKind(use.kind.value), name=use.name) for use in candidate.uses]
    elsewhere = [Keep(kind=KeepKind.LINEAGE, name=made.name) for made in candidate.descendants if made.number is None]
    if not rules:
        return (*needed, *elsewhere, Keep(kind=KeepKind.NO_RULE, name=""))
    return (*needed, *elsewhere, *(keep for rule in rules for keep in _kept_by_rule(rule, candidate, now)))


def _kept_by_rule(rule: RetentionDocument, candidate: Candidate, now: datetime) -> Iterator[Keep]:
    if rule.keep_last is not None and candidate.newer < rule.keep_last:
        yield Keep(kind=KeepKind.KEEP_LAST, name=rule.name)
    if rule.keep_younger_than is not None and candidate.created_at > now - timedelta(seconds=rule.keep_younger_than):
        yield Keep(kind=KeepKind.KEEP_YOUNGER_THAN, name=rule.name)
    if rule.name in candidate.found_by:
        yield Keep(kind=KeepKind.KEEP_WHERE, name=rule.name)


def _kept_by_lineage(candidate: Candidate, gone: frozenset[int]) -> Iterator[Keep]:
    """By what is judged together with it and stays."""

    for made in candidate.descendants:
        if made.number is not None and made.number not in gone:
            yield Keep(kind=KeepKind.LINEAGE, name=made.name)
