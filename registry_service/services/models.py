"""Registering, describing, deleting models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, delete, insert, select, update

from registry_service.db.locks import lock_key
from registry_service.db.queries.models import describe_models, find_model
from registry_service.db.queries.principals import find_principal, owners_of
from registry_service.db.tables import model_tags, models, stages
from registry_service.domain.entities import PrincipalKind, RegisteredModel
from registry_service.domain.errors import (
    AlreadyExists,
    InUse,
    InvalidMetadata,
    NameClash,
    NameReserved,
    NotPermitted,
    RevisionMismatch,
    TooLarge,
)
from registry_service.domain.events import EventKind
from registry_service.domain.metadata import MetadataField
from registry_service.domain.names import check_model_name, check_tags, fold
from registry_service.domain.permissions import Action
from registry_service.domain.requests import CreateModel, UpdateModel
from registry_service.domain.stages import check_arrange
from registry_service.services.ids import new_id
from registry_service.services.work import Work

DEFAULT_STAGES = ("staging", "production")
MAX_DESCRIPTION = 64 * 1024


def create_model(work: Work, body: CreateModel) -> RegisteredModel:
    """:raises NameClash: a model whose name differs by case only exists, or two stages have one name.
    :raises NameReserved: the name is a deleted model's.
    :raises AlreadyExists: as it says.
    """

    name = check_model_name(body.name)
    work.authorize(Action.MODEL_CREATE, name)
    check_tags(body.tags)
    check_description(body.description)
    _check_fields(body.metadata_fields)
    wanted = list(DEFAULT_STAGES if body.stages is None else body.stages)
    check_arrange([], wanted, used=(), aliases=())
    lock_key(work.connection, f"model name {fold(name)}")
    _refuse_taken(work, name)
    model_id = new_id()
    work.connection.execute(
        insert(models).values(
            id=model_id,
            name=name,
            name_taken=name,
            name_fold=fold(name),
            owner=_owner(work, body.owner),
            description=body.description,
            metadata_fields=body.metadata_fields,
            created_at=work.now,
            created_by=work.actor.name,
            updated_at=work.now,
            revision=1,
        )
    )
    _write_tags(work, model_id, body.tags)
    for position, stage in enumerate(wanted):
        work.connection.execute(insert(stages).values(model_id=model_id, name=stage, position=position, revision=1))
    work.record(EventKind.MODEL_CREATED, model_id=model_id, model_name=name, revision=1, stages=wanted)
    return _described(work, name)


def update_model(work: Work, model: str, body: UpdateModel, *, if_match: int | None = None) -> RegisteredModel:
    """:raises RevisionMismatch: `if_match` is given and no longer the model's revision."""

    found = find_model(work, model, Action.MODEL_UPDATE, lock=True)
    check_revision(f"'{model}'", found.revision, if_match)
    values: dict[str, Any] = {}
    if body.description is not msgspec.UNSET:
        check_description(body.description)
        values["description"] = body.description
    if body.owner is not msgspec.UNSET:
        values["owner"] = _owner(work, body.owner)
    if body.metadata_fields is not msgspec.UNSET:
        _check_fields(body.metadata_fields)
        values["metadata_fields"] = body.metadata_fields
    if body.archived is not msgspec.UNSET:
        values["archived"] = body.archived
    if values:
        work.connection.execute(update(models).where(models.c.id == found.id).values(**values))
    if body.tags is not msgspec.UNSET:
        check_tags(body.tags)
        work.connection.execute(delete(model_tags).where(model_tags.c.model_id == found.id))
        _write_tags(work, found.id, body.tags)
    changed = {key: value for key, value in msgspec.to_builtins(body).items() if value is not msgspec.UNSET}
    record_change(work, found, EventKind.MODEL_UPDATED, changed=changed)
    return _described(work, model)


def delete_model(work: Work, model: str) -> RegisteredModel:
    """Leaves a tombstone that keeps the name. Versions and history stay, out of sight.

    :raises InUse: a version of it is current in a stage.
    """

    found = find_model(work, model, Action.MODEL_DELETE, lock=True)
    used = work.connection.execute(
        select(stages.c.name).where(stages.c.model_id == found.id, stages.c.number.is_not(None))
    ).scalars()
    live = list(used)
    if live:
        raise InUse(f"'{model}' is live in {', '.join(live)}. Vacate its stages before deleting it.", used_by=live)
    work.connection.execute(update(models).where(models.c.id == found.id).values(deleted_at=work.now))
    record_change(work, found, EventKind.MODEL_DELETED)
    return _described(work, model, deleted=True)


def restore_model(work: Work, model: str) -> RegisteredModel:
    found = find_model(work, model, Action.MODEL_RESTORE, deleted=True, lock=True)
    work.connection.execute(update(models).where(models.c.id == found.id).values(deleted_at=None))
    record_change(work, found, EventKind.MODEL_RESTORED)
    return _described(work, model)


def release_name(work: Work, model: str) -> RegisteredModel:
    """Gives the name of a deleted model free. The tombstone stays, without a name that anybody can ask for."""

    found = find_model(work, model, Action.MODEL_RESTORE, deleted=True, lock=True)
    described = describe_models(work, [found])[0]
    work.connection.execute(update(models).where(models.c.id == found.id).values(name_taken=None))
    record_change(work, found, EventKind.MODEL_RELEASED)
    return described


def record_change(work: Work, model: Row[Any], kind: EventKind, *, subject: str | None = None, **data: object) -> int:
    """Count the model's revision up and log the event that did it. Answers the new revision.

    The row must be locked (`find_model(lock=True)`); several changes in one transaction count up one after another.
    """

    revision: int = work.connection.execute(
        update(models)
        .where(models.c.id == model.id)
        .values(revision=models.c.revision + 1, updated_at=work.now)
        .returning(models.c.revision)
    ).scalar_one()
    work.record(kind, model_id=model.id, model_name=model.name, revision=revision, subject=subject, **data)
    return revision


def check_revision(what: str, present: int, seen: int | None) -> None:
    """:raises RevisionMismatch: `seen` is given and not the present revision."""

    if seen is not None and seen != present:
        raise RevisionMismatch(
            f"{what} has changed since revision {seen}; it is at {present}. Read it again and decide anew.",
            seen=seen,
            present=present,
        )


def check_description(text: str) -> None:
    """:raises TooLarge: longer than 64 KiB."""
    if len(text.encode()) > MAX_DESCRIPTION:
        raise TooLarge("The description is longer than 64 KiB. Shorten it, or attach it as a file of a version.")


def _refuse_taken(work: Work, name: str) -> None:
    taken = work.connection.execute(
        select(models.c.name, models.c.deleted_at).where(
            models.c.name_fold == fold(name), models.c.name_taken.is_not(None)
        )
    ).first()
    if taken is None:
        return
    if taken.deleted_at is not None:
        raise NameReserved(
            f"'{taken.name}' was deleted and keeps its name. An admin may restore the model or release the name.",
            model=taken.name,
        )
    if taken.name == name:
        raise AlreadyExists(f"There is a model '{name}' already.", model=name)
    raise NameClash(
        f"There is a model '{taken.name}', which differs from '{name}' by case only. Use that name or another one.",
        model=taken.name,
    )


def _owner(work: Work, owner: str | None) -> str:
    """The owner asked for; else the caller, or for a service the first of its owners: a person answers for a model."""

    if owner is None:
        if work.actor.is_person:
            return work.actor.name
        answerable = owners_of(work, [work.actor.name])[work.actor.name]
        return answerable[0] if answerable else work.actor.name
    row = find_principal(work, owner)
    if row.disabled:
        raise NotPermitted(f"'{owner}' is disabled and can't own a model. Name somebody else.", principal=owner)
    if row.kind == PrincipalKind.SERVICE and owner != work.actor.name:
        raise NotPermitted(f"'{owner}' is a service. A model's owner is a person; name one.", principal=owner)
    return owner


def _check_fields(fields: Sequence[MetadataField]) -> None:
    keys = [field.key for field in fields]
    if len(set(keys)) != len(keys) or len(keys) > 200 or not all(keys):
        raise InvalidMetadata("Metadata fields need distinct, non-empty keys, at most 200. Mend the list.", keys=keys)


def _write_tags(work: Work, model_id: str, tags: dict[str, str]) -> None:
    if tags:
        work.connection.execute(
            insert(model_tags), [{"model_id": model_id, "key": key, "value": value} for key, value in tags.items()]
        )


def _described(work: Work, model: str, *, deleted: bool = False) -> RegisteredModel:
    return describe_models(work, [find_model(work, model, deleted=deleted)])[0]
