"""Whether a policy is one that can be kept. All that is wrong is told at once, each with its path in the document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from registry_service.domain.conditions import parse_condition
from registry_service.domain.errors import InvalidInput, InvalidPolicy
from registry_service.domain.names import (
    check_group_name,
    check_key,
    check_policy_name,
    check_principal_name,
    check_stage_name,
    check_text,
)
from registry_service.domain.permissions import Role
from registry_service.domain.policies import PolicyDocument, RequiredCheck, ReviewRule
from registry_service.domain.policy_sets import ROLLBACK_ROLES

MAX_PARTS: Final = 50
MAX_PEOPLE: Final = 1000
MAX_COUNT: Final = 100
MAX_RULE_NAME: Final = 100
MAX_DESCRIPTION: Final = 10_000
LONGEST: Final = 366 * 24 * 3600
SHORTEST_REMINDER: Final = 3600  # each is an event in the log


class Fault(NamedTuple):
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def check_policy(document: PolicyDocument) -> None:
    """:raises InvalidPolicy: all that is wrong with it; `details["faults"]` has the path and message of each."""

    faults = list(_faults(document))
    if faults:
        raise InvalidPolicy(
            f"The policy can't be kept. {' '.join(str(fault) for fault in faults)}",
            faults=[fault._asdict() for fault in faults],
        )


def _faults(document: PolicyDocument) -> Iterator[Fault]:
    yield from _refused("name", check_policy_name, document.name)
    yield from _refused("description", lambda text: check_text(text, "It", limit=MAX_DESCRIPTION), document.description)
    for path, parts in (
        ("rules", document.rules),
        ("checks", document.checks),
        ("conditions", document.conditions),
        ("prerequisites", document.prerequisites),
        ("formats", document.formats),
    ):
        if len(parts) > MAX_PARTS:
            yield Fault(path, f"There are {len(parts)}; keep at most {MAX_PARTS}.")
    yield from _who_reviews(document)
    for index, rule in enumerate(document.rules):
        yield from _rule(rule, f"rules[{index}]")
    for index, check in enumerate(document.checks):
        yield from _check(check, f"checks[{index}]")
    for index, condition in enumerate(document.conditions):
        yield from _refused(f"conditions[{index}].expression", parse_condition, condition.expression)
    for index, wanted in enumerate(document.prerequisites):
        yield from _refused(f"prerequisites[{index}].stage", check_stage_name, wanted.stage)
        yield from _within(f"prerequisites[{index}].seconds", wanted.seconds, 0, LONGEST)
    for index, name in enumerate(document.formats):
        yield from _plain(f"formats[{index}]", name)
    yield from _twice("rules", [rule.name for rule in document.rules])
    yield from _twice("checks", [check.name for check in document.checks])
    yield from _twice("prerequisites", [wanted.stage for wanted in document.prerequisites])
    yield from _twice("formats", document.formats)
    yield from _numbers(document)
    yield from _notices(document)


def _who_reviews(document: PolicyDocument) -> Iterator[Fault]:
    if not document.rules and not document.nobody_need_review:
        yield Fault("rules", "Nobody is asked to review. Add a rule, or say so with nobody_need_review.")
    if document.rules and document.nobody_need_review:
        yield Fault("nobody_need_review", "The rules say who must review. Leave one of the two out.")


def _rule(rule: ReviewRule, path: str) -> Iterator[Fault]:
    yield from _plain(f"{path}.name", rule.name)
    yield from _within(f"{path}.count", rule.count, 1, MAX_COUNT)
    given = [rule.role is not None, rule.group is not None, bool(rule.people)].count(True)
    if given != 1:
        yield Fault(path, f"Exactly one of role, group and people says who fills it; {given} are given.")
    if rule.role is not None:
        yield from _known(f"{path}.role", rule.role, tuple(Role))
    if rule.group is not None:
        yield from _refused(f"{path}.group", check_group_name, rule.group)
    if rule.people:
        yield from _people(rule, f"{path}.people")
    if rule.when is not None:
        yield from _refused(f"{path}.when", parse_condition, rule.when)


def _people(rule: ReviewRule, path: str) -> Iterator[Fault]:
    if len(rule.people) > MAX_PEOPLE:
        yield Fault(path, f"There are {len(rule.people)}; name at most {MAX_PEOPLE}, or make a group.")
    for name in rule.people[:MAX_PEOPLE]:
        yield from _refused(path, check_principal_name, name)
    yield from _twice(path, rule.people)
    if len(set(rule.people)) < rule.count:
        yield Fault(path, f"{rule.count} people are asked for, and {len(set(rule.people))} named. Name more.")


def _check(check: RequiredCheck, path: str) -> Iterator[Fault]:
    yield from _refused(f"{path}.name", check_key, check.name)
    for name in check.reported_by[:MAX_PEOPLE]:
        yield from _refused(f"{path}.reported_by", check_principal_name, name)
    if len(check.reported_by) > MAX_PEOPLE:
        yield Fault(f"{path}.reported_by", f"There are {len(check.reported_by)}; name at most {MAX_PEOPLE}.")
    if check.when is not None:
        yield from _refused(f"{path}.when", parse_condition, check.when)


def _numbers(document: PolicyDocument) -> Iterator[Fault]:
    yield from _within("request_expires_after", document.request_expires_after, 1, LONGEST)
    yield from _within("approval_expires_after", document.approval_expires_after, 1, LONGEST)
    yield from _within("lease_seconds", document.lease_seconds, 1, LONGEST)
    yield from _known("rollback.role", document.rollback.role, ROLLBACK_ROLES)
    yield from _within("rollback.within", document.rollback.within, 1, 1000)


def _notices(document: PolicyDocument) -> Iterator[Fault]:
    if document.remind_after is not None:
        yield from _within("remind_after", document.remind_after, SHORTEST_REMINDER, LONGEST)
    if (document.escalate_after is None) is not (document.escalate_to is None):
        yield Fault("escalate_to", "Say both to which group and after how long, or leave both out.")
    if document.escalate_after is not None:
        yield from _within("escalate_after", document.escalate_after, 1, LONGEST)
    if document.escalate_to is not None:
        yield from _refused("escalate_to", check_group_name, document.escalate_to)


def _refused(path: str, check: Callable[[str], object], text: str) -> Iterator[Fault]:
    try:
        check(text)
    except InvalidInput as refusal:
        yield Fault(path, refusal.message)


def _plain(path: str, text: str) -> Iterator[Fault]:
    if not text.strip() or not text.isprintable() or len(text) > MAX_RULE_NAME:
        yield Fault(path, f"Give a name of one line, at most {MAX_RULE_NAME} characters.")


def _within(path: str, value: int, least: int, most: int) -> Iterator[Fault]:
    if not least <= value <= most:
        yield Fault(path, f"It is {value}; it must be from {least} to {most}.")


def _known(path: str, role: str, roles: Sequence[Role]) -> Iterator[Fault]:
    if role not in roles:
        yield Fault(path, f"There is no such role here as '{role}'. There are: {', '.join(roles)}.")


def _twice(path: str, names: Sequence[str]) -> Iterator[Fault]:
    for name, times in Counter(names).items():
        if times > 1:
            yield Fault(path, f"'{name}' stands there {times} times. Keep one.")
