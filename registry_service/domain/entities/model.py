"""Registered models and their aliases."""

from __future__ import annotations

from datetime import datetime

from registry_service.domain.entities.answer import Answer
from registry_service.domain.metadata import MetadataField
from registry_service.domain.notebook import html_facts


class Alias(Answer, frozen=True, kw_only=True):
    model_name: str
    name: str
    version: int
    digest: str
    moved_at: datetime
    moved_by: str
    revision: int


class RegisteredModel(Answer, frozen=True, kw_only=True):
    """A model. `owners` answer for it, in the order that they were named in. `former_names` lead to it until
    they are released; those that the caller may read."""

    id: str
    name: str
    owners: list[str]
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

    def row(self) -> dict[str, object]:
        return {
            "model": self.name,
            "latest": self.latest_version,
            "current in": {name: version for name, version in self.stages.items() if version is not None},
            "aliases": {f"@{name}": version for name, version in self.aliases.items()},
            "owners": self.owners,
            "tags": self.tags,
            "archived": self.archived or None,
            "updated": self.updated_at,
        }

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        facts = {"stages": list(self.stages), "former names": self.former_names, "description": self.description}
        return html_facts(f"model {self.name}", self.row() | facts)
