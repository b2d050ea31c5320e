"""Model versions: found by any selector, shown whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Row, Select, Table, bindparam, or_, select

from registry_service.db.keys import Key, these
from registry_service.db.paging import PageRequest, page_of, pinned
from registry_service.db.prepared import Prepared
from registry_service.db.queries.edges import EDGES, describe_edge
from registry_service.db.queries.models import find_model
from registry_service.db.queries.past import aliases_at, current_at, revision_at
from registry_service.db.queries.revoked import content_revoked, refuse_revoked
from registry_service.db.queries.sight import in_sight
from registry_service.db.query import one_of
from registry_service.db.searching import searched
from registry_service.db.tables import (
    aliases,
    models,
    stages,
    version_files,
    version_lineage,
    version_tags,
    versions,
)
from registry_service.db.types import UtcTimestamp
from registry_service.db.view import View
from registry_service.domain.entities import (
    Deletion,
    LegalHold,
    LineageEdge,
    Manifest,
    ManifestFile,
    ModelVersion,
    Page,
    Revocation,
    VersionStatus,
)
from registry_service.domain.errors import (
    AmbiguousDigest,
    FileNotInVersion,
    StageVacant,
    VersionDeleted,
    VersionNotFound,
)
from registry_service.domain.metadata import Metadata, MetadataField, missing_fields
from registry_service.domain.permissions import Action
from registry_service.domain.selectors import ByDigest, ByNumber, ByPointer, Latest, parse_selector

_WITH_MODEL: Final = (
    select(versions).join(models, models.c.id == versions.c.model_id).where(versions.c.deleted_at.is_(None))
)
_OF_MODEL: Final = select(versions).where(versions.c.model_id == bindparam("model_id"))
_NUMBER: Final = _OF_MODEL.where(versions.c.number == bindparam("number"))
# Two rows are enough to tell that a digest is ambiguous.
_DIGEST: Final = _OF_MODEL.where(versions.c.digest == bindparam("digest")).limit(2)
_HIGHEST: Final = _OF_MODEL.order_by(versions.c.number.desc()).limit(1)
_THEN: Final = bindparam("as_of", type_=UtcTimestamp())
_THERE: Final = versions.c.deleted_at.is_(None)
_THERE_THEN: Final = (versions.c.created_at <= _THEN) & or_(_THERE, versions.c.deleted_at > _THEN)
_DELETED_AMONG: Final = Prepared(
    select(versions.c.number).where(
        versions.c.model_id == bindparam("model_id"),
        one_of(versions.c.number, "numbers"),
        versions.c.deleted_at.is_not(None),
    )
)
_BY_NUMBER: Final = Prepared(_NUMBER)
_BY_NUMBER_AS_OF: Final = Prepared(_NUMBER.where(versions.c.created_at <= _THEN))
_BY_DIGEST: Final = Prepared(_DIGEST.where(_THERE))
_BY_DIGEST_AS_OF: Final = Prepared(_DIGEST.where(_THERE_THEN))
_LATEST: Final = Prepared(_HIGHEST.where(_THERE, ~content_revoked()))
_LATEST_AS_OF: Final = Prepared(_HIGHEST.where(_THERE_THEN, ~content_revoked(by=_THEN)))


class _Beside:
    """What another table has beside rows of `versions`: one statement, however many rows."""

    def __init__(self, statement: Select[Any], table: Table) -> None:
        self._statement = statement
        self._of, self._number = table.c.model_id, table.c.number
        self._of_model = Prepared(
            statement.where(table.c.model_id == bindparam("model_id"), one_of(table.c.number, "numbers"))
        )

    def of(self, view: View, rows: Sequence[Row[Any]]) -> Sequence[Row[Any]]:
        of_models = {row.model_id for row in rows}
        if len(of_models) == 1:
            numbers = [row.number for row in rows]
            return self._of_model.rows(view.connection, model_id=of_models.pop(), numbers=numbers)
        if not rows:
            return []
        return view.connection.execute(self.among((row.model_id, row.number) for row in rows)).all()

    def among(self, keys: Iterable[Key]) -> Select[Any]:
        wanted = these(keys, "wanted")
        return self._statement.join(wanted, (self._of == wanted.c.model_id) & (self._number == wanted.c.number))


_TAGS: Final = _Beside(
    select(version_tags.c.model_id, version_tags.c.number, version_tags.c.key, version_tags.c.value), version_tags
)
_LINEAGE: Final = _Beside(EDGES.order_by(version_lineage.c.id), version_lineage)
_STAGES: Final = _Beside(select(stages.c.model_id, stages.c.number, stages.c.name).order_by(stages.c.position), stages)
_ALIASES: Final = _Beside(
    select(aliases.c.model_id, aliases.c.number, aliases.c.name).order_by(aliases.c.name), aliases
)
_STAGE: Final = Prepared(
    select(stages.c.number).where(stages.c.model_id == bindparam("model_id"), stages.c.name == bindparam("name"))
)
_ALIAS: Final = Prepared(
    select(aliases.c.number).where(aliases.c.model_id == bindparam("model_id"), aliases.c.name == bindparam("name"))
)


def find_version(view: View, model: Row[Any], selector: str, *, as_of: datetime | None = None) -> Row[Any]:
    """The row of the version that a selector names, now or at a time.

    :raises InvalidSelector, VersionNotFound, StageVacant, AmbiguousDigest: as they say.
    """

    now, then = _BY_NUMBER, _BY_NUMBER_AS_OF
    wanted: dict[str, object] = {"model_id": model.id}
    match parse_selector(selector):
        case ByNumber(number):
            wanted["number"] = number
        case Latest():
            now, then = _LATEST, _LATEST_AS_OF
        case ByDigest(digest):
            now, then = _BY_DIGEST, _BY_DIGEST_AS_OF
            wanted["digest"] = digest
        case ByPointer(name):
            wanted["number"] = _pointed_at(view, model, name, as_of)
    if as_of is None:
        rows: list[Row[Any]] = now.rows(view.connection, **wanted)
    else:
        rows = then.rows(view.connection, **wanted, as_of=as_of)
    if not rows:
        raise VersionNotFound(
            f"'{model.name}' has no version {selector}. See its versions with: model-registry versions list"
            f" '{model.name}'",
            model=model.name,
            selector=selector,
        )
    if len(rows) > 1:
        raise AmbiguousDigest(
            f"Several versions of '{model.name}' have the digest {selector}. Name one by its number.",
            model=model.name,
            versions=[row.number for row in rows],
        )
    row = rows[0]
    if row.deleted_at is not None and (as_of is None or row.deleted_at <= as_of):
        raise deleted(row, model)
    return row


def deleted(row: Row[Any], model: Row[Any]) -> VersionDeleted:
    """Why a version that was there can't be had any more."""

    restorable = row.let_go_at is None
    hint = " An admin can restore it for a while." if restorable else ""
    return VersionDeleted(
        f"Version {row.number} of '{model.name}' was deleted by {row.deleted_by}: {row.deleted_reason}.{hint}",
        model=model.name,
        version=row.number,
        restorable=restorable,
    )


def deleted_among(view: View, model_id: str, numbers: Sequence[int]) -> frozenset[int]:
    """Those of the versions that are deleted."""
    return frozenset(_DELETED_AMONG.values(view.connection, model_id=model_id, numbers=numbers))


def find_deleted_version(view: View, model: Row[Any], selector: str) -> Row[Any]:
    """The tombstone of a version, by its number: nothing else names it any more.

    :raises VersionNotFound: no version of this number was deleted.
    :raises InvalidSelector: it is none.
    """

    wanted = parse_selector(selector)
    row = None
    if isinstance(wanted, ByNumber):
        row = _BY_NUMBER.row(view.connection, model_id=model.id, number=wanted.number)
    if row is None or row.deleted_at is None:
        raise VersionNotFound(
            f"'{model.name}' has no deleted version {selector}. Name one by its number.",
            model=model.name,
            selector=selector,
        )
    return row


def get_version(view: View, model: str, selector: str, *, as_of: datetime | None = None) -> ModelVersion:
    """The version now; or as it was at a time, except for what may be rewritten without a trace of before: description
    and tags, and which fields the model recommends. These are today's."""

    found = find_model(view, model, Action.VERSION_READ)
    version = find_version(view, found, selector, as_of=as_of)
    described = describe_versions(view, found, [version])[0]
    return described if as_of is None else _as_it_was(view, described, as_of)


def list_versions(view: View, model: str, page: PageRequest) -> Page[ModelVersion]:
    found = find_model(view, model, Action.VERSION_READ)
    page = pinned(page, view.now)
    statement, orders = searched(
        view.connection, _WITH_MODEL.where(versions.c.model_id == found.id), page, model_id=found.id
    )
    return page_of(view.connection, statement, orders, page, lambda rows: describe_versions(view, found, rows))


def list_all_versions(view: View, page: PageRequest) -> Page[ModelVersion]:
    """Versions of all models in sight."""

    seen = _WITH_MODEL.where(models.c.deleted_at.is_(None), in_sight(view, Action.VERSION_READ, models.c.name))
    page = pinned(page, view.now)
    statement, orders = searched(view.connection, seen, page, model_id=None)
    return page_of(view.connection, statement, orders, page, lambda rows: _described_with_models(view, rows))


def _described_with_models(view: View, rows: Sequence[Row[Any]]) -> list[ModelVersion]:
    ids = {row.model_id for row in rows}
    owners = {row.id: row for row in view.connection.execute(select(models).where(models.c.id.in_(ids)))}
    return _described(view, owners, rows)


def get_manifest(view: View, model: str, selector: str) -> Manifest:
    found = find_model(view, model, Action.VERSION_READ)
    version = find_version(view, found, selector)
    return Manifest(
        model_name=found.name, number=version.number, digest=version.digest, files=files_of(view, found.id, version)
    )


def files_of(view: View, model_id: str, version: Row[Any]) -> list[ManifestFile]:
    rows = view.connection.execute(
        select(version_files)
        .where(version_files.c.model_id == model_id, version_files.c.number == version.number)
        .order_by(version_files.c.path)
    )
    files = [ManifestFile(path=r.path, digest=r.digest, size=r.size, media_type=r.media_type) for r in rows]
    # Databases collate text each in their own way; the manifest's order is that of code points.
    return sorted(files, key=lambda file: file.path)


def get_file(view: View, model: str, selector: str, path: str) -> tuple[int, ManifestFile]:
    """The version's number and its file, for a download.

    :raises VersionRevoked: a revoked version's bytes are not handed out.
    :raises FileNotInVersion: the manifest has no such path.
    """

    found = find_model(view, model, Action.VERSION_DOWNLOAD)
    version = find_version(view, found, selector)
    refuse_revoked(view, version)
    return version.number, find_file(view, found, version, path)


def find_file(view: View, model: Row[Any], version: Row[Any], path: str) -> ManifestFile:
    """:raises FileNotInVersion: the manifest has no such path."""

    row = view.connection.execute(
        select(version_files).where(
            version_files.c.model_id == model.id,
            version_files.c.number == version.number,
            version_files.c.path == path,
        )
    ).one_or_none()
    if row is None:
        raise FileNotInVersion(
            f"Version {version.number} of '{model.name}' has no file '{path}'. Its manifest lists what it has.",
            model=model.name,
            version=version.number,
            path=path,
        )
    return ManifestFile(path=row.path, digest=row.digest, size=row.size, media_type=row.media_type)


def describe_versions(view: View, model: Row[Any], rows: Sequence[Row[Any]]) -> list[ModelVersion]:
    """Rows of one model's `versions`, completed from the other tables."""
    return _described(view, {model.id: model}, rows)


def _described(view: View, owners: Mapping[str, Row[Any]], rows: Sequence[Row[Any]]) -> list[ModelVersion]:
    """Rows of `versions`, completed from the other tables: one statement each, however many rows. `owners` are the rows
    of their models by id."""

    tags: dict[Key, dict[str, str]] = defaultdict(dict)
    for tag in _TAGS.of(view, rows):
        tags[tag.model_id, tag.number][tag.key] = tag.value
    lineage: dict[Key, list[LineageEdge]] = defaultdict(list)
    for edge in _LINEAGE.of(view, rows):
        lineage[edge.model_id, edge.number].append(describe_edge(view, edge))
    current, named = _names(_STAGES.of(view, rows)), _names(_ALIASES.of(view, rows))
    fields = {one.id: msgspec.convert(one.metadata_fields, list[MetadataField]) for one in owners.values()}
    described = []
    for row in rows:
        key, model = (row.model_id, row.number), owners[row.model_id]
        registered = msgspec.convert(row.metadata, Metadata)
        described.append(
            ModelVersion(
                model_id=model.id,
                model_name=model.name,
                number=row.number,
                digest=row.digest,
                status=VersionStatus.READY if row.revoked_at is None else VersionStatus.REVOKED,
                metadata=registered,
                description=row.description,
                tags=tags[key],
                aliases=named[key],
                stages=current[key],
                lineage=lineage[key],
                file_count=row.file_count,
                size=row.size,
                identity=row.identity,
                source_uri=row.source_uri,
                created_at=row.created_at,
                created_by=row.created_by,
                revoked=None
                if row.revoked_at is None
                else Revocation(reason=row.revoked_reason, by=row.revoked_by, at=row.revoked_at),
                revision=model.revision,
                url=view.url("models", model.name, "versions", row.number),
                recommended_missing=missing_fields(registered, fields[model.id], required=False),
                deletion=None
                if row.deleted_at is None
                else Deletion(
                    reason=row.deleted_reason,
                    by=row.deleted_by,
                    at=row.deleted_at,
                    restorable=row.let_go_at is None,
                ),
                legal_hold=None
                if row.legal_hold_at is None
                else LegalHold(reason=row.legal_hold_reason, by=row.legal_hold_by, at=row.legal_hold_at),
            )
        )
    return described


def _as_it_was(view: View, version: ModelVersion, as_of: datetime) -> ModelVersion:
    current, named = _pointers_at(view, version.model_id, as_of)
    revoked = version.revoked if version.revoked is not None and version.revoked.at <= as_of else None
    held = version.legal_hold if version.legal_hold is not None and version.legal_hold.at <= as_of else None
    return msgspec.structs.replace(
        version,
        status=VersionStatus.READY if revoked is None else VersionStatus.REVOKED,
        revoked=revoked,
        lineage=[edge for edge in version.lineage if edge.added_at is None or edge.added_at <= as_of],
        deletion=None,
        legal_hold=held,
        stages=[stage for stage, number in current.items() if number == version.number],
        aliases=[alias for alias, number in named.items() if number == version.number],
        revision=revision_at(view, version.model_id, as_of),
    )


def _names(rows: Iterable[Row[Any]]) -> dict[Key, list[str]]:
    found: dict[Key, list[str]] = defaultdict(list)
    for row in rows:
        found[row.model_id, row.number].append(row.name)
    return found


def _pointed_at(view: View, model: Row[Any], name: str, as_of: datetime | None) -> int:
    """The number that a stage or alias points to (they share one namespace).

    :raises VersionNotFound: no stage or alias of this name, or it did not point anywhere yet.
    :raises StageVacant: the stage exists and nothing is current in it.
    """

    current, named = _pointers_of(view, model.id, name) if as_of is None else _pointers_at(view, model.id, as_of)
    if name in current:
        number = current[name]
        if number is None:
            raise StageVacant(
                f"Nothing is current in '{name}' of '{model.name}'. Promote a version into it first."
                if as_of is None
                else f"Nothing was current in '{name}' of '{model.name}' at {as_of.isoformat()}.",
                model=model.name,
                stage=name,
            )
        return number
    if name not in named:
        had = "has" if as_of is None else f"at {as_of.isoformat()} had"
        raise VersionNotFound(
            f"'{model.name}' {had} no stage or alias '{name}'.", model=model.name, selector=f"@{name}"
        )
    return named[name]


def _pointers_of(view: View, model_id: str, name: str) -> tuple[dict[str, int | None], dict[str, int]]:
    """What bears this name now: a stage (with what is current there), or an alias, or nothing."""

    pointer = {"model_id": model_id, "name": name}
    stage = _STAGE.row(view.connection, **pointer)
    if stage is not None:
        return {name: stage.number}, {}
    alias = _ALIAS.row(view.connection, **pointer)
    return {}, {} if alias is None else {name: alias.number}


def _pointers_at(view: View, model_id: str, as_of: datetime) -> tuple[dict[str, int | None], dict[str, int]]:
    """The stages (with what was current there) and the aliases at a time."""

    return current_at(view, model_id, as_of), aliases_at(view, model_id, as_of)
