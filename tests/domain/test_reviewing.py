from __future__ import annotations

import pytest

from registry_service.domain.approvals import decide
from registry_service.domain.decisions import Outcome
from registry_service.domain.entities import Verdict
from registry_service.domain.errors import NotPermitted, PersonRequired, SelfApproval
from registry_service.domain.facts import Facts, Party, Person, ReviewFacts
from registry_service.domain.permissions import Role
from registry_service.domain.policies import OPEN, REGULATED, SOLO, TEAM, PolicyDocument, RequiredCondition, ReviewRule
from registry_service.domain.reviewing import (
    Seat,
    check_reviewer,
    check_token_suffices,
    excluded_people,
    loses_approvals,
    might_fill,
    seat_reviewers,
    who_could_review,
)
from registry_service.domain.standing_in import may_fill
from tests.domain.facts import OTHER_DIGEST, changed, check, facts, person, review, service, version

OF_ANN = PolicyDocument(name="named", rules=(ReviewRule(name="ann", people=("ann",)),))
RISK = PolicyDocument(name="risk", rules=(ReviewRule(name="risk", group="risk"),))


# ------------------------------------------------------------------------------------------------------- excluded


def test_those_who_did_the_work_are_excluded_each_with_the_reason() -> None:
    judged = facts(
        of=version(registrant=Party(name="airflow", owners=("olga", "otto"))),
        requester=Party(name="rita"),
        asserted_people=("Tom ", "olga"),
    )
    assert excluded_people(judged) == {
        "airflow": "registered the version",
        "olga": "owns 'airflow', which registered the version",
        "otto": "owns 'airflow', which registered the version",
        "rita": "requested the promotion",
        "tom": "is said to have taken part",
    }


@pytest.mark.parametrize("name", ["olga", "rita", "tom"])
def test_an_excluded_person_does_not_make_it_approved(name: str) -> None:
    judged = facts(requester=Party(name="rita"), asserted_people=("TOM",), reviews=[review(name)])
    assert decide(judged, judged.promotion.requested_at).outcome is Outcome.WAITING


# ----------------------------------------------------------------------------------------------------- who fills what


@pytest.mark.parametrize(
    ("who", "fits"),
    [
        (person("ann"), True),
        (person("ann", Role.ADMIN), True),
        (person("ann", pattern="fraud"), True),
        (person("ann", pattern="churn"), False),
        (person("ann", Role.CONTRIBUTOR), False),
        (person("ann", Role.AUDITOR), False),
        (person("ann", None), False),
        (person("ann", disabled=True), False),
        (service("bot"), False),
    ],
)
def test_a_role_is_asked_for_on_this_model_and_of_people(who: Person, fits: bool) -> None:
    assert may_fill(who, TEAM.rules[0], "fraud") is fits


def test_a_group_means_its_members_who_can_see_the_model() -> None:
    rule = RISK.rules[0]
    assert may_fill(person("ann", Role.READER, groups=("risk",)), rule, "fraud")
    assert not may_fill(person("ann", Role.READER, groups=("ops",)), rule, "fraud")
    assert not may_fill(person("ann", None, groups=("risk",)), rule, "fraud")
    assert not may_fill(changed(service("bot"), groups=("risk",)), rule, "fraud")


def test_a_name_means_that_person_and_nobody_else() -> None:
    rule = ReviewRule(name="owner", people=("ann",))
    assert may_fill(person("ann", Role.READER), rule, "fraud")
    assert not may_fill(person("bob", Role.ADMIN), rule, "fraud")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (review("bob", digest=OTHER_DIGEST), "approved other content"),
        (review(service("bob")), "is a service"),
        (review(person("bob", disabled=True)), "is disabled"),
        (review(person("bob", Role.READER)), "is not, or no longer, one whom the rules ask for"),
        (review("olga"), "owns 'airflow', which registered the version"),
    ],
)
def test_an_approval_that_does_not_count_says_why(given: ReviewFacts, why: str) -> None:
    bench = seat_reviewers(facts(reviews=[given]))
    assert bench.uncounted == {given.reviewer.name: why}
    assert bench.missing == {Seat("team", "another person"): 1}


def test_a_later_approval_that_counts_makes_up_for_one_that_does_not() -> None:
    bench = seat_reviewers(facts(reviews=[review("bob", digest=OTHER_DIGEST), review("bob")]))
    assert bench.uncounted == {}
    assert bench.missing == {}


def test_a_withdrawn_approval_is_none() -> None:
    bench = seat_reviewers(facts(reviews=[review("bob", withdrawn=True)]))
    assert bench.missing and not bench.uncounted


# -------------------------------------------------------------------------------------------------- who could help


def test_those_whose_approval_would_help_are_found() -> None:
    people = [
        person("ann"),
        person("sam", Role.ADMIN),
        person("olga"),
        person("rob", Role.READER),
        person("dis", disabled=True),
        service("bot"),
    ]
    assert who_could_review(facts(), people) == ("ann", "sam")
    assert who_could_review(facts(SOLO), people) == ("ann", "olga", "sam")
    assert who_could_review(facts(reviews=[review("bob")]), people) == ()
    assert who_could_review(facts(OPEN), people) == ()


def test_who_approved_already_could_not_help_again() -> None:
    assert who_could_review(facts(REGULATED, reviews=[review("ann")]), [person("ann"), person("bob")]) == ()
    assert who_could_review(
        facts(REGULATED, reviews=[review("ann")], checks=[check()]), [person("bob"), person("sam", Role.ADMIN)]
    ) == ("sam",)


def test_a_second_approver_helps_where_an_admin_took_the_approvers_place() -> None:
    judged = facts(REGULATED, reviews=[review(person("sam", Role.ADMIN))])
    assert who_could_review(judged, [person("ann")]) == ("ann",)


def test_who_can_fill_no_place_is_known_by_who_asked_and_the_policies_alone() -> None:
    requester = Party(name="airflow", owners=("Olga",))
    stood_in_for = changed(OF_ANN, delegation=True)

    def might(who: Person, *documents: PolicyDocument) -> bool:
        return might_fill(who, requester, documents, "fraud")

    assert might(person("bob"), TEAM)
    assert not might(person("olga"), TEAM), "who owns the service that asked"
    assert might(person("olga"), SOLO)
    assert might(person("olga"), TEAM, SOLO)
    assert not might(person("bob"), OPEN), "it asks for nobody"
    assert not might(person("bob"), RISK)
    assert might(person("bob", groups=("risk",)), RISK)
    assert not might(person("bob"), OF_ANN)
    assert might(person("bob"), stood_in_for), "for ann"
    assert not might(person("airflow"), OF_ANN, stood_in_for), "who asked"
    assert not might(person("bob", pattern="churn"), OF_ANN, RISK)


_DOCUMENTS = (
    OPEN,
    SOLO,
    TEAM,
    REGULATED,
    RISK,
    OF_ANN,
    *(changed(one, delegation=True) for one in (SOLO, TEAM, REGULATED, RISK, OF_ANN)),
)
_PEOPLE = (
    person("ann"),
    person("bob", groups=("risk",)),
    person("sam", Role.ADMIN),
    person("olga"),
    person("rob", Role.READER),
    person("dis", disabled=True),
    service("bot"),
)


@pytest.mark.parametrize("document", _DOCUMENTS)
@pytest.mark.parametrize("requester", [Party(name="ann", owners=()), Party(name="airflow", owners=("bob", "Olga"))])
def test_whoever_could_review_might_fill_a_place(document: PolicyDocument, requester: Party) -> None:
    asked = facts(document)
    judged = changed(asked, promotion=changed(asked.promotion, requester=requester))
    for who in _PEOPLE:
        for holder in _PEOPLE:
            if who_could_review(judged, [who], {who.name: [holder]}):
                assert might_fill(who, requester, judged.documents, judged.promotion.model_name), (who, holder)


# ---------------------------------------------------------------------------------------------- refused in advance


def test_a_review_that_can_count_is_taken() -> None:
    check_reviewer(facts(), person("bob"), Verdict.APPROVE)
    check_reviewer(facts(RISK), person("bob", Role.READER, groups=("risk",)), Verdict.APPROVE)
    check_reviewer(facts(OPEN), person("bob"), Verdict.REJECT)
    check_reviewer(facts(SOLO), person("olga"), Verdict.APPROVE)
    check_reviewer(facts(TEAM, SOLO), person("olga"), Verdict.APPROVE)
    check_reviewer(facts(), person("olga"), Verdict.REJECT)


@pytest.mark.parametrize(
    ("judged", "who", "error"),
    [
        (facts(), service("bot"), PersonRequired),
        (facts(), person("rob", Role.CONTRIBUTOR), NotPermitted),
        (facts(), person("dis", disabled=True), NotPermitted),
        (facts(), person("olga"), SelfApproval),
        (facts(SOLO), person("olga", Role.READER), NotPermitted),
        (facts(RISK, changed(SOLO, rules=(ReviewRule(name="x", people=("zoe",)),))), person("olga"), SelfApproval),
    ],
)
def test_a_review_that_never_could_count_is_refused(judged: Facts, who: Person, error: type[Exception]) -> None:
    with pytest.raises(error) as refusal:
        check_reviewer(judged, who, Verdict.APPROVE)
    assert refusal.type is error


def test_a_narrowed_token_stands_for_no_role_that_it_lacks() -> None:
    admin = person("sam", Role.ADMIN)
    for judged in (facts(TEAM), facts(OPEN), facts(RISK)):
        check_token_suffices(judged, admin, Role.APPROVER)
    check_token_suffices(facts(REGULATED), admin, Role.ADMIN)
    check_token_suffices(facts(REGULATED), person("bob"), Role.APPROVER)
    with pytest.raises(NotPermitted, match="limited to approver") as refusal:
        check_token_suffices(facts(REGULATED), admin, Role.APPROVER)
    assert refusal.value.details["role"] == "admin"


# ------------------------------------------------------------------------------------------------------- renaming


def test_an_approval_is_lost_by_a_name_under_which_its_reviewer_may_not_approve() -> None:
    here = facts(TEAM).promotion.model_name
    friend = person("ann", pattern=here)
    assert loses_approvals(facts(TEAM, reviews=[review(friend)]), "credit")
    assert not loses_approvals(facts(TEAM, reviews=[review("bob")]), "credit")
    assert loses_approvals(facts(TEAM, reviews=[review("bob"), review(friend)]), "credit"), "each by itself"
    assert not loses_approvals(facts(TEAM, reviews=[review("bob"), review(friend, withdrawn=True)]), "credit")


def test_where_no_rule_asks_for_approvals_none_is_lost() -> None:
    assert not loses_approvals(facts(PolicyDocument(name="none"), reviews=[review(person("ann", None))]), "credit")


def test_who_has_left_and_a_rule_that_is_not_in_force_now_hide_no_loss() -> None:
    here = facts(TEAM).promotion.model_name
    assert loses_approvals(facts(TEAM, reviews=[review(person("ann", None))]), "credit")
    binding = changed(TEAM, conditions=(RequiredCondition(expression="metrics.auc > current.metrics.auc"),))
    before = review(person("ann", pattern=here), current_digest=OTHER_DIGEST)
    assert loses_approvals(facts(binding, reviews=[before]), "credit")
    sometimes = changed(TEAM, rules=(ReviewRule(name="breaking", role="approver", when="signature.changed"),))
    assert loses_approvals(facts(sometimes, reviews=[review(person("ann", pattern=here))]), "credit")
