"""Retention rules at work, in steps of bounded length: each may be the last, and the next goes on.

1  preview  judges all versions of the models, and keeps what it found: nothing is deleted that it doesn't show
2  apply    deletes what may go, one version in one transaction, and asks the same of each again there
"""

from __future__ import annotations

import time
from typing import Final

from registry_service.db.queries.retention import (
    VERSIONS_AT_ONCE,
    bytes_freed_by,
    find_preview,
    get_preview,
    judge_next,
    next_going,
    some_turn_is_due,
    turn_under_way,
)
from registry_service.domain.entities import PreviewPhase, RetentionPreview
from registry_service.domain.permissions import Action, Actor
from registry_service.services import retention as use_cases
from registry_service.services.registry import SYSTEM, Registry

KEPT_AT_ONCE: Final = 1_000
DELETED_AT_ONCE: Final = 100
SECONDS: Final = 2.0
# What a service does of it by itself, at each of its rounds.
ROUND_SECONDS: Final = 2.0


async def continue_preview(
    registry: Registry, actor: Actor, preview: str, *, at_once: int = VERSIONS_AT_ONCE, kept_at_once: int = KEPT_AT_ONCE
) -> RetentionPreview:
    """Judge the next models, of `at_once` versions or a few more. Nothing is left to do once the phase is READY.

    :param kept_at_once: how many are written in one transaction.
    :raises NotPermitted, PreviewNotFound, PreviewOutdated: as they say.
    """

    await registry.view(actor, lambda view: view.authorize(Action.RETENTION_RUN, None))
    step = (await registry.write(actor, use_cases.begin_step, None, preview)).result
    if step is not None:
        row = await registry.view(actor, find_preview, preview)
        judged = await registry.view(actor, judge_next, row, at_once=at_once)
        for first in range(0, len(judged.versions), kept_at_once):
            some = judged.versions[first : first + kept_at_once]
            await registry.write(actor, use_cases.keep_judged, None, preview, step, row.versions + first, some)
        await registry.write(
            actor,
            use_cases.end_step,
            None,
            preview,
            step,
            after=judged.after,
            models=judged.models,
            versions=len(judged.versions),
            going=sum(judgement.goes for _, judgement, _ in judged.versions),
        )
        if judged.whole:
            freed = await registry.view(actor, bytes_freed_by, preview)
            await registry.write(actor, use_cases.end_judging, None, preview, step, freed)
    return await registry.view(actor, get_preview, preview)


async def apply_preview(registry: Registry, actor: Actor, preview: str) -> RetentionPreview:
    """Delete some of what the preview lets go. Nothing is left to do once the phase is APPLIED.

    :raises NotPermitted, PreviewNotFound, Conflict, PreviewOutdated: as they say.
    """

    await registry.view(actor, lambda view: view.authorize(Action.RETENTION_RUN, None))
    begun = (await registry.write(actor, use_cases.begin_applying, None, preview)).result
    assert begun is not None
    if begun.phase is PreviewPhase.APPLIED:
        return begun
    until = time.monotonic() + SECONDS
    for _ in range(DELETED_AT_ONCE):
        position = await registry.view(actor, next_going, preview)
        if position is None:
            return (await registry.write(actor, use_cases.end_applying, None, preview)).result or begun
        await registry.write(actor, use_cases.delete_previewed, None, preview, position)
        if time.monotonic() >= until:
            break
    return await registry.view(actor, get_preview, preview)


async def take_turns(registry: Registry) -> None:
    """What rules say that the service does by itself: begin what is due, and go on with it for a while."""

    preview = await registry.view(SYSTEM, turn_under_way)
    if preview is None and await registry.view(SYSTEM, some_turn_is_due):
        preview = (await registry.write(SYSTEM, use_cases.take_turn, None)).result
    until = time.monotonic() + ROUND_SECONDS
    while preview is not None and preview.phase is not PreviewPhase.APPLIED and time.monotonic() < until:
        go_on = continue_preview if preview.phase is PreviewPhase.JUDGING else apply_preview
        preview = await go_on(registry, SYSTEM, preview.id)
