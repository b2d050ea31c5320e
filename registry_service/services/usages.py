"""That versions are used: what batch runs report, and what is known from deployments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import bindparam, insert, select, update

from registry_service.db.prepared import Prepared
from registry_service.db.tables import version_uses, versions
from registry_service.services.work import Work

_TOUCH: Final = Prepared(
    update(version_uses)
    .where(version_uses.c.model_id == bindparam("model_id"), version_uses.c.number == bindparam("of"))
    .values(last_used_at=bindparam("now"))
)
_FIRST: Final = Prepared(insert(version_uses), columns=["model_id", "number", "last_used_at", "usages"])
_WITH_CONTENT: Final = Prepared(
    select(versions.c.number).where(
        versions.c.digest == bindparam("digest"), versions.c.model_id == bindparam("model_id")
    )
)


def note_use(work: Work, model_id: str, numbers: Iterable[int]) -> None:
    """Note that these versions were used now. The model's row is locked by the caller."""

    for number in numbers:
        if not _TOUCH.change(work.connection, model_id=model_id, of=number, now=work.now):
            _FIRST.change(work.connection, model_id=model_id, number=number, last_used_at=work.now, usages=0)


def note_served(work: Work, model_id: str, digest: str) -> None:
    """Note that a target serves this content: whichever versions of the model have it."""

    note_use(work, model_id, _WITH_CONTENT.values(work.connection, model_id=model_id, digest=digest))
