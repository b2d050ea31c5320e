"""Names that models gave up and nobody has released yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Row, bindparam, select

from registry_service.db.prepared import Prepared
from registry_service.db.tables import model_former_names, models
from registry_service.db.view import View
from registry_service.domain.errors import ModelNotFound, ModelRenamed
from registry_service.domain.names import fold
from registry_service.domain.permissions import Action, may

_RESERVED: Final = model_former_names.c.released_at.is_(None)
_LEADS_TO: Final = Prepared(
    select(models)
    .join(model_former_names, model_former_names.c.model_id == models.c.id)
    .where(model_former_names.c.name == bindparam("name"), _RESERVED)
)
_TAKEN: Final = Prepared(
    select(model_former_names.c.model_id, model_former_names.c.name, models.c.name.label("now"), models.c.deleted_at)
    .join(models, models.c.id == model_former_names.c.model_id)
    .where(model_former_names.c.name_fold == bindparam("fold"), _RESERVED)
)


def model_formerly(view: View, name: str) -> Row[Any] | None:
    """The row of the model, deleted or not, that gave this name up and still keeps it."""
    return _LEADS_TO.row(view.connection, name=name)


def reserved_by(view: View, name: str) -> list[Row[Any]]:
    """Former names, whatever their case, that this one is too close to: `model_id`, `name`, `now`, `deleted_at`."""
    return _TAKEN.rows(view.connection, fold=fold(name))


def not_found(view: View, name: str) -> ModelNotFound:
    """Why there is no model of this name: where it was renamed, with the new name, for whoever may read that too."""

    row = model_formerly(view, name)
    if row is not None and row.deleted_at is None and may(view.actor, Action.MODEL_READ, row.name):
        return ModelRenamed(f"'{name}' is named '{row.name}' now. Use that name.", model=name, renamed_to=row.name)
    return ModelNotFound(f"There is no model '{name}', or you may not read it.", model=name)


def former_names(view: View, model_ids: Collection[str]) -> dict[str, list[str]]:
    """By model: the former names that lead to it and that the caller may read, the oldest first."""

    found: dict[str, list[str]] = defaultdict(list)
    rows = select(model_former_names.c.model_id, model_former_names.c.name).where(
        model_former_names.c.model_id.in_(model_ids), _RESERVED
    )
    for row in view.connection.execute(rows.order_by(model_former_names.c.id)):
        if may(view.actor, Action.MODEL_READ, row.name):
            found[row.model_id].append(row.name)
    return found
