"""Versions: numbers, files, content digests, and what stands beside them under the same digest."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Final

import msgspec
from sqlalchemy import func, select

from registry_service.care.findings import Check, Look
from registry_service.db.queries.revoked import content_revoked
from registry_service.db.tables import (
    aliases,
    check_attachments,
    checks,
    deployments,
    events,
    model_former_names,
    models,
    promotions,
    stages,
    version_files,
    versions,
)
from registry_service.domain.entities import ManifestFile
from registry_service.domain.entities.deployment import ACTIVE_STATUSES
from registry_service.domain.errors import RegistryError
from registry_service.domain.events import EventKind
from registry_service.domain.manifest import content_digest
from registry_service.domain.metadata import Metadata
from registry_service.domain.names import fold
from registry_service.domain.promotions import OPEN_PHASES

_OF = (versions.c.model_id, versions.c.number)


def _names(look: Look) -> Iterator[str]:
    named: dict[str, str] = {}
    for event in look.rows(
        select(events.c.model_id, events.c.model_name)
        .where(events.c.kind.in_([EventKind.MODEL_CREATED, EventKind.MODEL_RENAMED]))
        .order_by(events.c.seq)
    ):
        named[event.model_id] = event.model_name
    for row in look.rows(select(models.c.id, models.c.name, models.c.name_fold).order_by(models.c.name)):
        if (named.get(row.id), fold(row.name)) != (row.name, row.name_fold):
            yield f"model {row.id} is named {row.name}, and the log says {named.get(row.id)}"


def _former_names(look: Look) -> Iterator[str]:
    kept = select(model_former_names.c.model_id, model_former_names.c.name, model_former_names.c.name_fold)
    taken = {row.name_fold: row.id for row in look.rows(select(models).where(models.c.name_taken.is_not(None)))}
    for row in look.rows(kept.where(model_former_names.c.released_at.is_(None)).order_by(model_former_names.c.id)):
        if taken.get(fold(row.name), row.model_id) != row.model_id or row.name_fold != fold(row.name):
            yield f"{row.name} is kept for model {row.model_id}, and another model has it"


def _numbers(look: Look) -> Iterator[str]:
    count, highest = func.count(versions.c.number), func.coalesce(func.max(versions.c.number), 0)
    counted = (
        select(models.c.name, models.c.last_number, count.label("found"), highest.label("highest"))
        .join(versions, versions.c.model_id == models.c.id, isouter=True)
        .group_by(models.c.id, models.c.name, models.c.last_number)
        .order_by(models.c.name)
    )
    for row in look.rows(counted):
        if not row.last_number == row.found == row.highest:
            yield (
                f"{row.name} has given {row.last_number} numbers, and has {row.found} versions of which the last is"
                f" {row.highest}"
            )


def _content(look: Look) -> Iterator[str]:
    described = select(
        *_OF, models.c.name, versions.c.digest, versions.c.metadata, versions.c.file_count, versions.c.size
    )
    rows = look.rows(described.join(models, models.c.id == versions.c.model_id).order_by(*_OF))
    # Both in one order, so that no more than one version is in memory. Databases sort text each in their own way, but
    # the same column alike.
    listed = look.rows(select(version_files).order_by(version_files.c.model_id, version_files.c.number))
    files = groupby(listed, key=lambda row: (row.model_id, row.number))
    waiting = next(files, None)
    for row in rows:
        own: list[ManifestFile] = []
        if waiting is not None and waiting[0] == (row.model_id, row.number):
            own = [
                ManifestFile(path=file.path, digest=file.digest, size=file.size, media_type=file.media_type)
                for file in waiting[1]
            ]
            waiting = next(files, None)
        which = f"version {row.number} of {row.name}"
        if (len(own), sum(file.size for file in own)) != (row.file_count, row.size):
            yield f"{which} says {row.file_count} files and {row.size} bytes, and lists {len(own)} files"
        try:
            digest = content_digest(own, msgspec.convert(row.metadata, Metadata))
        except (msgspec.ValidationError, RegistryError) as error:
            yield f"{which} has content that can't be read: {error}"
            continue
        if digest != row.digest:
            yield f"{which} is {row.digest}, and its files and metadata are {digest}"


def _revoked_together(look: Look) -> Iterator[str]:
    standing = (
        select(*_OF, models.c.name)
        .join(models, models.c.id == versions.c.model_id)
        .where(versions.c.revoked_at.is_(None), content_revoked())
    )
    for row in look.rows(standing):
        yield f"version {row.number} of {row.name} is not marked revoked, and another version of its content is"


def _deleted_used(look: Look) -> Iterator[str]:
    uses = (
        (stages, stages.c.number.is_not(None)),
        (aliases, aliases.c.number.is_not(None)),
        (promotions, promotions.c.phase.in_(OPEN_PHASES)),
        (deployments, deployments.c.status.in_(ACTIVE_STATUSES)),
        (versions, versions.c.legal_hold_at.is_not(None)),
    )
    gone = versions.alias("gone")
    for table, counts in uses:
        lost = (
            select(gone.c.number, models.c.name)
            .join(table, (table.c.model_id == gone.c.model_id) & (table.c.number == gone.c.number))
            .join(models, models.c.id == gone.c.model_id)
            .where(gone.c.deleted_at.is_not(None), counts)
        )
        for row in look.rows(lost):
            yield f"version {row.number} of {row.name} is deleted, and a row of {table.name} needs it"


def _kept_bytes(look: Look) -> Iterator[str]:
    wrong = (
        select(*_OF, models.c.name)
        .join(
            version_files,
            (version_files.c.model_id == versions.c.model_id) & (version_files.c.number == versions.c.number),
        )
        .join(models, models.c.id == versions.c.model_id)
        .where(version_files.c.kept == versions.c.let_go_at.is_not(None))
        .distinct()
    )
    attached = (
        select(*_OF, models.c.name)
        .join(checks, (checks.c.model_id == versions.c.model_id) & (checks.c.number == versions.c.number))
        .join(check_attachments, check_attachments.c.check_id == checks.c.id)
        .join(models, models.c.id == versions.c.model_id)
        .where(check_attachments.c.kept == versions.c.let_go_at.is_not(None))
        .distinct()
    )
    for statement in (wrong, attached):
        for row in look.rows(statement):
            yield f"version {row.number} of {row.name} keeps other bytes than it says"


def _announced(look: Look) -> Iterator[str]:
    told = {
        (event.model_id, event.data.get("version")): event.data.get("digest")
        for event in look.rows(
            select(events.c.model_id, events.c.data).where(events.c.kind == EventKind.VERSION_REGISTERED)
        )
    }
    named = select(*_OF, versions.c.digest, models.c.name).join(models, models.c.id == versions.c.model_id)
    for row in look.rows(named):
        digest = told.pop((row.model_id, row.number), None)
        if digest != row.digest:
            yield f"version {row.number} of {row.name} is {row.digest}, and the log says {digest}"
    for (model, number), digest in told.items():
        yield f"the log has registered {digest} as version {number} of model {model}, which isn't there"


def _same_digest(look: Look) -> Iterator[str]:
    for table in (checks, deployments):
        strangers = (
            select(table.c.id, table.c.number, models.c.name)
            .join(versions, (versions.c.model_id == table.c.model_id) & (versions.c.number == table.c.number))
            .join(models, models.c.id == table.c.model_id)
            .where(table.c.digest != versions.c.digest)
        )
        for row in look.rows(strangers):
            yield f"{table.name} {row.id} is about another digest than that of version {row.number} of {row.name}"


def _alias_targets(look: Look) -> Iterator[str]:
    lost = (
        select(aliases.c.name, aliases.c.number, aliases.c.model_id)
        .join(
            versions,
            (versions.c.model_id == aliases.c.model_id) & (versions.c.number == aliases.c.number),
            isouter=True,
        )
        .where(versions.c.number.is_(None))
    )
    for row in look.rows(lost):
        yield f"alias {row.name} of model {row.model_id} points to version {row.number}, which isn't there"


def _alias_names(look: Look) -> Iterator[str]:
    taken = {(row.model_id, fold(row.name)) for row in look.rows(select(stages.c.model_id, stages.c.name))}
    for row in look.rows(select(aliases.c.model_id, aliases.c.name)):
        if (row.model_id, fold(row.name)) in taken:
            yield f"alias {row.name} of model {row.model_id} has the name of a stage"


def _alias_log(look: Look) -> Iterator[str]:
    moved = select(events.c.model_id, events.c.kind, events.c.subject, events.c.data).where(
        events.c.kind.in_([EventKind.ALIAS_MOVED, EventKind.ALIAS_REMOVED])
    )
    replayed: dict[tuple[str, str], int | None] = {}
    for event in look.rows(moved.order_by(events.c.seq)):
        replayed[event.model_id, event.subject] = event.data.get("version")
    for row in look.rows(select(aliases.c.model_id, aliases.c.name, aliases.c.number)):
        told = replayed.pop((row.model_id, row.name), None)
        if told != row.number:
            yield f"alias {row.name} of model {row.model_id} points to {row.number}, and the log says {told}"
    for (model, name), told in replayed.items():
        if told is not None:
            yield f"the log says that alias {name} of model {model} points to {told}, and there is none"


CHECKS: Final = (
    Check("model_name", "Every model has the name that the log gave it last.", _names),
    Check("former_name", "A name that a model gave up is no other model's until it is released.", _former_names),
    Check("version_numbers", "The versions of a model are numbered without a gap, up to its last number.", _numbers),
    Check("content_digest", "The digest of each version is that of its files and metadata.", _content),
    Check("revoked_content", "Versions of one content are revoked together.", _revoked_together),
    Check("deleted_used", "Nothing needs a version that is deleted.", _deleted_used),
    Check("kept_bytes", "A version keeps its bytes until it is let go, and none of them then.", _kept_bytes),
    Check("version_log", "The log has registered each version, under its digest, and no other.", _announced),
    Check("digest_of_another", "Checks and deployments are about the digest of their version.", _same_digest),
    Check("alias_target", "Every alias points to a version.", _alias_targets),
    Check("alias_name", "No alias has the name of a stage of its model.", _alias_names),
    Check("alias_log", "Every alias points to where the log moved it last.", _alias_log),
)
