from __future__ import annotations

import pytest

from registry_service.domain.policies import (
    BUILT_IN,
    OPEN,
    REGULATED,
    SOLO,
    OnNewer,
    PolicyDocument,
    Prerequisite,
    RequiredCheck,
    RequiredCondition,
    ReviewRule,
    RollbackRule,
)
from registry_service.domain.policy_words import demands_in_words, terms_in_words


def test_what_a_policy_demands_is_said_in_sentences() -> None:
    assert demands_in_words(OPEN) == ["Nobody need review."]
    assert demands_in_words(REGULATED) == [
        "One person with the role approver approves (approver).",
        "One person with the role admin approves (admin).",
        "The check 'evaluation' has passed, reported by a service.",
    ]
    strict = PolicyDocument(
        name="strict",
        rules=(
            ReviewRule(name="risk", count=2, group="risk", when="params.rows > 1000"),
            ReviewRule(name="law", people=("ann", "bob")),
        ),
        checks=(
            RequiredCheck(name="scan"),
            RequiredCheck(name="bias", reported_by=("ci", "cd", "lab"), when="tags.kind = 'credit'"),
            RequiredCheck(name="speed", reported_by=("ci",), by_service=True),
        ),
        conditions=(
            RequiredCondition(expression="metrics.auc > 0.8"),
            RequiredCondition(expression="metrics.auc >= current.metrics.auc"),
            RequiredCondition(expression="metrics.auc > current.metrics.auc", without_current=False),
        ),
        prerequisites=(Prerequisite(stage="staging", seconds=172_800), Prerequisite(stage="canary")),
        formats=("onnx", "openvino"),
    )
    assert demands_in_words(strict) == [
        "2 people of the group risk approve (risk), where params.rows > 1000 or that can't be told.",
        "One person out of ann, bob approves (law).",
        "The check 'scan' has passed.",
        "The check 'bias' has passed, reported by ci, cd or lab, where tags.kind = 'credit' or that can't be told.",
        "The check 'speed' has passed, reported by a service, namely ci.",
        "It holds that metrics.auc > 0.8.",
        "It holds that metrics.auc >= current.metrics.auc, or nothing is current to compare with.",
        "It holds that metrics.auc > current.metrics.auc, so something is current.",
        "It was current in staging for 2 d at least.",
        "It was current in canary.",
        "The format is onnx or openvino.",
    ]


def test_how_it_goes_with_what_is_asked_for() -> None:
    assert terms_in_words(SOLO)[0].startswith("Whoever registered, asked for or owns the work may review it as well")
    assert terms_in_words(OPEN) == [
        "A request for a newer version ends those for older ones that nobody reviewed.",
        "A request ends after 14 d, an approval that nobody used after 7 d; a lease to deploy lasts 1 h at most.",
        "Whoever has the role contributor may roll back, among the last 10 versions that were good here.",
    ]
    assert terms_in_words(
        PolicyDocument(
            name="strict",
            rules=(ReviewRule(name="law", people=("ann",)),),
            delegation=True,
            on_newer=OnNewer.QUEUE,
            remind_after=86_400,
            escalate_after=259_200,
            escalate_to="heads",
            rollback=RollbackRule(role="approver", within=3),
            change_needs_second_person=True,
        )
    ) == [
        "Nobody reviews what they registered, asked for, took part in or own.",
        "Whoever stands in for somebody may fill that one's place.",
        "A request for a newer version waits until those for older ones have ended.",
        "A request ends after 14 d, an approval that nobody used after 7 d; a lease to deploy lasts 1 h at most.",
        "Every 1 d, an event reminds of reviews that are missing.",
        "After 3 d without them, the group heads is told.",
        "Whoever has the role approver may roll back, among the last 3 versions that were good here.",
        "A second person confirms each change of this policy, and where it holds.",
    ]


@pytest.mark.parametrize("document", BUILT_IN, ids=lambda document: document.name)
def test_each_sentence_is_one(document: PolicyDocument) -> None:
    for sentence in (*demands_in_words(document), *terms_in_words(document)):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
