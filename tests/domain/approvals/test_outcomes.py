from __future__ import annotations

import pytest

from registry_service.domain.approvals import decide, next_move
from registry_service.domain.decisions import DEMANDS, OUTCOMES, Outcome, ReasonCode, SatisfiedCode
from registry_service.domain.entities import Hold
from registry_service.domain.facts import Facts, StageFacts
from registry_service.domain.policies import OPEN, REGULATED, PolicyDocument, RequiredCondition
from tests.domain.approvals.judged import codes, demanding
from tests.domain.facts import NOW, changed, facts, review, version


def test_every_reason_has_its_outcome_and_none_is_applicable() -> None:
    assert set(OUTCOMES) == set(ReasonCode)
    assert Outcome.APPLICABLE not in OUTCOMES.values()
    assert set(DEMANDS) <= set(ReasonCode)


def test_what_stands_in_the_way_and_what_no_longer_does_have_codes_of_their_own() -> None:
    assert not {code.value for code in ReasonCode} & {code.value for code in SatisfiedCode}


def test_an_approval_by_another_person_makes_it_applicable() -> None:
    decision = decide(facts(reviews=[review("bob")]), NOW)
    assert decision.outcome is Outcome.APPLICABLE
    assert decision.reasons == () and decision.waived == ()
    (given,) = decision.satisfied
    assert (given.code, given.policy, given.rule, given.people) == ("review_given", "team", "another person", ("bob",))


def test_without_an_approval_it_waits_and_says_for_whom() -> None:
    decision = decide(facts(), NOW)
    assert decision.outcome is Outcome.WAITING
    (missing,) = decision.reasons
    assert missing.code == ReasonCode.REVIEW_MISSING
    assert missing.message == (
        "Policy 'team' asks for 1 more approval (another person) by people with the role approver on 'fraud'."
    )


def test_nobody_need_review_only_where_a_policy_says_so() -> None:
    decision = decide(facts(OPEN), NOW)
    assert decision.outcome is Outcome.APPLICABLE
    assert [reason.code for reason in decision.satisfied] == [SatisfiedCode.NOBODY_NEED_REVIEW]


def test_without_any_policy_nothing_is_ever_approved() -> None:
    judged = changed(facts(reviews=[review("bob")]), policies=())
    assert codes(decide(judged, NOW)) == [ReasonCode.NO_POLICY]
    assert decide(judged, NOW).outcome is Outcome.CLOSED
    assert next_move(judged, NOW) is None


def test_a_policy_that_demands_nothing_and_does_not_say_so_approves_nothing() -> None:
    decision = decide(facts(PolicyDocument(name="empty"), OPEN), NOW)
    assert [(reason.code, reason.policy) for reason in decision.reasons] == [(ReasonCode.NO_POLICY, "empty")]


def test_all_that_stands_in_the_way_is_told_at_once_the_worst_first() -> None:
    judged = facts(
        REGULATED,
        demanding(conditions=(RequiredCondition(expression="metrics.auc > 0.95"),), formats=("onnx",)),
        stage=StageFacts(hold=Hold(reason="freeze", by="sam", at=NOW, until=None), failed=True, newer_standing=4),
        of=version(revoked=True),
    )
    decision = decide(judged, NOW)
    assert decision.outcome is Outcome.CLOSED
    assert codes(decision) == [
        ReasonCode.VERSION_REVOKED,
        ReasonCode.STAGE_HELD,
        ReasonCode.VERSION_FAILED_HERE,
        ReasonCode.OLDER_THAN_CURRENT,
        ReasonCode.CONDITION_NOT_MET,
        ReasonCode.REVIEW_MISSING,
        ReasonCode.REVIEW_MISSING,
        ReasonCode.CHECK_MISSING,
    ]


@pytest.mark.parametrize(
    ("judged", "outcome"),
    [
        (facts(OPEN, stage=StageFacts(failed=True)), Outcome.BLOCKED),
        (facts(stage=StageFacts(failed=True)), Outcome.BLOCKED),
        (facts(), Outcome.WAITING),
        (facts(stage=StageFacts(failed=True), of=version(revoked=True)), Outcome.CLOSED),
    ],
)
def test_closed_comes_before_blocked_before_waiting(judged: Facts, outcome: Outcome) -> None:
    assert decide(judged, NOW).outcome is outcome
