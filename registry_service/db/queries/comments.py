"""Comments, for whoever may read what they are on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, or_, select

from registry_service.db.paging import Ordering, PageRequest, page_of, refuse_filter
from registry_service.db.prepared import Prepared
from registry_service.db.queries.models import find_model
from registry_service.db.queries.principals import grants_of
from registry_service.db.queries.promotions import find_promotion
from registry_service.db.queries.versions import find_version
from registry_service.db.query import one_of
from registry_service.db.tables import comment_mentions, comments, group_members, models, principals
from registry_service.db.view import View
from registry_service.domain.entities import Comment, Page, PrincipalKind
from registry_service.domain.errors import CommentNotFound
from registry_service.domain.mentions import Mentions, mentions_in, possible_names
from registry_service.domain.permissions import Action, Role, Scope, has_role, may

_ORDERING = Ordering(columns={"at": comments.c.at}, tie_breakers=[comments.c.id], default="at")
COMMENTS: Final = select(comments, models.c.name.label("model_name")).join(models, models.c.id == comments.c.model_id)
_BY_ID: Final = Prepared(COMMENTS.where(comments.c.id == bindparam("comment"), models.c.deleted_at.is_(None)))
_PEOPLE: Final = Prepared(
    select(principals.c.name).where(
        one_of(principals.c.name, "names"),
        principals.c.kind == PrincipalKind.PERSON,
        principals.c.disabled.is_(False),
    )
)
_MEMBERS: Final = Prepared(
    select(group_members.c.group_name, group_members.c.principal)
    .join(principals, principals.c.name == group_members.c.principal)
    .where(
        one_of(group_members.c.group_name, "names"),
        principals.c.kind == PrincipalKind.PERSON,
        principals.c.disabled.is_(False),
    )
)


def find_comment(view: View, comment: str) -> Row[Any]:
    """:raises CommentNotFound: there is none, or its model is out of sight."""

    row = _BY_ID.row(view.connection, comment=comment)
    if row is None or not may(view.actor, Action.COMMENT_READ, row.model_name):
        raise CommentNotFound(f"There is no comment '{comment}', or you may not read it.", comment=comment)
    return row


def get_comment(view: View, comment: str) -> Comment:
    return describe_comment(find_comment(view, comment))


def list_model_comments(view: View, model: str, page: PageRequest) -> Page[Comment]:
    """Those on the model itself, the oldest first."""

    found = find_model(view, model, Action.COMMENT_READ)
    return _page(
        view,
        page,
        comments.c.model_id == found.id,
        comments.c.number.is_(None),
        comments.c.promotion_id.is_(None),
    )


def list_version_comments(view: View, model: str, selector: str, page: PageRequest) -> Page[Comment]:
    found = find_model(view, model, Action.COMMENT_READ)
    version = find_version(view, found, selector)
    return _page(view, page, comments.c.model_id == found.id, comments.c.number == version.number)


def list_promotion_comments(view: View, promotion: str, page: PageRequest) -> Page[Comment]:
    row = find_promotion(view, promotion)
    view.authorize(Action.COMMENT_READ, row.model_name)
    return _page(view, page, comments.c.promotion_id == row.id)


def mentioning(view: View) -> Select[Any]:
    """The ids of the comments that mention the caller, by name or through a group that they are in."""

    return select(comment_mentions.c.comment_id).where(
        or_(
            and_(comment_mentions.c.kind == "person", comment_mentions.c.name == view.actor.name),
            and_(comment_mentions.c.kind == "group", comment_mentions.c.name.in_(view.actor.groups)),
        )
    )


def mentions_of(view: View, text: str, model_name: str) -> Mentions:
    """Whom a text about the model mentions: people who may read the model, and groups of which somebody may."""

    names = possible_names(text)
    if not names:
        return Mentions()
    people = _PEOPLE.values(view.connection, names=names)
    members = [(row.group_name, row.principal) for row in _MEMBERS.rows(view.connection, names=names)]
    readers = _readers(view, sorted({*people, *(person for _, person in members)}), model_name)
    return mentions_in(
        text,
        people=readers.intersection(people),
        groups={group for group, person in members if person in readers},
    )


def _readers(view: View, people: Sequence[str], model_name: str) -> set[str]:
    granted = grants_of(view, people)
    return {
        person
        for person in people
        if has_role((Scope(Role(grant.role), grant.pattern) for grant in granted[person]), Role.READER, model_name)
    }


def _page(view: View, page: PageRequest, *where: ColumnElement[bool]) -> Page[Comment]:
    refuse_filter(page)
    return page_of(view.connection, COMMENTS.where(*where), _ORDERING, page, describe_comments)


def describe_comments(rows: Sequence[Row[Any]]) -> list[Comment]:
    return [describe_comment(row) for row in rows]


def describe_comment(row: Row[Any]) -> Comment:
    return Comment(
        id=row.id,
        model_name=row.model_name,
        version=row.number,
        promotion_id=row.promotion_id,
        author=row.author,
        text=row.text,
        mentions=msgspec.convert(row.mentions, Mentions),
        at=row.at,
        edited_at=row.edited_at,
        removed_at=row.removed_at,
        revision=row.revision,
    )
