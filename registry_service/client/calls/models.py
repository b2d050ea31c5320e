from __future__ import annotations

from typing import Unpack

from registry_service.client.calls.call import Call, Paging, read, write
from registry_service.domain.entities import Alias, Page, RegisteredModel
from registry_service.domain.requests import CreateModel, MoveAlias, RenameModel, UpdateModel


def list_models(*, include_deleted: bool | None = None, **paging: Unpack[Paging]) -> Call[Page[RegisteredModel]]:
    """Models in sight, filtered by name, owner, tags and more. Tombstones are for admins."""
    return read(Page[RegisteredModel], "models", include_deleted=include_deleted, **paging)


def create_model(body: CreateModel, *, idempotency_key: str | None = None) -> Call[RegisteredModel]:
    return write("POST", RegisteredModel, "models", body=body, key=idempotency_key)


def get_model(model: str) -> Call[RegisteredModel]:
    return read(RegisteredModel, "models", model)


def update_model(
    model: str, body: UpdateModel, *, revision: int | None = None, idempotency_key: str | None = None
) -> Call[RegisteredModel]:
    """Change what is given. With `revision`, only if the model hasn't changed since."""
    return write("PATCH", RegisteredModel, "models", model, body=body, revision=revision, key=idempotency_key)


def rename_model(model: str, body: RenameModel, *, idempotency_key: str | None = None) -> Call[RegisteredModel]:
    """Give a model another name; the old one leads there until it is released."""
    return write("POST", RegisteredModel, "models", model, "rename", body=body, key=idempotency_key)


def delete_model(model: str, *, reason: str = "", idempotency_key: str | None = None) -> Call[RegisteredModel]:
    """Leave a tombstone; refused while a stage, a deployment or a legal hold needs a version of it."""
    return write("DELETE", RegisteredModel, "models", model, key=idempotency_key, query={"reason": reason or None})


def restore_model(model: str, *, idempotency_key: str | None = None) -> Call[RegisteredModel]:
    return write("POST", RegisteredModel, "models", model, "restore", key=idempotency_key)


def release_name(model: str, *, idempotency_key: str | None = None) -> Call[RegisteredModel]:
    """Free the name of a deleted model, or a former name of one, for a new model."""
    return write("POST", RegisteredModel, "models", model, "release", key=idempotency_key)


def list_aliases(model: str, **paging: Unpack[Paging]) -> Call[Page[Alias]]:
    return read(Page[Alias], "models", model, "aliases", **paging)


def get_alias(model: str, alias: str) -> Call[Alias]:
    return read(Alias, "models", model, "aliases", alias)


def move_alias(
    model: str, alias: str, body: MoveAlias, *, revision: int | None = None, idempotency_key: str | None = None
) -> Call[Alias]:
    """Point the alias to a version; makes it where it doesn't exist."""
    return write("PUT", Alias, "models", model, "aliases", alias, body=body, revision=revision, key=idempotency_key)


def remove_alias(
    model: str, alias: str, *, revision: int | None = None, idempotency_key: str | None = None
) -> Call[None]:
    return write("DELETE", type(None), "models", model, "aliases", alias, revision=revision, key=idempotency_key)
