"""How the tests of approvals ask, and read what was decided."""

from __future__ import annotations

from typing import Any, Final

from registry_service.domain.approvals import decide, next_move
from registry_service.domain.decisions import Decision
from registry_service.domain.facts import Facts
from registry_service.domain.policies import PolicyDocument, RequiredCheck
from registry_service.domain.promotions import Move, Phase
from tests.domain.facts import HOUR, NOW

APPROVED: Final[dict[str, Any]] = {"phase": Phase.APPROVED, "approved_at": NOW - HOUR}


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


def demanding(**parts: object) -> PolicyDocument:
    return PolicyDocument(name="demanding", nobody_need_review=True, **parts)  # type: ignore[arg-type]  # as the tests say


def message(judged: Facts, code: str) -> str:
    (found,) = [reason.message for reason in decide(judged, NOW).reasons if reason.code == code]
    return found


def moved(judged: Facts) -> Move | None:
    demanded = next_move(judged, NOW)
    return None if demanded is None else demanded.move


EVALUATED = demanding(checks=(RequiredCheck(name="evaluation"),))
