"""What looks forgotten, as far as one may see it, and what models take up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Row, Select, and_, exists, func, literal, or_, select

from registry_service.db.paging import Ordering, PageRequest, page_of, refuse_filter
from registry_service.db.queries.models import owners_of_models
from registry_service.db.queries.needed import NEEDED
from registry_service.db.queries.sight import in_sight
from registry_service.db.tables import (
    aliases,
    deployments,
    model_stock,
    models,
    promotions,
    stage_history,
    stages,
    upload_files,
    uploads,
    version_uses,
    versions,
)
from registry_service.db.types import UtcTimestamp
from registry_service.db.view import View
from registry_service.domain.entities import ForgottenStage, ForgottenUpload, ForgottenVersion, ModelStock, Page
from registry_service.domain.entities.deployment import ACTIVE_STATUSES
from registry_service.domain.errors import NotPermitted
from registry_service.domain.permissions import Action, may
from registry_service.domain.promotions import OPEN_PHASES

# A model is counted anew when it has changed, not more often than this; and from time to time for what others share.
COUNTED_AGAIN_AFTER: Final = timedelta(minutes=5)
COUNTED_AT_LEAST: Final = timedelta(days=1)

_LAST_USED: Final = (
    select(func.max(version_uses.c.last_used_at)).where(version_uses.c.model_id == models.c.id).scalar_subquery()
)
_IDLE_SINCE: Final = func.coalesce(_LAST_USED, models.c.created_at, type_=UtcTimestamp())
_SIZE: Final = func.coalesce(model_stock.c.size, 0)
_OWN_SIZE: Final = func.coalesce(model_stock.c.own_size, 0)
_MODELS: Final = Ordering(
    columns={"size": _SIZE, "own_size": _OWN_SIZE, "idle_since": _IDLE_SINCE, "name": models.c.name},
    tie_breakers=[models.c.id],
    default="size desc",
)
_VERSIONS: Final = Ordering(
    columns={"size": versions.c.size, "created_at": versions.c.created_at},
    tie_breakers=[versions.c.model_id, versions.c.number],
    default="size desc",
)
_STAGES: Final = Ordering(
    columns={"since": stages.c.since}, tie_breakers=[stages.c.model_id, stages.c.name], default="since"
)
_UPLOADS: Final = Ordering(
    columns={"created_at": uploads.c.created_at}, tie_breakers=[uploads.c.id], default="created_at"
)


def list_model_stock(view: View, page: PageRequest, *, idle_days: int = 0) -> Page[ModelStock]:
    """Models in sight, and what they take up; those that were not used for so many days.

    :raises NotPermitted: ordered by what only who may read all models may know.
    """

    refuse_filter(page)
    view.authorize_somewhere(Action.VERSION_READ)
    sees_all = may(view.actor, Action.VERSION_READ, None)
    if not sees_all and (page.order_by or "").split(" ")[0] == "own_size":
        raise NotPermitted(
            "What a model shares with others is for those who may read all models. Order by size instead.",
            action=Action.VERSION_READ,
        )
    statement = _stock_in_sight(view)
    if idle_days:
        statement = statement.where(_moment(view, idle_days) >= _IDLE_SINCE)
    return page_of(
        view.connection,
        statement,
        _MODELS,
        page,
        lambda rows: _describe_stock(view, rows, sees_all=sees_all),
    )


def model_stock_of(view: View, model: str) -> ModelStock | None:
    """Of one model; None where its versions are out of the caller's sight."""

    rows = view.connection.execute(_stock_in_sight(view).where(models.c.name_taken == model)).all()
    found = _describe_stock(view, rows, sees_all=may(view.actor, Action.VERSION_READ, None))
    return found[0] if found else None


def _stock_in_sight(view: View) -> Select[Any]:
    return (
        select(
            models.c.id,
            models.c.name,
            func.coalesce(model_stock.c.versions, 0).label("versions"),
            func.coalesce(model_stock.c.unused, 0).label("unused"),
            _SIZE.label("size"),
            _OWN_SIZE.label("own_size"),
            _LAST_USED.label("last_used_at"),
            _IDLE_SINCE.label("idle_since"),
            model_stock.c.counted_at,
        )
        .join(model_stock, model_stock.c.model_id == models.c.id, isouter=True)
        .where(models.c.deleted_at.is_(None), in_sight(view, Action.VERSION_READ, models.c.name))
    )


def list_forgotten_versions(view: View, page: PageRequest, *, idle_days: int) -> Page[ForgottenVersion]:
    """Versions that are older than so many days and were not used since, were never in a stage, have no alias, are not
    asked for and run nowhere."""

    refuse_filter(page)
    view.authorize_somewhere(Action.VERSION_READ)
    statement = forgotten_versions(view, _moment(view, idle_days))
    return page_of(view.connection, statement, _VERSIONS, page, lambda rows: [_describe_version(row) for row in rows])


def forgotten_versions(view: View, until: datetime) -> Select[Any]:
    """Those that were there at a time, and were not used since."""

    return (
        select(
            models.c.name.label("model_name"),
            versions.c.number,
            versions.c.digest,
            versions.c.size,
            versions.c.created_at,
            versions.c.created_by,
            version_uses.c.last_used_at,
            versions.c.legal_hold_at,
        )
        .join(models, models.c.id == versions.c.model_id)
        .join(
            version_uses,
            (version_uses.c.model_id == versions.c.model_id) & (version_uses.c.number == versions.c.number),
            isouter=True,
        )
        .where(
            models.c.deleted_at.is_(None),
            in_sight(view, Action.VERSION_READ, models.c.name),
            versions.c.deleted_at.is_(None),
            versions.c.created_at <= until,
            or_(version_uses.c.last_used_at.is_(None), version_uses.c.last_used_at <= until),
            ~ever_in_a_stage(),
            ~has_alias(),
            ~exists().where(
                promotions.c.model_id == versions.c.model_id,
                promotions.c.number == versions.c.number,
                promotions.c.phase.in_(OPEN_PHASES),
            ),
            ~exists().where(
                deployments.c.model_id == versions.c.model_id,
                deployments.c.number == versions.c.number,
                deployments.c.status.in_(ACTIVE_STATUSES),
            ),
        )
    )


def list_forgotten_stages(view: View, page: PageRequest, *, idle_days: int) -> Page[ForgottenStage]:
    """Stages in which the same version has been current for so many days."""

    refuse_filter(page)
    view.authorize_somewhere(Action.VERSION_READ)
    statement = (
        select(
            models.c.name.label("model_name"),
            stages.c.name,
            stages.c.number,
            stages.c.since,
            version_uses.c.last_used_at,
        )
        .join(models, models.c.id == stages.c.model_id)
        .join(
            version_uses,
            (version_uses.c.model_id == stages.c.model_id) & (version_uses.c.number == stages.c.number),
            isouter=True,
        )
        .where(
            models.c.deleted_at.is_(None),
            in_sight(view, Action.VERSION_READ, models.c.name),
            stages.c.number.is_not(None),
            stages.c.since <= _moment(view, idle_days),
        )
    )
    return page_of(
        view.connection,
        statement,
        _STAGES,
        page,
        lambda rows: [
            ForgottenStage(
                model_name=row.model_name,
                stage=row.name,
                version=row.number,
                since=row.since,
                last_used_at=row.last_used_at,
            )
            for row in rows
        ],
    )


def list_forgotten_uploads(view: View, page: PageRequest, *, idle_days: int) -> Page[ForgottenUpload]:
    """Open upload sessions that are so many days old: the caller's own, or everybody's for who keeps the registry."""

    refuse_filter(page)
    view.authorize_somewhere(Action.VERSION_REGISTER)
    mine = literal(True) if may(view.actor, Action.MAINTENANCE_RUN, None) else uploads.c.principal == view.actor.name

    def of(column: ColumnElement[Any]) -> Any:  # noqa: ANN401 - a subquery
        return select(column).where(upload_files.c.upload_id == uploads.c.id)

    statement = (
        select(
            uploads,
            models.c.name.label("model_name"),
            of(func.count()).scalar_subquery().label("files"),
            of(func.coalesce(func.sum(upload_files.c.size), 0)).scalar_subquery().label("size"),
            of(func.coalesce(func.sum(upload_files.c.size), 0))
            .where(upload_files.c.received_at.is_not(None))
            .scalar_subquery()
            .label("received"),
        )
        .join(models, models.c.id == uploads.c.model_id)
        .where(
            mine,
            in_sight(view, Action.VERSION_REGISTER, models.c.name),
            uploads.c.closed_at.is_(None),
            uploads.c.created_at <= _moment(view, idle_days),
        )
    )
    return page_of(
        view.connection,
        statement,
        _UPLOADS,
        page,
        lambda rows: [
            ForgottenUpload(
                id=row.id,
                model_name=row.model_name,
                principal=row.principal,
                created_at=row.created_at,
                expires_at=row.expires_at,
                files=row.files,
                size=int(row.size),
                received=int(row.received),
            )
            for row in rows
        ],
    )


def ever_in_a_stage() -> ColumnElement[bool]:
    """Of a row of `versions`: it was current in a stage of its model once. By way of the stages, so that an index
    finds it however long their histories are."""

    return (
        select(literal(1))
        .select_from(
            stages.join(
                stage_history,
                and_(stage_history.c.model_id == stages.c.model_id, stage_history.c.stage == stages.c.name),
            )
        )
        .where(stages.c.model_id == versions.c.model_id, stage_history.c.number == versions.c.number)
        .correlate(versions)
        .exists()
    )


def has_alias() -> ColumnElement[bool]:
    """Of a row of `versions`."""
    return exists().where(aliases.c.model_id == versions.c.model_id, aliases.c.number == versions.c.number)


def _moment(view: View, days: int) -> datetime:
    return view.now - timedelta(days=days)


def _describe_stock(view: View, rows: Sequence[Row[Any]], *, sees_all: bool) -> list[ModelStock]:
    owners = owners_of_models(view, [row.id for row in rows])
    return [
        ModelStock(
            model_name=row.name,
            owners=owners[row.id],
            versions=row.versions,
            unused=row.unused,
            size=row.size,
            own_size=row.own_size if sees_all else None,
            last_used_at=row.last_used_at,
            idle_since=row.idle_since,
            counted_at=row.counted_at,
        )
        for row in rows
    ]


def _describe_version(row: Row[Any]) -> ForgottenVersion:
    return ForgottenVersion(
        model_name=row.model_name,
        version=row.number,
        digest=row.digest,
        size=row.size,
        created_at=row.created_at,
        created_by=row.created_by,
        last_used_at=row.last_used_at,
        legal_hold=row.legal_hold_at is not None,
    )


# -------------------------------------------------------------------------------------------------------- counting


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What a model takes up. `revision`: of the model when it was counted."""

    model_id: str
    revision: int
    versions: int
    unused: int
    size: int
    own_size: int


def models_to_count(view: View, limit: int) -> list[tuple[str, int]]:
    """Ids and revisions of models that were not counted yet, or not since they changed, or long ago."""

    statement = (
        select(models.c.id, models.c.revision)
        .join(model_stock, model_stock.c.model_id == models.c.id, isouter=True)
        .where(
            models.c.deleted_at.is_(None),
            or_(
                model_stock.c.counted_at.is_(None),
                and_(
                    model_stock.c.revision != models.c.revision,
                    model_stock.c.counted_at <= view.now - COUNTED_AGAIN_AFTER,
                ),
                model_stock.c.counted_at <= view.now - COUNTED_AT_LEAST,
            ),
        )
        .order_by(models.c.id)
        .limit(limit)
    )
    return [(row.id, row.revision) for row in view.connection.execute(statement)]


def count_stock_of(view: View, model_id: str, revision: int) -> Counted:
    """Count what a model takes up: as long as it has files and attachments."""

    mine = (
        select(NEEDED.c.digest, func.max(NEEDED.c.size).label("size"))
        .where(NEEDED.c.model_id == model_id)
        .group_by(NEEDED.c.digest)
        .subquery()
    )
    others = NEEDED.alias()
    shared = exists().where(others.c.digest == mine.c.digest, others.c.model_id != model_id)
    total = func.coalesce(func.sum(mine.c.size), 0)
    of_model = (versions.c.model_id == model_id) & versions.c.deleted_at.is_(None)
    used = exists().where(version_uses.c.model_id == versions.c.model_id, version_uses.c.number == versions.c.number)

    def number(statement: Select[Any]) -> int:
        return int(view.connection.execute(statement).scalar_one())

    return Counted(
        model_id=model_id,
        revision=revision,
        versions=number(select(func.count()).select_from(versions).where(of_model)),
        unused=number(
            select(func.count()).select_from(versions).where(of_model, ~used, ~ever_in_a_stage(), ~has_alias())
        ),
        size=number(select(total)),
        own_size=number(select(total).where(~shared)),
    )
