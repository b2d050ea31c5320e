"""The same request, sent again under the same key, has one effect and one answer.

The answer is stored in the transaction of the effect, per principal. It is authorised again before it is repeated:
what a key once opened stays closed to those who have lost the right since. Refusals are not stored; asking again may
then succeed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import msgspec
from sqlalchemy import bindparam, delete, insert, select

from registry_service.db.locks import lock_key
from registry_service.db.prepared import Prepared
from registry_service.db.tables import idempotency_answers
from registry_service.db.types import UtcTimestamp
from registry_service.domain.errors import IdempotencyKeyReused
from registry_service.domain.permissions import Action, authorize
from registry_service.failpoints import reach
from registry_service.services.work import Work

LIFETIME: Final = timedelta(days=7)

_THIS: Final = (
    idempotency_answers.c.principal == bindparam("principal"),
    idempotency_answers.c.key == bindparam("key"),
)
_STORED: Final = Prepared(
    select(idempotency_answers).where(
        *_THIS, idempotency_answers.c.created_at > bindparam("since", type_=UtcTimestamp())
    )
)
_FORGET: Final = Prepared(delete(idempotency_answers).where(*_THIS))
_REMEMBER: Final = Prepared(insert(idempotency_answers), columns=[column.name for column in idempotency_answers.c])


class Idempotency(msgspec.Struct, frozen=True):
    """A caller's key, and a digest of the request that they send under it."""

    key: str
    fingerprint: str


class StoredAnswer(msgspec.Struct, frozen=True):
    body: bytes
    existed: bool


def recall(work: Work, idempotency: Idempotency) -> StoredAnswer | None:
    """The answer that this key has already, if it has one.

    :raises IdempotencyKeyReused: it was another request's.
    """

    lock_key(work.connection, f"idempotency {work.actor.name} {idempotency.key}")
    row = _STORED.row(work.connection, principal=work.actor.name, key=idempotency.key, since=work.now - LIFETIME)
    reach("idempotency.recalled")
    if row is None:
        return None
    if row.fingerprint != idempotency.fingerprint:
        raise IdempotencyKeyReused(
            "This Idempotency-Key was used for another request. Use a new key for a new request.", key=idempotency.key
        )
    for action, model_name in msgspec.convert(row.authorized, list[tuple[Action, str | None]]):
        authorize(work.actor, action, model_name)
    return StoredAnswer(row.body.encode(), row.existed)


def remember(work: Work, idempotency: Idempotency, answer: StoredAnswer) -> None:
    """Store the answer with its effect. An answer that outlived its time gives way."""

    reach("idempotency.before_answer")
    _FORGET.change(work.connection, principal=work.actor.name, key=idempotency.key)
    _REMEMBER.change(
        work.connection,
        principal=work.actor.name,
        key=idempotency.key,
        fingerprint=idempotency.fingerprint,
        existed=answer.existed,
        body=answer.body.decode(),
        authorized=work.authorized,
        created_at=work.now,
    )
    reach("idempotency.answer_stored")


def forget_old(work: Work) -> None:
    work.connection.execute(delete(idempotency_answers).where(idempotency_answers.c.created_at <= work.now - LIFETIME))
