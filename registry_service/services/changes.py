"""Counting a model's revision up, with the event that did it, and holding callers to the revision that they saw."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Row, bindparam, select, update

from registry_service.db.prepared import Prepared
from registry_service.db.queries.needed import needing
from registry_service.db.tables import models
from registry_service.domain.errors import RevisionMismatch
from registry_service.domain.events import EventKind
from registry_service.services.work import Work

_COUNT_UP: Final = Prepared(
    update(models)
    .where(models.c.id == bindparam("model_id"))
    .values(revision=models.c.revision + 1, updated_at=bindparam("now"))
    .returning(models.c.revision)
)


def record_change(work: Work, model: Row[Any], kind: EventKind, *, subject: str | None = None, **data: object) -> int:
    """Count the model's revision up and log the event that did it. Answers the new revision.

    The row must be locked (`find_model(lock=True)`); several changes in one transaction count up one after another.
    """

    revision: int = _COUNT_UP.value(work.connection, model_id=model.id, now=work.now)
    work.record(kind, model_id=model.id, model_name=model.name, revision=revision, subject=subject, **data)
    return revision


def record_version_change(work: Work, model: Row[Any], version: Row[Any], kind: EventKind, **data: object) -> int:
    """The same of one version, by its number and the digest of its content."""

    number, digest = version.number, version.digest
    return record_change(work, model, kind, subject=str(number), version=number, digest=digest, **data)


def tell_of_artifact(work: Work, kind: EventKind, digest: str) -> None:
    """Log what happened to bytes, once for each model that has versions which need them; for bytes of none, once."""

    concerned: dict[str, list[int]] = {}
    versions = needing(digest)
    for model_id, number in work.connection.execute(versions.order_by(*versions.selected_columns)):
        concerned.setdefault(model_id, []).append(number)
    if not concerned:
        work.record(kind, subject=digest, digest=digest)
    # In the order of their ids, so that two who tell of the same models don't wait for each other.
    rows = select(models).where(models.c.id.in_(concerned)).order_by(models.c.id).with_for_update()
    for model in work.connection.execute(rows).all():
        record_change(work, model, kind, subject=digest, digest=digest, versions=concerned[model.id])


def check_revision(what: str, present: int, seen: int | None) -> None:
    """:raises RevisionMismatch: `seen` is given and not the present revision."""

    if seen is not None and seen != present:
        raise RevisionMismatch(
            f"{what} has changed since revision {seen}; it is at {present}. Read it again and decide anew.",
            seen=seen,
            present=present,
        )
