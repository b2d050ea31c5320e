"""The promotion machine, as one table.

A promotion is the request to make one digest current in one stage. What may happen to it is a matter of two things
that are kept apart: this table says which *moves* a phase knows, and `approvals.decide` says whether the facts allow
what the move is for. A missing key is the refusal. Phases without a row are final.

Rollback is a promotion whose target held the stage before: it walks the same table in one step
(PENDING → APPROVED → APPLIED), because its target was approved when it first came.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from registry_service.domain.errors import IllegalMove, PromotionFinal


class PromotionKind(StrEnum):
    PROMOTION = "promotion"
    ROLLBACK = "rollback"


class Phase(StrEnum):
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    APPLYING = "APPLYING"
    APPLIED = "APPLIED"
    FAILED = "FAILED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    STALE = "STALE"
    SUPERSEDED = "SUPERSEDED"

    @property
    def is_final(self) -> bool:
        return self not in TABLE


class Move(StrEnum):
    APPROVE = "approve"  # the facts satisfy the policy
    UNAPPROVE = "unapprove"  # they no longer do: a review was withdrawn, or what it was bound to moved
    LEASE = "lease"  # a run begins to deploy
    RELEASE = "release"  # it gives up, or its time is over
    APPLY = "apply"  # the stage points to the version
    FAIL = "fail"  # the holder of the lease reports that deploying failed
    REJECT = "reject"
    CANCEL = "cancel"
    EXPIRE = "expire"
    STALE = "stale"  # what was asked for no longer exists as asked: revoked, or judged by a forced policy
    SUPERSEDE = "supersede"  # a newer request took its place


TABLE: Final = MappingProxyType(
    {
        Phase.PENDING: MappingProxyType(
            {
                Move.APPROVE: Phase.APPROVED,
                Move.REJECT: Phase.REJECTED,
                Move.CANCEL: Phase.CANCELLED,
                Move.EXPIRE: Phase.EXPIRED,
                Move.STALE: Phase.STALE,
                Move.SUPERSEDE: Phase.SUPERSEDED,
            }
        ),
        Phase.APPROVED: MappingProxyType(
            {
                Move.UNAPPROVE: Phase.PENDING,
                Move.LEASE: Phase.APPLYING,
                Move.APPLY: Phase.APPLIED,
                Move.REJECT: Phase.REJECTED,
                Move.CANCEL: Phase.CANCELLED,
                Move.EXPIRE: Phase.EXPIRED,
                Move.STALE: Phase.STALE,
                Move.SUPERSEDE: Phase.SUPERSEDED,
            }
        ),
        # A lease doesn't shield: whoever may say no can say it until the pointer has moved. Only time stands still,
        # because a deployment under way is bounded by its lease already.
        Phase.APPLYING: MappingProxyType(
            {
                Move.UNAPPROVE: Phase.PENDING,
                Move.RELEASE: Phase.APPROVED,
                Move.APPLY: Phase.APPLIED,
                Move.FAIL: Phase.FAILED,
                Move.REJECT: Phase.REJECTED,
                Move.CANCEL: Phase.CANCELLED,
                Move.STALE: Phase.STALE,
            }
        ),
    }
)

OPEN_PHASES: Final = tuple(TABLE)


def move(phase: Phase, by: Move) -> Phase:
    """The phase after a move.

    :raises PromotionFinal: the phase is final.
    :raises IllegalMove: the phase doesn't know this move.
    """

    moves = TABLE.get(phase)
    if moves is None:
        raise PromotionFinal(f"The promotion is {phase}, which is final. Request a new one.", phase=phase, move=by)
    if by not in moves:
        known = ", ".join(moves)
        raise IllegalMove(f"A promotion that is {phase} can't {by}; it can: {known}.", phase=phase, move=by)
    return moves[by]
