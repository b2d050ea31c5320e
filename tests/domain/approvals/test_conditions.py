from __future__ import annotations

import pytest

from registry_service.domain.approvals import decide
from registry_service.domain.decisions import Outcome, ReasonCode
from registry_service.domain.metadata import Metadata, Signature
from registry_service.domain.policies import TEAM, PolicyDocument, RequiredCheck, RequiredCondition, ReviewRule
from tests.domain.approvals.judged import codes, demanding, message
from tests.domain.facts import CURRENT_DIGEST, NOW, OTHER_DIGEST, changed, check, facts, review, version


def conditioned(expression: str, **more: bool) -> PolicyDocument:
    return demanding(conditions=(RequiredCondition(expression=expression, **more),))


@pytest.mark.parametrize(
    ("expression", "met"),
    [
        ("metrics.auc >= 0.9", True),
        ("metrics.auc > 0.9", False),
        ("metrics.auc >= current.metrics.auc - 0.005", True),
        ("metrics.auc > current.metrics.auc", False),
        ("metrics.f1 > 0", False),
        ("current.metrics.f1 > 0", False),
        ("format = 'onnx' AND NOT current.format = 'pickle'", True),
    ],
)
def test_a_condition_must_be_true(expression: str, met: bool) -> None:
    judged = facts(conditioned(expression))
    assert (decide(judged, NOW).outcome is Outcome.APPLICABLE) is met
    if not met:
        assert codes(decide(judged, NOW)) == [ReasonCode.CONDITION_NOT_MET]


def test_an_unmet_condition_shows_the_figures() -> None:
    judged = facts(conditioned("metrics.auc > current.metrics.auc"))
    assert message(judged, "condition_not_met") == (
        "Policy 'demanding' demands that metrics.auc > current.metrics.auc. It is not so: metrics.auc is 0.9,"
        " current.metrics.auc is 0.9. A version that meets it is needed."
    )
    judged = facts(
        conditioned("metrics.f1 > 0.5 AND params.country = 'de'"),
        of=version(metadata=Metadata(params={"country": "de"})),
    )
    assert "metrics.f1 is missing, params.country is 'de'" in message(judged, "condition_not_met")


@pytest.mark.parametrize("otherwise", [True, False])
def test_where_nothing_is_current_the_policy_says_what_holds(otherwise: bool) -> None:
    for expression in ("metrics.auc > current.metrics.auc", "signature.changed", "NOT signature.changed"):
        judged = facts(conditioned(expression, without_current=otherwise), vacant=True)
        assert (decide(judged, NOW).outcome is Outcome.APPLICABLE) is otherwise
    judged = facts(conditioned("metrics.auc > 0.99", without_current=otherwise), vacant=True)
    assert codes(decide(judged, NOW)) == [ReasonCode.CONDITION_NOT_MET]


def test_a_condition_that_can_no_longer_be_read_is_not_met_and_its_rule_applies() -> None:
    judged = facts(conditioned("this was valid once ((("))
    assert codes(decide(judged, NOW)) == [ReasonCode.CONDITION_NOT_MET]
    rule = PolicyDocument(name="old", rules=(ReviewRule(name="any", role="approver", when="((("),))
    assert codes(decide(facts(rule), NOW)) == [ReasonCode.REVIEW_MISSING]
    bound = facts(rule, reviews=[review("bob", current_digest=OTHER_DIGEST)])
    assert codes(decide(bound, NOW)) == [ReasonCode.REVIEW_MISSING]


WORSE = PolicyDocument(
    name="worse",
    rules=(ReviewRule(name="when worse", role="approver", when="metrics.auc < current.metrics.auc - 0.005"),),
)


@pytest.mark.parametrize(
    ("mine", "theirs", "asked"),
    [
        ({"auc": 0.9}, {"auc": 0.9}, False),
        ({"auc": 0.8}, {"auc": 0.9}, True),
        ({}, {"auc": 0.9}, True),
        ({"auc": 0.9}, {}, True),
    ],
)
def test_a_rule_applies_when_its_condition_is_true_or_a_value_is_missing(
    mine: dict[str, float], theirs: dict[str, float], asked: bool
) -> None:
    judged = facts(
        WORSE, of=version(metadata=Metadata(metrics=mine)), current=version(2, metadata=Metadata(metrics=theirs))
    )
    assert (codes(decide(judged, NOW)) == [ReasonCode.REVIEW_MISSING]) is asked


def test_a_rule_that_looks_at_the_current_version_applies_where_nothing_is_current() -> None:
    assert codes(decide(facts(WORSE, vacant=True), NOW)) == [ReasonCode.REVIEW_MISSING]


CHANGED = PolicyDocument(
    name="changed", rules=(ReviewRule(name="on new signature", role="approver", when="signature.changed"),)
)
ONE, TWO = Signature(inputs={"type": "object"}), Signature(inputs={"type": "array"})


@pytest.mark.parametrize(
    ("mine", "theirs", "asked"),
    [(ONE, ONE, False), (ONE, TWO, True), (None, ONE, True), (ONE, None, True), (None, None, True)],
)
def test_a_changed_signature_asks_and_an_unknown_one_too(
    mine: Signature | None, theirs: Signature | None, asked: bool
) -> None:
    judged = facts(
        CHANGED, of=version(metadata=Metadata(signature=mine)), current=version(2, metadata=Metadata(signature=theirs))
    )
    assert (codes(decide(judged, NOW)) == [ReasonCode.REVIEW_MISSING]) is asked


def test_an_approval_is_bound_to_the_current_version_where_the_policy_looks_at_it() -> None:
    bound = changed(WORSE, rules=(*WORSE.rules, ReviewRule(name="always", role="approver")))
    good = facts(bound, reviews=[review("bob")])
    moved = facts(bound, reviews=[review("bob", current_digest=OTHER_DIGEST)])
    assert decide(good, NOW).outcome is Outcome.APPLICABLE
    assert codes(decide(moved, NOW)) == [ReasonCode.REVIEW_MISSING]
    assert "bob approved when another version was current" in message(moved, "review_missing").replace(
        "doesn't count: ", ""
    )


def test_elsewhere_the_current_version_may_move() -> None:
    for text in (None, CURRENT_DIGEST, OTHER_DIGEST):
        assert decide(facts(reviews=[review("bob", current_digest=text)]), NOW).outcome is Outcome.APPLICABLE


@pytest.mark.parametrize(
    "parts",
    [
        {"conditions": (RequiredCondition(expression="metrics.auc >= current.metrics.auc"),)},
        {"conditions": (RequiredCondition(expression="NOT signature.changed OR metrics.auc > 0"),)},
        {"checks": (RequiredCheck(name="evaluation", when="current.format = 'onnx'"),)},
    ],
)
def test_any_part_of_a_policy_binds_its_approvals(parts: dict[str, object]) -> None:
    policy = changed(TEAM, **parts)
    stale = facts(policy, reviews=[review("bob", current_digest=OTHER_DIGEST)], checks=[check()])
    assert codes(decide(stale, NOW)) == [ReasonCode.REVIEW_MISSING]
    fresh = facts(policy, reviews=[review("bob")], checks=[check()])
    assert decide(fresh, NOW).outcome is Outcome.APPLICABLE
