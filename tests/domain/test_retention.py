from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_service.domain.entities import Keep, KeepKind, Use, UseKind
from registry_service.domain.errors import InvalidRule
from registry_service.domain.retention import MAX_REASONS, Candidate, Descendant, Judgement, judge_all, judge_one
from registry_service.domain.retention_rules import RetentionDocument, check_rule, holds_for, rules_for

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LAST = RetentionDocument(name="last", pattern="*", keep_last=1)
YOUNG = RetentionDocument(name="young", pattern="*", keep_younger_than=7 * 86_400)
GOOD = RetentionDocument(name="good", pattern="*", keep_where="metrics.auc > 0.9")


def old(number: int, *, newer: int = 9, **more: object) -> Candidate:
    return Candidate(number=number, created_at=NOW - 100 * DAY, newer=newer, **more)  # type: ignore[arg-type]


def used(kind: UseKind, name: str = "x") -> tuple[Use, ...]:
    return (Use(kind=kind, name=name),)


def kinds(judgement: Judgement) -> list[KeepKind]:
    return [keep.kind for keep in judgement.kept_by]


def going(judged: Sequence[Judgement]) -> list[int]:
    return [one.number for one in judged if one.goes]


# --------------------------------------------------------------------------------------------------- one version


def test_what_no_rule_keeps_and_nothing_needs_goes() -> None:
    assert judge_one([LAST, YOUNG, GOOD], old(1), NOW) == Judgement(1, ())
    assert judge_one([LAST], old(1), NOW).goes


def test_without_a_rule_nothing_goes() -> None:
    assert kinds(judge_one([], old(1), NOW)) == [KeepKind.NO_RULE]


@pytest.mark.parametrize(("newer", "goes"), [(0, False), (1, False), (2, True)])
def test_the_newest_are_kept(newer: int, goes: bool) -> None:
    rule = RetentionDocument(name="two", pattern="*", keep_last=2)
    assert judge_one([rule], old(1, newer=newer), NOW).goes is goes


@pytest.mark.parametrize(("age", "goes"), [(7 * DAY - timedelta(seconds=1), False), (7 * DAY, True), (8 * DAY, True)])
def test_the_young_are_kept(age: timedelta, goes: bool) -> None:
    candidate = Candidate(number=1, created_at=NOW - age, newer=9)
    assert judge_one([YOUNG], candidate, NOW).goes is goes


def test_what_a_filter_finds_is_kept() -> None:
    found = old(1, found_by=frozenset({"good"}))
    assert judge_one([GOOD], found, NOW).kept_by == (Keep(kind=KeepKind.KEEP_WHERE, name="good"),)
    assert judge_one([LAST], found, NOW).goes


def test_rules_apply_together_and_each_says_what_it_keeps() -> None:
    candidate = Candidate(number=1, created_at=NOW, newer=0, found_by=frozenset({"good"}))
    assert [(keep.kind, keep.name) for keep in judge_one([LAST, YOUNG, GOOD], candidate, NOW).kept_by] == [
        (KeepKind.KEEP_LAST, "last"),
        (KeepKind.KEEP_YOUNGER_THAN, "young"),
        (KeepKind.KEEP_WHERE, "good"),
    ]
    assert kinds(judge_one([LAST, YOUNG], old(1, newer=0), NOW)) == [KeepKind.KEEP_LAST]


@pytest.mark.parametrize("kind", UseKind)
def test_whatever_needs_it_keeps_it(kind: UseKind) -> None:
    assert judge_one([LAST], old(1, uses=used(kind)), NOW).kept_by == (Keep(kind=KeepKind(kind.value), name="x"),)


@pytest.mark.parametrize("number", [None, 7])
def test_whatever_was_made_from_it_keeps_it(number: int | None) -> None:
    made = (Descendant("other/7", number),)
    assert judge_one([LAST], old(1, descendants=made), NOW).kept_by == (Keep(kind=KeepKind.LINEAGE, name="other/7"),)


def test_no_more_reasons_are_told_than_anybody_reads() -> None:
    made = tuple(Descendant(f"other/{number}") for number in range(100))
    assert len(judge_one([LAST], old(1, descendants=made), NOW).kept_by) == MAX_REASONS
    (judged,) = judge_all([LAST], [old(1, descendants=made)], NOW)
    assert len(judged.kept_by) == MAX_REASONS


# ------------------------------------------------------------------------------------------------- all of a model


def test_those_that_go_come_first() -> None:
    judged = judge_all([LAST], [old(3, newer=0), old(2), old(1, uses=used(UseKind.STAGE))], NOW)
    assert [(one.number, kinds(one)) for one in judged] == [(2, []), (3, [KeepKind.KEEP_LAST]), (1, [KeepKind.STAGE])]


def test_what_something_that_stays_was_made_from_stays_however_far_back() -> None:
    line = [
        old(4, newer=0),
        old(3, descendants=(Descendant("m/4", 4),)),
        old(2, descendants=(Descendant("m/3", 3),)),
        old(1),
    ]
    judged = {one.number: one for one in judge_all([LAST], line, NOW)}
    assert going(list(judged.values())) == [1]
    assert judged[3].kept_by == (Keep(kind=KeepKind.LINEAGE, name="m/4"),)
    assert judged[2].kept_by == (Keep(kind=KeepKind.LINEAGE, name="m/3"),)


def test_what_was_made_goes_before_what_it_was_made_of_whatever_their_numbers() -> None:
    candidates = [old(3), old(2, descendants=(Descendant("m/1", 1), Descendant("m/3", 3))), old(1)]
    assert going(judge_all([LAST], candidates, NOW)) == [3, 1, 2]


def test_one_descendant_that_stays_is_enough() -> None:
    candidates = [old(3), old(2, newer=0), old(1, descendants=(Descendant("m/2", 2), Descendant("m/3", 3)))]
    judged = judge_all([LAST], candidates, NOW)
    assert going(judged) == [3]
    assert judged[-1].kept_by == (Keep(kind=KeepKind.LINEAGE, name="m/2"),)


def test_a_descendant_in_another_model_keeps_it_and_what_it_was_made_of() -> None:
    candidates = [old(2, descendants=(Descendant("other/1"),)), old(1, descendants=(Descendant("m/2", 2),))]
    assert going(judge_all([LAST], candidates, NOW)) == []


def test_a_version_that_is_kept_for_itself_stays_also_when_all_that_was_made_from_it_goes() -> None:
    candidates = [old(2), old(1, uses=used(UseKind.LEGAL_HOLD), descendants=(Descendant("m/2", 2),))]
    judged = judge_all([LAST], candidates, NOW)
    assert going(judged) == [2]
    assert kinds(judged[-1]) == [KeepKind.LEGAL_HOLD]


def test_a_circle_that_there_cannot_be_stays() -> None:
    candidates = [old(2, descendants=(Descendant("m/1", 1),)), old(1, descendants=(Descendant("m/2", 2),))]
    assert going(judge_all([LAST], candidates, NOW)) == []


def test_every_use_is_a_reason_to_keep() -> None:
    assert {kind.value for kind in UseKind} < {kind.value for kind in KeepKind}


# -------------------------------------------------------------------------------------------------- properties

NAMES = ("a", "b")
rules_strategy = st.lists(
    st.builds(
        RetentionDocument,
        name=st.sampled_from(NAMES),
        pattern=st.just("*"),
        keep_last=st.none() | st.integers(1, 4),
        keep_younger_than=st.none() | st.integers(1, 10 * 86_400),
        keep_where=st.none() | st.just("number > 1"),
    ),
    max_size=3,
)


@st.composite
def model_strategy(draw: st.DrawFn) -> list[Candidate]:
    count = draw(st.integers(0, 8))
    candidates = []
    for number in range(count, 0, -1):
        together = draw(st.sets(st.integers(number + 1, count), max_size=3)) if number < count else set()
        elsewhere = draw(st.booleans()) and draw(st.booleans())
        candidates.append(
            Candidate(
                number=number,
                created_at=NOW - draw(st.integers(0, 20)) * DAY,
                newer=count - number,
                uses=tuple(Use(kind=kind, name="x") for kind in draw(st.sets(st.sampled_from(UseKind), max_size=2)))
                if draw(st.booleans())
                else (),
                found_by=frozenset(draw(st.sets(st.sampled_from(NAMES)))),
                descendants=tuple(
                    [Descendant(f"m/{made}", made) for made in sorted(together)]
                    + ([Descendant("other/1")] if elsewhere else [])
                ),
            )
        )
    return candidates


@given(rules_strategy, model_strategy())
def test_nothing_used_held_current_or_built_upon_is_ever_chosen(
    rules: list[RetentionDocument], candidates: list[Candidate]
) -> None:
    judged = judge_all(rules, candidates, NOW)
    by_number = {one.number: one for one in candidates}
    gone: set[int] = set()
    assert sorted(one.number for one in judged) == sorted(by_number)
    for judgement in judged:
        candidate = by_number[judgement.number]
        if judgement.goes:
            assert rules and not candidate.uses
            # All that was made from it has gone before it.
            assert all(made.number in gone for made in candidate.descendants)
            for rule in rules:
                assert rule.keep_last is None or candidate.newer >= rule.keep_last
                assert rule.name not in candidate.found_by
                assert rule.keep_younger_than is None or NOW - candidate.created_at >= timedelta(
                    seconds=rule.keep_younger_than
                )
            gone.add(judgement.number)
    # And nothing is kept for nothing: what stays says why, and it is so.
    for judgement in judged:
        if not judgement.goes:
            assert judgement.kept_by


@given(rules_strategy.filter(bool), model_strategy())
def test_one_more_rule_never_lets_more_go(rules: list[RetentionDocument], candidates: list[Candidate]) -> None:
    fewer = set(going(judge_all(rules[:-1], candidates, NOW))) if rules[:-1] else None
    more = set(going(judge_all(rules, candidates, NOW)))
    assert fewer is None or more <= fewer


@given(rules_strategy, model_strategy())
def test_deleted_in_their_order_each_still_may_go_when_judged_alone(
    rules: list[RetentionDocument], candidates: list[Candidate]
) -> None:
    there = {one.number: one for one in candidates}
    for judgement in judge_all(rules, candidates, NOW):
        candidate = there[judgement.number]
        left = tuple(made for made in candidate.descendants if made.number is None or made.number in there)
        alone = judge_one(rules, msgspec.structs.replace(candidate, descendants=left), NOW)
        assert alone.goes is judgement.goes
        if judgement.goes:
            del there[judgement.number]


# ------------------------------------------------------------------------------------------------------ documents


@pytest.mark.parametrize(
    ("pattern", "model", "held"),
    [("*", "fraud", True), ("team-a.*", "team-a.x", True), ("team-a.*", "Team-A.x", True), ("fraud", "fraud-2", False)],
)
def test_a_rule_holds_by_name_whatever_the_case(pattern: str, model: str, held: bool) -> None:
    document = RetentionDocument(name="r", pattern=pattern, keep_last=1)
    assert holds_for(document, model) is held
    assert rules_for([document, LAST], model) == ([document, LAST] if held else [LAST])


@pytest.mark.parametrize(
    "document", [LAST, YOUNG, GOOD, RetentionDocument(name="d", pattern="*", keep_last=1, every=3600)]
)
def test_what_keeps_something_can_be_kept(document: RetentionDocument) -> None:
    check_rule(document)


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        (RetentionDocument(name="r", pattern="*"), ["keep_last"]),
        (RetentionDocument(name="", pattern="a/b", keep_last=0), ["name", "pattern", "keep_last"]),
        (RetentionDocument(name="r", pattern="*", keep_younger_than=0), ["keep_younger_than"]),
        (RetentionDocument(name="r", pattern="*", keep_last=1, every=60), ["every"]),
        (RetentionDocument(name="r", pattern="*", keep_last=1, every=10**9), ["every"]),
        (RetentionDocument(name="r", pattern="*", keep_last=10**9, description="\0"), ["description", "keep_last"]),
    ],
)
def test_all_faults_of_a_rule_are_told_at_once(document: RetentionDocument, paths: list[str]) -> None:
    with pytest.raises(InvalidRule) as refused:
        check_rule(document)
    assert [fault["path"] for fault in refused.value.details["faults"]] == paths
