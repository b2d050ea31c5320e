from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_service.domain.approvals import decide
from registry_service.domain.decisions import Outcome
from registry_service.domain.entities import Verdict
from registry_service.domain.errors import InvalidInput, NotPermitted, SelfApproval
from registry_service.domain.facts import Person, ReviewFacts
from registry_service.domain.permissions import Role
from registry_service.domain.policies import PolicyDocument, ReviewRule
from registry_service.domain.reviewing import (
    Seat,
    check_reviewer,
    check_token_suffices,
    seat_reviewers,
    standing_rejections,
    who_could_review,
)
from registry_service.domain.standing_in import LONGEST, check_spell
from tests.domain.facts import DAY, NOW, OTHER_DIGEST, changed, facts, person, rejection, review

RISK = PolicyDocument(name="risk", rules=(ReviewRule(name="risk", group="risk"),), delegation=True)
BOTH = changed(RISK, rules=(*RISK.rules, ReviewRule(name="admin", role="admin")))
TWO = changed(RISK, rules=(ReviewRule(name="risk", group="risk", count=2),))
SEAT = Seat("risk", "risk")


def member(name: str, **more: Any) -> Person:
    return person(name, groups=("risk",), **more)


def stood_in(by: str | Person, *holders: Person, **more: Any) -> ReviewFacts:
    return review(by, standing_in_for=holders, **more)


def test_who_stands_in_fills_the_place_and_the_decision_names_both() -> None:
    judged = facts(RISK, reviews=[stood_in("bob", member("ann"))])
    assert seat_reviewers(judged).seated == {SEAT: ("bob",)}
    decision = decide(judged, NOW)
    assert decision.outcome is Outcome.APPLICABLE
    assert [reason.message for reason in decision.satisfied] == ["Approved by bob for ann."]
    assert decision.satisfied[0].people == ("bob",)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (stood_in("bob", member("ann", disabled=True)), "is not, or no longer, one whom the rules ask for"),
        (stood_in("bob", person("ann")), "is not, or no longer, one whom the rules ask for"),
        (stood_in(person("bob", Role.CONTRIBUTOR), member("ann")), "is not, or no longer, one whom the rules ask for"),
        (stood_in(person("bob", disabled=True), member("ann")), "is disabled"),
        (stood_in("bob", member("olga")), "stands in for olga, who owns 'airflow', which registered the version"),
        (stood_in("olga", member("ann")), "owns 'airflow', which registered the version"),
        (stood_in("bob", member("ann"), digest=OTHER_DIGEST), "approved other content"),
    ],
)
def test_standing_in_moves_no_more_than_the_place(given: ReviewFacts, why: str) -> None:
    bench = seat_reviewers(facts(RISK, reviews=[given]))
    assert bench.uncounted == {given.reviewer.name: why}
    assert bench.missing == {SEAT: 1}


def test_a_policy_that_does_not_speak_of_it_takes_nobody_in_anothers_place() -> None:
    strict = changed(RISK, delegation=False)
    assert seat_reviewers(facts(strict, reviews=[stood_in("bob", member("ann"))])).missing == {SEAT: 1}
    assert decide(facts(RISK, strict, reviews=[stood_in("bob", member("ann"))]), NOW).outcome is Outcome.WAITING


def test_an_approval_that_binds_the_current_version_does_so_also_for_another() -> None:
    binding = changed(RISK, rules=(ReviewRule(name="risk", group="risk", when="current.metrics.unknown > 0"),))
    bench = seat_reviewers(facts(binding, reviews=[stood_in("bob", member("ann"), current_digest=OTHER_DIGEST)]))
    assert bench.uncounted == {"bob": "approved when another version was current"}


def test_whoever_has_spoken_needs_nobody_to_stand_in() -> None:
    bench = seat_reviewers(facts(TWO, reviews=[stood_in("bob", member("ann")), review(member("ann"))]))
    assert bench.seated == {SEAT: ("ann",)}
    assert bench.uncounted == {"bob": "stands in for somebody whose approval is there already"}
    withdrawn = [stood_in("bob", member("ann")), review(member("ann"), withdrawn=True)]
    assert seat_reviewers(facts(TWO, reviews=withdrawn)).seated == {SEAT: ("bob",)}


def test_one_place_is_not_filled_through_two_who_stand_in_for_the_same() -> None:
    bench = seat_reviewers(facts(TWO, reviews=[stood_in("bob", member("ann")), stood_in("cid", member("ann"))]))
    assert bench.seated == {SEAT: ("bob",)}
    assert bench.uncounted == {"cid": "stands in for somebody whose approval is there already"}


def test_who_has_a_place_of_their_own_leaves_that_of_another_to_the_next() -> None:
    bench = seat_reviewers(facts(TWO, reviews=[stood_in(member("bob"), member("ann")), stood_in("cid", member("ann"))]))
    assert bench.seated == {SEAT: ("bob", "cid")}
    assert bench.stands_for == {SEAT: {"cid": "ann"}}


def test_nobody_fills_two_places_by_standing_in() -> None:
    given = [stood_in(member("bob"), person("sam", Role.ADMIN), member("ann"))]
    bench = seat_reviewers(facts(BOTH, reviews=given))
    assert sum(len(names) for names in bench.seated.values()) == 1
    given.append(review(member("eve")))
    bench = seat_reviewers(facts(BOTH, reviews=given))
    assert bench.seated == {SEAT: ("eve",), Seat("risk", "admin"): ("bob",)}
    assert bench.stands_for == {SEAT: {}, Seat("risk", "admin"): {"bob": "sam"}}


def test_a_waived_self_approval_is_told_of_whom_somebody_stands_in_for_too() -> None:
    lenient = changed(RISK, self_approval=True)
    decision = decide(facts(lenient, reviews=[stood_in("bob", member("olga"))]), NOW)
    assert decision.outcome is Outcome.APPLICABLE
    assert [(reason.message, reason.people) for reason in decision.waived] == [
        ("olga owns 'airflow', which registered the version; policy 'risk' lets own work be approved.", ("bob",))
    ]


def test_who_stands_in_may_reject() -> None:
    assert standing_rejections(facts(RISK, reviews=[rejection("bob", standing_in_for=(member("ann"),))]))


def test_those_who_stand_in_are_found_among_those_who_could_review() -> None:
    assert who_could_review(facts(RISK), [person("bob")]) == ()
    assert who_could_review(facts(RISK), [person("bob")], {"bob": [member("ann")]}) == ("bob",)
    given = facts(RISK, reviews=[review(member("eve"))])
    assert who_could_review(given, [person("bob")], {"bob": [member("ann")]}) == ()


def test_a_review_in_anothers_place_is_taken_where_it_can_count() -> None:
    check_reviewer(facts(RISK), person("bob"), Verdict.APPROVE, [member("ann")])
    check_reviewer(facts(RISK), person("bob"), Verdict.APPROVE, [member("olga"), member("ann")])
    check_reviewer(facts(RISK), person("bob"), Verdict.REJECT, [member("olga")])
    with pytest.raises(SelfApproval, match="stands in for olga"):
        check_reviewer(facts(RISK), person("bob"), Verdict.APPROVE, [member("olga")])
    with pytest.raises(NotPermitted):
        check_reviewer(facts(RISK), person("bob", Role.READER), Verdict.APPROVE, [member("ann")])


def test_a_narrowed_token_does_not_stand_for_what_another_is() -> None:
    sam = person("sam", Role.ADMIN)
    check_token_suffices(facts(BOTH), person("bob"), Role.APPROVER)
    check_token_suffices(facts(changed(BOTH, delegation=False)), person("bob"), Role.APPROVER, [sam])
    with pytest.raises(NotPermitted, match="that of admin"):
        check_token_suffices(facts(BOTH), person("bob"), Role.APPROVER, [sam])


@pytest.mark.parametrize(
    ("starts", "until", "field"),
    [
        (-timedelta(seconds=1), DAY, "starts_at"),
        (DAY, DAY, "until"),
        (DAY, DAY + LONGEST + timedelta(seconds=1), "until"),
    ],
)
def test_a_spell_that_makes_no_sense_is_refused(starts: timedelta, until: timedelta, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_spell(starts_at=NOW + starts, until=NOW + until, now=NOW)
    assert refusal.value.details["field"] == field
    check_spell(starts_at=NOW, until=NOW + LONGEST, now=NOW)


NAMES = ("ann", "bob", "cid", "eve")


@st.composite
def approvals(draw: st.DrawFn) -> list[ReviewFacts]:
    people = {
        name: person(
            name, draw(st.sampled_from([Role.APPROVER, Role.ADMIN])), groups=draw(st.sampled_from([(), ("risk",)]))
        )
        for name in NAMES
    }
    return [
        review(
            people[name],
            withdrawn=draw(st.booleans()),
            standing_in_for=tuple(people[other] for other in draw(st.sets(st.sampled_from(NAMES))) if other != name),
        )
        for name in draw(st.permutations(NAMES))
    ]


@given(approvals(), st.integers(1, 3))
def test_each_speaks_once_and_each_is_spoken_for_once(given: list[ReviewFacts], count: int) -> None:
    wanted = changed(BOTH, rules=(changed(BOTH.rules[0], count=count), BOTH.rules[1]))
    bench = seat_reviewers(facts(wanted, reviews=given))
    speakers = [name for names in bench.seated.values() for name in names]
    spoken_for = [bench.stands_for[seat].get(name, name) for seat, names in bench.seated.items() for name in names]
    assert len(set(speakers)) == len(speakers)
    assert len(set(spoken_for)) == len(spoken_for)
    standing = {review.reviewer.name: review for review in given if not review.withdrawn}
    assert set(speakers) <= set(standing)
    people = {review.reviewer.name: review.reviewer for review in given}
    for seat, names in bench.seated.items():
        for name in names:
            holder = people[bench.stands_for[seat].get(name, name)]
            assert "risk" in holder.groups if seat == SEAT else holder.grants[0].role is Role.ADMIN
