from __future__ import annotations

from datetime import UTC, datetime, timedelta

from registry_service.domain.entities import PolicyAttachment
from registry_service.domain.permissions import Role
from registry_service.domain.policies import OPEN, SOLO, TEAM, OnNewer, PolicyDocument, PolicyPin, RollbackRule
from registry_service.domain.policy_sets import allow_delegation, dropped_policies, pinned_names, select_policies, terms


def attached(policy: str, model_pattern: str = "*", stage: str = "*", *, default: bool = False) -> PolicyAttachment:
    return PolicyAttachment(
        id=f"{policy}-{model_pattern}-{stage}",
        policy=policy,
        model_pattern=model_pattern,
        stage=stage,
        default=default,
        attached_at=datetime(2026, 3, 3, tzinfo=UTC),
        attached_by="root",
    )


def test_all_that_match_hold_together() -> None:
    attachments = [
        attached("team", "team-a.*"),
        attached("regulated", "*", "production"),
        attached("open", "team-b.*"),
        attached("open", "*", "staging"),
    ]
    assert select_policies(attachments, "team-a.fraud", "production") == ("regulated", "team")
    assert select_policies(attachments, "team-a.fraud", "staging") == ("open", "team")
    assert select_policies(attachments, "x", "canary") == ()


def test_a_default_holds_only_where_nothing_else_does() -> None:
    attachments = [attached("solo", default=True), attached("team", "team-a.*", "production")]
    assert select_policies(attachments, "team-a.fraud", "production") == ("team",)
    assert select_policies(attachments, "team-a.fraud", "staging") == ("solo",)


def test_a_policy_that_matches_twice_holds_once() -> None:
    assert select_policies([attached("team"), attached("team", "fraud")], "fraud", "production") == ("team",)


def test_no_spelling_is_a_way_around_a_policy_and_stages_are_whole_names() -> None:
    assert select_policies([attached("team", "fraud.*")], "Fraud.eu", "production") == ("team",)
    assert select_policies([attached("team", "Fraud.*")], "fraud.eu", "production") == ("team",)
    assert select_policies([attached("team", "*", "production")], "fraud", "Production") == ("team",)
    assert select_policies([attached("team", "*", "prod*")], "fraud", "production") == ()


def test_a_name_drops_the_policies_that_hold_for_the_one_before_only() -> None:
    attachments = [
        attached("solo", default=True),
        attached("team", "fraud", "production"),
        attached("regulated", "fraud", "canary"),
        attached("open", "free.*"),
    ]
    assert dropped_policies(attachments, "fraud", "Fraud", ["production"]) == ()
    assert dropped_policies(attachments, "free.x", "free.y", ["production"]) == ()
    # The default gives way to what holds by the new name: that drops it too.
    assert dropped_policies(attachments, "fraud", "free.x", ["staging"]) == ("regulated", "solo", "team")
    assert dropped_policies(attachments[1:2], "fraud", "other", []) == ("team",)
    assert dropped_policies([attached("team", "fraud")], "fraud", "other", []) == ()


def test_the_strictest_word_counts() -> None:
    lenient = PolicyDocument(
        name="lenient",
        request_expires_after=100,
        approval_expires_after=10,
        lease_seconds=5,
        on_newer=OnNewer.PARALLEL,
        rollback=RollbackRule(role="contributor", within=3),
    )
    strict = PolicyDocument(
        name="strict",
        request_expires_after=50,
        approval_expires_after=20,
        lease_seconds=9,
        on_newer=OnNewer.QUEUE,
        rollback=RollbackRule(role="admin", within=9),
        change_needs_second_person=True,
    )
    for documents in ([lenient, strict], [strict, lenient]):
        together = terms(documents)
        assert together.request_expires_after == timedelta(seconds=50)
        assert together.approval_expires_after == timedelta(seconds=10)
        assert together.lease == timedelta(seconds=5)
        assert together.on_newer is OnNewer.QUEUE
        assert together.rollback_role is Role.ADMIN
        assert together.rollback_within == 3
        assert together.change_needs_second_person


def test_without_a_policy_the_terms_are_those_of_one_that_says_nothing() -> None:
    assert terms([]) == terms([OPEN]) == terms([SOLO, TEAM])


def test_delegation_matters_where_one_of_the_policies_allows_it() -> None:
    lenient = PolicyDocument(name="lenient", nobody_need_review=True, delegation=True)
    assert allow_delegation([TEAM, lenient])
    assert not allow_delegation([TEAM])
    assert not allow_delegation([])


def test_of_pinned_policies_the_names_count_and_not_the_versions() -> None:
    assert pinned_names([PolicyPin(name="team", version=1), PolicyPin(name="team", version=2)]) == {"team"}
