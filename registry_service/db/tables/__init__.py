"""All tables. Rows hold integers, floats and text only, so that SQLite and PostgreSQL give a raw driver the same:
times are microseconds (`UtcTimestamp`), documents are JSON text (`JsonText`).

The invariants that matter most stand here as constraints, below every use case: one version per number and identity,
one open promotion per digest and stage, one lease per stage, one effect per idempotency key.
"""

from __future__ import annotations

from registry_service.db.tables.artifact import blobs, upload_files, uploads
from registry_service.db.tables.card import model_cards
from registry_service.db.tables.comment import comment_mentions, comment_reads, comments
from registry_service.db.tables.deployment import deployment_metrics, deployments
from registry_service.db.tables.log import OBSERVATIONS, consumers, events, idempotency_answers
from registry_service.db.tables.model import model_former_names, model_owners, model_tags, models
from registry_service.db.tables.policy import policies, policy_attachments, policy_changes
from registry_service.db.tables.principal import (
    delegations,
    grants,
    group_members,
    groups,
    principal_owners,
    principals,
    tokens,
)
from registry_service.db.tables.promotion import check_attachments, checks, promotions, reviews
from registry_service.db.tables.retention import previewed_versions, retention_previews, retention_rules
from registry_service.db.tables.schema import metadata, registry
from registry_service.db.tables.stage import stage_failures, stage_history, stages
from registry_service.db.tables.stock import model_stock
from registry_service.db.tables.subscription import subscriptions
from registry_service.db.tables.text import VECTOR, texts
from registry_service.db.tables.usage import usages, version_uses
from registry_service.db.tables.version import (
    TAG_START,
    aliases,
    version_files,
    version_lineage,
    version_metrics,
    version_params,
    version_tags,
    versions,
)

__all__ = [
    "OBSERVATIONS",
    "TAG_START",
    "VECTOR",
    "aliases",
    "blobs",
    "check_attachments",
    "checks",
    "comment_mentions",
    "comment_reads",
    "comments",
    "consumers",
    "delegations",
    "deployment_metrics",
    "deployments",
    "events",
    "grants",
    "group_members",
    "groups",
    "idempotency_answers",
    "metadata",
    "model_cards",
    "model_former_names",
    "model_owners",
    "model_stock",
    "model_tags",
    "models",
    "policies",
    "policy_attachments",
    "policy_changes",
    "previewed_versions",
    "principal_owners",
    "principals",
    "promotions",
    "registry",
    "retention_previews",
    "retention_rules",
    "reviews",
    "stage_failures",
    "stage_history",
    "stages",
    "subscriptions",
    "texts",
    "tokens",
    "upload_files",
    "uploads",
    "usages",
    "version_files",
    "version_lineage",
    "version_metrics",
    "version_params",
    "version_tags",
    "version_uses",
    "versions",
]
