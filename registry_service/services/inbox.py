"""What one has read of what mentions one."""

from __future__ import annotations

from typing import Final

from sqlalchemy import insert, select

from registry_service.db.locks import lock_key
from registry_service.db.queries.comments import find_comment
from registry_service.db.queries.inbox import get_inbox
from registry_service.db.tables import comment_reads
from registry_service.domain.entities import Inbox
from registry_service.domain.errors import TooLarge
from registry_service.domain.permissions import Action
from registry_service.domain.requests import MarkRead
from registry_service.services.work import Work

MAX_AT_ONCE: Final = 200


def mark_mentions_read(work: Work, body: MarkRead) -> Inbox:
    """They wait no longer. Nobody else learns of it: what one reads is no event. Answers what still waits.

    :raises CommentNotFound: one of them isn't there; none is marked then.
    :raises TooLarge: more than 200.
    """

    work.authorize_somewhere(Action.INBOX_OWN)
    if len(body.comments) > MAX_AT_ONCE:
        raise TooLarge(f"{len(body.comments)} comments are too many at once; {MAX_AT_ONCE} are the limit.")
    me = work.actor.name
    lock_key(work.connection, f"inbox {me}")
    known = set(
        work.connection.execute(
            select(comment_reads.c.comment_id).where(
                comment_reads.c.principal == me, comment_reads.c.comment_id.in_(body.comments)
            )
        ).scalars()
    )
    for comment in dict.fromkeys(body.comments):
        row = find_comment(work, comment)
        work.authorize(Action.COMMENT_READ, row.model_name)
        if comment not in known:
            work.connection.execute(insert(comment_reads).values(comment_id=comment, principal=me, at=work.now))
    return get_inbox(work)
