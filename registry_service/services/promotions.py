"""Promotions: the one gate into a stage.

Every use case here begins by locking the model, so that the decisions on one model stand in one order, and ends by
letting the facts move every open promotion that they concern (`judge`). Lease and apply don't trust a phase that was
written earlier: they decide anew.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import Row, bindparam, insert, select, update

from registry_service.db.locks import POLICIES_LOCK, share_key
from registry_service.db.prepared import Prepared
from registry_service.db.queries.facts import FactSource
from registry_service.db.queries.models import find_model
from registry_service.db.queries.policies import documents_of, pins_for, terms_of
from registry_service.db.queries.principals import owners_of
from registry_service.db.queries.promotions import check_may_review, find_promotion, get_promotion, open_promotions
from registry_service.db.queries.revoked import refuse_revoked
from registry_service.db.queries.stages import find_stage
from registry_service.db.queries.versions import find_version
from registry_service.db.tables import promotions, reviews
from registry_service.domain.approvals import decide
from registry_service.domain.decisions import Outcome
from registry_service.domain.entities import Promotion, StageChange, Verdict
from registry_service.domain.errors import (
    CommentRequired,
    Conflict,
    DigestMismatch,
    IllegalMove,
    InvalidInput,
    LeaseHeld,
    NotLeaseHolder,
    PromotionFinal,
)
from registry_service.domain.events import EventKind
from registry_service.domain.facts import OpenRequest
from registry_service.domain.permissions import Action
from registry_service.domain.policies import PolicyPin
from registry_service.domain.policy_sets import Terms, terms
from registry_service.domain.promotions import OPEN_PHASES, Move, Phase, PromotionKind
from registry_service.domain.references import refuse_secret
from registry_service.domain.reminders import next_notice
from registry_service.domain.requests import (
    ApplyPromotion,
    CancelPromotion,
    FailPromotion,
    GiveReview,
    ReleaseLease,
    RequestPromotion,
    TakeLease,
)
from registry_service.domain.succession import superseded_by
from registry_service.failpoints import reach
from registry_service.services.changes import record_change
from registry_service.services.ids import new_id
from registry_service.services.judging import judge, perform, refusal
from registry_service.services.stage_pointer import point_stage
from registry_service.services.texts import check_description, check_line, check_people, check_reason
from registry_service.services.work import Work

MIN_LEASE_SECONDS: Final = 10

_OPEN_OF_DIGEST: Final = Prepared(
    select(promotions.c.id).where(
        promotions.c.model_id == bindparam("model_id"),
        promotions.c.stage == bindparam("stage"),
        promotions.c.digest == bindparam("digest"),
        promotions.c.phase.in_(OPEN_PHASES),
    )
)
_INSERT: Final = Prepared(
    insert(promotions),
    columns=[
        "id", "kind", "model_id", "number", "digest", "stage", "phase", "policies", "reason", "people",
        "requested_by", "requested_at", "expires_at", "deadline_at", "timed", "replaces", "notice_at", "revision",
    ],
)  # fmt: skip
_INSERT_REVIEW: Final = Prepared(
    insert(reviews), columns=["promotion_id", "reviewer", "verdict", "comment", "digest", "current_digest", "at"]
)
_WITHDRAW: Final = Prepared(
    update(reviews)
    .where(
        reviews.c.promotion_id == bindparam("promotion"),
        reviews.c.reviewer == bindparam("by"),
        reviews.c.withdrawn_at.is_(None),
    )
    .values(withdrawn_at=bindparam("now"))
)
_REVISE: Final = Prepared(
    update(promotions).where(promotions.c.id == bindparam("promotion")).values(revision=bindparam("now_at"))
)


def request_promotion(work: Work, body: RequestPromotion) -> Promotion:
    """Ask for a version in a stage. Asked twice, it is one request: an open promotion of this digest to this stage is
    answered again, and so is the one that made the version current.

    :raises VersionRevoked: the version was withdrawn.
    :raises Conflict: the model is archived.
    """

    # Before the model: whoever changes policies holds theirs while they lock one model after the other.
    share_key(work.connection, POLICIES_LOCK)
    model = find_model(work, body.model, Action.PROMOTION_REQUEST, lock=True)
    stage = find_stage(work, model, body.stage)
    version = find_version(work, model, body.version)
    check_description(body.reason, "The reason")
    check_people(body.people)
    refuse_revoked(work, version)
    # A request whose time is over must not be answered as if it could still be approved.
    source = judge(work, model, stage=stage.name)
    answered = stage.promotion_id if stage.number == version.number else _open_request(work, model, stage, version)
    if answered is not None:
        work.existed = True
        return get_promotion(work, answered, source=source)
    if model.archived:
        raise Conflict(f"'{model.name}' is archived. Unarchive it before promoting a version of it.", model=model.name)
    reach("request.checked")
    promotion_id = _insert(work, model, stage, version, body, source=source)
    reach("request.written")
    source = judge(work, model, stage=stage.name, source=source.behind_moves())
    reach("request.judged")
    return get_promotion(work, promotion_id, source=source)


def review_promotion(work: Work, promotion: str, body: GiveReview) -> Promotion:
    """A person's verdict on the digest that they saw. It takes the place of an earlier one of theirs.

    :raises DigestMismatch: the promotion is about another digest than the reviewer saw.
    :raises CommentRequired: a rejection needs to say why.
    :raises PersonRequired, NotPermitted, SelfApproval: the review could never count.
    """

    model, row, source = _reviewable(work, promotion)
    if body.digest != row.digest:
        raise DigestMismatch(
            f"This promotion is about {row.digest}, and your review is of {body.digest}. Look at it again.",
            digest=row.digest,
        )
    check_description(body.comment, "The comment")
    if body.verdict is Verdict.REJECT and not body.comment.strip():
        raise CommentRequired("Say in the comment why you reject it.", field="comment")
    facts = source.facts_of(row)
    standing_in_for = check_may_review(work, source, facts, body.verdict)
    reach("review.checked")
    _withdraw(work, row)
    _INSERT_REVIEW.change(
        work.connection,
        promotion_id=row.id,
        reviewer=work.actor.name,
        verdict=body.verdict,
        comment=body.comment,
        digest=body.digest,
        current_digest=facts.current_digest,
        at=work.now,
    )
    _record(
        work,
        model,
        row,
        EventKind.REVIEW_GIVEN,
        verdict=body.verdict,
        comment=body.comment,
        standing_in_for=[person.name for person in standing_in_for],
    )
    reach("review.written")
    source = judge(work, model, stage=row.stage, source=source.behind_moves())
    reach("review.judged")
    return get_promotion(work, promotion, source=source)


def withdraw_review(work: Work, promotion: str) -> Promotion:
    """Take back one's own standing review, until the promotion is applied.

    :raises IllegalMove: there is none.
    """

    model, row, source = _reviewable(work, promotion)
    if not _withdraw(work, row):
        raise IllegalMove(f"You have no standing review of promotion '{promotion}'.", promotion=promotion)
    _record(work, model, row, EventKind.REVIEW_WITHDRAWN)
    source = judge(work, model, stage=row.stage, source=source.behind_moves())
    return get_promotion(work, promotion, source=source)


def take_lease(work: Work, promotion: str, body: TakeLease) -> Promotion:
    """Begin to deploy: for its time, nothing else enters the stage. The same holder takes the lease again, longer.

    :raises NotApproved, StageHeld, LeaseHeld, OlderThanCurrent, VersionRevoked: judged now, it may not go ahead.
    :raises PromotionFinal: it is over; one that was applied and is still current is answered as it is.
    """

    model, row = _begin(work, promotion, Action.PROMOTION_APPLY)
    _check_holder(body.holder)
    if _is_live(row):
        work.existed = True
        return get_promotion(work, promotion, holder=body.holder)
    row, _ = _judged(work, model, row, body.holder)
    reach("lease.judged")
    longest = round(_terms(work, row).lease.total_seconds())
    seconds = longest if body.seconds is None else max(MIN_LEASE_SECONDS, min(body.seconds, longest))
    until = work.now + timedelta(seconds=seconds)
    if row.phase == Phase.APPLYING:
        # A lease outlives the approval by its own length at most, however often it is renewed.
        until = min(until, max(row.deadline_at, row.lease_acquired_at + timedelta(seconds=longest)))
    held = {"lease_holder": body.holder, "lease_expires_at": until}
    if row.phase == Phase.APPLYING:
        work.connection.execute(update(promotions).where(promotions.c.id == row.id).values(**held))
    else:
        perform(work, model, row, Move.LEASE, f"{body.holder} deploys", lease_acquired_at=work.now, **held)
    reach("lease.taken")
    return get_promotion(work, promotion, holder=body.holder)


def release_lease(work: Work, promotion: str, body: ReleaseLease) -> Promotion:
    """Give the lease back without having deployed. Where none is held, nothing happens.

    :raises NotLeaseHolder: it is somebody else's.
    """

    model, row = _begin(work, promotion, Action.PROMOTION_APPLY)
    if row.phase == Phase.APPLYING:
        _refuse_other_holder(row, body.holder)
        perform(work, model, row, Move.RELEASE, f"{body.holder} gave the lease back")
        judge(work, model, stage=row.stage)
        reach("lease.released")
    else:
        work.existed = True
    return get_promotion(work, promotion)


def apply_promotion(work: Work, promotion: str, body: ApplyPromotion) -> Promotion:
    """Make the version current, if the policy allows it on the facts of this moment. Applied and still current, it is
    answered again, without effect.

    :raises NotApproved, StageHeld, LeaseHeld, OlderThanCurrent, VersionRevoked: judged now, it may not go ahead.
    :raises NotLeaseHolder: another run holds the lease.
    :raises PromotionFinal: it is over; one that was applied once is never applied again.
    """

    model, row = _begin(work, promotion, Action.PROMOTION_APPLY)
    if _is_live(row):
        work.existed = True
        return get_promotion(work, promotion)
    row, source = _judged(work, model, row, body.holder)
    reach("apply.judged")
    source = apply_to_stage(work, model, row, StageChange.PROMOTED, row.reason, source=source)
    return get_promotion(work, promotion, source=source)


def fail_promotion(work: Work, promotion: str, body: FailPromotion) -> Promotion:
    """The holder of the lease says that deploying failed for good.

    :raises NotLeaseHolder: the lease is somebody else's.
    """

    model, row = _begin(work, promotion, Action.PROMOTION_APPLY)
    if row.phase == Phase.FAILED:
        work.existed = True
        return get_promotion(work, promotion)
    check_reason(body.reason, "Say why the deployment failed.")
    if row.phase == Phase.APPLYING:
        _refuse_other_holder(row, body.holder)
    perform(work, model, row, Move.FAIL, body.reason)
    source = judge(work, model, stage=row.stage)
    return get_promotion(work, promotion, source=source)


def cancel_promotion(work: Work, promotion: str, body: CancelPromotion) -> Promotion:
    """Withdraw the request, at any time before it is applied."""

    model, row = _begin(work, promotion, Action.PROMOTION_CANCEL)
    if row.phase == Phase.CANCELLED:
        work.existed = True
        return get_promotion(work, promotion)
    check_description(body.reason, "The reason")
    perform(work, model, row, Move.CANCEL, body.reason or f"cancelled by {work.actor.name}")
    source = judge(work, model, stage=row.stage)
    return get_promotion(work, promotion, source=source)


def apply_to_stage(
    work: Work, model: Row[Any], row: Row[Any], change: StageChange, reason: str, *, source: FactSource | None = None
) -> FactSource:
    """Move the promotion to APPLIED and the stage to its version, together; then judge what else is open: having been
    current here may be what a promotion to another stage waited for. `source`: the facts that it was judged by. Answers
    the facts as they are then."""

    stage = find_stage(work, model, row.stage)
    perform(
        work,
        model,
        row,
        Move.APPLY,
        reason,
        replaces=stage.number,
        applied_at=work.now,
        applied_by=work.actor.name,
    )
    reach("apply.promotion_moved")
    point_stage(work, model, stage, change, number=row.number, digest=row.digest, promotion=row.id, reason=reason)
    source = judge(work, model, source=source and source.behind_pointers())
    reach("apply.done")
    return source


def _begin(work: Work, promotion: str, action: Action) -> tuple[Row[Any], Row[Any]]:
    """The model, locked, and the promotion as it is under the lock."""

    model_name = find_promotion(work, promotion).model_name
    model = find_model(work, model_name, action, lock=True)
    return model, find_promotion(work, promotion)


def _reviewable(work: Work, promotion: str) -> tuple[Row[Any], Row[Any], FactSource]:
    """As `_begin`, once the facts of this moment have moved the promotion; and these facts.

    :raises PromotionFinal: it is over, if only because its time is.
    """

    model, row = _begin(work, promotion, Action.PROMOTION_REVIEW)
    source = judge(work, model, stage=row.stage)
    row = find_promotion(work, promotion)
    _refuse_final(row)
    return model, row, source


def _insert(
    work: Work, model: Row[Any], stage: Row[Any], version: Row[Any], body: RequestPromotion, *, source: FactSource
) -> str:
    pins = pins_for(work, model.name, stage.name)
    documents = [document for _, document in documents_of(work, pins)]
    deadline = work.now + terms(documents).request_expires_after
    promotion_id = new_id()
    values = {
        "id": promotion_id,
        "kind": PromotionKind.PROMOTION,
        "model_id": model.id,
        "number": version.number,
        "digest": version.digest,
        "stage": stage.name,
        "phase": Phase.PENDING,
        "policies": pins,
        "reason": body.reason,
        # Who answers for the requesting service today stays excluded, should its owners change.
        "people": sorted({*body.people, *owners_of(work, [work.actor.name])[work.actor.name]}),
        "requested_by": work.actor.name,
        "requested_at": work.now,
        "expires_at": deadline,
        "deadline_at": deadline,
        "timed": any(document.prerequisites for document in documents),
        "replaces": stage.number,
        "notice_at": next_notice(documents, requested_at=work.now, after=work.now),
    }
    new = OpenRequest(
        id=promotion_id, version=version.number, phase=Phase.PENDING, requested_at=work.now, reviewed=False
    )
    open_ones = {row.id: row for row in open_promotions(work, model.id, stage=stage.name)}
    _INSERT.change(work.connection, **values, revision=model.revision)
    row = find_promotion(work, promotion_id)
    _record(work, model, row, EventKind.PROMOTION_REQUESTED, reason=body.reason, policies=msgspec.to_builtins(pins))
    for older in superseded_by(new, source.facts_of(row).stage.others, documents):
        perform(work, model, open_ones[older], Move.SUPERSEDE, f"version {version.number} was asked for instead")
    return promotion_id


def _open_request(work: Work, model: Row[Any], stage: Row[Any], version: Row[Any]) -> str | None:
    found: str | None = _OPEN_OF_DIGEST.value(
        work.connection, model_id=model.id, stage=stage.name, digest=version.digest
    )
    return found


def _judged(work: Work, model: Row[Any], row: Row[Any], holder: str | None) -> tuple[Row[Any], FactSource]:
    """The promotion, once the facts of this moment have moved it, if it may then go ahead for this holder; and these
    facts.

    :raises RegistryError: it may not; which one says why.
    """

    source = judge(work, model, stage=row.stage)
    row = find_promotion(work, row.id)
    _refuse_final(row)
    if row.phase == Phase.APPLYING and row.lease_holder != holder:
        if holder is None:
            raise NotLeaseHolder(
                f"'{row.lease_holder}' is deploying this promotion; only that run may apply it.",
                holder=row.lease_holder,
            )
        raise LeaseHeld(
            f"'{row.lease_holder}' holds the lease until {row.lease_expires_at.isoformat()}. Try again then.",
            holder=row.lease_holder,
        )
    decision = decide(source.facts_of(row), work.now, holder=holder)
    if decision.outcome is not Outcome.APPLICABLE:
        raise refusal(row, decision)
    return row, source


def _refuse_final(row: Row[Any]) -> None:
    if row.phase not in OPEN_PHASES:
        # What people wrote may end as a sentence does.
        why = f": {row.closed_reason.rstrip('. ')}" if row.closed_reason else ""
        raise PromotionFinal(
            f"Promotion '{row.id}' is {row.phase}, which is final{why}. Request a new one.",
            promotion=row.id,
            phase=row.phase,
        )


def _refuse_other_holder(row: Row[Any], holder: str) -> None:
    if row.lease_holder != holder:
        raise NotLeaseHolder(f"The lease is '{row.lease_holder}'s, not '{holder}'s.", holder=row.lease_holder)


def _check_holder(holder: str) -> None:
    if not holder.strip():
        raise InvalidInput("holder names the run that deploys. Say which.", field="holder")
    check_line(holder, "holder")
    refuse_secret(holder, "holder")


def _is_live(row: Row[Any]) -> bool:
    return row.phase == Phase.APPLIED and bool(row.is_current)


def _terms(work: Work, row: Row[Any]) -> Terms:
    pins = msgspec.convert(row.policies, list[PolicyPin])
    return terms_of(work, pins)


def _withdraw(work: Work, row: Row[Any]) -> bool:
    return _WITHDRAW.change(work.connection, promotion=row.id, by=work.actor.name, now=work.now) > 0


def _record(work: Work, model: Row[Any], row: Row[Any], kind: EventKind, **data: object) -> None:
    revision = record_change(
        work,
        model,
        kind,
        subject=row.id,
        stage=row.stage,
        version=row.number,
        digest=row.digest,
        phase=row.phase,
        **data,
    )
    _REVISE.change(work.connection, promotion=row.id, now_at=revision)
