"""Reading all bytes again, at a limited rate, to find those that have changed.

Each step reads for some seconds, also where that ends in the middle of an artifact, and keeps its place in the
database. What is found damaged, twice, is set aside; the log tells of the versions that need it, and the same bytes,
sent again in an upload, heal it.
"""

from __future__ import annotations

import time
from typing import Final

from sqlalchemy import delete, insert, select

from registry_service.care.gc import take_out
from registry_service.care.reading import Pace, Unfinished
from registry_service.db.locks import lock_key
from registry_service.db.queries.needed import needing
from registry_service.db.tables import models, registry
from registry_service.db.view import View
from registry_service.domain.entities import DamagedArtifact, ScrubStep
from registry_service.domain.errors import InvalidInput, Unavailable
from registry_service.domain.manifest import check_digest
from registry_service.domain.permissions import Action, Actor
from registry_service.domain.requests import Scrub
from registry_service.services.collection import Suspect, count_unhealed, mark_damaged, next_suspects
from registry_service.services.registry import SYSTEM, Registry
from registry_service.services.work import Work

LOOKED_AT_ONCE: Final = 500
MAX_SECONDS: Final = 30
START: Final = "start"

_PLACE: Final = "scrub"


async def scrub_step(within: Registry, actor: Actor, body: Scrub, unfinished: Unfinished) -> ScrubStep:
    """Read artifacts for some seconds.

    :param unfinished: what steps in this process left in the middle.
    :raises NotPermitted: the actor may not do this to the registry as a whole.
    :raises InvalidInput, InvalidDigest: as they say.
    """

    await within.view(actor, lambda view: view.authorize(Action.MAINTENANCE_RUN, None))
    if not 1 <= body.seconds <= MAX_SECONDS or (body.rate is not None and body.rate < 1):
        raise InvalidInput(f"A step takes 1 to {MAX_SECONDS} seconds, and a rate is 1 byte per second or more.")
    after = "" if body.cursor == START else body.cursor
    after = await within.view(SYSTEM, _kept_place) if after is None else after and check_digest(after)
    pace = Pace(body.rate, body.seconds)
    suspects = await within.view(SYSTEM, next_suspects, after=after, limit=LOOKED_AT_ONCE)
    damaged: list[DamagedArtifact] = []
    count = size = 0
    for suspect in suspects:
        reading = unfinished.take(suspect)
        size -= reading.read
        try:
            await reading.go_on(within.store, pace)
        except Unavailable:
            unfinished.keep(suspect, reading)
            raise
        size += reading.read
        if not reading.over:
            unfinished.keep(suspect, reading)
            break
        if reading.actual != suspect.digest and await _set_aside(within, suspect):
            damaged.append(await within.view(SYSTEM, _concerned, suspect, reading.actual))
        count += 1
        if pace.over:
            break
    over = count == len(suspects) < LOOKED_AT_ONCE
    place = "" if over else suspects[count - 1].digest if count else after
    await within.write(SYSTEM, _keep_place, None, place)
    unhealed = await within.view(SYSTEM, count_unhealed)
    cursor = None if over else place or START
    return ScrubStep(cursor=cursor, artifacts=count, bytes=size, damaged=damaged, unhealed=unhealed)


async def _set_aside(within: Registry, suspect: Suspect) -> bool:
    """Take the bytes out of use. False where others have come in their place, or nobody needs them any more."""

    started = time.monotonic()
    marked = (await within.write(SYSTEM, mark_damaged, None, suspect)).result
    return bool(await take_out(within, marked, started))


def _concerned(view: View, suspect: Suspect, actual: str | None) -> DamagedArtifact:
    found = needing(suspect.digest).subquery()
    named = (
        select(models.c.name, found.c.number)
        .join(models, models.c.id == found.c.model_id)
        .order_by(models.c.name, found.c.number)
    )
    return DamagedArtifact(
        digest=suspect.digest,
        size=suspect.size,
        actual=actual,
        versions=[f"{name}/{number}" for name, number in view.connection.execute(named)],
    )


def _kept_place(view: View) -> str:
    statement = select(registry.c.value).where(registry.c.key == _PLACE)
    return view.connection.execute(statement).scalar() or ""


def _keep_place(work: Work, place: str) -> None:
    lock_key(work.connection, _PLACE)
    work.connection.execute(delete(registry).where(registry.c.key == _PLACE))
    if place:
        work.connection.execute(insert(registry).values(key=_PLACE, value=place))
