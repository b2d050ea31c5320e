"""Names of models: who has one, giving one up for another, and giving one free."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row, insert, select, update

from registry_service.db.locks import POLICIES_LOCK, lock_key, share_key
from registry_service.db.queries.former_names import model_formerly, reserved_by
from registry_service.db.queries.models import describe_models, find_model
from registry_service.db.queries.policies import pins_for
from registry_service.db.queries.promotions import open_promotions
from registry_service.db.tables import model_former_names, models, stages
from registry_service.domain.entities import RegisteredModel
from registry_service.domain.errors import AlreadyExists, ModelNotFound, NameClash, NameReserved
from registry_service.domain.events import EventKind
from registry_service.domain.names import check_model_name, fold
from registry_service.domain.permissions import Action, may
from registry_service.domain.policies import PolicyPin
from registry_service.domain.promotions import Move
from registry_service.domain.requests import RenameModel
from registry_service.services.changes import record_change
from registry_service.services.findable import find_model_anew
from registry_service.services.judging import judge, perform
from registry_service.services.naming_policies import check_dropped, check_gained, judged_alike
from registry_service.services.texts import check_description
from registry_service.services.work import Work


def rename_model(work: Work, model: str, body: RenameModel) -> RegisteredModel:
    """Give a model another name. Its id, versions, history and identities of registrations stay; permissions, sight and
    policies go by the new name from here on. The old one leads to it, for whoever may read both, until it is released.

    Open promotions that pinned others than the policies that hold under the new name go STALE: people said yes under
    those.

    :raises NameClash, NameReserved, AlreadyExists: the name is taken.
    :raises PoliciesDropped: a policy would no longer hold, and that isn't confirmed; or it asks for a second person,
        around whom no name leads.
    :raises PoliciesGained: a policy would hold by which what is current, or may come back by a rollback, was never
        judged; and that isn't confirmed, or the policy asks for a second person.
    :raises NotPermitted, PersonRequired: the actor may not do this under both names, or not confirm it.
    """

    # Before the model: whoever changes policies holds theirs while they lock one model after the other.
    share_key(work.connection, POLICIES_LOCK)
    name = check_model_name(body.name)
    check_description(body.reason, "The reason")
    for folded in sorted({fold(model), fold(name)}):
        lock_key(work.connection, f"model name {folded}")
    found = find_model(work, model, Action.MODEL_RENAME, lock=True)
    work.authorize(Action.MODEL_RENAME, name)
    if name == found.name:
        work.existed = True
        return describe_models(work, [found])[0]
    refuse_taken(work, name, own=found.id)
    own = list(work.connection.execute(select(stages.c.name).where(stages.c.model_id == found.id)).scalars())
    check_dropped(work, found, name, own, body)
    check_gained(work, found, name, own, body)
    # One event ends what is told under the old name, another begins what is told under the new one. Neither says the
    # other name, which those who read it may not know: the model itself does, to those who may.
    record_change(work, found, EventKind.MODEL_RENAMED, former=True)
    _keep(work, found, name)
    work.connection.execute(
        update(models).where(models.c.id == found.id).values(name=name, name_taken=name, name_fold=fold(name))
    )
    renamed = find_model(work, name, Action.MODEL_RENAME, lock=True)
    find_model_anew(work, found.id)
    record_change(work, renamed, EventKind.MODEL_RENAMED, former=False, reason=body.reason)
    for row in open_promotions(work, renamed.id):
        pins = msgspec.convert(row.policies, list[PolicyPin])
        if not judged_alike(work, pins, pins_for(work, name, row.stage)):
            perform(work, renamed, row, Move.STALE, f"other policies hold since '{model}' is named '{name}'")
    judge(work, renamed)
    return describe_models(work, [find_model(work, name)])[0]


def release_name(work: Work, model: str) -> RegisteredModel:
    """Gives the name of a deleted model free, or one that a model gave up. A tombstone stays, without a name that
    anybody can ask for; a renamed model is answered, to those who may read it."""

    try:
        found = find_model(work, model, Action.MODEL_RESTORE, deleted=True, lock=True)
    except ModelNotFound:
        if not may(work.actor, Action.MODEL_RESTORE, model):
            raise
        return _release_former(work, model)
    described = describe_models(work, [found])[0]
    work.connection.execute(update(models).where(models.c.id == found.id).values(name_taken=None))
    record_change(work, found, EventKind.MODEL_RELEASED)
    return described


def refuse_taken(work: Work, name: str, *, own: str = "") -> None:
    """:raises AlreadyExists, NameClash, NameReserved: the name, or one that differs by case only, is a model's other
    than `own`'s."""

    taken: Row[Any] | None = work.connection.execute(
        select(models).where(models.c.name_fold == fold(name), models.c.name_taken.is_not(None), models.c.id != own)
    ).first()
    if taken is not None:
        _refuse(work, taken, name)
    for row in reserved_by(work, name):
        if row.model_id == own:
            continue
        details, called = _told(work, row.name, name)
        now = ""
        if row.deleted_at is None and may(work.actor, Action.MODEL_READ, row.now):
            details["renamed_to"] = row.now
            now = f" It is '{row.now}' now."
        raise NameReserved(
            f"{called} was renamed and keeps its old name.{now} Use another, or let an admin release this one.",
            **details,
        )


def _refuse(work: Work, taken: Row[Any], name: str) -> None:
    details, called = _told(work, taken.name, name)
    if taken.deleted_at is not None:
        raise NameReserved(
            f"{called} was deleted and keeps its name. An admin may restore the model or release the name.",
            **details,
        )
    if taken.name == name:
        raise AlreadyExists(f"There is a model '{name}' already.", model=name)
    raise NameClash(f"{called} is there already, and no two names may differ by case only. Use another one.", **details)


def _told(work: Work, taken: str, name: str) -> tuple[dict[str, str], str]:
    """What is said of a name in the way: that it is, and how it is written to those alone who may read the model."""

    if taken == name or may(work.actor, Action.MODEL_READ, taken):
        return {"model": taken}, f"'{taken}'"
    return {}, f"A model whose name differs from '{name}' by case only"


def _keep(work: Work, model: Row[Any], name: str) -> None:
    """The old name stays the model's. A name of its own past that it takes again is no former one any more."""

    work.connection.execute(
        update(model_former_names)
        .where(
            model_former_names.c.model_id == model.id,
            model_former_names.c.name.in_([name, model.name]),
            model_former_names.c.released_at.is_(None),
        )
        .values(released_at=work.now)
    )
    work.connection.execute(
        insert(model_former_names).values(
            model_id=model.id,
            name=model.name,
            name_fold=fold(model.name),
            given_up_at=work.now,
            given_up_by=work.actor.name,
        )
    )


def _release_former(work: Work, name: str) -> RegisteredModel:
    found = model_formerly(work, name)
    if found is None or not may(work.actor, Action.MODEL_READ, found.name):
        raise ModelNotFound(f"There is no deleted model '{name}', or you may not read it.", model=name)
    found = find_model(work, found.name, Action.MODEL_RESTORE, deleted=found.deleted_at is not None, lock=True)
    work.connection.execute(
        update(model_former_names)
        .where(model_former_names.c.name == name, model_former_names.c.released_at.is_(None))
        .values(released_at=work.now)
    )
    record_change(work, found, EventKind.MODEL_RELEASED, name=name)
    return describe_models(work, [found])[0]
