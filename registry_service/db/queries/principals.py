"""People, services, groups and what they are granted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, bindparam, literal, select, union_all

from registry_service.db.paging import Ordering, PageRequest, page_of, refuse_filter
from registry_service.db.prepared import Prepared
from registry_service.db.query import one_of
from registry_service.db.tables import grants, group_members, groups, principal_owners, principals
from registry_service.db.view import View
from registry_service.domain.entities import Grant, Group, Page, Principal, PrincipalKind
from registry_service.domain.errors import GroupNotFound, PrincipalNotFound
from registry_service.domain.names import check_group_name, check_principal_name
from registry_service.domain.permissions import Action, pattern_in_sight

_PRINCIPALS = Ordering(columns={"name": principals.c.name}, tie_breakers=[principals.c.name], default="name")
_GROUPS = Ordering(columns={"name": groups.c.name}, tie_breakers=[groups.c.name], default="name")
_BY_NAME: Final = Prepared(select(principals).where(principals.c.name == bindparam("name")))
_OWNERS: Final = Prepared(
    select(principal_owners).where(one_of(principal_owners.c.service, "names")).order_by(principal_owners.c.owner)
)
_MEMBERSHIPS: Final = Prepared(
    select(group_members).where(one_of(group_members.c.principal, "names")).order_by(group_members.c.group_name)
)
_MEMBERS: Final = Prepared(
    select(group_members).where(one_of(group_members.c.group_name, "names")).order_by(group_members.c.principal)
)
_all_grants: Final = union_all(
    select(grants.c.principal.label("holder"), literal(0).label("by_group"), *grants.c).where(
        one_of(grants.c.principal, "names")
    ),
    select(group_members.c.principal.label("holder"), literal(1).label("by_group"), *grants.c)
    .join(group_members, group_members.c.group_name == grants.c.group_name)
    .where(one_of(group_members.c.principal, "names")),
).subquery()
_GRANTS: Final = Prepared(select(_all_grants).order_by(_all_grants.c.by_group, _all_grants.c.id))


def find_principal(view: View, name: str) -> Row[Any]:
    """:raises PrincipalNotFound: nobody has this name.
    :raises InvalidName: nobody can have it.
    """

    check_principal_name(name)
    row = _BY_NAME.row(view.connection, name=name)
    if row is None:
        raise PrincipalNotFound(f"There is no principal '{name}'.", principal=name)
    return row


def find_group(view: View, name: str) -> Row[Any]:
    """:raises GroupNotFound: there is none of this name.
    :raises InvalidName: no group can have it.
    """

    check_group_name(name)
    row = view.connection.execute(select(groups).where(groups.c.name == name)).one_or_none()
    if row is None:
        raise GroupNotFound(f"There is no group '{name}'.", group=name)
    return row


def get_principal(view: View, name: str) -> Principal:
    """Anybody may look at themselves."""

    if name != view.actor.name:
        view.authorize_somewhere(Action.PRINCIPAL_READ)
    return describe_principals(view, [find_principal(view, name)])[0]


def list_principals(view: View, page: PageRequest) -> Page[Principal]:
    refuse_filter(page)
    view.authorize_somewhere(Action.PRINCIPAL_READ)
    return page_of(view.connection, select(principals), _PRINCIPALS, page, lambda rows: describe_principals(view, rows))


def list_groups(view: View, page: PageRequest) -> Page[Group]:
    refuse_filter(page)
    view.authorize_somewhere(Action.PRINCIPAL_READ)
    return page_of(view.connection, select(groups), _GROUPS, page, lambda rows: describe_groups(view, rows))


def describe_groups(view: View, rows: Sequence[Row[Any]]) -> list[Group]:
    members: dict[str, list[str]] = defaultdict(list)
    for row in _MEMBERS.rows(view.connection, names=[row.name for row in rows]):
        members[row.group_name].append(row.principal)
    return [Group(name=row.name, members=members[row.name]) for row in rows]


def owners_of(view: View, services: Sequence[str]) -> dict[str, list[str]]:
    """Who answers for each of the services."""

    found: dict[str, list[str]] = defaultdict(list)
    for row in _OWNERS.rows(view.connection, names=services):
        found[row.service].append(row.owner)
    return found


def groups_of(view: View, names: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for row in _MEMBERSHIPS.rows(view.connection, names=names):
        found[row.principal].append(row.group_name)
    return found


def grants_of(view: View, names: Sequence[str]) -> dict[str, list[Grant]]:
    """All grants of each principal, its own and those of its groups."""

    found: dict[str, list[Grant]] = defaultdict(list)
    for row in _GRANTS.rows(view.connection, names=names):
        found[row.holder].append(describe_grant(row))
    return found


def describe_grant(row: Row[Any]) -> Grant:
    return Grant(id=row.id, principal=row.principal, group=row.group_name, role=row.role, pattern=row.pattern)


def describe_principals(view: View, rows: Sequence[Row[Any]]) -> list[Principal]:
    """Their grants as far as they speak of models that the caller may see; one's own, all."""

    names = [row.name for row in rows]
    owners, member_of, granted = owners_of(view, names), groups_of(view, names), grants_of(view, names)
    return [
        Principal(
            name=row.name,
            kind=PrincipalKind(row.kind),
            display_name=row.display_name,
            owners=owners[row.name],
            groups=member_of[row.name],
            grants=[
                grant
                for grant in granted[row.name]
                if row.name == view.actor.name or pattern_in_sight(view.actor, Action.PRINCIPAL_READ, grant.pattern)
            ],
            disabled=row.disabled,
            created_at=row.created_at,
        )
        for row in rows
    ]
