"""Whose review counts, and for what.

An approval counts for a rule where it is of this very digest, by a person, who may fill the rule *now*, and who is
not one of those who did the work (unless the rule's policy allows self-approval). Where the policy cites the current
version, the approval is bound to that one too. A rejection needs less: whoever could approve may say no, also to
their own work, so that nobody is kept from it by being named as having taken part. Who may stand in for whom is told in
`standing_in`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final, NamedTuple

from registry_service.domain.conditions import applies, binds_current
from registry_service.domain.entities import Verdict
from registry_service.domain.errors import NotPermitted, PersonRequired, SelfApproval
from registry_service.domain.facts import Facts, Party, Person, ReviewFacts
from registry_service.domain.matching import match
from registry_service.domain.permissions import Role, Scope, has_role
from registry_service.domain.policies import PolicyDocument, ReviewRule
from registry_service.domain.standing_in import claims, holders, may_fill, may_fill_for

_NOBODY: Final = MappingProxyType[str, Sequence[Person]]({})


class Seat(NamedTuple):
    """A rule of a policy, as a place that people fill."""

    policy: str
    rule: str


class Bench(NamedTuple):
    """All rules in force, who fills them, for whom where it isn't for themselves, and which approvals don't count, with
    the reason why."""

    rules: Mapping[Seat, ReviewRule]
    seated: Mapping[Seat, tuple[str, ...]]
    stands_for: Mapping[Seat, Mapping[str, str]]
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
        and _is_eligible(review.reviewer, review.standing_in_for, facts)
    ]


def _is_eligible(person: Person, standing_in_for: Sequence[Person], facts: Facts) -> bool:
    if may_fill(person, ReviewRule(name="", role=Role.APPROVER), facts.promotion.model_name):
        return True
    return any(True for _ in _places(person, standing_in_for, facts))


def _places(
    person: Person, standing_in_for: Sequence[Person], facts: Facts
) -> Iterator[tuple[PolicyDocument, ReviewRule, Person]]:
    """Each rule that the person may fill, in force or not, with the one whose place it is."""

    for holder in holders(person, standing_in_for):
        for document in facts.documents:
            for rule in document.rules:
                if may_fill_for(person, holder, document, rule, facts.promotion.model_name):
                    yield document, rule, holder


def seat_reviewers(facts: Facts) -> Bench:
    """Match those who approved to the rules in force. Others come before those whose approval is of their own work, so
    that a waiver is used only where it is needed."""

    rules = rules_in_force(facts)
    own_work = excluded_people(facts)
    approvals = [review for review in facts.reviews if review.verdict is Verdict.APPROVE and not review.withdrawn]
    fitting = partial(_seats, facts=facts, rules=rules, own_work=own_work)
    voices = [*((review, review.reviewer) for review in approvals), *claims(approvals, fitting)]
    through: dict[str, dict[Seat, str]] = {}
    for review, holder in voices:
        for seat in fitting(review, holder):
            through.setdefault(review.reviewer.name, {}).setdefault(seat, holder.name)
    people = sorted(through, key=lambda name: name.casefold() in own_work)
    fits = {name: list(seats) for name, seats in through.items()}
    seated = match(people, fits, {seat: rule.count for seat, (_, rule) in rules.items()})
    return Bench(
        rules={seat: rule for seat, (_, rule) in rules.items()},
        seated=seated,
        stands_for={
            seat: {name: through[name][seat] for name in names if through[name][seat] != name}
            for seat, names in seated.items()
        },
        own_work=own_work,
        uncounted={
            review.reviewer.name: _why_not(review, facts, rules, own_work)
            for review in approvals
            if review.reviewer.name not in through
        },
    )


def _seats(
    review: ReviewFacts,
    holder: Person,
    *,
    facts: Facts,
    rules: Mapping[Seat, tuple[PolicyDocument, ReviewRule]],
    own_work: Mapping[str, str],
) -> list[Seat]:
    """The places of the holder's that the review may fill."""

    if review.digest != facts.promotion.digest:
        return []
    is_own = _part_taken(review.reviewer, holder, own_work) is not None
    return [
        seat
        for seat, (document, rule) in rules.items()
        if may_fill_for(review.reviewer, holder, document, rule, facts.promotion.model_name)
        and (document.self_approval or not is_own)
        and (review.current_digest == facts.current_digest or not binds_current(document))
    ]


def _part_taken(reviewer: Person, holder: Person, own_work: Mapping[str, str]) -> str | None:
    """How one of the two has taken part, None where neither has: nobody gets around that by asking somebody else to
    stand in."""

    why = own_work.get(reviewer.name.casefold())
    if why is not None or reviewer.name == holder.name:
        return why
    theirs = own_work.get(holder.name.casefold())
    return None if theirs is None else f"stands in for {holder.name}, who {theirs}"


def _why_not(
    review: ReviewFacts,
    facts: Facts,
    rules: Mapping[Seat, tuple[PolicyDocument, ReviewRule]],
    own_work: Mapping[str, str],
) -> str:
    person = review.reviewer
    if review.digest != facts.promotion.digest:
        return "approved other content"
    if not person.is_person or person.disabled:
        return "is disabled" if person.is_person else "is a service"
    asked = [
        holder
        for holder in holders(person, review.standing_in_for)
        if any(may_fill_for(person, holder, *of, facts.promotion.model_name) for of in rules.values())
    ]
    if not asked:
        return "is not, or no longer, one whom the rules ask for"
    part = _part_taken(person, asked[0], own_work)
    if part is not None:
        return part
    if any(_seats(review, holder, facts=facts, rules=rules, own_work=own_work) for holder in asked):
        return "stands in for somebody whose approval is there already"
    return "approved when another version was current"


def might_fill(person: Person, requester: Party, documents: Iterable[PolicyDocument], model_name: str) -> bool:
    """Whether an approval by the person could fill a place, as far as that is known without the version and its
    reviews: of whom this isn't true, `who_could_review` finds none that they fill."""

    theirs = person.name.casefold() in {name.casefold() for name, _ in _people_of(requester, "requested it")}
    return any(
        (document.self_approval or not theirs) and (document.delegation or may_fill(person, rule, model_name))
        for document in documents
        for rule in document.rules
    )


def who_could_review(
    facts: Facts, candidates: Iterable[Person], standing_in_for: Mapping[str, Sequence[Person]] = _NOBODY
) -> tuple[str, ...]:
    """Those of the candidates whose approval would fill a place that is still missing, sorted by name.

    :param standing_in_for: those for whom a candidate stands in now, by the candidate's name
    """

    filled = _filled(seat_reviewers(facts))
    return tuple(
        sorted(
            person.name
            for person in candidates
            if _filled(seat_reviewers(_approved_by(person, standing_in_for.get(person.name, ()), facts))) > filled
        )
    )


def loses_approvals(facts: Facts, model_name: str) -> bool:
    """Whether an approval of it would count for less if the model were named so: roles go by names. Each is judged by
    itself and by every rule, in force now or not; one of somebody who may fill none there, as who has left, is lost."""

    rules = [rule for document in facts.documents for rule in document.rules]

    def fills(person: Person, name: str) -> set[int]:
        return {place for place, rule in enumerate(rules) if may_fill(person, rule, name)}

    for review in facts.reviews:
        if not rules or review.verdict is not Verdict.APPROVE or review.withdrawn:
            continue
        people = (review.reviewer, *review.standing_in_for)
        here = set[int]().union(*(fills(person, facts.promotion.model_name) for person in people))
        there = set[int]().union(*(fills(person, model_name) for person in people))
        if not there or not here <= there:
            return True
    return False


def _filled(bench: Bench) -> int:
    return sum(len(names) for names in bench.seated.values())


def _approved_by(person: Person, standing_in_for: Sequence[Person], facts: Facts) -> Facts:
    approval = ReviewFacts(
        reviewer=person,
        verdict=Verdict.APPROVE,
        digest=facts.promotion.digest,
        at=facts.promotion.requested_at,
        current_digest=facts.current_digest,
        standing_in_for=tuple(standing_in_for),
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


def check_reviewer(facts: Facts, person: Person, verdict: Verdict, standing_in_for: Sequence[Person] = ()) -> None:
    """Whether a review by this person can count at all; one that never could is refused instead of being kept.

    :param standing_in_for: those for whom the person stands in now
    :raises PersonRequired: a service asks.
    :raises NotPermitted: no rule means them, and they are no approver of the model.
    :raises SelfApproval: they would approve their own work, and no policy that asks for them waives that.
    """

    if not person.is_person:
        raise PersonRequired(f"'{person.name}' is a service, and reviews are for people.", principal=person.name)
    if not _is_eligible(person, standing_in_for, facts):
        raise NotPermitted(
            f"No rule of the policies asks for '{person.name}', who is no approver of '{facts.promotion.model_name}'"
            " either. Ask an admin for the role or group that the policy names.",
            principal=person.name,
        )
    if verdict is Verdict.REJECT:
        return
    own_work = excluded_people(facts)
    places = [
        (document.self_approval, _part_taken(person, holder, own_work))
        for document, _, holder in _places(person, standing_in_for, facts)
    ] or [(False, own_work.get(person.name.casefold()))]
    why = places[0][1]
    if why is not None and not any(waived or part is None for waived, part in places):
        raise SelfApproval(
            f"'{person.name}' {why}, and own work is for others to approve. Ask somebody else, or cancel it.",
            principal=person.name,
        )


def check_token_suffices(
    facts: Facts, person: Person, token_role: Role, standing_in_for: Sequence[Person] = ()
) -> None:
    """Whether an approval by a token that is limited to a role may stand for all that its person could fill. What they
    approve counts by their own roles and by those of whom they stand in for, of which the token holds a part only.

    :raises NotPermitted: a rule would take the person for more than the token is.
    """

    for document, rule, _ in _places(person, standing_in_for, facts):
        if rule.role is None or has_role((Scope(token_role, "*"),), Role(rule.role), facts.promotion.model_name):
            continue
        raise NotPermitted(
            f"Your token is limited to {token_role}, and policy '{document.name}' would count the approval as that of"
            f" {rule.role}. Use a wider token.",
            principal=person.name,
            role=rule.role,
        )
