"""What the policies demand, against what is there: reviews, checks, conditions, prerequisites, formats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from registry_service.domain.conditions import applies, cites_current, figures, holds
from registry_service.domain.decisions import Reason, ReasonCode, SatisfiedCode
from registry_service.domain.entities import CheckStatus
from registry_service.domain.expressions import Scalar
from registry_service.domain.facts import CheckFacts, Facts
from registry_service.domain.policies import PolicyDocument, Prerequisite, RequiredCheck, RequiredCondition, ReviewRule
from registry_service.domain.reviewing import Bench, Seat
from registry_service.domain.wording import span

MAX_SHOWN: Final = 80


def judge_demands(facts: Facts, bench: Bench) -> Iterator[Reason]:
    """A reason for each demand of each policy, met or not: its code tells which."""

    if not facts.policies:  # Nobody need approve only where a policy says so.
        yield Reason(
            code=ReasonCode.NO_POLICY,
            message=f"No policy held for '{facts.promotion.stage}' when this was requested, so nobody can approve it."
            " Ask an admin to attach one, then request again.",
        )
    for document in facts.documents:
        yield from _judge_reviews(document, bench, facts)
        yield from (_judge_check(document, check, facts) for check in document.checks if _is_asked(check, facts))
        yield from (_judge_condition(document, condition, facts) for condition in document.conditions)
        yield from (_judge_prerequisite(document, wanted, facts) for wanted in document.prerequisites)
        if document.formats:
            yield _judge_format(document, facts)


def self_approvals(bench: Bench) -> Iterator[Reason]:
    """Approvals of own work that fill a place, because the policy allows it. It is waived, and told."""

    for seat, names in bench.seated.items():
        for name in names:
            party = next((one for one in _behind(bench, seat, name) if one.casefold() in bench.own_work), None)
            if party is not None:
                yield Reason(
                    code=SatisfiedCode.SELF_APPROVAL,
                    message=f"{party} {bench.own_work[party.casefold()]}; policy '{seat.policy}' lets own work be"
                    " approved.",
                    policy=seat.policy,
                    rule=seat.rule,
                    people=(name,),
                )


def _behind(bench: Bench, seat: Seat, name: str) -> tuple[str, ...]:
    """Who fills the place, and for whom where it isn't for themselves."""

    holder = bench.stands_for[seat].get(name)
    return (name,) if holder is None else (name, holder)


def _is_asked(check: RequiredCheck, facts: Facts) -> bool:
    return check.when is None or applies(check.when, facts)


# ------------------------------------------------------------------------------------------------------ reviews


def _judge_reviews(document: PolicyDocument, bench: Bench, facts: Facts) -> Iterator[Reason]:
    if document.nobody_need_review:
        yield Reason(
            code=SatisfiedCode.NOBODY_NEED_REVIEW,
            message=f"Policy '{document.name}' asks nobody to review.",
            policy=document.name,
        )
    elif not document.rules:
        yield Reason(
            code=ReasonCode.NO_POLICY,
            message=f"Policy '{document.name}' has no rules and doesn't say that nobody need review. Ask an admin to"
            " write what it demands, then request again.",
            policy=document.name,
        )
    missing = bench.missing
    for seat, rule in bench.rules.items():
        if seat.policy != document.name:
            continue
        spoken = [" for ".join(_behind(bench, seat, name)) for name in bench.seated[seat]]
        if spoken:
            yield Reason(
                code=SatisfiedCode.REVIEW_GIVEN,
                message=f"Approved by {', '.join(spoken)}.",
                policy=seat.policy,
                rule=seat.rule,
                people=bench.seated[seat],
            )
        if seat in missing:
            yield _missing_review(seat, rule, missing[seat], bench, facts)


def _missing_review(seat: Seat, rule: ReviewRule, count: int, bench: Bench, facts: Facts) -> Reason:
    seated = {name for names in bench.seated.values() for name in names}
    asked = tuple(name for name in rule.people if name not in seated)
    wanted = f"{count} more {'approval' if count == 1 else 'approvals'}"
    ignored = "".join(f" {name} approved, which doesn't count: {name} {why}." for name, why in bench.uncounted.items())
    return Reason(
        code=ReasonCode.REVIEW_MISSING,
        message=f"Policy '{seat.policy}' asks for {wanted} ({seat.rule}) by {_whom(rule, facts, asked)}.{ignored}",
        policy=seat.policy,
        rule=seat.rule,
        people=asked,
    )


def _whom(rule: ReviewRule, facts: Facts, asked: tuple[str, ...]) -> str:
    if rule.role is not None:
        return f"people with the role {rule.role} on '{facts.promotion.model_name}'"
    if rule.group is not None:
        return f"members of the group '{rule.group}'"
    return f"any of {', '.join(asked)}" if asked else "people of whom all have approved for other rules"


# ------------------------------------------------------------------------------------------ checks and conditions


def _judge_check(document: PolicyDocument, wanted: RequiredCheck, facts: Facts) -> Reason:
    report = latest_report(wanted, facts)
    if report is None:
        by = f" by {' or '.join(wanted.reported_by)}" if wanted.reported_by else ""
        by += " by a service, which no person is," if wanted.by_service else ""
        code: ReasonCode | SatisfiedCode = ReasonCode.CHECK_MISSING
        message = f"The check '{wanted.name}' has yet to be reported{by} for version {facts.version.number}."
    elif report.status is CheckStatus.FAILED:
        said = f": {report.summary}" if report.summary else ""
        code = ReasonCode.CHECK_FAILED
        message = (
            f"The check '{wanted.name}' failed, says {report.reported_by}{said}. It must pass when it is run again,"
            " or a better version take this one's place."
        )
    else:
        code = SatisfiedCode.CHECK_PASSED
        message = f"The check '{wanted.name}' passed, says {report.reported_by}."
    people = () if report is None else (report.reported_by,)
    return Reason(code=code, message=message, policy=document.name, check=wanted.name, people=people)


def latest_report(wanted: RequiredCheck, facts: Facts) -> CheckFacts | None:
    """The report that counts: the latest of this name and digest by one whom the policy listens to."""

    reports = (
        report
        for report in facts.checks
        if report.name == wanted.name
        and report.digest == facts.promotion.digest
        and (not wanted.reported_by or report.reported_by in wanted.reported_by)
        and (report.by_service or not wanted.by_service)
    )
    return max(reports, key=lambda report: report.id, default=None)  # clocks may have been set back


def _judge_condition(document: PolicyDocument, condition: RequiredCondition, facts: Facts) -> Reason:
    text = condition.expression
    met = holds(text, facts)
    if met is None and facts.current is None and cites_current(text):
        # Only what the comparison leaves open is settled so: what the condition asks for besides still counts.
        met = condition.without_current
        why = f"Nothing is current in '{facts.promotion.stage}' to compare with"
        good = f"{why}, and the policy asks for no more."
    else:
        seen = ", ".join(f"{name} is {_shown(value)}" for name, value in figures(text, facts).items())
        why = f"{'It is not so' if met is False else 'That can not be told'}: {seen or 'it can not be read'}"
        good = f"It holds that {text}."
    if met:
        return Reason(code=SatisfiedCode.CONDITION_MET, message=good, policy=document.name)
    return Reason(
        code=ReasonCode.CONDITION_NOT_MET,
        message=f"Policy '{document.name}' demands that {text}. {why}. A version that meets it is needed.",
        policy=document.name,
    )


def _shown(value: Scalar | None) -> str:
    if value is None:
        return "missing"
    return repr(value[:MAX_SHOWN]) if isinstance(value, str) else str(value)


def _judge_prerequisite(document: PolicyDocument, wanted: Prerequisite, facts: Facts) -> Reason:
    passed = facts.version.current_in.get(wanted.stage)
    is_there = wanted.stage in facts.version.stages
    if (passed is not None or is_there) and (passed or 0) >= wanted.seconds:
        return Reason(
            code=SatisfiedCode.PREREQUISITE_MET,
            message=f"It was current in '{wanted.stage}' for {span(passed or 0)}.",
            policy=document.name,
        )
    left = wanted.seconds - (passed or 0)
    demand = f"for {span(wanted.seconds)}" if wanted.seconds else "before"
    if is_there:
        return Reason(
            code=ReasonCode.PREREQUISITE_NOT_YET_MET,
            message=f"It must be current in '{wanted.stage}' {demand}; {span(left)} are left.",
            policy=document.name,
        )
    return Reason(
        code=ReasonCode.PREREQUISITE_NOT_MET,
        message=f"It must be current in '{wanted.stage}' {demand}. Promote it there first.",
        policy=document.name,
    )


def _judge_format(document: PolicyDocument, facts: Facts) -> Reason:
    brought = facts.version.metadata.format
    allowed = ", ".join(document.formats)
    if brought in document.formats:
        message = f"The format {brought} is one of {allowed}."
        return Reason(code=SatisfiedCode.FORMAT_ALLOWED, message=message, policy=document.name)
    return Reason(
        code=ReasonCode.FORMAT_NOT_ALLOWED,
        message=f"Policy '{document.name}' lets these formats in: {allowed}. This version's is"
        f" {brought or 'not known'}. Register it in one of them.",
        policy=document.name,
    )
