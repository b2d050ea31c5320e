"""What was live at a time: of each model what its stages authorised, and what its targets were seen to serve.

Each part is found from the moment that is asked for, and not by going through the past before it: the newest row of a
stage's history, the deployments that had not ended, the last observation of each. What came after the moment is passed
over in an index.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Row, Select, bindparam, func, literal, or_, select, text, union_all

from registry_service.db.filters import matching
from registry_service.db.paging import Ordering, PageRequest, page_of
from registry_service.db.prepared import Prepared
from registry_service.db.queries.models import find_model
from registry_service.db.queries.past import newest_record
from registry_service.db.queries.revoked import content_revoked
from registry_service.db.queries.sight import in_sight, name_matches
from registry_service.db.query import one_of
from registry_service.db.tables import OBSERVATIONS, deployments, events, models, promotions, stage_history, stages
from registry_service.db.types import UtcTimestamp
from registry_service.db.view import View
from registry_service.domain.drift import is_drifted, leave_of
from registry_service.domain.entities import (
    DeploymentRole,
    DeploymentStatus,
    LiveDeployment,
    LiveModel,
    LiveStage,
    Page,
    StageChange,
)
from registry_service.domain.events import is_pattern
from registry_service.domain.names import check_stage_name
from registry_service.domain.permissions import Action, check_pattern

MAX_DEPLOYMENTS: Final = 100
"""Deployments of one model that are shown: those begun last."""

# As long as a model isn't deleted, the name that it has taken is its own.
_BY_NAME: Final = Ordering(columns={"model": models.c.name_taken}, tie_breakers=[models.c.name_taken], default="model")
_THEN: Final = bindparam("at", type_=UtcTimestamp())
_STAGES: Final = Prepared(
    select(stage_history, content_revoked(stage_history, by=_THEN).label("revoked"))
    .join(stages, (stages.c.model_id == stage_history.c.model_id) & (stages.c.name == stage_history.c.stage))
    .where(one_of(stages.c.model_id, "models"), stage_history.c.id == newest_record(stages, _THEN))
    .order_by(stages.c.model_id, stages.c.position)
)
_last: Final = events.alias("last")
_OBSERVED: Final = Prepared(
    select(deployments.c.id, events.c.at, events.c.data)
    .select_from(deployments)
    .join(
        events,
        events.c.seq.in_(
            select(_last.c.seq)
            .where(_last.c.subject == deployments.c.id, text(f"last.{OBSERVATIONS}"), _last.c.at <= _THEN)
            .order_by(_last.c.at.desc(), _last.c.seq.desc())
            .limit(2)
            .correlate(deployments)
        ),
    )
    .where(one_of(deployments.c.id, "deployments"))
    .order_by(events.c.at.desc(), events.c.seq.desc())
)


class _Observed(msgspec.Struct):
    status: DeploymentStatus
    observed_digest: str | None = None


def list_live(
    view: View, page: PageRequest, *, model: str | None = None, stage: str | None = None, as_of: datetime | None = None
) -> Page[LiveModel]:
    """What was live of the models in sight, by their names. `model`: of one, or of those that a name pattern matches.
    `stage`: in this stage only. Models of which nothing had been live are left out.

    :raises ModelNotFound, ModelRenamed: there is no model of this name in sight.
    :raises InvalidName: no model, pattern or stage can be called so.
    """

    at = as_of or view.now
    if stage is not None:
        check_stage_name(stage)
    if model is not None:
        model = check_pattern(model) if is_pattern(model) else find_model(view, model, Action.DEPLOYMENT_READ).name
    return page_of(
        view.connection,
        models_live(view, page.filter, model, stage, at),
        _BY_NAME,
        page,
        lambda rows: _described(view, rows, stage, at),
    )


def models_live(view: View, where: str | None, model: str | None, stage: str | None, at: datetime) -> Select[Any]:
    """The models of which something was live."""

    some = select(literal(1))
    recorded = [stage_history.c.model_id == models.c.id, stage_history.c.at <= at]
    deployed: list[ColumnElement[bool]] = [deployments.c.model_id == models.c.id, deployments.c.started_at <= at]
    if stage is not None:
        recorded.append(stage_history.c.stage == stage)
        deployed.append(deployments.c.stage == stage)
    statement = select(models.c.id, models.c.name).where(
        models.c.deleted_at.is_(None),
        in_sight(view, Action.DEPLOYMENT_READ, models.c.name),
        in_sight(view, Action.MODEL_READ, models.c.name),
        or_(
            some.where(*recorded).exists(),
            # One index each; to ask for either at once would go through all.
            some.where(*deployed, deployments.c.ended_at.is_(None)).exists(),
            some.where(*deployed, deployments.c.ended_at > at).exists(),
        ),
    )
    if model is not None:
        statement = statement.where(name_matches(view, models.c.name_taken, model))
    return statement.where(matching("live", where)) if where else statement


def deployed_at(model_ids: Sequence[str], stage: str | None, at: datetime) -> Select[Any]:
    """The deployments of the models that had begun and not ended, the last ones of each model."""

    def standing(condition: ColumnElement[bool]) -> Select[Any]:
        found = select(deployments).where(
            deployments.c.model_id.in_(model_ids), condition, deployments.c.started_at <= at
        )
        return found if stage is None else found.where(deployments.c.stage == stage)

    both = union_all(standing(deployments.c.ended_at.is_(None)), standing(deployments.c.ended_at > at)).subquery("both")
    newest_first = func.row_number().over(
        partition_by=both.c.model_id, order_by=(both.c.started_at.desc(), both.c.id.desc())
    )
    ranked = select(both, newest_first.label("rank")).subquery("ranked")
    return (
        select(
            ranked,
            promotions.c.applied_at,
            promotions.c.closed_at,
            content_revoked(ranked, by=literal(at, UtcTimestamp())).label("revoked"),
        )
        .outerjoin(promotions, promotions.c.id == ranked.c.promotion_id)
        .where(ranked.c.rank <= MAX_DEPLOYMENTS + 1)
        .order_by(ranked.c.target, ranked.c.role, ranked.c.started_at, ranked.c.id)
    )


def _described(view: View, rows: Sequence[Row[Any]], stage: str | None, at: datetime) -> list[LiveModel]:
    ids = [row.id for row in rows]
    records: dict[str, list[Row[Any]]] = defaultdict(list)
    for record in _STAGES.rows(view.connection, models=ids, at=at):
        if stage in (None, record.stage):
            records[record.model_id].append(record)
    standing: dict[str, list[Row[Any]]] = defaultdict(list)
    for deployment in view.connection.execute(deployed_at(ids, stage, at)):
        standing[deployment.model_id].append(deployment)
    shown = [row for found in standing.values() for row in found]
    observed = _observed(view, shown, at)
    return [
        LiveModel(
            model_name=row.name,
            stages=[_stage(record) for record in records[row.id]],
            deployments=[
                _deployment(one, observed[one.id], {record.stage: record.digest for record in records[row.id]}, at)
                for one in standing[row.id]
                if one.rank <= MAX_DEPLOYMENTS
            ],
            more=len(standing[row.id]) > MAX_DEPLOYMENTS,
        )
        for row in rows
    ]


def _observed(view: View, rows: Sequence[Row[Any]], at: datetime) -> dict[str, tuple[_Observed, datetime | None]]:
    """By deployment: what its target had said last, and when. What stands in the row itself is of then where nothing
    came after; else the log has it."""

    found: dict[str, tuple[_Observed, datetime | None]] = {}
    asked = []
    for row in rows:
        if row.observed_at is not None and (row.observed_at > at or row.ended_at is not None):
            asked.append(row.id)
            found[row.id] = (_Observed(DeploymentStatus.DEPLOYING), None)
        else:
            status = DeploymentStatus.DEPLOYING if row.observed_at is None else DeploymentStatus(row.status)
            found[row.id] = (_Observed(status, row.observed_digest), row.observed_at)
    for event in _OBSERVED.rows(view.connection, deployments=asked, at=at) if asked else []:
        # One of the two may tell that leave to deploy ended, which nobody observed.
        if "status" in event.data and found[event.id][1] is None:
            found[event.id] = (msgspec.convert(event.data, _Observed), event.at)
    return found


def _stage(record: Row[Any]) -> LiveStage:
    return LiveStage(
        stage=record.stage,
        version=record.number,
        digest=record.digest,
        revoked=bool(record.revoked),
        since=record.at,
        change=StageChange(record.change),
        promotion_id=record.promotion_id,
        by=record.actor,
    )


def _deployment(
    row: Row[Any], seen: tuple[_Observed, datetime | None], current: dict[str, str | None], at: datetime
) -> LiveDeployment:
    observed, observed_at = seen
    applied = None
    if row.applied_at is not None and row.applied_at <= at:
        applied = True
    elif row.closed_at is not None and row.closed_at <= at:
        applied = False
    return LiveDeployment(
        deployment_id=row.id,
        target=row.target,
        role=DeploymentRole(row.role),
        traffic=row.traffic,
        stage=row.stage,
        version=row.number,
        digest=row.digest,
        status=observed.status,
        promotion_id=row.promotion_id,
        started_at=row.started_at,
        observed_digest=observed.observed_digest,
        observed_at=observed_at,
        drifted=is_drifted(
            row.digest,
            observed.observed_digest,
            leave=leave_of(stage=row.stage, promotion=row.promotion_id, applied=applied),
            current=current.get(row.stage),
            revoked=bool(row.revoked),
        ),
        revoked=bool(row.revoked),
    )
