"""Registering versions: bytes first, rows second, pointers last."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Row, Table, and_, bindparam, delete, insert, select, update

from registry_service.db.prepared import Prepared
from registry_service.db.queries.models import find_model
from registry_service.db.queries.principals import owners_of
from registry_service.db.queries.revoked import revocation_of
from registry_service.db.queries.versions import deleted, describe_versions, find_version
from registry_service.db.tables import (
    models,
    version_files,
    version_metrics,
    version_params,
    version_tags,
    versions,
)
from registry_service.domain.entities import ModelVersion
from registry_service.domain.errors import (
    AlreadyExists,
    Conflict,
    InvalidInput,
    MetadataRequired,
    VersionRevoked,
)
from registry_service.domain.events import EventKind
from registry_service.domain.lineage import check_lineage
from registry_service.domain.manifest import check_manifest, content_digest
from registry_service.domain.metadata import INDEXED_FIELDS, Metadata, MetadataField, check_metadata, missing_fields
from registry_service.domain.names import check_tags
from registry_service.domain.permissions import Action
from registry_service.domain.references import refuse_secret
from registry_service.domain.requests import (
    NewManifestFile,
    RegisterVersion,
    UpdateVersion,
)
from registry_service.domain.strictness import convert_strictly
from registry_service.failpoints import reach
from registry_service.services.aliases import point_alias
from registry_service.services.changes import record_change
from registry_service.services.findable import find_version_anew, let_find
from registry_service.services.judging import judge
from registry_service.services.lineage import insert_lineage, look_up
from registry_service.services.texts import check_description, check_line, check_people
from registry_service.services.uploads import take_in
from registry_service.services.work import Work

_NEXT_NUMBER: Final = Prepared(
    update(models).where(models.c.id == bindparam("model_id")).values(last_number=bindparam("last"))
)
_BY_IDENTITY: Final = Prepared(
    select(versions).where(versions.c.model_id == bindparam("model_id"), versions.c.identity == bindparam("identity"))
)
_INSERT: Final = Prepared(
    insert(versions),
    columns=[
        column.name
        for column in versions.c
        if not column.name.startswith(("revoked_", "deleted_", "let_go_", "legal_hold_"))
    ],
)


def _insert_of(table: Table) -> Prepared:
    return Prepared(
        insert(table),
        columns=[column.name for column in table.c if column.name != "id" and column.server_default is None],
    )


_INSERT_FILE: Final = _insert_of(version_files)
_INSERT_TAG: Final = _insert_of(version_tags)
_INSERT_METRIC: Final = _insert_of(version_metrics)
_INSERT_PARAM: Final = _insert_of(version_params)


def register_version(work: Work, model: str, body: RegisterVersion) -> ModelVersion:
    """Make a version visible, whole, in this one transaction. All its bytes are verified and durable by now.

    A registration under an identity that was used before answers with the first one's version, and has no effect.

    :raises Conflict: the model is archived, and closed to new versions.
    :raises VersionDeleted: what was registered under the identity was deleted since.
    :raises UploadIncomplete: bytes of the manifest are neither in the upload nor in a version the caller may read.
    :raises MetadataRequired: a field that the model demands is missing or of another type.
    """

    found = find_model(work, model, Action.VERSION_REGISTER, lock=True)
    if body.identity is not None:
        _check_identity(body.identity)
        earlier = _registered(work, found, body.identity)
        if earlier is not None:
            _refuse_others(earlier, work.actor.name)
            if earlier.deleted_at is not None:
                raise deleted(earlier, found)
            work.existed = True
            return describe_versions(work, found, [earlier])[0]
    _refuse_archived(found)
    reach("register.begun")
    _check_body(found, body)
    digest = content_digest(body.files, body.metadata)
    _refuse_revoked(work, found, digest)
    take_in(work, body.files, body.upload)
    lineage = look_up(work, body.lineage)
    reach("register.bytes_checked")

    number = found.last_number + 1
    _NEXT_NUMBER.change(work.connection, model_id=found.id, last=number)
    reach("register.numbered")
    _insert(work, found, number, digest, body)
    insert_lineage(work, found.id, number, lineage, later=False)
    record_change(
        work,
        found,
        EventKind.VERSION_REGISTERED,
        subject=str(number),
        version=number,
        digest=digest,
        identity=body.identity,
    )
    reach("register.recorded")
    for alias in body.aliases:
        point_alias(work, found, alias, number, digest)
    reach("register.aliases_moved")
    found = find_model(work, model, Action.VERSION_READ)
    return describe_versions(work, found, [find_version(work, found, str(number))])[0]


def update_version(work: Work, model: str, selector: str, body: UpdateVersion) -> ModelVersion:
    """Description and tags may change; content never."""

    found = find_model(work, model, Action.VERSION_UPDATE, lock=True)
    version = find_version(work, found, selector)
    if body.description is not msgspec.UNSET:
        check_description(body.description)
        work.connection.execute(update(versions).where(_of(versions, version)).values(description=body.description))
    if body.tags is not msgspec.UNSET:
        check_tags(body.tags)
        work.connection.execute(delete(version_tags).where(_of(version_tags, version)))
        _insert_tags(work, found.id, version.number, body.tags)
    find_version_anew(work, found.id, version.number)
    record_change(
        work,
        found,
        EventKind.VERSION_UPDATED,
        subject=str(version.number),
        version=version.number,
        changed=msgspec.to_builtins(body),
    )
    # Conditions of policies may speak of description and tags, also of those of the current version.
    judge(work, found)
    return _described(work, model, version.number)


def _check_identity(identity: str) -> None:
    if not identity:
        raise InvalidInput("identity is empty. Say what run this is, or leave it out.", field="identity")
    check_line(identity, "identity")


def _check_body(model: Row[Any], body: RegisterVersion) -> None:
    check_manifest(body.files)
    check_metadata(body.metadata)
    check_tags(body.tags)
    check_description(body.description)
    check_lineage(body.lineage)
    check_description(body.source_uri or "", "source_uri")
    # An identity that was used before never comes here: a retry gets its version, whatever was taken then.
    for what, text in (("source_uri", body.source_uri), ("identity", body.identity)):
        refuse_secret(text or "", what)
    check_people(body.people)
    demanded = convert_strictly(model.metadata_fields, list[MetadataField])
    missing = missing_fields(body.metadata, demanded, required=True)
    if missing:
        raise MetadataRequired(
            f"'{model.name}' demands metadata that this version lacks or has in another type: {', '.join(missing)}."
            " Add it and register again.",
            missing=missing,
        )


def _insert(work: Work, model: Row[Any], number: int, digest: str, body: RegisterVersion) -> None:
    model_id, described = model.id, body.metadata
    _INSERT.change_each(
        work.connection,
        [
            {
                "model_id": model_id,
                "number": number,
                "digest": digest,
                "identity": body.identity,
                "metadata": described,
                **{name: getattr(described, name) for name in INDEXED_FIELDS},
                "score": described.score,
                "description": body.description,
                "source_uri": body.source_uri,
                # Who answers for the registering service today stays excluded, should its owners change.
                "people": sorted({*body.people, *owners_of(work, [work.actor.name])[work.actor.name]}),
                "file_count": len(body.files),
                "size": sum(file.size for file in body.files),
                "created_at": work.now,
                "created_by": work.actor.name,
                "card_revision": model.card_revision,
            }
        ],
    )
    reach("register.row_written")
    _insert_files(work, model_id, number, body.files)
    reach("register.files_written")
    _insert_tags(work, model_id, number, body.tags)
    let_find(work, model_id, number, tags=body.tags, description=body.description)
    _insert_figures(work, model_id, number, described)


def _insert_files(work: Work, model_id: str, number: int, files: list[NewManifestFile]) -> None:
    _INSERT_FILE.change_each(
        work.connection,
        [{"model_id": model_id, "number": number, **msgspec.structs.asdict(file)} for file in files],
    )


def _insert_tags(work: Work, model_id: str, number: int, tags: dict[str, str]) -> None:
    _INSERT_TAG.change_each(
        work.connection,
        [{"model_id": model_id, "number": number, "key": key, "value": value} for key, value in tags.items()],
    )


def _insert_figures(work: Work, model_id: str, number: int, described: Metadata) -> None:
    _INSERT_METRIC.change_each(
        work.connection,
        [
            {"model_id": model_id, "number": number, "key": key, "value": value}
            for key, value in described.metrics.items()
        ],
    )
    _INSERT_PARAM.change_each(
        work.connection,
        [
            {
                "model_id": model_id,
                "number": number,
                "key": key,
                "value": value if isinstance(value, str) else msgspec.json.encode(value).decode(),
                "numeric_value": float(value)
                if isinstance(value, int | float) and not isinstance(value, bool)
                else None,
            }
            for key, value in described.params.items()
        ],
    )


def _refuse_others(earlier: Row[Any], principal: str) -> None:
    """Identities can be guessed: what somebody else registered under one must not pass for the caller's own work.

    :raises AlreadyExists: the version is another principal's.
    """
    if earlier.created_by != principal:
        raise AlreadyExists(
            f"'{earlier.created_by}' registered version {earlier.number} under this identity. Look into it; then"
            " register under another identity.",
            version=earlier.number,
            created_by=earlier.created_by,
        )


def _refuse_archived(model: Row[Any]) -> None:
    """:raises Conflict: the model was put aside. Uploads are still opened: checks of what it has bring files, too."""

    if model.archived:
        raise Conflict(
            f"'{model.name}' is archived. Unarchive it before registering a version of it.", model=model.name
        )


def _refuse_revoked(work: Work, model: Row[Any], digest: str) -> None:
    """:raises VersionRevoked: this very content was withdrawn; a new number makes it no better."""

    revoked = revocation_of(work, model.id, digest)
    if revoked is not None:
        raise VersionRevoked(
            f"This content was revoked as version {revoked.number}: {revoked.revoked_reason}. Register other content.",
            version=revoked.number,
        )


def _registered(work: Work, model: Row[Any], identity: str) -> Row[Any] | None:
    return _BY_IDENTITY.row(work.connection, model_id=model.id, identity=identity)


def _of(table: Table, version: Row[Any]) -> ColumnElement[bool]:
    return and_(table.c.model_id == version.model_id, table.c.number == version.number)


def _described(work: Work, model: str, number: int) -> ModelVersion:
    found = find_model(work, model, Action.VERSION_READ)
    return describe_versions(work, found, [find_version(work, found, str(number))])[0]
