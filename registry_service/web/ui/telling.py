"""What happened, in words: what somebody did, with the model to follow where it was done to one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from registry_service.domain.events import EventKind

_DID: Final[Mapping[str, str]] = MappingProxyType(
    {
        EventKind.MODEL_CREATED: "made the model",
        EventKind.MODEL_UPDATED: "changed the model",
        EventKind.MODEL_CARD_WRITTEN: "wrote the card of",
        EventKind.MODEL_RENAMED: "renamed the model",
        EventKind.MODEL_DELETED: "deleted the model",
        EventKind.MODEL_RESTORED: "restored the model",
        EventKind.MODEL_RELEASED: "released a former name of",
        EventKind.VERSION_REGISTERED: "registered a version of",
        EventKind.VERSION_UPDATED: "changed a version of",
        EventKind.VERSION_LINEAGE_ADDED: "added to the lineage of a version of",
        EventKind.VERSION_REVOKED: "revoked a version of",
        EventKind.VERSION_DELETED: "deleted a version of",
        EventKind.VERSION_RESTORED: "restored a version of",
        EventKind.VERSION_LEGAL_HOLD_PLACED: "placed a legal hold on a version of",
        EventKind.VERSION_LEGAL_HOLD_LIFTED: "lifted the legal hold on a version of",
        EventKind.VERSION_EXAMINED: "examined a revoked version of",
        EventKind.VERSION_USED: "used a version of",
        EventKind.ALIAS_MOVED: "moved an alias of",
        EventKind.ALIAS_REMOVED: "removed an alias of",
        EventKind.STAGE_ARRANGED: "arranged the stages of",
        EventKind.STAGE_HELD: "put a hold on a stage of",
        EventKind.STAGE_RELEASED: "took the hold off a stage of",
        EventKind.STAGE_VACATED: "vacated a stage of",
        EventKind.STAGE_FAILURE_CLEARED: "cleared a failure in a stage of",
        EventKind.STAGE_MOVED: "moved a stage of",
        EventKind.CHECK_REPORTED: "reported a check of",
        EventKind.PROMOTION_REQUESTED: "asked for a promotion of",
        EventKind.PROMOTION_APPROVED: "gave the last approval for a promotion of",
        EventKind.PROMOTION_UNAPPROVED: "took the approval from a promotion of",
        EventKind.PROMOTION_LEASED: "began to deploy for a promotion of",
        EventKind.PROMOTION_LEASE_RELEASED: "gave up the lease of a promotion of",
        EventKind.PROMOTION_APPLIED: "applied a promotion of",
        EventKind.PROMOTION_FAILED: "reported that a promotion failed of",
        EventKind.PROMOTION_REJECTED: "rejected a promotion of",
        EventKind.PROMOTION_CANCELLED: "cancelled a promotion of",
        EventKind.PROMOTION_EXPIRED: "let a promotion expire of",
        EventKind.PROMOTION_STALE: "found a promotion out of date of",
        EventKind.PROMOTION_SUPERSEDED: "superseded a promotion of",
        EventKind.PROMOTION_ROLLED_BACK: "rolled back a promotion of",
        EventKind.PROMOTION_REMINDED: "reminded of a promotion of",
        EventKind.PROMOTION_ESCALATED: "escalated a promotion of",
        EventKind.REVIEW_GIVEN: "reviewed a promotion of",
        EventKind.REVIEW_WITHDRAWN: "took back a review of",
        EventKind.DEPLOYMENT_STARTED: "began a deployment of",
        EventKind.DEPLOYMENT_OBSERVED: "observed a deployment of",
        EventKind.DEPLOYMENT_DRIFTED: "saw a deployment drift of",
        EventKind.DEPLOYMENT_ENDED: "ended a deployment of",
        EventKind.COMMENT_ADDED: "commented on",
        EventKind.COMMENT_EDITED: "edited a comment on",
        EventKind.COMMENT_REMOVED: "removed a comment on",
        EventKind.ARTIFACT_DAMAGED: "found damaged bytes",
        EventKind.ARTIFACT_HEALED: "found damaged bytes whole again",
        EventKind.REGISTRY_RESTORED: "restored the registry from a backup",
        EventKind.POLICY_WRITTEN: "wrote a policy",
        EventKind.POLICY_ATTACHED: "attached a policy",
        EventKind.POLICY_DETACHED: "detached a policy",
        EventKind.POLICY_CHANGE_PROPOSED: "proposed a change of a policy",
        EventKind.POLICY_CHANGE_WITHDRAWN: "withdrew a change of a policy",
        EventKind.RETENTION_RULE_WRITTEN: "wrote a retention rule",
        EventKind.RETENTION_RULE_ENDED: "ended a retention rule",
        EventKind.RETENTION_APPLIED: "deleted by retention rules",
        EventKind.PRINCIPAL_CREATED: "made a principal",
        EventKind.PRINCIPAL_UPDATED: "changed a principal",
        EventKind.GROUP_WRITTEN: "wrote a group",
        EventKind.GROUP_REMOVED: "removed a group",
        EventKind.GRANT_CREATED: "gave a role",
        EventKind.GRANT_REMOVED: "took a role away",
        EventKind.DELEGATION_CREATED: "let somebody stand in",
        EventKind.DELEGATION_ENDED: "ended a delegation",
        EventKind.ACCESS_REFUSED: "was refused",
        EventKind.TOKEN_CREATED: "made a token",
        EventKind.TOKEN_REVOKED: "revoked a token",
    }
)


def told(kind: str) -> str:
    """What was done; of a kind that only a later release knows, its name."""
    return _DID.get(kind, kind)
