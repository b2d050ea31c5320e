"""The short answer of a command that moved a promotion: what was done, what is still missing, what to do next."""

from __future__ import annotations

import shlex
from types import MappingProxyType
from typing import Final

from registry_service.cli.text import cell
from registry_service.client import Promotion
from registry_service.domain.decisions import Outcome, ReasonCode

_MOST_REASONS: Final = 3

_STANDING: Final = MappingProxyType(
    {
        Outcome.APPLICABLE: "It may be applied now.",
        Outcome.WAITING: "It waits:",
        Outcome.BLOCKED: "In its way:",
        Outcome.CLOSED: "It can't be applied any more:",
    }
)


def progress_text(promotion: Promotion, done: str) -> str:
    """`done` is what the command did, such as `Approved`."""

    what = f"{promotion.model_name} {promotion.version} for {promotion.stage}"
    head = f"{done}: {what}, {promotion.digest} (promotion {promotion.id})"
    if promotion.phase.is_final:
        return f"{head}\n{_end(promotion)}"
    if promotion.lease is not None:
        holder = promotion.lease.holder
        return (
            f"{head}\nLease: {holder}, until {cell(promotion.lease.expires_at)}\n"
            f"Next: model-registry promotions apply {promotion.id} --holder {shlex.quote(holder)}"
        )
    decision = promotion.decision
    lines = [head, *(f"Waived: {reason.message}" for reason in decision.waived), _STANDING[decision.outcome]]
    # Two policies may ask for the same.
    messages = list(dict.fromkeys(reason.message for reason in decision.reasons))
    lines += [f"- {message}" for message in messages[:_MOST_REASONS]]
    if (more := len(messages) - _MOST_REASONS) > 0:
        lines[-1] += f" (and {more} more)"
    return "\n".join([*lines, _next(promotion)])


def _end(promotion: Promotion) -> str:
    if promotion.is_current:
        before = "nothing was" if promotion.replaces is None else f"it was version {promotion.replaces}"
        return f"It is current in {promotion.stage} now; before, {before}."
    closure = promotion.closure
    why = "" if closure is None or not closure.reason else f": {closure.reason}"
    return f"It is {promotion.phase}{why}"


def _next(promotion: Promotion) -> str:
    if promotion.decision.outcome is Outcome.APPLICABLE:
        return f"Next: a DAG that waits for it goes on by itself; else model-registry promotions apply {promotion.id}"
    if any(reason.code == ReasonCode.REVIEW_MISSING for reason in promotion.decision.reasons):
        version = shlex.quote(f"{promotion.model_name}/{promotion.version}")
        return f"Next: an approver runs model-registry approve {version} --stage {promotion.stage}"
    return f"More: model-registry promotions show {promotion.id}"
