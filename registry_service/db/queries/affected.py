"""What hangs on versions: where they are current, what names them, where they run, and what was made from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, select

from registry_service.db.keys import Key, these
from registry_service.db.queries.deployments import deployments_in_sight, describe_deployments
from registry_service.db.queries.sight import in_sight
from registry_service.db.tables import aliases, deployments, models, stages, version_lineage, versions
from registry_service.db.view import View
from registry_service.domain.entities import Deployment, DerivedVersion
from registry_service.domain.entities.deployment import ACTIVE_STATUSES
from registry_service.domain.permissions import Action

MAX_DERIVED: Final = 1_000
_AT_ONCE: Final = 500


def versions_of_content(view: View, model_id: str, digest: str) -> list[int]:
    """All numbers of one content, the lowest first."""

    same = select(versions.c.number).where(versions.c.model_id == model_id, versions.c.digest == digest)
    return list(view.connection.execute(same.order_by(versions.c.number)).scalars())


def stages_of(view: View, model_id: str, numbers: Sequence[int]) -> list[str]:
    """Stages in which one of the versions is current, in their order."""

    statement = select(stages.c.name).where(stages.c.model_id == model_id, stages.c.number.in_(numbers))
    return list(view.connection.execute(statement.order_by(stages.c.position)).scalars())


def aliases_of(view: View, model_id: str, numbers: Sequence[int]) -> list[str]:
    statement = select(aliases.c.name).where(aliases.c.model_id == model_id, aliases.c.number.in_(numbers))
    return sorted(view.connection.execute(statement).scalars())


def running_deployments(view: View, model_id: str, numbers: Sequence[int]) -> list[Deployment]:
    """Deployments of the versions that are under way or run, as far as the caller may see them."""

    statement = deployments_in_sight(view).where(
        deployments.c.model_id == model_id, deployments.c.number.in_(numbers), deployments.c.status.in_(ACTIVE_STATUSES)
    )
    return describe_deployments(
        view.connection.execute(statement.order_by(deployments.c.started_at, deployments.c.id)).all()
    )


def derived_from(view: View, model: Row[Any], numbers: Sequence[int]) -> tuple[list[DerivedVersion], bool]:
    """Versions in sight whose lineage says that they were made from these, directly or by way of others in sight; the
    nearest first. And whether these are all: no more than MAX_DERIVED are looked for."""

    found: list[DerivedVersion] = []
    seen = {(model.id, number) for number in numbers}
    frontier = sorted(seen)
    steps = 0
    while frontier:
        steps += 1
        rows = [
            row
            for at in range(0, len(frontier), _AT_ONCE)
            for row in view.connection.execute(children(view, frontier[at : at + _AT_ONCE]))
        ]
        frontier = []
        for row in rows:
            key = (row.model_id, row.number)
            if key in seen:
                continue
            if len(found) == MAX_DERIVED:
                return found, False
            seen.add(key)
            frontier.append(key)
            found.append(
                DerivedVersion(model_name=row.name, version=row.number, digest=row.digest, parent=row.ref, steps=steps)
            )
    return found, True


def children(view: View, parents: Sequence[Key]) -> Select[Any]:
    """The versions that name one of these as a parent."""

    at = these(parents, "frontier")
    return (
        select(
            version_lineage.c.model_id,
            version_lineage.c.number,
            version_lineage.c.ref,
            versions.c.digest,
            models.c.name,
        )
        .join(
            versions,
            (versions.c.model_id == version_lineage.c.model_id) & (versions.c.number == version_lineage.c.number),
        )
        .join(models, models.c.id == version_lineage.c.model_id)
        # Lineage knows its parents by id: a name may have become another model's since.
        .join(
            at,
            (at.c.model_id == version_lineage.c.parent_model_id) & (at.c.number == version_lineage.c.parent_number),
        )
        .where(
            models.c.deleted_at.is_(None),
            versions.c.deleted_at.is_(None),
            in_sight(view, Action.VERSION_READ, models.c.name),
        )
        .order_by(models.c.name, version_lineage.c.number, version_lineage.c.id)
        .limit(MAX_DERIVED + 1)
    )
