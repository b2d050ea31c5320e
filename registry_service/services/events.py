"""Named consumers: cursors that outlive whatever reads the log."""

from __future__ import annotations

from sqlalchemy import delete, insert, select, update

from registry_service.db.locks import lock_key
from registry_service.db.queries.events import describe_consumer, find_consumer, resolve_cursor
from registry_service.db.tables import consumers
from registry_service.domain.entities import Consumer
from registry_service.domain.names import check_consumer_name
from registry_service.domain.permissions import Action
from registry_service.domain.requests import MoveConsumer
from registry_service.failpoints import reach
from registry_service.services.work import Work


def move_consumer(work: Work, name: str, body: MoveConsumer) -> Consumer:
    """Set the cursor; the first time makes the consumer the caller's.

    :raises ConsumerNotFound: it is somebody else's.
    :raises InvalidCursor, CursorFromOtherEpoch: the cursor can't be used.
    """

    work.authorize_somewhere(Action.EVENT_READ)
    check_consumer_name(name)
    cursor = str(resolve_cursor(work, body.cursor))
    lock_key(work.connection, f"consumer {name}")
    if work.connection.execute(select(consumers.c.name).where(consumers.c.name == name)).first() is None:
        work.connection.execute(
            insert(consumers).values(name=name, owner=work.actor.name, cursor=cursor, updated_at=work.now)
        )
    else:
        find_consumer(work, name)
        work.connection.execute(
            update(consumers).where(consumers.c.name == name).values(cursor=cursor, updated_at=work.now)
        )
    reach("consumer.moved")
    return describe_consumer(find_consumer(work, name))


def remove_consumer(work: Work, name: str) -> None:
    find_consumer(work, name)
    work.connection.execute(delete(consumers).where(consumers.c.name == name))
