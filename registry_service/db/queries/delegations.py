"""Who stands in for whom."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, bindparam, func, or_, select

from registry_service.db.paging import Ordering, PageRequest, page_of, refuse_filter
from registry_service.db.prepared import Prepared
from registry_service.db.queries.principals import find_principal
from registry_service.db.tables import delegations, reviews
from registry_service.db.view import View
from registry_service.domain.entities import Delegation, Page
from registry_service.domain.errors import DelegationNotFound
from registry_service.domain.permissions import Action

_ORDER: Final = Ordering(
    columns={"until": delegations.c.until, "starts_at": delegations.c.starts_at},
    tie_breakers=[delegations.c.id],
    default="until desc",
)
END: Final = func.coalesce(delegations.c.ended_at, delegations.c.until)
"""Until when a row of `delegations` is in force: as was agreed, or until somebody ended it."""


def _in_force(at: Any) -> ColumnElement[bool]:  # noqa: ANN401 - a time, or a column of them
    return and_(delegations.c.starts_at <= at, at < END)


_BEHIND_REVIEWS: Final = Prepared(
    select(reviews.c.id.label("review_id"), delegations.c.principal)
    .join(
        delegations,
        and_(delegations.c.delegate == reviews.c.reviewer, _in_force(reviews.c.at)),
    )
    .where(reviews.c.promotion_id == bindparam("promotion_id"))
    .order_by(reviews.c.id, delegations.c.principal)
)


def behind_reviews(view: View, promotion_id: str) -> dict[int, list[str]]:
    """Those for whom the reviewer stood in when reviewing, by the review's id."""

    found: dict[int, list[str]] = defaultdict(list)
    for row in _BEHIND_REVIEWS.rows(view.connection, promotion_id=promotion_id):
        found[row.review_id].append(row.principal)
    return found


def stands_in_for(view: View, name: str) -> list[str]:
    """Those for whom somebody stands in at this moment."""

    return list(
        view.connection.execute(
            select(delegations.c.principal)
            .where(delegations.c.delegate == name, _in_force(view.now))
            .order_by(delegations.c.principal)
        ).scalars()
    )


def list_delegations(
    view: View, page: PageRequest, *, principal: str | None = None, in_force: bool = False
) -> Page[Delegation]:
    """All, the one that ends last first; or those that somebody gave or was given, or that are in force now.

    :raises PrincipalNotFound: nobody has this name.
    """

    refuse_filter(page)
    view.authorize_somewhere(Action.DELEGATION_READ)
    statement = select(delegations)
    if principal is not None:
        name = find_principal(view, principal).name
        statement = statement.where(or_(delegations.c.principal == name, delegations.c.delegate == name))
    if in_force:
        statement = statement.where(_in_force(view.now))
    return page_of(view.connection, statement, _ORDER, page, lambda rows: [describe_delegation(row) for row in rows])


def find_delegation(view: View, delegation: str) -> Row[Any]:
    """:raises DelegationNotFound: there is none."""

    row = view.connection.execute(select(delegations).where(delegations.c.id == delegation)).one_or_none()
    if row is None:
        raise DelegationNotFound(f"There is no delegation '{delegation}'.", delegation=delegation)
    return row


def describe_delegation(row: Row[Any]) -> Delegation:
    return Delegation(
        id=row.id,
        principal=row.principal,
        to=row.delegate,
        starts_at=row.starts_at,
        until=row.until,
        reason=row.reason,
        created_at=row.created_at,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
    )
