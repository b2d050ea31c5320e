"""What must hold of every decision, whatever the facts."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from registry_service.domain.approvals import decide, demands_are_met, next_move
from registry_service.domain.decisions import DEMANDS, OUTCOMES, Outcome, ReasonCode
from registry_service.domain.entities import CheckStatus, Hold, Verdict
from registry_service.domain.facts import Facts, ReviewFacts, StageFacts, StageLease
from registry_service.domain.metadata import Metadata
from registry_service.domain.permissions import Role
from registry_service.domain.policies import OPEN, REGULATED, SOLO, TEAM, PolicyDocument, RequiredCondition, ReviewRule
from registry_service.domain.promotions import OPEN_PHASES, TABLE, Move, Phase, move
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
    review,
    service,
    version,
)

GROUPED = PolicyDocument(
    name="grouped",
    rules=(
        ReviewRule(name="risk", group="risk", count=2),
        ReviewRule(name="bob or ann", people=("ann", "bob")),
        ReviewRule(name="when worse", role="admin", when="metrics.auc < current.metrics.auc"),
    ),
)
BETTER = PolicyDocument(
    name="better",
    rules=(ReviewRule(name="one", role="approver"),),
    conditions=(RequiredCondition(expression="metrics.auc >= current.metrics.auc"),),
    approval_expires_after=3600,
)

people = st.builds(
    person,
    st.sampled_from(["ann", "bob", "cyd", "olga", "rita"]),
    st.sampled_from([None, Role.READER, Role.APPROVER, Role.ADMIN]),
    groups=st.sampled_from([(), ("risk",)]),
    disabled=st.sampled_from([False, False, False, True]),
    is_person=st.sampled_from([True, True, True, False]),
)
reviews = st.builds(
    ReviewFacts,
    reviewer=people,
    verdict=st.sampled_from([Verdict.APPROVE, Verdict.APPROVE, Verdict.APPROVE, Verdict.REJECT]),
    digest=st.sampled_from([DIGEST, DIGEST, DIGEST, OTHER_DIGEST]),
    current_digest=st.sampled_from([CURRENT_DIGEST, OTHER_DIGEST, None]),
    withdrawn=st.sampled_from([False, False, True]),
    at=st.just(NOW - HOUR),
)
good_reviews = st.builds(
    review,
    st.builds(person, st.sampled_from(["ann", "bob", "cyd"]), st.sampled_from([Role.APPROVER, Role.ADMIN])),
    current_digest=st.sampled_from([CURRENT_DIGEST, None]),
)
approvals = reviews.filter(lambda one: one.verdict is Verdict.APPROVE)
checks = st.builds(check, st.sampled_from(["evaluation", "scan"]), st.sampled_from(CheckStatus), id=st.integers(1, 9))
policies = st.lists(
    st.sampled_from([OPEN, SOLO, TEAM, REGULATED, GROUPED, BETTER]), max_size=3, unique_by=lambda p: p.name
)
holds = st.none() | st.builds(
    Hold,
    reason=st.just("freeze"),
    by=st.just("sam"),
    at=st.just(NOW),
    until=st.sampled_from([None, NOW - HOUR, NOW + HOUR]),
)
taken = st.builds(lease, st.sampled_from(["run-1", "run-2"]), left=st.sampled_from([-HOUR, HOUR]))
leases = st.none() | taken
stages = st.builds(
    StageFacts,
    hold=holds,
    failed=st.booleans(),
    newer_standing=st.none() | st.integers(4, 5),
    lease=st.none() | st.builds(StageLease, promotion_id=st.just("p9"), lease=taken),
    others=st.lists(st.builds(open_request, st.integers(1, 5)), max_size=2).map(tuple),
)
versions = st.builds(
    version,
    metadata=st.sampled_from([Metadata(), Metadata(metrics={"auc": 0.8}), Metadata(metrics={"auc": 0.95})]),
    revoked=st.sampled_from([False, False, False, True]),
)


@st.composite
def any_facts(draw: st.DrawFn, phases: tuple[Phase, ...] = OPEN_PHASES) -> Facts:
    """Mostly in order, so that what is applicable is tried as well as what isn't."""

    def rarely(strategy: st.SearchStrategy[Any], usual: Any) -> Any:
        return draw(strategy if draw(st.sampled_from([False] * 7 + [True])) else st.just(usual))

    judged = facts(
        stage=rarely(stages, StageFacts()),
        of=rarely(versions, version(metadata=Metadata(metrics={"auc": 0.95}))),
        vacant=draw(st.booleans()),
        reviews=draw(st.lists(rarely(st.just(reviews), good_reviews), max_size=5)),
        checks=draw(st.lists(checks, max_size=3)),
        phase=draw(st.sampled_from(phases)),
        lease=rarely(leases, None),
        digest=rarely(st.just(OTHER_DIGEST), DIGEST),
        approved_at=NOW - rarely(st.sampled_from([3 * HOUR, 30 * DAY]), timedelta(minutes=1)),
        expires_at=NOW + rarely(st.just(-HOUR), HOUR),
        asserted_people=rarely(st.just(("ann",)), ()),
    )
    pinned = facts(*draw(policies.filter(bool))).policies
    return changed(judged, policies=rarely(st.just(()), pinned))


holders = st.sampled_from([None, "run-1", "run-2"])


@given(any_facts(tuple(Phase)), holders)
def test_the_outcome_is_the_worst_of_the_reasons(judged: Facts, holder: str | None) -> None:
    decision = decide(judged, NOW, holder=holder)
    outcomes = [OUTCOMES[ReasonCode(reason.code)] for reason in decision.reasons]
    order = [Outcome.CLOSED, Outcome.BLOCKED, Outcome.WAITING]
    assert outcomes == sorted(outcomes, key=order.index)
    assert decision.outcome is (outcomes[0] if outcomes else Outcome.APPLICABLE)
    assert all(reason.message.endswith((".", "!")) or reason.code == "review_rejected" for reason in decision.reasons)


@settings(max_examples=300)
@given(any_facts(), holders)
def test_nothing_is_applicable_against_any_of_the_great_refusals(judged: Facts, holder: str | None) -> None:
    assume(decide(judged, NOW, holder=holder).outcome is Outcome.APPLICABLE)
    promotion, stage = judged.promotion, judged.stage
    assert promotion.phase in TABLE
    assert not judged.version.revoked
    assert judged.version.digest == promotion.digest
    assert judged.policies
    assert stage.hold is None or (stage.hold.until is not None and stage.hold.until <= NOW)
    assert not stage.failed
    assert stage.newer_standing is None
    assert stage.lease is None or stage.lease.lease.expires_at <= NOW
    assert promotion.lease is None or promotion.lease.expires_at <= NOW or promotion.lease.holder == holder
    assert promotion.phase is not Phase.PENDING or promotion.expires_at > NOW
    for one in judged.reviews:
        who = one.reviewer
        rejects = one.verdict is Verdict.REJECT and not one.withdrawn and one.digest == promotion.digest
        can = who.is_person and not who.disabled and any(g.role in (Role.APPROVER, Role.ADMIN) for g in who.grants)
        assert not (rejects and can)


@given(any_facts(), approvals, holders)
def test_one_more_approval_never_makes_it_worse(judged: Facts, approval: ReviewFacts, holder: str | None) -> None:
    before = decide(judged, NOW, holder=holder)
    after = decide(changed(judged, reviews=(*judged.reviews, approval)), NOW, holder=holder)
    assert before.outcome is not Outcome.APPLICABLE or after.outcome is Outcome.APPLICABLE
    assert demands_are_met(before) <= demands_are_met(after)


@given(any_facts(), st.randoms(use_true_random=False), holders)
def test_the_order_of_reviews_and_policies_changes_no_outcome(
    judged: Facts, random: Random, holder: str | None
) -> None:
    given_reviews, pinned = list(judged.reviews), list(judged.policies)
    random.shuffle(given_reviews)
    random.shuffle(pinned)
    shuffled = changed(judged, reviews=tuple(given_reviews), policies=tuple(pinned))
    assert decide(shuffled, NOW, holder=holder).outcome is decide(judged, NOW, holder=holder).outcome


# Whatever else is true of them: those who did the work, services, the disabled, and reviews of other content.
void_reviews = st.one_of(
    reviews.map(lambda r: changed(r, reviewer=changed(r.reviewer, name="olga"))),
    reviews.map(lambda r: changed(r, reviewer=service("bot"))),
    reviews.map(lambda r: changed(r, reviewer=changed(r.reviewer, disabled=True))),
    reviews.map(lambda r: changed(r, digest=OTHER_DIGEST)),
    reviews.map(lambda r: changed(r, withdrawn=True)),
    reviews.map(lambda r: changed(r, reviewer=person(r.reviewer.name, Role.CONTRIBUTOR))),
)


@given(st.lists(void_reviews, max_size=8))
def test_no_set_of_void_reviews_satisfies_team(void: list[ReviewFacts]) -> None:
    assert not demands_are_met(decide(facts(TEAM, reviews=void), NOW))


def settled(judged: Facts) -> list[Facts]:
    """As the service does: write the demanded move and ask again, until there is none."""

    steps = [judged]
    while (step := next_move(judged, NOW)) is not None:
        before = judged.promotion
        phase = move(before.phase, step.move)
        assert step.reason
        approved_at = NOW if step.move is Move.APPROVE else before.approved_at
        judged = changed(judged, promotion=changed(before, phase=phase, lease=None, approved_at=approved_at))
        steps.append(judged)
        assert len(steps) <= 4
    return steps


@given(any_facts())
def test_demanded_moves_are_known_to_the_table_come_to_an_end_and_never_apply(judged: Facts) -> None:
    phases = [step.promotion.phase for step in settled(judged)]
    assert not {Phase.APPLIED, Phase.APPLYING, Phase.FAILED} & set(phases[1:])


@given(any_facts((Phase.PENDING,)))
def test_expiry_never_approves(judged: Facts) -> None:
    late = changed(judged, promotion=changed(judged.promotion, expires_at=NOW))
    step = next_move(late, NOW)
    assert step is not None
    assert move(Phase.PENDING, step.move) not in (Phase.APPROVED, Phase.APPLYING, Phase.APPLIED)


@settings(max_examples=300)
@given(any_facts())
def test_a_settled_phase_agrees_with_the_demands(judged: Facts) -> None:
    """Where no move is left, PENDING lacks something, and an approval lacks at most a check that failed since."""

    last = settled(judged)[-1]
    lacking = DEMANDS & {reason.code for reason in decide(last, NOW).reasons}
    match last.promotion.phase:
        case Phase.PENDING:
            assert lacking
        case Phase.APPROVED | Phase.APPLYING:
            assert lacking <= {ReasonCode.CHECK_FAILED}
        case final:
            assert final.is_final


@settings(max_examples=300)
@given(any_facts(), holders)
def test_what_is_applicable_needs_nothing_but_the_applying(judged: Facts, holder: str | None) -> None:
    """A settled promotion that may be applied is approved: apply never has to pass over a phase."""

    last = settled(judged)[-1]
    if decide(last, NOW, holder=holder).outcome is Outcome.APPLICABLE:
        assert last.promotion.phase in (Phase.APPROVED, Phase.APPLYING)
        assert Move.APPLY in TABLE[last.promotion.phase]
