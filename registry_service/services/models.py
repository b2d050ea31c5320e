"""Registering, describing, deleting models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import delete, insert, update

from registry_service.db.locks import lock_key
from registry_service.db.queries.models import describe_models, find_model
from registry_service.db.queries.principals import find_principal, owners_of
from registry_service.db.tables import model_owners, model_tags, models, stages
from registry_service.domain.entities import PrincipalKind, RegisteredModel
from registry_service.domain.errors import InvalidInput, InvalidMetadata, NotPermitted
from registry_service.domain.events import EventKind
from registry_service.domain.metadata import MetadataField
from registry_service.domain.names import check_model_name, check_tags, fold
from registry_service.domain.permissions import Action
from registry_service.domain.requests import CreateModel, UpdateModel
from registry_service.domain.stages import DEFAULT_STAGES, check_arrange
from registry_service.failpoints import reach
from registry_service.services.changes import check_revision, record_change
from registry_service.services.findable import OF_MODEL, find_model_anew, let_find
from registry_service.services.ids import new_id
from registry_service.services.judging import stale_promotions_of
from registry_service.services.keeping import refuse_model_in_use
from registry_service.services.model_names import refuse_taken
from registry_service.services.texts import check_description
from registry_service.services.work import Work

MAX_OWNERS: Final = 20
"""People who answer for one model, at most."""


def create_model(work: Work, body: CreateModel) -> RegisteredModel:
    """:raises NameClash: a model whose name differs by case only exists, or two stages have one name.
    :raises NameReserved: the name is a deleted or renamed model's.
    :raises AlreadyExists: as it says.
    """

    name = check_model_name(body.name)
    work.authorize(Action.MODEL_CREATE, name)
    check_tags(body.tags)
    check_description(body.description)
    _check_fields(body.metadata_fields)
    wanted = list(DEFAULT_STAGES if body.stages is None else body.stages)
    check_arrange([], wanted, used=(), aliases=())
    owners = _owners(work, body.owners)
    lock_key(work.connection, f"model name {fold(name)}")
    refuse_taken(work, name)
    model_id = new_id()
    work.connection.execute(
        insert(models).values(
            id=model_id,
            name=name,
            name_taken=name,
            name_fold=fold(name),
            description=body.description,
            metadata_fields=body.metadata_fields,
            created_at=work.now,
            created_by=work.actor.name,
            updated_at=work.now,
            revision=1,
        )
    )
    _write_owners(work, model_id, owners)
    _write_tags(work, model_id, body.tags)
    let_find(work, model_id, OF_MODEL, name=name, tags=body.tags, description=body.description)
    for position, stage in enumerate(wanted):
        work.connection.execute(insert(stages).values(model_id=model_id, name=stage, position=position, revision=1))
    reach("model.written")
    work.record(EventKind.MODEL_CREATED, model_id=model_id, model_name=name, revision=1, stages=wanted)
    return _described(work, name)


def update_model(work: Work, model: str, body: UpdateModel, *, if_match: int | None = None) -> RegisteredModel:
    """Archiving closes the open promotions: the model is to serve nobody any more.

    :raises RevisionMismatch: `if_match` is given and no longer the model's revision.
    """

    found = find_model(work, model, Action.MODEL_UPDATE, lock=True)
    check_revision(f"'{model}'", found.revision, if_match)
    values: dict[str, Any] = {}
    if body.description is not msgspec.UNSET:
        check_description(body.description)
        values["description"] = body.description
    if body.metadata_fields is not msgspec.UNSET:
        _check_fields(body.metadata_fields)
        values["metadata_fields"] = body.metadata_fields
    if body.archived is not msgspec.UNSET:
        values["archived"] = body.archived
    if values:
        work.connection.execute(update(models).where(models.c.id == found.id).values(**values))
    if body.owners is not msgspec.UNSET:
        if not body.owners:
            raise InvalidInput("Somebody has to answer for a model. Name at least one owner.", field="owners")
        _write_owners(work, found.id, _owners(work, body.owners))
    if body.tags is not msgspec.UNSET:
        check_tags(body.tags)
        work.connection.execute(delete(model_tags).where(model_tags.c.model_id == found.id))
        _write_tags(work, found.id, body.tags)
    if body.tags is not msgspec.UNSET or body.description is not msgspec.UNSET:
        find_model_anew(work, found.id)
    record_change(work, found, EventKind.MODEL_UPDATED, changed=msgspec.to_builtins(body))
    if body.archived is True:
        stale_promotions_of(work, found, "the model was archived")
    return _described(work, model)


def delete_model(work: Work, model: str, *, reason: str = "") -> RegisteredModel:
    """Leaves a tombstone that keeps the name. Versions and history stay, out of sight.

    :raises InUse: a stage, a deployment or a legal hold needs a version of it.
    """

    check_description(reason, "The reason")
    found = find_model(work, model, Action.MODEL_DELETE, lock=True)
    refuse_model_in_use(work, found)
    # Out of sight, a request would miss what is put in force meanwhile, and come back with the model.
    stale_promotions_of(work, found, "the model was deleted")
    work.connection.execute(update(models).where(models.c.id == found.id).values(deleted_at=work.now))
    record_change(work, found, EventKind.MODEL_DELETED, reason=reason)
    return _described(work, model, deleted=True)


def restore_model(work: Work, model: str) -> RegisteredModel:
    found = find_model(work, model, Action.MODEL_RESTORE, deleted=True, lock=True)
    work.connection.execute(update(models).where(models.c.id == found.id).values(deleted_at=None))
    record_change(work, found, EventKind.MODEL_RESTORED)
    return _described(work, model)


def _owners(work: Work, wanted: Sequence[str]) -> list[str]:
    """The owners asked for; else the caller, or for a service its owners: people answer for a model."""

    if not wanted:
        if work.actor.is_person:
            return [work.actor.name]
        return owners_of(work, [work.actor.name])[work.actor.name] or [work.actor.name]
    owners = list(dict.fromkeys(wanted))
    if len(owners) > MAX_OWNERS:
        raise InvalidInput(f"{len(owners)} owners are too many; {MAX_OWNERS} are the limit.", field="owners")
    for owner in owners:
        row = find_principal(work, owner)
        if row.disabled:
            raise NotPermitted(f"'{owner}' is disabled and can't own a model. Name somebody else.", principal=owner)
        if row.kind == PrincipalKind.SERVICE and owner != work.actor.name:
            raise NotPermitted(f"'{owner}' is a service. A model's owner is a person; name one.", principal=owner)
    return owners


def _write_owners(work: Work, model_id: str, owners: Sequence[str]) -> None:
    work.connection.execute(delete(model_owners).where(model_owners.c.model_id == model_id))
    work.connection.execute(
        insert(model_owners),
        [{"model_id": model_id, "owner": owner, "position": position} for position, owner in enumerate(owners)],
    )


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
