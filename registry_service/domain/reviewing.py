"""Whose review counts, and for what.

An approval counts for a rule where it is of this very digest, by a person, who may fill the rule *now*, and who is
not one of those who did the work (unless the rule's policy allows self-approval). Where the policy cites the current
version, the approval is bound to that one too. A rejection needs less: whoever could approve may say no, also to
their own work, so that nobody is kept from it by being named as having taken part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from registry_service.domain.conditions import applies, binds_current
from registry_service.domain.entities import Verdict
from registry_service.domain.errors import NotPermitted, PersonRequired, SelfApproval
from registry_service.domain.facts import Facts, Party, Person, ReviewFacts
from registry_service.domain.matching import match
from registry_service.domain.permissions import Role, Scope, has_role
from registry_service.domain.policies import PolicyDocument, ReviewRule


class Seat(NamedTuple):
    """A rule of a policy, as a place that people fill."""

    policy: str
    rule: str


class Bench(NamedTuple):
    """All rules in force, who fills them, and which approvals don't count, with the reason why."""

    rules: Mapping[Seat, ReviewRule]
    seated: Mapping[Seat, tuple[str, ...]]
    own_work: Mapping[str, str]
    uncounted: Mapping[str, str]

    @property
    def missing(self) -> dict[Seat, int]:
        counts = {seat: rule.count - len(self.seated[seat]) for seat, rule in self.rules.items()}
        return {seat: count for seat, count in counts.items() if count > 0}


def excluded_people(facts: Facts) -> dict[str, str]:
    """Those whose approval would be self-approval, and why: registrant and requester, the owners of either where it
    is a service, and whom either says to have taken part. Keys are case-folded, because a claim may be spelt freely."""

    why: dict[str, str] = {}
    for party, did in (
        (facts.version.registrant, "registered the version"),
        (facts.promotion.requester, "requested the promotion"),
    ):
        for name, reason in _people_of(party, did):
            why.setdefault(name.casefold(), reason)
    for name in facts.promotion.asserted_people:
        why.setdefault(name.strip().casefold(), "is said to have taken part")
    return why


def _people_of(party: Party, did: str) -> Iterable[tuple[str, str]]:
    yield party.name, did
    for owner in party.owners:
        yield owner, f"owns '{party.name}', which {did}"


def may_fill(person: Person, rule: ReviewRule, model_name: str) -> bool:
    """Whether the rule means this person now. Whoever lost every role on the model lost this as well."""

    if not person.is_person or person.disabled or not has_role(person.grants, Role.READER, model_name):
        return False
    if rule.role is not None:
        return has_role(person.grants, Role(rule.role), model_name)
    if rule.group is not None:
        return rule.group in person.groups
    return person.name in rule.people


def rules_in_force(facts: Facts) -> dict[Seat, tuple[PolicyDocument, ReviewRule]]:
    return {
        Seat(document.name, rule.name): (document, rule)
        for document in facts.documents
        for rule in document.rules
        if rule.when is None or applies(rule.when, facts)
    }


def standing_rejections(facts: Facts) -> list[ReviewFacts]:
    """Rejections of this digest by somebody who could approve: who may fill a rule, in force or not, or is an approver
    of the model."""

    return [
        review
        for review in facts.reviews
        if review.verdict is Verdict.REJECT
        and not review.withdrawn
        and review.digest == facts.promotion.digest
        and _is_eligible(review.reviewer, facts)
    ]


def _is_eligible(person: Person, facts: Facts) -> bool:
    model_name = facts.promotion.model_name
    rules = [rule for document in facts.documents for rule in document.rules]
    return any(may_fill(person, rule, model_name) for rule in [*rules, ReviewRule(name="", role=Role.APPROVER)])


def seat_reviewers(facts: Facts) -> Bench:
    """Match those who approved to the rules in force. Others come before those whose approval is of their own work, so
    that a waiver is used only where it is needed."""

    rules = rules_in_force(facts)
    own_work = excluded_people(facts)
    approvals = [review for review in facts.reviews if review.verdict is Verdict.APPROVE and not review.withdrawn]
    fits: dict[str, list[Seat]] = {}
    uncounted: dict[str, str] = {}
    for review in approvals:
        seats = _seats(review, facts, rules, own_work)
        fits.setdefault(review.reviewer.name, []).extend(seats)
        if not seats:
            uncounted[review.reviewer.name] = _why_not(review, facts, rules, own_work)
    people = sorted((name for name, seats in fits.items() if seats), key=lambda name: name.casefold() in own_work)
    return Bench(
        rules={seat: rule for seat, (_, rule) in rules.items()},
        seated=match(people, fits, {seat: rule.count for seat, (_, rule) in rules.items()}),
        own_work=own_work,
        uncounted={name: why for name, why in uncounted.items() if name not in people},
    )


def _seats(
    review: ReviewFacts,
    facts: Facts,
    rules: Mapping[Seat, tuple[PolicyDocument, ReviewRule]],
    own_work: Mapping[str, str],
) -> list[Seat]:
    if review.digest != facts.promotion.digest:
        return []
    is_own = review.reviewer.name.casefold() in own_work
    return [
        seat
        for seat, (document, rule) in rules.items()
        if may_fill(review.reviewer, rule, facts.promotion.model_name)
        and (document.self_approval or not is_own)
        and (review.current_digest == facts.current_digest or not binds_current(document))
    ]


def _why_not(
    review: ReviewFacts,
    facts: Facts,
    rules: Mapping[Seat, tuple[PolicyDocument, ReviewRule]],
    own_work: Mapping[str, str],
) -> str:
    person = review.reviewer
    if review.digest != facts.promotion.digest:
        return "approved other content"
    if not person.is_person:
        return "is a service"
    if person.disabled:
        return "is disabled"
    if not any(may_fill(person, rule, facts.promotion.model_name) for _, rule in rules.values()):
        return "is not, or no longer, one whom the rules ask for"
    if person.name.casefold() in own_work:
        return own_work[person.name.casefold()]
    return "approved when another version was current"


def who_could_review(facts: Facts, candidates: Iterable[Person]) -> tuple[str, ...]:
    """Those of the candidates whose approval would fill a place that is still missing, sorted by name."""

    filled = _filled(seat_reviewers(facts))
    return tuple(
        sorted(person.name for person in candidates if _filled(seat_reviewers(_approved_by(person, facts))) > filled)
    )


def _filled(bench: Bench) -> int:
    return sum(len(names) for names in bench.seated.values())


def _approved_by(person: Person, facts: Facts) -> Facts:
    approval = ReviewFacts(
        reviewer=person,
        verdict=Verdict.APPROVE,
        digest=facts.promotion.digest,
        at=facts.promotion.requested_at,
        current_digest=facts.current_digest,
    )
    return Facts(
        promotion=facts.promotion,
        version=facts.version,
        current=facts.current,
        stage=facts.stage,
        policies=facts.policies,
        reviews=(*facts.reviews, approval),
        checks=facts.checks,
    )


def check_reviewer(facts: Facts, person: Person, verdict: Verdict) -> None:
    """Whether a review by this person can count at all; one that never could is refused instead of being kept.

    :raises PersonRequired: a service asks.
    :raises NotPermitted: no rule means them, and they are no approver of the model.
    :raises SelfApproval: they would approve their own work, and no policy that asks for them waives that.
    """

    if not person.is_person:
        raise PersonRequired(f"'{person.name}' is a service, and reviews are for people.", principal=person.name)
    if not _is_eligible(person, facts):
        raise NotPermitted(
            f"No rule of the policies asks for '{person.name}', who is no approver of '{facts.promotion.model_name}'"
            " either. Ask an admin for the role or group that the policy names.",
            principal=person.name,
        )
    why = excluded_people(facts).get(person.name.casefold())
    if verdict is Verdict.REJECT or why is None:
        return
    documents: Sequence[PolicyDocument] = [
        document
        for document in facts.documents
        if any(may_fill(person, rule, facts.promotion.model_name) for rule in document.rules)
    ]
    if not any(document.self_approval for document in documents):
        raise SelfApproval(
            f"'{person.name}' {why}, and own work is for others to approve. Ask somebody else, or cancel it.",
            principal=person.name,
        )


def check_token_suffices(facts: Facts, person: Person, token_role: Role) -> None:
    """Whether an approval by a token that is limited to a role may stand for all that its person could fill. What they
    approve counts by their own roles, of which the token holds a part only.

    :raises NotPermitted: a rule would take the person for more than the token is.
    """

    model_name = facts.promotion.model_name
    for document in facts.documents:
        for rule in document.rules:
            if rule.role is None or not may_fill(person, rule, model_name):
                continue
            if not has_role((Scope(token_role, "*"),), Role(rule.role), model_name):
                raise NotPermitted(
                    f"Your token is limited to {token_role}, and policy '{document.name}' would count the approval as"
                    f" that of {rule.role}. Use a wider token.",
                    principal=person.name,
                    role=rule.role,
                )
