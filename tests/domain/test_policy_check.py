from __future__ import annotations

import msgspec
import pytest

from registry_service.domain.errors import InvalidPolicy
from registry_service.domain.policies import (
    BUILT_IN,
    OPEN,
    TEAM,
    PolicyDocument,
    Prerequisite,
    RequiredCheck,
    RequiredCondition,
    ReviewRule,
    RollbackRule,
)
from registry_service.domain.policy_check import LONGEST, MAX_COUNT, MAX_PARTS, MAX_PEOPLE, check_policy
from tests.domain.facts import changed

RULE = TEAM.rules[0]


def faults(document: PolicyDocument) -> list[str]:
    with pytest.raises(InvalidPolicy) as refusal:
        check_policy(document)
    found = refusal.value.details["faults"]
    assert all(fault["message"] in refusal.value.message for fault in found)
    return [fault["path"] for fault in found]


def ruled(**parts: object) -> PolicyDocument:
    return changed(TEAM, rules=(changed(RULE, **parts),))


@pytest.mark.parametrize("document", BUILT_IN, ids=lambda document: document.name)
def test_the_built_in_policies_can_be_kept(document: PolicyDocument) -> None:
    check_policy(document)


def test_a_policy_that_uses_everything_can_be_kept() -> None:
    check_policy(
        PolicyDocument(
            name="everything",
            description="All of it.",
            rules=(
                ReviewRule(name="two approvers", role="approver", count=2),
                ReviewRule(name="risk", group="Model Risk", when="signature.changed OR params.country = 'de'"),
                ReviewRule(name="owners", people=("ann", "bob@example.org"), count=2),
            ),
            checks=(RequiredCheck(name="evaluation", reported_by=("airflow",), when="framework = 'sklearn'"),),
            conditions=(RequiredCondition(expression="metrics.auc >= current.metrics.auc - 0.005"),),
            prerequisites=(Prerequisite(stage="staging", seconds=3600),),
            formats=("onnx", "openvino"),
            rollback=RollbackRule(role="approver", within=3),
        )
    )


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        (changed(TEAM, name=""), ["name"]),
        (changed(TEAM, name="a/b"), ["name"]),
        (changed(TEAM, description="x" * 10_001), ["description"]),
        (PolicyDocument(name="empty"), ["rules"]),
        (PolicyDocument(name="checks-only", checks=(RequiredCheck(name="evaluation"),)), ["rules"]),
        (changed(TEAM, nobody_need_review=True), ["nobody_need_review"]),
        (ruled(name=" "), ["rules[0].name"]),
        (ruled(name="a\nb"), ["rules[0].name"]),
        (ruled(name="x" * 101), ["rules[0].name"]),
        (ruled(count=0), ["rules[0].count"]),
        (ruled(count=MAX_COUNT + 1), ["rules[0].count"]),
        (ruled(role="boss"), ["rules[0].role"]),
        (ruled(role=None), ["rules[0]"]),
        (ruled(group="risk"), ["rules[0]"]),
        (ruled(people=("ann",)), ["rules[0]"]),
        (ruled(role=None, group="a/b"), ["rules[0].group"]),
        (ruled(role=None, people=("a b",)), ["rules[0].people"]),
        (ruled(role=None, people=("ann", "ann")), ["rules[0].people"]),
        (ruled(role=None, people=("ann",), count=2), ["rules[0].people"]),
        (ruled(role=None, people=tuple(f"p{n}" for n in range(MAX_PEOPLE + 1))), ["rules[0].people"]),
        (ruled(when="metrics.auc <"), ["rules[0].when"]),
        (ruled(when="acu < 1"), ["rules[0].when"]),
        (ruled(when="current.signature.changed"), ["rules[0].when"]),
        (changed(TEAM, rules=(RULE, RULE)), ["rules"]),
        (changed(TEAM, rules=tuple(changed(RULE, name=str(n)) for n in range(MAX_PARTS + 1))), ["rules"]),
        (changed(TEAM, checks=(RequiredCheck(name=""),)), ["checks[0].name"]),
        (changed(TEAM, checks=(RequiredCheck(name="x", reported_by=("a b",)),)), ["checks[0].reported_by"]),
        (
            changed(TEAM, checks=(RequiredCheck(name="x", reported_by=("ann",) * (MAX_PEOPLE + 1)),)),
            ["checks[0].reported_by"],
        ),
        (changed(TEAM, checks=(RequiredCheck(name="x", when="("),)), ["checks[0].when"]),
        (changed(TEAM, checks=(RequiredCheck(name="x"), RequiredCheck(name="x"))), ["checks"]),
        (changed(TEAM, conditions=(RequiredCondition(expression=""),)), ["conditions[0].expression"]),
        (changed(TEAM, prerequisites=(Prerequisite(stage="7"),)), ["prerequisites[0].stage"]),
        (changed(TEAM, prerequisites=(Prerequisite(stage="s", seconds=-1),)), ["prerequisites[0].seconds"]),
        (changed(TEAM, prerequisites=(Prerequisite(stage="s"), Prerequisite(stage="s"))), ["prerequisites"]),
        (changed(TEAM, formats=("",)), ["formats[0]"]),
        (changed(TEAM, formats=("onnx", "onnx")), ["formats"]),
        (changed(TEAM, request_expires_after=0), ["request_expires_after"]),
        (changed(TEAM, approval_expires_after=LONGEST + 1), ["approval_expires_after"]),
        (changed(TEAM, lease_seconds=-5), ["lease_seconds"]),
        (changed(TEAM, remind_after=3599), ["remind_after"]),
        (changed(TEAM, escalate_after=0, escalate_to="leads"), ["escalate_after"]),
        (changed(TEAM, escalate_after=60, escalate_to="a/b"), ["escalate_to"]),
        (changed(TEAM, escalate_after=60), ["escalate_to"]),
        (changed(TEAM, escalate_to="leads"), ["escalate_to"]),
        (changed(TEAM, rollback=RollbackRule(role="reader")), ["rollback.role"]),
        (changed(TEAM, rollback=RollbackRule(within=0)), ["rollback.within"]),
    ],
)
def test_what_is_wrong_is_told_by_its_path(document: PolicyDocument, paths: list[str]) -> None:
    assert faults(document) == paths


def test_a_policy_may_remind_and_escalate() -> None:
    check_policy(changed(TEAM, remind_after=3600, escalate_after=1, escalate_to="leads"))


def test_all_that_is_wrong_is_told_at_once() -> None:
    document = PolicyDocument(name="a b", lease_seconds=0, conditions=(RequiredCondition(expression="("),))
    assert faults(document) == ["name", "rules", "conditions[0].expression", "lease_seconds"]


def test_a_condition_says_where_it_goes_wrong() -> None:
    with pytest.raises(InvalidPolicy, match=r"conditions\[0\]\.expression: .*column 1"):
        check_policy(changed(OPEN, conditions=(RequiredCondition(expression="acu > 1"),)))


def test_a_document_survives_its_json() -> None:
    for document in BUILT_IN:
        assert msgspec.json.decode(msgspec.json.encode(document), type=PolicyDocument) == document
