from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import pytest

from registry_service.domain.approvals import deadline, decide, demands_are_met, next_move
from registry_service.domain.decisions import DEMANDS, OUTCOMES, Decision, Outcome, ReasonCode, SatisfiedCode
from registry_service.domain.entities import CheckStatus, Hold
from registry_service.domain.facts import Facts, ReviewFacts, StageFacts, StageLease
from registry_service.domain.metadata import Metadata, Signature
from registry_service.domain.permissions import Role
from registry_service.domain.policies import (
    OPEN,
    REGULATED,
    SOLO,
    TEAM,
    OnNewer,
    PolicyDocument,
    Prerequisite,
    RequiredCheck,
    RequiredCondition,
    ReviewRule,
)
from registry_service.domain.promotions import OPEN_PHASES, Move, Phase, PromotionKind
from tests.domain.facts import (
    CURRENT_DIGEST,
    DAY,
    DIGEST,
    HOUR,
    NOW,
    OTHER_DIGEST,
    changed,
    check,
    facts,
    lease,
    open_request,
    person,
    rejection,
    review,
    service,
    version,
)

APPROVED: Final[dict[str, Any]] = {"phase": Phase.APPROVED, "approved_at": NOW - HOUR}


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


def demanding(**parts: object) -> PolicyDocument:
    return PolicyDocument(name="demanding", nobody_need_review=True, **parts)  # type: ignore[arg-type]  # as the tests say


def message(judged: Facts, code: str) -> str:
    (found,) = [reason.message for reason in decide(judged, NOW).reasons if reason.code == code]
    return found


# ------------------------------------------------------------------------------------------------ the tables are whole


def test_every_reason_has_its_outcome_and_none_is_applicable() -> None:
    assert set(OUTCOMES) == set(ReasonCode)
    assert Outcome.APPLICABLE not in OUTCOMES.values()
    assert set(DEMANDS) <= set(ReasonCode)


def test_what_stands_in_the_way_and_what_no_longer_does_have_codes_of_their_own() -> None:
    assert not {code.value for code in ReasonCode} & {code.value for code in SatisfiedCode}


# ----------------------------------------------------------------------------------------------------- the usual story


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
        stage=StageFacts(
            hold=Hold(reason="freeze", by="sam", at=NOW, until=None), failed=frozenset({3}), newest_standing=4
        ),
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
        (facts(OPEN, stage=StageFacts(failed=frozenset({3}))), Outcome.BLOCKED),
        (facts(stage=StageFacts(failed=frozenset({3}))), Outcome.BLOCKED),
        (facts(), Outcome.WAITING),
        (facts(stage=StageFacts(failed=frozenset({3})), of=version(revoked=True)), Outcome.CLOSED),
    ],
)
def test_closed_comes_before_blocked_before_waiting(judged: Facts, outcome: Outcome) -> None:
    assert decide(judged, NOW).outcome is outcome


# --------------------------------------------------------------------------------------------------- several people


def test_two_rules_ask_for_two_people() -> None:
    checks = [check()]
    both = [review("ann"), review(person("sam", Role.ADMIN))]
    assert decide(facts(REGULATED, reviews=both, checks=checks), NOW).outcome is Outcome.APPLICABLE
    for one in both:
        assert codes(decide(facts(REGULATED, reviews=[one], checks=checks), NOW)) == [ReasonCode.REVIEW_MISSING]


def test_the_order_of_approvals_does_not_matter() -> None:
    """gitlab-org/gitlab#425759: an admin who approves first must not keep the approver's place."""

    sam, ann = review(person("sam", Role.ADMIN)), review("ann")
    for reviews in ([sam, ann], [ann, sam]):
        assert decide(facts(REGULATED, reviews=reviews, checks=[check()]), NOW).outcome is Outcome.APPLICABLE


def test_people_are_distinct_over_all_policies() -> None:
    judged = facts(SOLO, TEAM, reviews=[review("bob")])
    assert codes(decide(judged, NOW)) == [ReasonCode.REVIEW_MISSING]
    assert decide(facts(SOLO, TEAM, reviews=[review("bob"), review("ann")]), NOW).outcome is Outcome.APPLICABLE


def test_a_count_asks_for_so_many() -> None:
    pair = PolicyDocument(name="pair", rules=(ReviewRule(name="risk", group="risk", count=2),))
    ann, bob = (review(person(name, Role.READER, groups=("risk",))) for name in ("ann", "bob"))
    assert message(facts(pair), "review_missing") == (
        "Policy 'pair' asks for 2 more approvals (risk) by members of the group 'risk'."
    )
    judged = facts(pair, reviews=[ann, ann])
    assert "1 more approval " in message(judged, "review_missing")
    assert [reason.people for reason in decide(judged, NOW).satisfied] == [("ann",)]
    assert decide(facts(pair, reviews=[ann, bob]), NOW).outcome is Outcome.APPLICABLE


def test_named_people_are_named() -> None:
    named = PolicyDocument(
        name="named",
        rules=(ReviewRule(name="owner", people=("ann",)), ReviewRule(name="any", people=("ann", "bob"))),
    )
    decision = decide(facts(named, reviews=[review("bob")]), NOW)
    (missing,) = decision.reasons
    assert (missing.rule, missing.people) == ("owner", ("ann",))
    assert "by any of ann." in missing.message
    decision = decide(facts(named, reviews=[review("ann")]), NOW)
    assert [reason.people for reason in decision.reasons] == [("bob",)]


def test_a_rule_whose_people_are_all_used_up_says_so() -> None:
    both = PolicyDocument(
        name="both", rules=(ReviewRule(name="one", people=("ann",)), ReviewRule(name="two", people=("ann",)))
    )
    assert "of whom all have approved" in message(facts(both, reviews=[review("ann")]), "review_missing")


# ------------------------------------------------------------------------------------------------------ self-approval


def test_own_approval_does_not_count() -> None:
    decision = decide(facts(reviews=[review("olga")]), NOW)
    (missing,) = decision.reasons
    assert missing.message.endswith(
        "olga approved, which doesn't count: olga owns 'airflow', which registered the version."
    )


def test_solo_waives_self_approval_and_tells() -> None:
    decision = decide(facts(SOLO, reviews=[review("olga")]), NOW)
    assert decision.outcome is Outcome.APPLICABLE
    (waived,) = decision.waived
    assert (waived.code, waived.policy, waived.people) == (SatisfiedCode.SELF_APPROVAL, "solo", ("olga",))
    assert waived.message == (
        "olga owns 'airflow', which registered the version; policy 'solo' lets own work be approved."
    )


def test_a_waiver_is_used_only_where_it_is_needed() -> None:
    for other in ("bob", "zoe"):
        decision = decide(facts(SOLO, reviews=[review("olga"), review(other)]), NOW)
        assert decision.waived == ()
        assert [reason.people for reason in decision.satisfied] == [(other,)]


def test_a_waiver_of_one_policy_is_none_of_another() -> None:
    decision = decide(facts(SOLO, TEAM, reviews=[review("olga"), review("bob")]), NOW)
    assert decision.outcome is Outcome.APPLICABLE
    assert {reason.policy: reason.people for reason in decision.satisfied} == {"solo": ("olga",), "team": ("bob",)}
    assert codes(decide(facts(SOLO, TEAM, reviews=[review("olga")]), NOW)) == [ReasonCode.REVIEW_MISSING]


# --------------------------------------------------------------------------------------------------------- rejections


def test_a_rejection_closes_whatever_was_approved() -> None:
    judged = facts(reviews=[review("bob"), rejection("ann", comment="drifts on weekends")], **APPROVED)
    decision = decide(judged, NOW)
    assert decision.outcome is Outcome.CLOSED
    (reason,) = decision.reasons
    assert reason.people == ("ann",)
    assert reason.message == "ann rejected it on 2026-03-03 11:00 UTC: drifts on weekends"
    move = next_move(judged, NOW)
    assert move is not None and move.move is Move.REJECT and "drifts" in move.reason


def test_a_rejection_needs_no_comment_to_be_told() -> None:
    assert message(facts(reviews=[rejection("ann")]), "review_rejected").endswith("UTC.")


@pytest.mark.parametrize(
    "void",
    [
        rejection("ann", withdrawn=True),
        rejection("ann", digest=OTHER_DIGEST),
        rejection(person("ann", Role.READER)),
        rejection(person("ann", disabled=True)),
        rejection(service("bot")),
    ],
)
def test_a_rejection_counts_only_from_somebody_who_could_approve(void: ReviewFacts) -> None:
    assert decide(facts(OPEN, reviews=[void]), NOW).outcome is Outcome.APPLICABLE


def test_a_rejection_of_own_work_counts() -> None:
    """Else a requester could name a reviewer as having taken part, and so keep them from saying no."""

    assert codes(decide(facts(OPEN, reviews=[rejection("ann")], asserted_people=("ann",)), NOW)) == ["review_rejected"]
    assert codes(decide(facts(OPEN, reviews=[rejection("olga")]), NOW)) == ["review_rejected"]


def test_whom_a_rule_means_may_reject_without_being_an_approver() -> None:
    risk = PolicyDocument(name="risk", rules=(ReviewRule(name="risk", group="risk", when="metrics.auc < 0.1"),))
    no = rejection(person("ann", Role.READER, groups=("risk",)))
    assert codes(decide(facts(risk, reviews=[no]), NOW)) == ["review_rejected"]


# ----------------------------------------------------------------------------------------------------- checks


EVALUATED = demanding(checks=(RequiredCheck(name="evaluation"),))


def test_a_missing_check_waits() -> None:
    decision = decide(facts(EVALUATED), NOW)
    assert decision.outcome is Outcome.WAITING
    assert [(reason.code, reason.check) for reason in decision.reasons] == [("check_missing", "evaluation")]
    assert decision.reasons[0].message == "The check 'evaluation' has yet to be reported for version 3."


def test_a_passed_check_satisfies_and_names_its_reporter() -> None:
    decision = decide(facts(EVALUATED, checks=[check()]), NOW)
    assert decision.outcome is Outcome.APPLICABLE
    assert [(r.code, r.check, r.people) for r in decision.satisfied if r.check] == [
        ("check_passed", "evaluation", ("airflow",))
    ]


def test_a_failed_check_blocks_and_says_what_was_found() -> None:
    decision = decide(facts(EVALUATED, checks=[check(status=CheckStatus.FAILED, summary="auc is 0.4")]), NOW)
    assert decision.outcome is Outcome.BLOCKED
    assert "failed, says airflow: auc is 0.4. It must" in decision.reasons[0].message
    assert "failed, says airflow. It must" in message(
        facts(EVALUATED, checks=[check(status=CheckStatus.FAILED)]), "check_failed"
    )


def test_the_latest_report_counts_in_whatever_order_they_come() -> None:
    failed = check(status=CheckStatus.FAILED, id=1, reported_at=NOW - 2 * HOUR)
    passed = check(id=2, reported_at=NOW - HOUR)
    for checks in ([failed, passed], [passed, failed]):
        assert decide(facts(EVALUATED, checks=checks), NOW).outcome is Outcome.APPLICABLE
    repaired = changed(passed, id=0)
    assert decide(facts(EVALUATED, checks=[failed, repaired]), NOW).outcome is Outcome.APPLICABLE
    tie = check(status=CheckStatus.FAILED, id=3, reported_at=passed.reported_at)
    assert codes(decide(facts(EVALUATED, checks=[tie, passed]), NOW)) == ["check_failed"]


def test_only_reports_of_those_whom_the_policy_listens_to_count() -> None:
    heard = demanding(checks=(RequiredCheck(name="evaluation", reported_by=("airflow", "ci")),))
    assert decide(facts(heard, checks=[check()]), NOW).outcome is Outcome.APPLICABLE
    judged = facts(heard, checks=[check(reported_by="laptop")])
    assert message(judged, "check_missing").startswith(
        "The check 'evaluation' has yet to be reported by airflow or ci for"
    )
    later = check(status=CheckStatus.FAILED, reported_by="laptop", reported_at=NOW, id=2)
    assert decide(facts(heard, checks=[check(), later]), NOW).outcome is Outcome.APPLICABLE


def test_a_report_on_other_content_or_of_another_name_does_not_count() -> None:
    for wrong in (check(digest=OTHER_DIGEST), check("scan")):
        assert codes(decide(facts(EVALUATED, checks=[wrong]), NOW)) == ["check_missing"]


def test_a_check_may_be_asked_for_under_a_condition_only() -> None:
    gpu = demanding(checks=(RequiredCheck(name="latency", when="target_device = 'gpu'"),))
    for device, asked in (("gpu", True), ("cpu", False), (None, True)):
        judged = facts(gpu, of=version(metadata=Metadata(target_device=device)))
        assert (codes(decide(judged, NOW)) == ["check_missing"]) is asked


# ------------------------------------------------------------------------------------------------ conditions


def conditioned(expression: str, **more: bool) -> PolicyDocument:
    return demanding(conditions=(RequiredCondition(expression=expression, **more),))


@pytest.mark.parametrize(
    ("expression", "met"),
    [
        ("metrics.auc >= 0.9", True),
        ("metrics.auc > 0.9", False),
        ("metrics.auc >= current.metrics.auc - 0.005", True),
        ("metrics.auc > current.metrics.auc", False),
        ("metrics.f1 > 0", False),
        ("current.metrics.f1 > 0", False),
        ("format = 'onnx' AND NOT current.format = 'pickle'", True),
    ],
)
def test_a_condition_must_be_true(expression: str, met: bool) -> None:
    judged = facts(conditioned(expression))
    assert (decide(judged, NOW).outcome is Outcome.APPLICABLE) is met
    if not met:
        assert codes(decide(judged, NOW)) == [ReasonCode.CONDITION_NOT_MET]


def test_an_unmet_condition_shows_the_figures() -> None:
    judged = facts(conditioned("metrics.auc > current.metrics.auc"))
    assert message(judged, "condition_not_met") == (
        "Policy 'demanding' demands that metrics.auc > current.metrics.auc. It is not so: metrics.auc is 0.9,"
        " current.metrics.auc is 0.9. A version that meets it is needed."
    )
    judged = facts(
        conditioned("metrics.f1 > 0.5 AND params.country = 'de'"),
        of=version(metadata=Metadata(params={"country": "de"})),
    )
    assert "metrics.f1 is missing, params.country is 'de'" in message(judged, "condition_not_met")


@pytest.mark.parametrize("otherwise", [True, False])
def test_where_nothing_is_current_the_policy_says_what_holds(otherwise: bool) -> None:
    for expression in ("metrics.auc > current.metrics.auc", "signature.changed", "NOT signature.changed"):
        judged = facts(conditioned(expression, without_current=otherwise), vacant=True)
        assert (decide(judged, NOW).outcome is Outcome.APPLICABLE) is otherwise
    judged = facts(conditioned("metrics.auc > 0.99", without_current=otherwise), vacant=True)
    assert codes(decide(judged, NOW)) == [ReasonCode.CONDITION_NOT_MET]


def test_a_condition_that_can_no_longer_be_read_is_not_met_and_its_rule_applies() -> None:
    judged = facts(conditioned("this was valid once ((("))
    assert codes(decide(judged, NOW)) == [ReasonCode.CONDITION_NOT_MET]
    rule = PolicyDocument(name="old", rules=(ReviewRule(name="any", role="approver", when="((("),))
    assert codes(decide(facts(rule), NOW)) == [ReasonCode.REVIEW_MISSING]
    bound = facts(rule, reviews=[review("bob", current_digest=OTHER_DIGEST)])
    assert codes(decide(bound, NOW)) == [ReasonCode.REVIEW_MISSING]


WORSE = PolicyDocument(
    name="worse",
    rules=(ReviewRule(name="when worse", role="approver", when="metrics.auc < current.metrics.auc - 0.005"),),
)


@pytest.mark.parametrize(
    ("mine", "theirs", "asked"),
    [
        ({"auc": 0.9}, {"auc": 0.9}, False),
        ({"auc": 0.8}, {"auc": 0.9}, True),
        ({}, {"auc": 0.9}, True),
        ({"auc": 0.9}, {}, True),
    ],
)
def test_a_rule_applies_when_its_condition_is_true_or_a_value_is_missing(
    mine: dict[str, float], theirs: dict[str, float], asked: bool
) -> None:
    judged = facts(
        WORSE, of=version(metadata=Metadata(metrics=mine)), current=version(2, metadata=Metadata(metrics=theirs))
    )
    assert (codes(decide(judged, NOW)) == [ReasonCode.REVIEW_MISSING]) is asked


def test_a_rule_that_looks_at_the_current_version_applies_where_nothing_is_current() -> None:
    assert codes(decide(facts(WORSE, vacant=True), NOW)) == [ReasonCode.REVIEW_MISSING]


CHANGED = PolicyDocument(
    name="changed", rules=(ReviewRule(name="on new signature", role="approver", when="signature.changed"),)
)
ONE, TWO = Signature(inputs={"type": "object"}), Signature(inputs={"type": "array"})


@pytest.mark.parametrize(
    ("mine", "theirs", "asked"),
    [(ONE, ONE, False), (ONE, TWO, True), (None, ONE, True), (ONE, None, True), (None, None, True)],
)
def test_a_changed_signature_asks_and_an_unknown_one_too(
    mine: Signature | None, theirs: Signature | None, asked: bool
) -> None:
    judged = facts(
        CHANGED, of=version(metadata=Metadata(signature=mine)), current=version(2, metadata=Metadata(signature=theirs))
    )
    assert (codes(decide(judged, NOW)) == [ReasonCode.REVIEW_MISSING]) is asked


def test_an_approval_is_bound_to_the_current_version_where_the_policy_looks_at_it() -> None:
    bound = changed(WORSE, rules=(*WORSE.rules, ReviewRule(name="always", role="approver")))
    good = facts(bound, reviews=[review("bob")])
    moved = facts(bound, reviews=[review("bob", current_digest=OTHER_DIGEST)])
    assert decide(good, NOW).outcome is Outcome.APPLICABLE
    assert codes(decide(moved, NOW)) == [ReasonCode.REVIEW_MISSING]
    assert "bob approved when another version was current" in message(moved, "review_missing").replace(
        "doesn't count: ", ""
    )


def test_elsewhere_the_current_version_may_move() -> None:
    for text in (None, CURRENT_DIGEST, OTHER_DIGEST):
        assert decide(facts(reviews=[review("bob", current_digest=text)]), NOW).outcome is Outcome.APPLICABLE


@pytest.mark.parametrize(
    "parts",
    [
        {"conditions": (RequiredCondition(expression="metrics.auc >= current.metrics.auc"),)},
        {"conditions": (RequiredCondition(expression="NOT signature.changed OR metrics.auc > 0"),)},
        {"checks": (RequiredCheck(name="evaluation", when="current.format = 'onnx'"),)},
    ],
)
def test_any_part_of_a_policy_binds_its_approvals(parts: dict[str, object]) -> None:
    policy = changed(TEAM, **parts)
    stale = facts(policy, reviews=[review("bob", current_digest=OTHER_DIGEST)], checks=[check()])
    assert codes(decide(stale, NOW)) == [ReasonCode.REVIEW_MISSING]
    fresh = facts(policy, reviews=[review("bob")], checks=[check()])
    assert decide(fresh, NOW).outcome is Outcome.APPLICABLE


# ---------------------------------------------------------------------------------------- prerequisites and formats


SOAKED = demanding(prerequisites=(Prerequisite(stage="staging", seconds=3600),))


def test_a_version_must_have_been_in_another_stage() -> None:
    decision = decide(facts(SOAKED), NOW)
    assert decision.outcome is Outcome.BLOCKED
    assert decision.reasons[0].message == "It must be current in 'staging' for 1 h. Promote it there first."


def test_while_it_is_there_only_time_is_missing() -> None:
    decision = decide(facts(SOAKED, of=version(current_in={"staging": 1800.5}, stages=("staging",))), NOW)
    assert decision.outcome is Outcome.WAITING
    assert decision.reasons[0].message == "It must be current in 'staging' for 1 h; 30 min are left."


def test_long_enough_is_enough_also_after_it_left() -> None:
    for stages in ((), ("staging",)):
        judged = facts(SOAKED, of=version(current_in={"staging": 3600.0}, stages=stages))
        assert decide(judged, NOW).outcome is Outcome.APPLICABLE


def test_a_prerequisite_without_a_time_asks_that_it_was_there_at_all() -> None:
    was_there = demanding(prerequisites=(Prerequisite(stage="staging"),))
    assert "current in 'staging' before. Promote" in message(facts(was_there), "prerequisite_not_met")
    assert decide(facts(was_there, of=version(stages=("staging",))), NOW).outcome is Outcome.APPLICABLE
    assert decide(facts(was_there, of=version(current_in={"staging": 0.0})), NOW).outcome is Outcome.APPLICABLE


def test_a_format_that_is_not_allowed_never_will_be() -> None:
    onnx = demanding(formats=("onnx", "openvino"))
    assert decide(facts(onnx), NOW).outcome is Outcome.APPLICABLE
    for metadata, brought in ((Metadata(format="pickle"), "pickle"), (Metadata(), "not known")):
        judged = facts(onnx, of=version(metadata=metadata))
        assert decide(judged, NOW).outcome is Outcome.CLOSED
        assert f"This version's is {brought}." in message(judged, "format_not_allowed")
        assert next_move(judged, NOW) is None


# ------------------------------------------------------------------------------------------- in the way for the moment


def test_a_hold_blocks_until_it_ends_and_says_whose_it_is() -> None:
    timed = Hold(reason="incident 7", by="sam", at=NOW - DAY, until=NOW + HOUR)
    judged = facts(OPEN, stage=StageFacts(hold=timed))
    decision = decide(judged, NOW)
    assert (decision.outcome, codes(decision)) == (Outcome.BLOCKED, ["stage_held"])
    assert decision.reasons[0].message == (
        "sam holds 'production' until 2026-03-03 13:00 UTC: incident 7. Ask for its release."
    )
    assert decide(judged, NOW + HOUR).outcome is Outcome.APPLICABLE
    endless = facts(OPEN, stage=StageFacts(hold=changed(timed, until=None)))
    assert "holds 'production': incident 7" in message(endless, "stage_held")


def test_a_version_that_failed_here_stays_out() -> None:
    assert codes(decide(facts(OPEN, stage=StageFacts(failed=frozenset({3}))), NOW)) == ["version_failed_here"]
    assert decide(facts(OPEN, stage=StageFacts(failed=frozenset({1}))), NOW).outcome is Outcome.APPLICABLE


@pytest.mark.parametrize(("newest", "blocked"), [(None, False), (2, False), (3, False), (4, True)])
def test_an_older_version_does_not_come_after_a_newer_one(newest: int | None, blocked: bool) -> None:
    decision = decide(facts(OPEN, stage=StageFacts(newest_standing=newest)), NOW)
    assert (codes(decision) == ["older_than_current"]) is blocked


def test_a_lease_of_another_run_blocks_and_ones_own_does_not() -> None:
    judged = facts(OPEN, phase=Phase.APPLYING, approved_at=NOW - HOUR, lease=lease("run-1"))
    assert decide(judged, NOW, holder="run-1").outcome is Outcome.APPLICABLE
    for holder in ("run-2", None):
        decision = decide(judged, NOW, holder=holder)
        assert (decision.outcome, codes(decision)) == (Outcome.BLOCKED, ["lease_held"])
        assert "run-1 is deploying it, until 2026-03-03 13:00 UTC at most" in decision.reasons[0].message
    assert decide(judged, NOW + HOUR, holder="run-2").outcome is Outcome.APPLICABLE


def test_another_promotion_under_way_blocks_its_own_run_as_well() -> None:
    other = StageLease(promotion_id="p9", lease=lease("run-1"))
    judged = facts(OPEN, stage=StageFacts(lease=other))
    for holder in ("run-1", "run-2", None):
        assert codes(decide(judged, NOW, holder=holder)) == ["lease_held"]
    assert "promotion p9" in message(judged, "lease_held")
    assert decide(judged, NOW + HOUR).outcome is Outcome.APPLICABLE


def test_a_queue_lets_the_older_request_go_first() -> None:
    queue = changed(OPEN, on_newer=OnNewer.QUEUE)
    judged = facts(queue, stage=StageFacts(others=(open_request(2, id="p0"),)))
    assert codes(decide(judged, NOW)) == ["queued_behind"]
    assert "promotion p0" in message(judged, "queued_behind")
    assert decide(facts(OPEN, stage=judged.stage), NOW).outcome is Outcome.APPLICABLE


# ------------------------------------------------------------------------------------------------ what closes for good


def test_a_revoked_version_is_closed_and_stale_in_every_open_phase() -> None:
    for phase in OPEN_PHASES:
        judged = facts(OPEN, of=version(revoked=True), phase=phase, lease=lease(), approved_at=NOW - HOUR)
        assert decide(judged, NOW, holder="run-1").outcome is Outcome.CLOSED
        move = next_move(judged, NOW)
        assert move is not None and move.move is Move.STALE and "revoked" in move.reason


def test_another_content_than_was_asked_for_is_stale() -> None:
    judged = facts(OPEN, digest=OTHER_DIGEST)
    assert codes(decide(judged, NOW)) == ["digest_changed"]
    move = next_move(judged, NOW)
    assert move is not None and move.move is Move.STALE


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase.is_final])
def test_a_final_phase_is_closed_and_never_moves(phase: Phase) -> None:
    judged = facts(OPEN, phase=phase, reviews=[rejection("ann")])
    decision = decide(judged, NOW)
    assert decision.outcome is Outcome.CLOSED
    assert codes(decision) == ["phase_final", *(["review_rejected"] if phase is Phase.REJECTED else [])]
    assert next_move(judged, NOW) is None
    assert deadline(judged) is None


# ------------------------------------------------------------------------------------------------------------- expiry


def test_a_request_expires_and_is_not_approved_by_that() -> None:
    judged = facts(OPEN, expires_at=NOW)
    assert decide(judged, NOW - HOUR).outcome is Outcome.APPLICABLE
    assert codes(decide(judged, NOW)) == ["expired"]
    move = next_move(judged, NOW)
    assert move is not None and move.move is Move.EXPIRE and "request expired" in move.reason


def test_an_approval_has_a_time_of_its_own() -> None:
    brief = changed(OPEN, approval_expires_after=3600)
    judged = facts(OPEN, brief, phase=Phase.APPROVED, approved_at=NOW, expires_at=NOW - DAY)
    assert deadline(judged) == NOW + HOUR
    assert decide(judged, NOW + HOUR - timedelta(seconds=1)).outcome is Outcome.APPLICABLE
    assert codes(decide(judged, NOW + HOUR)) == ["expired"]
    move = next_move(judged, NOW + HOUR)
    assert move is not None and move.move is Move.EXPIRE and "approval expired" in move.reason


def test_an_approval_without_a_time_counts_from_the_request() -> None:
    judged = facts(OPEN, phase=Phase.APPROVED, approved_at=None)
    assert deadline(judged) == judged.promotion.requested_at + 7 * DAY


def test_time_stands_still_while_a_run_deploys() -> None:
    judged = facts(OPEN, phase=Phase.APPLYING, approved_at=NOW - 99 * DAY, expires_at=NOW - DAY, lease=lease())
    assert deadline(judged) is None
    assert decide(judged, NOW, holder="run-1").outcome is Outcome.APPLICABLE
    assert next_move(judged, NOW) is None


# ---------------------------------------------------------------------------------------------- what moves by itself


def moved(judged: Facts) -> Move | None:
    demanded = next_move(judged, NOW)
    return None if demanded is None else demanded.move


def test_met_demands_approve() -> None:
    assert moved(facts()) is None
    demanded = next_move(facts(reviews=[review("bob")]), NOW)
    assert demanded == (Move.APPROVE, "Approved by bob.")


def test_what_is_in_the_way_for_the_moment_does_not_keep_from_approving() -> None:
    held = StageFacts(hold=Hold(reason="freeze", by="sam", at=NOW, until=None), failed=frozenset({3}))
    assert moved(facts(reviews=[review("bob")], stage=held)) is Move.APPROVE
    assert moved(facts(reviews=[review("bob")], stage=held, **APPROVED)) is None
    assert not demands_are_met(decide(facts(stage=held), NOW))


def test_a_lost_approval_leads_back() -> None:
    for phase in (Phase.APPROVED, Phase.APPLYING):
        judged = facts(reviews=[review("bob", withdrawn=True)], phase=phase, approved_at=NOW - HOUR, lease=lease())
        demanded = next_move(judged, NOW)
        assert demanded is not None and demanded.move is Move.UNAPPROVE
        assert "1 more approval" in demanded.reason


def test_a_check_that_fails_blocks_and_takes_no_approval_back() -> None:
    failed = [check(status=CheckStatus.FAILED)]
    approved = facts(EVALUATED, checks=failed, **APPROVED)
    assert decide(approved, NOW).outcome is Outcome.BLOCKED
    assert moved(approved) is None
    assert moved(facts(EVALUATED, checks=failed)) is None
    assert moved(facts(EVALUATED, TEAM, checks=failed, **APPROVED)) is Move.UNAPPROVE


def test_a_lease_that_ran_out_is_released_and_the_old_approval_then_expires() -> None:
    for ran_out in (lease(left=timedelta(0)), None):
        judged = facts(OPEN, phase=Phase.APPLYING, approved_at=NOW - 9 * DAY, lease=ran_out)
        assert moved(judged) is Move.RELEASE
    released = facts(OPEN, phase=Phase.APPROVED, approved_at=NOW - 9 * DAY)
    assert moved(released) is Move.EXPIRE


def test_once_a_newer_version_was_applied_older_requests_are_superseded() -> None:
    newer = StageFacts(newest_standing=4)
    assert moved(facts(stage=newer)) is Move.SUPERSEDE
    assert moved(facts(reviews=[review("bob")], stage=newer, **APPROVED)) is Move.SUPERSEDE
    assert moved(facts(OPEN, stage=newer, phase=Phase.APPLYING, lease=lease())) is None


def test_every_demanded_move_is_one_that_the_phase_knows() -> None:
    from registry_service.domain.promotions import move

    for phase in OPEN_PHASES:
        for judged in (
            facts(phase=phase, lease=lease()),
            facts(OPEN, phase=phase, lease=lease(left=-HOUR), expires_at=NOW - DAY, approved_at=NOW - 30 * DAY),
            facts(OPEN, phase=phase, lease=lease(), of=version(revoked=True)),
            facts(phase=phase, lease=lease(), reviews=[rejection("ann")]),
            facts(OPEN, phase=phase, lease=lease(), stage=StageFacts(newest_standing=9)),
        ):
            demanded = next_move(judged, NOW)
            assert demanded is None or move(phase, demanded.move)


# ----------------------------------------------------------------------------------------------------------- rollback


def test_a_rollback_needs_no_approval_and_no_open_way() -> None:
    held = StageFacts(
        hold=Hold(reason="incident", by="sam", at=NOW, until=None),
        newest_standing=9,
        failed=frozenset({3}),
        lease=StageLease(promotion_id="p9", lease=lease()),
    )
    judged = facts(TEAM, stage=held, kind=PromotionKind.ROLLBACK)
    assert decide(judged, NOW).outcome is Outcome.APPLICABLE
    assert moved(judged) is Move.APPROVE
    assert moved(changed(judged, version=version(revoked=True))) is Move.STALE


def test_digest_and_version_of_the_tests_belong_together() -> None:
    assert version().digest == DIGEST
