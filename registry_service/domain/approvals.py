"""Does the policy let this version through, now? Facts in, decision out, with all reasons.

Two questions are kept apart. `decide` says whether the promotion may be applied at this moment, to whoever asks.
`next_move` says whether the facts demand another phase: the phase follows what the *policies* demand, and not what is
in the way for the moment (a hold, another run's lease), so that these don't undo an approval. Expiry never approves.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple

from registry_service.domain.decisions import DEMANDS, OUTCOMES, Decision, Outcome, Reason, ReasonCode
from registry_service.domain.demands import judge_demands, self_approvals
from registry_service.domain.facts import Facts, OpenRequest
from registry_service.domain.policy_sets import terms
from registry_service.domain.promotions import Move, Phase, PromotionKind
from registry_service.domain.reviewing import Bench, seat_reviewers, standing_rejections
from registry_service.domain.stages import hold_is_active
from registry_service.domain.succession import queued_behind
from registry_service.domain.wording import moment

_PRECEDENCE: Final = (Outcome.CLOSED, Outcome.BLOCKED, Outcome.WAITING)
_CLOSING: Final = (
    (ReasonCode.VERSION_REVOKED, Move.STALE),
    (ReasonCode.DIGEST_CHANGED, Move.STALE),
    (ReasonCode.REVIEW_REJECTED, Move.REJECT),
    (ReasonCode.EXPIRED, Move.EXPIRE),
)


def decide(facts: Facts, now: datetime, *, holder: str | None = None) -> Decision:
    """Whether the promotion may be applied now, by the run that `holder` names (None: by nobody in particular, to
    whom every lease is another's)."""

    if facts.promotion.phase.is_final:
        return Decision(outcome=Outcome.CLOSED, reasons=tuple(_final(facts)))
    bench = seat_reviewers(facts)
    judged = [*_closing(facts, now), *_in_the_way(facts, now, holder), *_demanded(facts, bench)]
    reasons = [reason for reason in judged if reason.code in OUTCOMES]
    outcomes = {_outcome(reason) for reason in reasons}
    return Decision(
        outcome=next((outcome for outcome in _PRECEDENCE if outcome in outcomes), Outcome.APPLICABLE),
        reasons=tuple(sorted(reasons, key=lambda reason: _PRECEDENCE.index(_outcome(reason)))),
        satisfied=tuple(reason for reason in judged if reason.code not in OUTCOMES),
        waived=tuple(self_approvals(bench)),
    )


def demands_are_met(decision: Decision) -> bool:
    """Whether the policies have what they ask for, whatever else is in the way at the moment."""
    return not any(reason.code in DEMANDS for reason in decision.reasons)


class DemandedMove(NamedTuple):
    move: Move
    reason: str


def next_move(facts: Facts, now: datetime) -> DemandedMove | None:
    """The move that the facts demand of the stored phase, None where it is right as it is. A move can bring on
    another (a lease that has run out, of an approval that has grown too old): ask again after writing it."""

    if facts.promotion.phase.is_final:
        return None
    return next(_demanded_moves(facts, decide(facts, now), now), None)


def _demanded_moves(facts: Facts, decision: Decision, now: datetime) -> Iterator[DemandedMove]:
    """What the facts demand, the weightiest first."""

    phase = facts.promotion.phase
    by_code = {reason.code: reason.message for reason in reversed(decision.reasons)}
    for code, move in _CLOSING:
        if code in by_code:
            yield DemandedMove(move, by_code[code])
    if phase is Phase.APPLYING and _lease_ran_out(facts, now):
        yield DemandedMove(Move.RELEASE, "The lease ran out before the version was applied.")
    if ReasonCode.OLDER_THAN_CURRENT in by_code and phase is not Phase.APPLYING:
        yield DemandedMove(Move.SUPERSEDE, by_code[ReasonCode.OLDER_THAN_CURRENT])
    if phase is Phase.PENDING and demands_are_met(decision):
        yield DemandedMove(Move.APPROVE, " ".join(reason.message for reason in decision.satisfied))
    # A check that fails now blocks, and leaves what people have said as it is.
    lost = DEMANDS.intersection(by_code) - {ReasonCode.CHECK_FAILED}
    if phase is not Phase.PENDING and lost:
        yield DemandedMove(Move.UNAPPROVE, " ".join(r.message for r in decision.reasons if r.code in lost))


def deadline(facts: Facts) -> datetime | None:
    """When the promotion expires if nothing moves: a request while it waits, an approval while nobody applies it. None
    while it is being deployed, which its lease bounds, and when it is final."""

    promotion = facts.promotion
    if promotion.phase is Phase.PENDING:
        return promotion.expires_at
    if promotion.phase is Phase.APPROVED:
        return (promotion.approved_at or promotion.requested_at) + terms(facts.documents).approval_expires_after
    return None


def _outcome(reason: Reason) -> Outcome:
    return OUTCOMES[ReasonCode(reason.code)]


def _demanded(facts: Facts, bench: Bench) -> Iterator[Reason]:
    # What a rollback restores was let through when it first came.
    return judge_demands(facts, bench) if facts.promotion.kind is PromotionKind.PROMOTION else iter(())


def _final(facts: Facts) -> Iterator[Reason]:
    phase = facts.promotion.phase
    hint = "It was done." if phase is Phase.APPLIED else "Request a new one."
    yield Reason(code=ReasonCode.PHASE_FINAL, message=f"The promotion is {phase}, which is final. {hint}")
    if phase is Phase.REJECTED:
        yield from _rejections(facts)


def _closing(facts: Facts, now: datetime) -> Iterator[Reason]:
    promotion, version = facts.promotion, facts.version
    if version.revoked:
        yield Reason(
            code=ReasonCode.VERSION_REVOKED,
            message=f"Version {version.number} was revoked, for good. Request another version.",
        )
    if version.digest != promotion.digest:
        yield Reason(
            code=ReasonCode.DIGEST_CHANGED,
            message=f"Version {version.number} is {version.digest}; {promotion.digest} was asked for. Request it anew.",
        )
    yield from _rejections(facts)
    end = deadline(facts)
    if end is not None and now >= end:
        what = "request" if promotion.phase is Phase.PENDING else "approval"
        yield Reason(
            code=ReasonCode.EXPIRED,
            message=f"The {what} expired on {moment(end)}, which never approves. Request it again if it is wanted.",
        )


def _rejections(facts: Facts) -> Iterator[Reason]:
    for review in standing_rejections(facts):
        said = f": {review.comment}" if review.comment else "."
        yield Reason(
            code=ReasonCode.REVIEW_REJECTED,
            message=f"{review.reviewer.name} rejected it on {moment(review.at)}{said}",
            people=(review.reviewer.name,),
        )


def _in_the_way(facts: Facts, now: datetime, holder: str | None) -> Iterator[Reason]:
    if facts.promotion.kind is PromotionKind.ROLLBACK:
        return
    promotion, stage = facts.promotion, facts.stage
    if stage.hold is not None and hold_is_active(stage.hold, now):
        until = f" until {moment(stage.hold.until)}" if stage.hold.until else ""
        yield Reason(
            code=ReasonCode.STAGE_HELD,
            message=f"{stage.hold.by} holds '{promotion.stage}'{until}: {stage.hold.reason}. Ask for its release.",
            people=(stage.hold.by,),
        )
    if stage.failed:
        yield Reason(
            code=ReasonCode.VERSION_FAILED_HERE,
            message=f"The content of version {promotion.version} failed in '{promotion.stage}' and was rolled back."
            " Register a better one, or ask an approver to clear the failure.",
        )
    if stage.newer_standing is not None:
        yield Reason(
            code=ReasonCode.OLDER_THAN_CURRENT,
            message=f"Version {stage.newer_standing}, which is newer than {promotion.version}, was applied to"
            f" '{promotion.stage}'. Only a rollback goes back.",
        )
    yield from _leases(facts, now, holder)
    yield from _queue(facts)


def _leases(facts: Facts, now: datetime, holder: str | None) -> Iterator[Reason]:
    promotion, other = facts.promotion, facts.stage.lease
    if promotion.lease is not None and promotion.lease.holder != holder and not _lease_ran_out(facts, now):
        yield Reason(
            code=ReasonCode.LEASE_HELD,
            message=f"{promotion.lease.holder} is deploying it, until {moment(promotion.lease.expires_at)} at most."
            " Wait for that run.",
        )
    if other is not None and now < other.lease.expires_at:
        yield Reason(
            code=ReasonCode.LEASE_HELD,
            message=f"{other.lease.holder} is deploying promotion {other.promotion_id} to '{promotion.stage}', until"
            f" {moment(other.lease.expires_at)} at most. Wait for that run.",
        )


def _lease_ran_out(facts: Facts, now: datetime) -> bool:
    lease = facts.promotion.lease
    return lease is None or now >= lease.expires_at


def _queue(facts: Facts) -> Iterator[Reason]:
    promotion = facts.promotion
    mine = OpenRequest(
        id=promotion.id,
        version=promotion.version,
        phase=promotion.phase,
        requested_at=promotion.requested_at,
        reviewed=bool(facts.reviews),
    )
    ahead = queued_behind(mine, facts.stage.others, facts.documents)
    if ahead is not None:
        yield Reason(
            code=ReasonCode.QUEUED_BEHIND,
            message=f"Version {ahead.version} was asked for earlier (promotion {ahead.id}) and is still open. Apply or"
            " cancel that one first.",
        )
