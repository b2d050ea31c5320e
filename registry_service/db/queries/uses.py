"""What versions are needed for, so that nobody deletes what something leads to; and when they were last used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, func, select

from registry_service.db.prepared import Prepared
from registry_service.db.queries.policies import pins_for, terms_of
from registry_service.db.query import one_of
from registry_service.db.tables import (
    aliases,
    deployments,
    promotions,
    stage_history,
    stages,
    version_uses,
    versions,
)
from registry_service.db.view import View
from registry_service.domain.entities import Use, UseKind
from registry_service.domain.entities.deployment import ACTIVE_STATUSES
from registry_service.domain.promotions import OPEN_PHASES

_LAST_USED: Final = Prepared(
    select(version_uses.c.number, version_uses.c.last_used_at).where(
        version_uses.c.model_id == bindparam("model_id"), one_of(version_uses.c.number, "numbers")
    )
)
_MODELS_LAST_USED: Final = Prepared(
    select(version_uses.c.model_id, func.max(version_uses.c.last_used_at).label("last_used_at"))
    .where(one_of(version_uses.c.model_id, "models"))
    .group_by(version_uses.c.model_id)
)


def last_used(view: View, model_id: str, numbers: Sequence[int]) -> dict[int, datetime]:
    """By version: when the registry last heard that it was used, as `services.usages.note_use` wrote it: a batch run
    reported a usage, a deployment of it began, or a target was seen to serve its content. Never used: left out."""

    return dict(tuple(row) for row in _LAST_USED.rows(view.connection, model_id=model_id, numbers=numbers))


def models_last_used(view: View, model_ids: Sequence[str]) -> dict[str, datetime]:
    """By model: when one of its versions was last used. None was ever: left out."""

    return dict(tuple(row) for row in _MODELS_LAST_USED.rows(view.connection, models=model_ids))


def uses_of(view: View, model: Row[Any], numbers: Sequence[int] | None = None) -> dict[int, list[Use]]:
    """By version, of these or of all of the model's: all that needs it, whoever may see that."""

    found: dict[int, list[Use]] = defaultdict(list)

    def note(kind: UseKind, statement: Any) -> None:  # noqa: ANN401 - any select of number and name
        for number, name in view.connection.execute(statement):
            found[number].append(Use(kind=kind, name=name))

    def of(table: Any) -> Any:  # noqa: ANN401 - a condition
        mine = table.c.model_id == model.id
        return mine & table.c.number.is_not(None) if numbers is None else mine & table.c.number.in_(numbers)

    note(UseKind.STAGE, select(stages.c.number, stages.c.name).where(of(stages)).order_by(stages.c.position))
    note(UseKind.ALIAS, select(aliases.c.number, aliases.c.name).where(of(aliases)).order_by(aliases.c.name))
    open_ones = select(promotions.c.number, promotions.c.id).where(of(promotions), promotions.c.phase.in_(OPEN_PHASES))
    note(UseKind.PROMOTION, open_ones.order_by(promotions.c.requested_at, promotions.c.id))
    running = select(deployments.c.number, deployments.c.id).where(
        of(deployments), deployments.c.status.in_(ACTIVE_STATUSES)
    )
    note(UseKind.DEPLOYMENT, running.order_by(deployments.c.started_at, deployments.c.id))
    # What a target was seen to serve instead is needed no less, although nobody gave leave for it.
    served = (
        select(versions.c.number, deployments.c.id)
        .join(
            deployments,
            (deployments.c.model_id == versions.c.model_id) & (deployments.c.observed_digest == versions.c.digest),
        )
        .where(
            of(versions),
            deployments.c.observed_digest != deployments.c.digest,
            deployments.c.status.in_(ACTIVE_STATUSES),
        )
    )
    note(UseKind.DEPLOYMENT, served.order_by(deployments.c.started_at, deployments.c.id))
    held = select(versions.c.number, versions.c.legal_hold_reason).where(
        of(versions), versions.c.legal_hold_at.is_not(None)
    )
    note(UseKind.LEGAL_HOLD, held)
    for stage in view.connection.execute(
        select(stages).where(stages.c.model_id == model.id).order_by(stages.c.position)
    ).all():
        for number in sorted(_rollback_window(view, model, stage)):
            if number != stage.number and (numbers is None or number in numbers):
                found[number].append(Use(kind=UseKind.ROLLBACK_WINDOW, name=stage.name))
    return found


def _rollback_window(view: View, model: Row[Any], stage: Row[Any]) -> set[int]:
    """The versions that a rollback of the stage looks at; see `plan_rollback`."""

    within = terms_of(view, pins_for(view, model.name, stage.name)).rollback_within
    newest = (
        select(stage_history.c.number)
        .where(
            stage_history.c.model_id == model.id,
            stage_history.c.stage == stage.name,
            stage_history.c.number.is_not(None),
        )
        .order_by(stage_history.c.id.desc())
        .limit(within + 1)
    )
    return set(view.connection.execute(newest).scalars())
