"""What a policy says, in sentences for people. The document stays what counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Final

from registry_service.domain.conditions import cites_current
from registry_service.domain.policies import (
    OnNewer,
    PolicyDocument,
    Prerequisite,
    RequiredCheck,
    RequiredCondition,
    ReviewRule,
)
from registry_service.domain.wording import span

_ON_NEWER: Final = MappingProxyType(
    {
        OnNewer.SUPERSEDE_UNREVIEWED: "A request for a newer version ends those for older ones that nobody reviewed.",
        OnNewer.QUEUE: "A request for a newer version waits until those for older ones have ended.",
        OnNewer.PARALLEL: "Requests for several versions stand side by side.",
    }
)


def demands_in_words(document: PolicyDocument) -> list[str]:
    """What a version needs to get in, each demand in one sentence."""

    found = ["Nobody need review."] if document.nobody_need_review else [_rule(rule) for rule in document.rules]
    found += [_check(check) for check in document.checks]
    found += [_condition(condition) for condition in document.conditions]
    found += [_prerequisite(prerequisite) for prerequisite in document.prerequisites]
    if document.formats:
        found.append(f"The format is {_either(document.formats)}.")
    return found


def terms_in_words(document: PolicyDocument) -> list[str]:
    """How it goes with what is asked for: whose reviews count, what ends when, who may go back."""
    return list(_terms(document))


def _terms(document: PolicyDocument) -> Iterator[str]:
    if document.rules:
        yield (
            "Whoever registered, asked for or owns the work may review it as well, which the log tells as waived."
            if document.self_approval
            else "Nobody reviews what they registered, asked for, took part in or own."
        )
        if document.delegation:
            yield "Whoever stands in for somebody may fill that one's place."
    yield _ON_NEWER[document.on_newer]
    yield (
        f"A request ends after {span(document.request_expires_after)}, an approval that nobody used after"
        f" {span(document.approval_expires_after)}; a lease to deploy lasts {span(document.lease_seconds)} at most."
    )
    if document.remind_after is not None:
        yield f"Every {span(document.remind_after)}, an event reminds of reviews that are missing."
    if document.escalate_after is not None:
        yield f"After {span(document.escalate_after)} without them, the group {document.escalate_to} is told."
    yield (
        f"Whoever has the role {document.rollback.role} may roll back, among the last {document.rollback.within}"
        " versions that were good here."
    )
    if document.change_needs_second_person:
        yield "A second person confirms each change of this policy, and where it holds."


def _rule(rule: ReviewRule) -> str:
    if rule.role is not None:
        of = f"with the role {rule.role}"
    elif rule.group is not None:
        of = f"of the group {rule.group}"
    else:
        of = f"out of {', '.join(rule.people)}"
    who = f"One person {of} approves" if rule.count == 1 else f"{rule.count} people {of} approve"
    return f"{who} ({rule.name}){_where(rule.when)}."


def _check(check: RequiredCheck) -> str:
    by = ["a service"] if check.by_service else []
    by += [_either(check.reported_by)] if check.reported_by else []
    said = f", reported by {', namely '.join(by)}" if by else ""
    return f"The check '{check.name}' has passed{said}{_where(check.when)}."


def _condition(condition: RequiredCondition) -> str:
    without = ""
    if cites_current(condition.expression):
        vacant = "or nothing is current to compare with" if condition.without_current else "so something is current"
        without = f", {vacant}"
    return f"It holds that {condition.expression}{without}."


def _prerequisite(prerequisite: Prerequisite) -> str:
    long = f" for {span(prerequisite.seconds)} at least" if prerequisite.seconds else ""
    return f"It was current in {prerequisite.stage}{long}."


def _where(when: str | None) -> str:
    return "" if when is None else f", where {when} or that can't be told"


def _either(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
