"""Moving aliases: free pointers, which never stand in for a stage."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from registry_service.db.queries.aliases import describe_alias, find_alias
from registry_service.db.queries.models import find_model
from registry_service.db.queries.policies import attachments_in_force
from registry_service.db.queries.revoked import refuse_revoked
from registry_service.db.queries.versions import find_version
from registry_service.db.tables import aliases, stages
from registry_service.domain.entities import Alias
from registry_service.domain.errors import StageProtected
from registry_service.domain.events import EventKind
from registry_service.domain.names import check_alias_name, fold
from registry_service.domain.permissions import Action
from registry_service.domain.requests import MoveAlias
from registry_service.domain.stages import DEFAULT_STAGES
from registry_service.failpoints import reach
from registry_service.services.changes import check_revision, record_change
from registry_service.services.work import Work


def move_alias(work: Work, model: str, alias: str, body: MoveAlias, *, if_match: int | None = None) -> Alias:
    """Point the alias, new or not, to the version that a selector names.

    :raises StageProtected: a stage has this name; it moves through promotions only.
    :raises VersionRevoked: the version was withdrawn.
    """

    found = find_model(work, model, Action.ALIAS_MOVE, lock=True)
    _check_free(work, found, alias)
    if if_match is not None:
        check_revision(f"Alias '{alias}'", find_alias(work, found, alias).revision, if_match)
    version = find_version(work, found, body.version)
    refuse_revoked(work, version)
    point_alias(work, found, alias, version.number, version.digest)
    return describe_alias(found, find_alias(work, found, alias))


def remove_alias(work: Work, model: str, alias: str) -> None:
    """:raises AliasNotFound: the model has no such alias."""

    found = find_model(work, model, Action.ALIAS_MOVE, lock=True)
    _check_free(work, found, alias)
    row = find_alias(work, found, alias)
    work.connection.execute(delete(aliases).where(aliases.c.model_id == found.id, aliases.c.name == alias))
    record_change(work, found, EventKind.ALIAS_REMOVED, subject=alias, previous=row.number)


def point_alias(work: Work, model: Row[Any], alias: str, number: int, digest: str) -> None:
    """Set the pointer of a locked model. A pointer that stands there already is left alone, without an event.

    :raises StageProtected: a stage has this name.
    """

    _check_free(work, model, alias)
    row = work.connection.execute(
        select(aliases.c.number).where(aliases.c.model_id == model.id, aliases.c.name == alias)
    ).one_or_none()
    if row is not None and row.number == number:
        return
    revision = record_change(
        work,
        model,
        EventKind.ALIAS_MOVED,
        subject=alias,
        version=number,
        digest=digest,
        previous=None if row is None else row.number,
    )
    reach("alias.recorded")
    values = {"number": number, "moved_at": work.now, "moved_by": work.actor.name, "revision": revision}
    if row is None:
        work.connection.execute(insert(aliases).values(model_id=model.id, name=alias, **values))
    else:
        work.connection.execute(
            update(aliases).where(aliases.c.model_id == model.id, aliases.c.name == alias).values(**values)
        )
    reach("alias.moved")


def _check_free(work: Work, model: Row[Any], alias: str) -> None:
    check_alias_name(alias)
    # People take names that differ by case only for the same: `@Production` must not lead elsewhere.
    for stage in work.connection.execute(select(stages.c.name).where(stages.c.model_id == model.id)).scalars():
        if fold(stage) == fold(alias):
            raise StageProtected(
                f"'{stage}' is a stage of '{model.name}'. It moves through promotions only: request one.", stage=stage
            )
    # Whoever reads `@production` takes it for what the policies of that stage let through, on any model.
    if fold(alias) in {fold(stage) for stage in DEFAULT_STAGES} | _stages_under_policies(work):
        raise StageProtected(
            f"'{alias}' is the name of stages. Give the alias another name, or let an admin add the stage.", stage=alias
        )


def _stages_under_policies(work: Work) -> set[str]:
    return {fold(attachment.stage) for attachment in attachments_in_force(work)}
