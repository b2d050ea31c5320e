"""Comments on models, versions and promotions. Events tell of whom a comment mentions, and never hold its text: what
is removed is gone."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import Row, delete, insert, update

from registry_service.db.queries.comments import find_comment, get_comment, mentions_of
from registry_service.db.queries.models import find_model
from registry_service.db.queries.promotions import find_promotion
from registry_service.db.queries.versions import find_version
from registry_service.db.tables import comment_mentions, comments
from registry_service.domain.entities import Comment
from registry_service.domain.errors import Conflict, InvalidInput, NotPermitted, TooLarge
from registry_service.domain.events import EventKind
from registry_service.domain.mentions import Mentions
from registry_service.domain.names import check_text
from registry_service.domain.permissions import Action
from registry_service.domain.requests import WriteComment
from registry_service.services.changes import check_revision, record_change
from registry_service.services.ids import new_id
from registry_service.services.work import Work

MAX_COMMENT: Final = 16 * 1024
MAX_MENTIONS: Final = 50


def comment_on_model(work: Work, model: str, body: WriteComment) -> Comment:
    return _add(work, find_model(work, model, Action.COMMENT_WRITE, lock=True), body)


def comment_on_version(work: Work, model: str, selector: str, body: WriteComment) -> Comment:
    found = find_model(work, model, Action.COMMENT_WRITE, lock=True)
    return _add(work, found, body, number=find_version(work, found, selector).number)


def comment_on_promotion(work: Work, promotion: str, body: WriteComment) -> Comment:
    """Also on one that is over: why it ended so is worth a word."""

    row = find_promotion(work, promotion)
    return _add(work, find_model(work, row.model_name, Action.COMMENT_WRITE, lock=True), body, promotion_id=row.id)


def edit_comment(work: Work, comment: str, body: WriteComment, *, if_match: int | None = None) -> Comment:
    """Write one's own comment anew; that it was edited shows. Whom it mentions is found out anew, too.

    :raises NotPermitted: somebody else wrote it.
    :raises Conflict: it was removed.
    :raises RevisionMismatch: it isn't the one that the caller saw.
    """

    model, row = _own(work, comment)
    check_revision("The comment", row.revision, if_match)
    if row.removed_at is not None:
        raise Conflict("This comment was removed. Write a new one.", comment=comment)
    _check(body)
    if body.text == row.text:
        work.existed = True
        return get_comment(work, comment)
    mentions = _mentions(work, body, model)
    revision = _record(work, model, EventKind.COMMENT_EDITED, row, mentions)
    _change(work, comment, text=body.text, mentions=mentions, edited_at=work.now, revision=revision)
    _find_by(work, comment, mentions)
    return get_comment(work, comment)


def remove_comment(work: Work, comment: str) -> Comment:
    """Take one's own comment back, or as an admin of the model somebody else's: what should never have been written,
    such as a password, must not stay. Its place stays, so that what answers it still makes sense; the text doesn't.

    :raises NotPermitted: somebody else wrote it, and the caller is no admin of the model in person.
    """

    model, row = _locked(work, comment)
    if row.author != work.actor.name:
        work.authorize(Action.COMMENT_REMOVE, model.name)
    if row.removed_at is not None:
        work.existed = True
        return get_comment(work, comment)
    revision = _record(work, model, EventKind.COMMENT_REMOVED, row, msgspec.convert(row.mentions, Mentions))
    _change(work, comment, text="", mentions=Mentions(), removed_at=work.now, revision=revision)
    _find_by(work, comment, Mentions())
    return get_comment(work, comment)


def _add(
    work: Work, model: Row[Any], body: WriteComment, *, number: int | None = None, promotion_id: str | None = None
) -> Comment:
    _check(body)
    mentions = _mentions(work, body, model)
    row = {"id": new_id(), "model_id": model.id, "number": number, "promotion_id": promotion_id}
    revision = record_change(
        work,
        model,
        EventKind.COMMENT_ADDED,
        subject=str(row["id"]),
        version=number,
        promotion=promotion_id,
        mentions=mentions,
    )
    values = row | {"author": work.actor.name, "text": body.text, "mentions": mentions, "at": work.now}
    work.connection.execute(insert(comments).values(**values, revision=revision))
    _find_by(work, str(row["id"]), mentions)
    return get_comment(work, str(row["id"]))


def _locked(work: Work, comment: str) -> tuple[Row[Any], Row[Any]]:
    """The model, locked, and the comment as it is under the lock."""

    model = find_model(work, find_comment(work, comment).model_name, Action.COMMENT_WRITE, lock=True)
    return model, find_comment(work, comment)


def _own(work: Work, comment: str) -> tuple[Row[Any], Row[Any]]:
    """The same of a comment that the caller wrote.

    :raises NotPermitted: they didn't. Nobody else changes anybody's words, not even an admin.
    """

    model, row = _locked(work, comment)
    if row.author != work.actor.name:
        raise NotPermitted(f"'{row.author}' wrote this comment, and nobody else changes it. Write one of your own.")
    return model, row


def _check(body: WriteComment) -> None:
    check_text(body.text, "The comment", limit=MAX_COMMENT)
    if not body.text.strip():
        raise InvalidInput("The comment is empty. Write something.", field="text")


def _mentions(work: Work, body: WriteComment, model: Row[Any]) -> Mentions:
    mentions = mentions_of(work, body.text, model.name)
    count = len(mentions.people) + len(mentions.groups)
    if count > MAX_MENTIONS:
        raise TooLarge(
            f"The comment mentions {count} people and groups; {MAX_MENTIONS} are the limit. Mention a group.",
            mentions=count,
        )
    return mentions


def _record(work: Work, model: Row[Any], kind: EventKind, row: Row[Any], mentions: Mentions) -> int:
    return record_change(
        work, model, kind, subject=row.id, version=row.number, promotion=row.promotion_id, mentions=mentions
    )


def _change(work: Work, comment: str, **values: object) -> None:
    work.connection.execute(update(comments).where(comments.c.id == comment).values(**values))


def _find_by(work: Work, comment: str, mentions: Mentions) -> None:
    """Let the comment be found by those whom it mentions now, and by nobody else."""

    work.connection.execute(delete(comment_mentions).where(comment_mentions.c.comment_id == comment))
    named = [("person", name) for name in mentions.people] + [("group", name) for name in mentions.groups]
    if named:
        rows = [{"comment_id": comment, "kind": kind, "name": name} for kind, name in named]
        work.connection.execute(insert(comment_mentions), rows)
