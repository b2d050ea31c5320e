"""Versions, their files, and what made them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from registry_service.domain.entities.answer import Answer
from registry_service.domain.metadata import Metadata
from registry_service.domain.notebook import html_facts


class VersionStatus(StrEnum):
    READY = "ready"
    REVOKED = "revoked"


class ManifestFile(Answer, frozen=True, kw_only=True):
    """A file of a version: where it stands in the version, and the bytes it stands for. `size` is in bytes."""

    path: str
    digest: str
    size: int
    media_type: str = "application/octet-stream"


class Manifest(Answer, frozen=True, kw_only=True):
    """All files of a version in the order of their paths. `digest` is the version's content digest."""

    model_name: str
    number: int
    digest: str
    files: list[ManifestFile]


class LineageKind(StrEnum):
    DAG_RUN = "dag_run"
    TASK = "task"
    CODE_COMMIT = "code_commit"
    DATASET = "dataset"
    PARENT_VERSION = "parent_version"
    OTHER = "other"


class LineageEdge(Answer, frozen=True, kw_only=True):
    """From a version to something that made it. `ref` names it (`dag_id/run_id`, a commit id, a dataset's URI,
    `model/3`); except for parent versions it is opaque text to the registry. `digest` pins its content where known;
    `url` leads to it. `hidden`: a parent version that the reader may not read, so nothing is said of it. `added_at`:
    after the registration; None: with it."""

    kind: LineageKind
    ref: str
    digest: str | None = None
    url: str | None = None
    details: dict[str, str] = {}
    hidden: bool = False
    added_at: datetime | None = None
    added_by: str | None = None


class Revocation(Answer, frozen=True, kw_only=True):
    reason: str
    by: str
    at: datetime


class Deletion(Answer, frozen=True, kw_only=True):
    """`restorable`: its bytes are still there, so that it may come back."""

    reason: str
    by: str
    at: datetime
    restorable: bool


class LegalHold(Answer, frozen=True, kw_only=True):
    """Keeps a version from being deleted, until an admin lifts it. Stages know nothing of it."""

    reason: str
    by: str
    at: datetime


class ModelVersion(Answer, frozen=True, kw_only=True):
    """A version: immutable content (`digest` covers files and metadata) and movable surroundings.

    `identity` is the key under which the registering run may find the version again. `stages` are those in which the
    version is current now.
    """

    model_id: str
    model_name: str
    number: int
    digest: str
    status: VersionStatus
    metadata: Metadata
    description: str
    tags: dict[str, str]
    aliases: list[str]
    stages: list[str]
    lineage: list[LineageEdge]
    file_count: int
    size: int
    identity: str | None
    source_uri: str | None
    created_at: datetime
    created_by: str
    revoked: Revocation | None
    revision: int
    url: str
    recommended_missing: list[str] = []
    deletion: Deletion | None = None
    legal_hold: LegalHold | None = None

    def row(self) -> dict[str, object]:
        return {
            "model": self.model_name,
            "version": self.number,
            "status": self.status,
            "current in": self.stages,
            "aliases": [f"@{name}" for name in self.aliases],
            "metrics": self.metadata.metrics,
            "tags": self.tags,
            "created": self.created_at,
            "by": self.created_by,
        }

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        facts = {
            "digest": self.digest,
            "params": self.metadata.params,
            "framework": self.metadata.framework,
            "files": f"{self.file_count}, {self.size} B",
            "made of": [f"{edge.kind} {edge.ref}" for edge in self.lineage],
            "revoked": self.revoked and f"{self.revoked.reason} ({self.revoked.by})",
            "recommended and missing": self.recommended_missing,
            "description": self.description,
        }
        return html_facts(f"version {self.model_name} {self.number}", self.row() | facts)
