"""Collecting artifacts that nobody needs, in steps of bounded length: each may be the last, and the next goes on.

1  end uploads whose time is over; discard what ended uploads left behind
2  `adopt:`  bytes that have no row get one, so that their grace is counted
3  `sweep:`  condemn, remove, forget (services/collection.py says why that is safe)
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from registry_service.domain.entities import CollectedArtifact, CollectionStep
from registry_service.domain.errors import InvalidCursor, InvalidInput
from registry_service.domain.permissions import Action, Actor
from registry_service.domain.requests import CollectGarbage
from registry_service.failpoints import reach
from registry_service.services.collection import (
    REMOVE_WITHIN,
    Condemned,
    adopt,
    condemn,
    find_garbage,
    forget,
    open_uploads,
    some_are_abandoned,
    take_over,
    unknown_digests,
    window,
)
from registry_service.services.registry import SYSTEM, Registry
from registry_service.services.sweeper import CLOSE_AT_ONCE, close_expired

MAX_GRACE: Final = 10 * 365 * 86_400
LISTED_AT_ONCE: Final = 500
LOOKED_AT_ONCE: Final = 5_000
REMOVED_AT_ONCE: Final = 50

_CURSOR: Final = re.compile(r"(adopt|sweep):((?:sha256:[0-9a-f]{64})?)")


async def collect_step(registry: Registry, actor: Actor, body: CollectGarbage) -> CollectionStep:
    """One step of a collection.

    :raises NotPermitted: the actor may not do this to the registry as a whole.
    :raises InvalidCursor, InvalidInput: as they say.
    """

    await registry.view(actor, lambda view: view.authorize(Action.MAINTENANCE_RUN, None))
    if not 0 <= body.grace <= MAX_GRACE:
        raise InvalidInput(f"grace is {body.grace}; give seconds, from 0 to {MAX_GRACE}.", field="grace")
    if body.cursor is None:
        return await _discard_leftovers(registry, dry_run=body.dry_run)
    found = _CURSOR.fullmatch(body.cursor)
    if found is None:
        raise InvalidCursor("This is no cursor of a collection. Send the one that the step before gave, or none.")
    phase, after = found[1], found[2]
    if phase == "adopt":
        return await _adopt(registry, after, dry_run=body.dry_run)
    return await _sweep(registry, after, timedelta(seconds=body.grace), dry_run=body.dry_run)


async def finish_abandoned(registry: Registry) -> None:
    """Finish what a process condemned that died, or was stopped, before it was done: its uploads wait for that."""

    if await registry.view(SYSTEM, some_are_abandoned):
        started = time.monotonic()
        await take_out(registry, (await registry.write(SYSTEM, take_over, None)).result, started)


async def take_out(registry: Registry, condemned: Condemned | None, started: float) -> list[CollectedArtifact]:
    """Remove (or set aside) what was condemned, and forget it. What was taken out by then.

    :param started: `time.monotonic()` before it was condemned.
    """

    assert condemned is not None
    done: list[CollectedArtifact] = []
    try:
        for artifact in condemned.artifacts:
            # Later than this it may be somebody else's to remove, and sent again since.
            if time.monotonic() - started >= REMOVE_WITHIN.total_seconds():
                break
            reach("gc.before_removal")
            if artifact.digest in condemned.damaged:
                await registry.store.set_aside(artifact.digest)
                reach("scrub.set_aside")
            else:
                await registry.store.remove(artifact.digest)
                reach("gc.removed")
            done.append(artifact)
    finally:
        # Also where the store fails half way: the others are not left condemned.
        if condemned.artifacts:
            await registry.write(SYSTEM, forget, None, condemned, [artifact.digest for artifact in done])
    return done


async def _discard_leftovers(registry: Registry, *, dry_run: bool) -> CollectionStep:
    if not dry_run:
        while True:
            closed = (await registry.write(SYSTEM, close_expired, None)).result
            if closed is None or len(closed.ids) < CLOSE_AT_ONCE:
                break
    # Listed before it is asked which uploads are open: one that begins meanwhile is in neither.
    left = sorted({leftover.upload_id async for leftover in registry.store.leftovers()})
    ended = set(left) - await registry.view(SYSTEM, open_uploads, left)
    if not dry_run:
        for upload in sorted(ended):
            await registry.store.discard(upload)
        reach("gc.leftovers_discarded")
    return CollectionStep(cursor="adopt:", leftovers=len(ended))


async def _adopt(registry: Registry, after: str, *, dry_run: bool) -> CollectionStep:
    listed: list[str] = []
    async for digest in registry.store.digests(after or None):
        listed.append(digest)
        if len(listed) == LISTED_AT_ONCE:
            break
    # In this order: what another collection removes has no bytes any more once its row is gone.
    unknown = sorted(await registry.view(SYSTEM, unknown_digests, listed))
    sizes = {digest: size for digest in unknown if (size := await registry.store.stat(digest)) is not None}
    if sizes and not dry_run:
        await registry.write(SYSTEM, adopt, None, sizes)
    cursor = f"adopt:{listed[-1]}" if len(listed) == LISTED_AT_ONCE else "sweep:"
    return CollectionStep(cursor=cursor, looked_at=len(listed), adopted=len(sizes))


async def _sweep(registry: Registry, after: str, grace: timedelta, *, dry_run: bool) -> CollectionStep:
    until = await registry.view(SYSTEM, window, after=after, rows=LOOKED_AT_ONCE)
    found = await registry.view(SYSTEM, find_garbage, grace=grace, after=after, until=until, limit=REMOVED_AT_ONCE)
    gone = found if dry_run else await _collect(registry, found, grace)
    if len(found) == REMOVED_AT_ONCE:
        until = found[-1].digest
    return CollectionStep(
        cursor=None if until is None else f"sweep:{until}",
        looked_at=len(found),
        collected=gone,
        kept_back=len(found) - len(gone),
    )


async def _collect(registry: Registry, found: Sequence[CollectedArtifact], grace: timedelta) -> list[CollectedArtifact]:
    started = time.monotonic()
    condemned = await registry.write(SYSTEM, condemn, None, [artifact.digest for artifact in found], grace=grace)
    return await take_out(registry, condemned.result, started)
