"""People, services, groups, grants: who may do what is itself an act that only people do, and that the log keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select, update

from registry_service.db.locks import lock_key
from registry_service.db.queries.principals import (
    describe_grant,
    describe_groups,
    describe_principals,
    find_group,
    find_principal,
)
from registry_service.db.tables import grants, group_members, groups, principal_owners, principals
from registry_service.domain.entities import Grant, Group, Principal, PrincipalKind
from registry_service.domain.errors import AlreadyExists, InvalidInput, NotFound, NotPermitted
from registry_service.domain.events import EventKind
from registry_service.domain.names import check_group_name, check_principal_name
from registry_service.domain.permissions import Action, Role, check_pattern
from registry_service.domain.requests import CreateGrant, CreatePrincipal, UpdatePrincipal, WriteGroup
from registry_service.services.ids import new_id
from registry_service.services.judging import judge_reviewed
from registry_service.services.texts import check_line
from registry_service.services.work import Work


def create_principal(work: Work, body: CreatePrincipal) -> Principal:
    """:raises InvalidInput: a service without owners, or a person with some."""

    _begin(work)
    name = check_principal_name(body.name)
    if work.connection.execute(select(principals.c.name).where(principals.c.name == name)).first():
        raise AlreadyExists(f"There is a principal '{name}' already.", principal=name)
    _check_owners(work, body.kind, body.owners)
    check_line(body.display_name, "display_name")
    work.connection.execute(
        insert(principals).values(
            name=name, kind=body.kind, display_name=body.display_name or name, created_at=work.now
        )
    )
    _write_owners(work, name, body.owners)
    work.record(EventKind.PRINCIPAL_CREATED, subject=name, principal_kind=body.kind, owners=body.owners)
    return _described(work, name)


def update_principal(work: Work, name: str, body: UpdatePrincipal) -> Principal:
    """Disabling somebody ends the force of their tokens and of their approvals at once.

    :raises NotPermitted: nobody disables themselves, so that an admin is always left.
    """

    _begin(work)
    row = find_principal(work, name)
    values: dict[str, Any] = {}
    if body.display_name is not msgspec.UNSET:
        check_line(body.display_name, "display_name")
        values["display_name"] = body.display_name or name
    if body.disabled is not msgspec.UNSET:
        if body.disabled and name == work.actor.name:
            raise NotPermitted("Nobody disables themselves. Ask another admin.", principal=name)
        values["disabled"] = body.disabled
    if values:
        work.connection.execute(update(principals).where(principals.c.name == name).values(**values))
        _keep_an_admin(work)
    if body.owners is not msgspec.UNSET:
        _check_owners(work, PrincipalKind(row.kind), body.owners)
        work.connection.execute(delete(principal_owners).where(principal_owners.c.service == name))
        _write_owners(work, name, body.owners)
    work.record(EventKind.PRINCIPAL_UPDATED, subject=name, changed=msgspec.to_builtins(body))
    judge_reviewed(work)
    return _described(work, name)


def create_grant(work: Work, body: CreateGrant) -> Grant:
    """:raises InvalidInput: an unknown role, or not exactly one of principal and group."""

    _begin(work)
    if (body.principal is None) == (body.group is None):
        raise InvalidInput("Name either a principal or a group to grant the role to.", field="principal")
    check_role(body.role)
    check_pattern(body.pattern)
    if body.principal is not None:
        find_principal(work, body.principal)
    if body.group is not None:
        find_group(work, body.group)
    same = work.connection.execute(
        select(grants).where(
            grants.c.principal == body.principal if body.principal else grants.c.group_name == body.group,
            grants.c.role == body.role,
            grants.c.pattern == body.pattern,
        )
    ).first()
    if same is not None:
        work.existed = True
        return describe_grant(same)
    grant_id = new_id()
    work.connection.execute(
        insert(grants).values(
            id=grant_id, principal=body.principal, group_name=body.group, role=body.role, pattern=body.pattern
        )
    )
    work.record(EventKind.GRANT_CREATED, subject=body.principal or body.group, role=body.role, pattern=body.pattern)
    judge_reviewed(work)
    return describe_grant(work.connection.execute(select(grants).where(grants.c.id == grant_id)).one())


def remove_grant(work: Work, grant: str) -> None:
    """:raises NotPermitted: it is the last admin's: the registry would have nobody left to put it right."""

    _begin(work)
    row = work.connection.execute(select(grants).where(grants.c.id == grant)).one_or_none()
    if row is None:
        raise NotFound(f"There is no grant '{grant}'.", grant=grant)
    work.connection.execute(delete(grants).where(grants.c.id == grant))
    _keep_an_admin(work)
    work.record(EventKind.GRANT_REMOVED, subject=row.principal or row.group_name, role=row.role, pattern=row.pattern)
    judge_reviewed(work)


def write_group(work: Work, group: str, body: WriteGroup) -> Group:
    """Make the group, or replace its members."""

    _begin(work)
    check_group_name(group)
    for member in body.members:
        find_principal(work, member)
    if not work.connection.execute(select(groups.c.name).where(groups.c.name == group)).first():
        work.connection.execute(insert(groups).values(name=group))
    work.connection.execute(delete(group_members).where(group_members.c.group_name == group))
    members = sorted(set(body.members))
    if members:
        work.connection.execute(
            insert(group_members), [{"group_name": group, "principal": member} for member in members]
        )
    _keep_an_admin(work)
    work.record(EventKind.GROUP_WRITTEN, subject=group, members=members)
    judge_reviewed(work)
    return describe_groups(work, [find_group(work, group)])[0]


def remove_group(work: Work, group: str) -> None:
    """Ends the group and the grants made to it."""

    _begin(work)
    find_group(work, group)
    work.connection.execute(delete(grants).where(grants.c.group_name == group))
    work.connection.execute(delete(group_members).where(group_members.c.group_name == group))
    work.connection.execute(delete(groups).where(groups.c.name == group))
    _keep_an_admin(work)
    work.record(EventKind.GROUP_REMOVED, subject=group)
    judge_reviewed(work)


def check_role(role: str) -> Role:
    """:raises InvalidInput: there is no such role."""

    try:
        return Role(role)
    except ValueError:
        raise InvalidInput(f"'{role}' is no role. Use one of {', '.join(Role)}.", field="role") from None


def _begin(work: Work) -> None:
    """Changes of who may do what come one after the other, or two admins could end each other's rights at once."""

    work.authorize(Action.PRINCIPAL_WRITE, None)
    lock_key(work.connection, "principals")


def _check_owners(work: Work, kind: PrincipalKind, owners: Sequence[str]) -> None:
    if kind is PrincipalKind.PERSON:
        if owners:
            raise InvalidInput("A person answers for themselves. Leave the owners out.", field="owners")
        return
    if not owners:
        raise InvalidInput("A service needs people who answer for it. Name at least one owner.", field="owners")
    for owner in owners:
        if find_principal(work, owner).kind != PrincipalKind.PERSON:
            raise InvalidInput(f"'{owner}' is a service. Only people answer for a service.", field="owners")


def _write_owners(work: Work, service: str, owners: Sequence[str]) -> None:
    if owners:
        work.connection.execute(
            insert(principal_owners), [{"service": service, "owner": owner} for owner in sorted(set(owners))]
        )


def _keep_an_admin(work: Work) -> None:
    """:raises NotPermitted: no enabled person is left who is admin of the whole registry."""

    in_person = select(grants.c.principal).where(grants.c.role == Role.ADMIN, grants.c.pattern == "*")
    by_group = (
        select(group_members.c.principal)
        .join(grants, grants.c.group_name == group_members.c.group_name)
        .where(grants.c.role == Role.ADMIN, grants.c.pattern == "*")
    )
    left = work.connection.execute(
        select(principals.c.name).where(
            principals.c.kind == PrincipalKind.PERSON,
            principals.c.disabled.is_(False),
            principals.c.name.in_(in_person) | principals.c.name.in_(by_group),
        )
    ).first()
    if left is None:
        raise NotPermitted("This would leave the registry without an admin. Grant the role to another person first.")


def _described(work: Work, name: str) -> Principal:
    return describe_principals(work, [find_principal(work, name)])[0]
