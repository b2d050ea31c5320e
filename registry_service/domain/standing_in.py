"""Who may fill a place that a rule asks for: the person themselves, or one whom they asked to stand in for them.

Delegation moves a place, and makes nobody more than they are: whoever stands in needs the right to review the model as
everybody does. It counts where the policy says so, never for what the delegator could not fill now, never for work
that either of the two has taken part in (unless the policy waives that), and never twice: a delegator who has spoken
needs nobody to stand in, and of several who stand in for the same one, one counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from registry_service.domain.errors import InvalidInput
from registry_service.domain.facts import Person, ReviewFacts
from registry_service.domain.permissions import Role, has_role
from registry_service.domain.policies import PolicyDocument, ReviewRule

LONGEST: Final = timedelta(days=366)


def check_spell(*, starts_at: datetime, until: datetime, now: datetime) -> None:
    """Whether somebody may stand in from then on and until then.

    :raises InvalidInput: it begins in the past, where it would make reviews count that are given already, or ends
        before it begins, or more than 366 days after.
    """

    if starts_at < now:
        raise InvalidInput(
            "A delegation can't begin in the past. Leave 'starts_at' out to begin now.", field="starts_at"
        )
    if until <= starts_at:
        raise InvalidInput("The delegation would end before it begins. Give a later 'until'.", field="until")
    if until - starts_at > LONGEST:
        raise InvalidInput(
            f"A delegation lasts {LONGEST.days} days at most. Give an earlier 'until'; it can be made anew.",
            field="until",
        )


def may_fill(person: Person, rule: ReviewRule, model_name: str) -> bool:
    """Whether the rule means this person now. Whoever lost every role on the model lost this as well."""

    if not _takes_part(person, model_name):
        return False
    if rule.role is not None:
        return has_role(person.grants, Role(rule.role), model_name)
    if rule.group is not None:
        return rule.group in person.groups
    return person.name in rule.people


def _takes_part(person: Person, model_name: str) -> bool:
    return person.is_person and not person.disabled and has_role(person.grants, Role.READER, model_name)


def may_fill_for(reviewer: Person, holder: Person, document: PolicyDocument, rule: ReviewRule, model_name: str) -> bool:
    """Whether the reviewer may fill the holder's place: their own, or that of one whom they stand in for."""

    return may_fill(holder, rule, model_name) and (
        holder.name == reviewer.name
        or (
            document.delegation
            and _takes_part(reviewer, model_name)
            and has_role(reviewer.grants, Role.APPROVER, model_name)
        )
    )


def holders(reviewer: Person, standing_in_for: Sequence[Person]) -> tuple[Person, ...]:
    """Whose places a reviewer may fill: their own before those of others."""
    return (reviewer, *(person for person in standing_in_for if person.name != reviewer.name))


def claims(
    approvals: Sequence[ReviewFacts], fits: Callable[[ReviewFacts, Person], Collection[object]]
) -> Iterator[tuple[ReviewFacts, Person]]:
    """Which approval speaks for whom besides its reviewer: for each delegator the first that has no place of its own
    to fill, or else the first.

    :param approvals: that stand, in the order in which they were given
    :param fits: the places that an approval could fill as that person's
    """

    spoken = {review.reviewer.name for review in approvals if fits(review, review.reviewer)}
    taken: set[str] = set()
    for review in sorted(approvals, key=lambda review: bool(fits(review, review.reviewer))):
        for holder in review.standing_in_for:
            if holder.name not in spoken | taken and fits(review, holder):
                taken.add(holder.name)
                yield review, holder
