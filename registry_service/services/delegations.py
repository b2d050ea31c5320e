"""Having somebody else stand in at reviews. It is one's own to give, and no admin's: else the log would say that
somebody asked for what they never did."""

from __future__ import annotations

from sqlalchemy import insert, select, update

from registry_service.db.locks import lock_key
from registry_service.db.queries.delegations import END, describe_delegation, find_delegation
from registry_service.db.queries.principals import find_principal
from registry_service.db.tables import delegations
from registry_service.domain.entities import Delegation, PrincipalKind
from registry_service.domain.errors import DelegationOverlaps, IllegalMove, InvalidInput, NotPermitted, PersonRequired
from registry_service.domain.events import EventKind
from registry_service.domain.permissions import Action, may
from registry_service.domain.requests import Delegate
from registry_service.domain.standing_in import check_spell
from registry_service.domain.wording import moment
from registry_service.services.ids import new_id
from registry_service.services.texts import check_description
from registry_service.services.work import Work


def delegate(work: Work, body: Delegate) -> Delegation:
    """Have another person stand in for the caller. What they can do so is decided where they review: see
    `domain.standing_in`.

    :raises InvalidInput: to oneself, or a spell that makes no sense.
    :raises PersonRequired: to a service, which reviews nothing.
    :raises NotPermitted: the caller's token is narrowed, and would give away more than it may do; or the other person
        is disabled.
    :raises DelegationOverlaps: another delegation of the caller's is in force within the time.
    """

    work.authorize_somewhere(Action.DELEGATION_OWN)
    me = work.actor.name
    if work.actor.is_narrowed:
        raise NotPermitted("Your token is narrowed, and a delegation speaks for all that you are. Use a wider token.")
    other = find_principal(work, body.to)
    if other.name == me:
        raise InvalidInput("Nobody stands in for themselves. Name somebody else.", field="to")
    if other.kind != PrincipalKind.PERSON:
        raise PersonRequired(f"'{other.name}' is a service, and reviews are for people. Name one.", principal=body.to)
    if other.disabled:
        raise NotPermitted(f"'{other.name}' is disabled. Name somebody else.", principal=body.to)
    starts_at = work.now if body.starts_at is None else body.starts_at
    check_spell(starts_at=starts_at, until=body.until, now=work.now)
    check_description(body.reason, "The reason")
    lock_key(work.connection, f"delegations {me}")
    meanwhile = work.connection.execute(
        select(delegations).where(
            delegations.c.principal == me,
            delegations.c.starts_at < body.until,
            starts_at < END,
        )
    ).first()
    if meanwhile is not None:
        raise DelegationOverlaps(
            f"'{meanwhile.delegate}' stands in for you until {moment(meanwhile.until)}. End that delegation"
            f" ({meanwhile.id}) first, or choose another time.",
            delegation=meanwhile.id,
        )
    delegation_id = new_id()
    work.connection.execute(
        insert(delegations).values(
            id=delegation_id,
            principal=me,
            delegate=other.name,
            starts_at=starts_at,
            until=body.until,
            reason=body.reason,
            created_at=work.now,
        )
    )
    work.record(
        EventKind.DELEGATION_CREATED,
        subject=delegation_id,
        principal=me,
        to=other.name,
        starts_at=starts_at.isoformat(),
        until=body.until.isoformat(),
        reason=body.reason,
    )
    return describe_delegation(find_delegation(work, delegation_id))


def end_delegation(work: Work, delegation: str) -> Delegation:
    """End it before its time, or before it begins: by who gave it, who was given it, or an admin. Reviews that were
    given until now count on; whoever doubts one of them rejects.

    :raises DelegationNotFound: there is none.
    :raises NotPermitted: it is other people's.
    :raises IllegalMove: it is over.
    """

    work.authorize_somewhere(Action.DELEGATION_OWN)
    row = find_delegation(work, delegation)
    is_own = work.actor.name in (row.principal, row.delegate)
    if not is_own and not may(work.actor, Action.PRINCIPAL_WRITE, None):
        raise NotPermitted(
            f"The delegation is for '{row.principal}', '{row.delegate}' or an admin to end.", delegation=delegation
        )
    lock_key(work.connection, f"delegations {row.principal}")
    ended = work.connection.execute(
        update(delegations)
        .where(delegations.c.id == row.id, delegations.c.ended_at.is_(None), delegations.c.until > work.now)
        .values(ended_at=max(work.now, row.starts_at), ended_by=work.actor.name)
    )
    if not ended.rowcount:
        raise IllegalMove("The delegation is over already.", delegation=delegation)
    work.record(EventKind.DELEGATION_ENDED, subject=row.id, principal=row.principal, to=row.delegate)
    return describe_delegation(find_delegation(work, delegation))
