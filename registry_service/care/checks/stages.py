"""Stages: the pointer, its history, the promotions that moved it, and the log, all of one mind."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Row, select

from registry_service.care.findings import Check, Look
from registry_service.db.tables import events, models, promotions, stage_history, stages, versions
from registry_service.domain.entities import StageChange
from registry_service.domain.events import EventKind
from registry_service.domain.promotions import Phase

_STAGES: Final = (
    select(stages, models.c.name.label("model"))
    .join(models, models.c.id == stages.c.model_id)
    .order_by(models.c.name, stages.c.position)
)
_HISTORY: Final = select(stage_history).order_by(stage_history.c.model_id, stage_history.c.stage, stage_history.c.id)


def _records(look: Look) -> Iterator[tuple[tuple[str, str], list[Row[Any]]]]:
    for stage, records in groupby(look.rows(_HISTORY), key=lambda row: (row.model_id, row.stage)):
        yield stage, list(records)


def _history(look: Look) -> Iterator[str]:
    last = {stage: records[-1] for stage, records in _records(look)}
    for row in look.rows(_STAGES):
        record = last.get((row.model_id, row.name))
        now = (row.number, row.promotion_id, row.since)
        then = (None, None, None) if record is None else (record.number, record.promotion_id, record.at)
        if now != then:
            yield f"'{row.name}' of {row.model} has {now[:2]}, and its history ends with {then[:2]}"


def _chain(look: Look) -> Iterator[str]:
    for (model, stage), records in _records(look):
        before: int | None = None
        for record in records:
            if record.previous != before:
                yield (
                    f"'{stage}' of model {model} went from {record.previous} to {record.number} where {before} was"
                    " current"
                )
            before = record.number


def _history_digests(look: Look) -> Iterator[str]:
    other = (
        select(stage_history.c.model_id, stage_history.c.stage, stage_history.c.number, stage_history.c.digest)
        .join(
            versions,
            (versions.c.model_id == stage_history.c.model_id) & (versions.c.number == stage_history.c.number),
            isouter=True,
        )
        .where(stage_history.c.number.is_not(None), stage_history.c.digest.is_distinct_from(versions.c.digest))
    )
    for row in look.rows(other):
        yield f"'{row.stage}' of model {row.model_id} had version {row.number} as {row.digest}, which it isn't"


def _applied(look: Look) -> Iterator[str]:
    """Each entry of the history has its applied promotion, and each applied promotion its one entry."""

    applied = {
        row.id: (row.model_id, row.stage, row.number, row.digest)
        for row in look.rows(select(promotions).where(promotions.c.phase == Phase.APPLIED))
    }
    for (model, stage), records in _records(look):
        for record in records:
            where = f"'{stage}' of model {model}"
            if record.change == StageChange.VACATED:
                if (record.number, record.promotion_id) != (None, None):
                    yield f"{where} was vacated with version {record.number}"
            elif applied.pop(record.promotion_id, None) != (model, stage, record.number, record.digest):
                yield f"{where} got version {record.number} without a promotion of it that is applied once"
    for promotion, (model, stage, number, _) in applied.items():
        yield f"promotion {promotion} is applied, and '{stage}' of model {model} never got version {number} by it"


def _replay(look: Look) -> Iterator[str]:
    replayed: dict[tuple[str, str], tuple[int | None, str | None]] = {}
    moved = select(events.c.model_id, events.c.subject, events.c.data).where(
        events.c.kind.in_([EventKind.STAGE_MOVED, EventKind.STAGE_VACATED])
    )
    for event in look.rows(moved.order_by(events.c.seq)):
        replayed[event.model_id, event.subject] = (event.data.get("version"), event.data.get("promotion"))
    for row in look.rows(_STAGES):
        told = replayed.pop((row.model_id, row.name), (None, None))
        if told != (row.number, row.promotion_id):
            yield f"'{row.name}' of {row.model} has {(row.number, row.promotion_id)}, and the log says {told}"
    for (model, stage), told in replayed.items():
        yield f"the log says that '{stage}' of model {model} has {told}, and there is no such stage"


def _history_log(look: Look) -> Iterator[str]:
    """The same moves, in the same order, under the same revisions."""

    told: dict[tuple[str, str], list[tuple[object, ...]]] = {}
    moved = select(events.c.model_id, events.c.subject, events.c.revision, events.c.data).where(
        events.c.kind.in_([EventKind.STAGE_MOVED, EventKind.STAGE_VACATED])
    )
    for event in look.rows(moved.order_by(events.c.seq)):
        move = (event.data.get("change"), event.data.get("version"), event.data.get("digest"), event.revision)
        told.setdefault((event.model_id, event.subject), []).append(move)
    for stage, records in _records(look):
        kept = [(record.change, record.number, record.digest, record.revision) for record in records]
        if told.pop(stage, None) != kept:
            yield f"the history of '{stage[1]}' of model {stage[0]} isn't what the log tells of it"
    for model, stage_name in told:
        yield f"the log tells of moves of '{stage_name}' of model {model} that its history doesn't have"


CHECKS: Final = (
    Check("stage_current", "What is current in a stage is the last entry of its history.", _history),
    Check("stage_chain", "Every entry of a stage's history follows on the one before it.", _chain),
    Check("stage_digest", "A stage's history names versions by their own digest.", _history_digests),
    Check("stage_promotion", "Versions enter a stage by promotions that are APPLIED, each of them once.", _applied),
    Check("stage_replay", "The events of a stage, replayed, lead to what is current in it.", _replay),
    Check("stage_history_log", "The log and the histories of the stages tell of the same moves.", _history_log),
)
