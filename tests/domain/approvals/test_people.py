from __future__ import annotations

from registry_service.domain.approvals import decide
from registry_service.domain.decisions import Outcome, ReasonCode, SatisfiedCode
from registry_service.domain.permissions import Role
from registry_service.domain.policies import REGULATED, SOLO, TEAM, PolicyDocument, ReviewRule
from tests.domain.approvals.judged import codes, message
from tests.domain.facts import NOW, check, facts, person, review


def test_two_rules_ask_for_two_people() -> None:
    checks = [check()]
    both = [review("ann"), review(person("sam", Role.ADMIN))]
    assert decide(facts(REGULATED, reviews=both, checks=checks), NOW).outcome is Outcome.APPLICABLE
    for one in both:
        assert codes(decide(facts(REGULATED, reviews=[one], checks=checks), NOW)) == [ReasonCode.REVIEW_MISSING]


def test_the_order_of_approvals_does_not_matter() -> None:
    """gitlab-org/gitlab#425759: an admin who approves first must not keep the approver's place."""

    sam, ann = review(person("sam", Role.ADMIN)), review("ann")
    for reviews in ([sam, ann], [ann, sam]):
        assert decide(facts(REGULATED, reviews=reviews, checks=[check()]), NOW).outcome is Outcome.APPLICABLE


def test_people_are_distinct_over_all_policies() -> None:
    judged = facts(SOLO, TEAM, reviews=[review("bob")])
    assert codes(decide(judged, NOW)) == [ReasonCode.REVIEW_MISSING]
    assert decide(facts(SOLO, TEAM, reviews=[review("bob"), review("ann")]), NOW).outcome is Outcome.APPLICABLE


def test_a_count_asks_for_so_many() -> None:
    pair = PolicyDocument(name="pair", rules=(ReviewRule(name="risk", group="risk", count=2),))
    ann, bob = (review(person(name, Role.READER, groups=("risk",))) for name in ("ann", "bob"))
    assert message(facts(pair), "review_missing") == (
        "Policy 'pair' asks for 2 more approvals (risk) by members of the group 'risk'."
    )
    judged = facts(pair, reviews=[ann, ann])
    assert "1 more approval " in message(judged, "review_missing")
    assert [reason.people for reason in decide(judged, NOW).satisfied] == [("ann",)]
    assert decide(facts(pair, reviews=[ann, bob]), NOW).outcome is Outcome.APPLICABLE


def test_named_people_are_named() -> None:
    named = PolicyDocument(
        name="named", rules=(ReviewRule(name="owner", people=("ann",)), ReviewRule(name="any", people=("ann", "bob")))
    )
    decision = decide(facts(named, reviews=[review("bob")]), NOW)
    (missing,) = decision.reasons
    assert (missing.rule, missing.people) == ("owner", ("ann",))
    assert "by any of ann." in missing.message
    decision = decide(facts(named, reviews=[review("ann")]), NOW)
    assert [reason.people for reason in decision.reasons] == [("bob",)]


def test_a_rule_whose_people_are_all_used_up_says_so() -> None:
    both = PolicyDocument(
        name="both", rules=(ReviewRule(name="one", people=("ann",)), ReviewRule(name="two", people=("ann",)))
    )
    assert "of whom all have approved" in message(facts(both, reviews=[review("ann")]), "review_missing")


def test_own_approval_does_not_count() -> None:
    decision = decide(facts(reviews=[review("olga")]), NOW)
    (missing,) = decision.reasons
    assert missing.message.endswith(
        "olga approved, which doesn't count: olga owns 'airflow', which registered the version."
    )


def test_solo_waives_self_approval_and_tells() -> None:
    decision = decide(facts(SOLO, reviews=[review("olga")]), NOW)
    assert decision.outcome is Outcome.APPLICABLE
    (waived,) = decision.waived
    assert (waived.code, waived.policy, waived.people) == (SatisfiedCode.SELF_APPROVAL, "solo", ("olga",))
    assert waived.message == (
        "olga owns 'airflow', which registered the version; policy 'solo' lets own work be approved."
    )


def test_a_waiver_is_used_only_where_it_is_needed() -> None:
    for other in ("bob", "zoe"):
        decision = decide(facts(SOLO, reviews=[review("olga"), review(other)]), NOW)
        assert decision.waived == ()
        assert [reason.people for reason in decision.satisfied] == [(other,)]


def test_a_waiver_of_one_policy_is_none_of_another() -> None:
    decision = decide(facts(SOLO, TEAM, reviews=[review("olga"), review("bob")]), NOW)
    assert decision.outcome is Outcome.APPLICABLE
    assert {reason.policy: reason.people for reason in decision.satisfied} == {"solo": ("olga",), "team": ("bob",)}
    assert codes(decide(facts(SOLO, TEAM, reviews=[review("olga")]), NOW)) == [ReasonCode.REVIEW_MISSING]
