"""Entities as the service would answer, for tests that need no service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from registry_service.client import Closure, Decision, Outcome, Phase, Promotion, PromotionKind, Reason, ReasonCode

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
DIGEST = "sha256:" + "ab" * 32


def a_decision(outcome: Outcome, *codes: ReasonCode) -> Decision:
    return Decision(outcome=outcome, reasons=tuple(Reason(code=code, message=f"because {code}") for code in codes))


def a_promotion(**changes: Any) -> Promotion:
    given: dict[str, Any] = {
        "id": "promotion-1",
        "kind": PromotionKind.PROMOTION,
        "model_name": "churn",
        "version": 7,
        "digest": DIGEST,
        "stage": "production",
        "phase": Phase.PENDING,
        "policies": [],
        "reason": "",
        "requested_by": "airflow",
        "requested_at": NOW,
        "expires_at": datetime.now(UTC) + timedelta(days=7),
        "replaces": None,
        "undoes": None,
        "lease": None,
        "reviews": [],
        "decision": a_decision(Outcome.WAITING, ReasonCode.REVIEW_MISSING),
        "closure": None,
        "applied_at": None,
        "applied_by": None,
        "is_current": False,
        "revision": 1,
        "url": "http://registry/promotions/promotion-1",
    }
    return Promotion(**{**given, **changes})


def a_closure(reason: str, by: str = "alice") -> Closure:
    return Closure(reason=reason, by=by, at=NOW)
