"""Registered models and their aliases."""

from __future__ import annotations

from datetime import datetime

from registry_service.domain.entities.answer import Answer
from registry_service.domain.metadata import MetadataField


class Alias(Answer, frozen=True, kw_only=True):
    model_name: str
    name: str
    version: int
    digest: str
    moved_at: datetime
    moved_by: str
    revision: int


class RegisteredModel(Answer, frozen=True, kw_only=True):
    """A model. `former_names` lead to it until they are released; those that the caller may read."""

    id: str
    name: str
    owner: str
    description: str
    tags: dict[str, str]
    metadata_fields: list[MetadataField]
    stages: dict[str, int | None]
    aliases: dict[str, int]
    latest_version: int | None
    archived: bool
    created_at: datetime
    created_by: str
    updated_at: datetime
    deleted_at: datetime | None
    revision: int
    url: str
    former_names: list[str] = []
