"""Versions on their way from one registry to another: out of it into an archive, and from there into the other."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from registry_service.client import calls
from registry_service.client.archives import ArchiveFile, ArchiveSink, contents_of, verify_archive
from registry_service.client.plans import PathText, Plan, ask, check_content, follow_all, register_contents, run
from registry_service.client.transfer import Progress, ProgressReport
from registry_service.domain.archive import (
    MAX_RECORDED,
    Archive,
    ArchivedCheck,
    ArchivedHistory,
    ArchivedPromotion,
    ArchivedReview,
    ArchivedVersion,
    ArchiveRecord,
    read_documents,
    registration,
    write_documents,
)
from registry_service.domain.entities import Check, ModelVersion, Promotion, VersionStatus
from registry_service.domain.entities.answer import Answer
from registry_service.domain.errors import (
    AlreadyExists,
    Conflict,
    DigestMismatch,
    ModelNotFound,
    NotFound,
    VersionRevoked,
)
from registry_service.domain.manifest import check_manifest
from registry_service.domain.requests import RequestPromotion


class ImportedVersion(Answer, frozen=True, kw_only=True):
    """A version that an archive brought. `existed`: the model had one of the same content already, which this is, as it
    was registered then. `promotion` is the one that was requested, if any."""

    version: ModelVersion
    existed: bool
    promotion: Promotion | None = None


def export_version(
    model: str,
    selector: str | int,
    path: PathText,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Plan[Archive]:
    """Write a version, and what the registry says of it, into one file: an archive.

    The selector is resolved once. Each content is verified as it comes, and the file has its name only once it is
    whole. The same version, of which the registry says the same, makes the same file but for who exported it when. What
    the caller may not read isn't in it. `overwrite`: replace a file that is there.

    :raises AlreadyExists: there is a file of this name, and it isn't to be replaced.
    :raises VersionRevoked: a revoked version goes nowhere.
    :raises SizeMismatch, DigestMismatch: the registry sent something else than the version has.
    """

    report = ProgressReport(progress)
    manifest = yield from ask(calls.get_manifest(model, selector))
    version = yield from ask(calls.get_version(model, manifest.number))
    if version.status is VersionStatus.REVOKED:
        raise VersionRevoked(f"'{version.model_name}' {version.number} is revoked. Export another version.")
    yield from run(lambda: check_manifest(manifest.files), lambda: check_content(manifest, version))
    named = f"model = '{version.model_name}' AND version = {version.number}"
    checks = yield from ask(calls.list_checks(model, version.number, limit=MAX_RECORDED + 1))
    promotions = yield from ask(
        calls.list_promotions(filter=named, order_by="requested_at desc", limit=MAX_RECORDED + 1)
    )
    card = yield from _card(model, version.number)
    me = yield from ask(calls.who_am_i())
    record = ArchiveRecord(
        exported_at=datetime.now(UTC), exported_by=me.principal.name, exported_with=me.registry_version
    )
    content = ArchivedVersion(
        model_name=version.model_name,
        number=version.number,
        digest=version.digest,
        metadata=version.metadata,
        files=sorted(manifest.files, key=operator.attrgetter("path")),
    )
    history = _history(version, card, checks.items, promotions.items)
    (documents,) = yield from run(lambda: write_documents(record, content, history))
    (archive,) = yield from run(lambda: read_documents(documents))
    (file,) = yield from run(lambda: ArchiveFile(Path(path), documents, content.files, overwrite=overwrite))
    try:
        members = {member.digest: member for member in file.layout.members}
        once = {one.digest: one for one in reversed(content.files)}
        yield from follow_all(
            [
                ask(
                    calls.download_file(
                        model, version.number, one.path, sink=ArchiveSink(file, members[digest], one, report)
                    )
                )
                for digest, one in sorted(once.items())
            ]
        )
        yield from run(file.finish)
    finally:
        file.discard()
    return archive


def import_archive(
    path: PathText,
    *,
    model: str | None = None,
    digest: str | None = None,
    create_model: bool = True,
    promote: str | None = None,
    reason: str = "",
    progress: Progress | None = None,
) -> Plan[ImportedVersion]:
    """Register the version of an archive here, with the same content digest.

    The archive is verified whole before anything is sent; `digest` is the content digest that it has to have, where one
    knows it from elsewhere. `model` is its name here; None: as there. It is made where it doesn't exist, unless
    `create_model` is off. Contents that the caller can read here already aren't sent. A model that has a version of
    this content answers with that, so that importing twice imports once.

    Whoever imports registers it: what was checked, reviewed and decided elsewhere stands in the details of its lineage,
    and counts for nothing. `promote` is a stage to request a promotion to, for `reason`; it is judged by this
    registry's people and policies. Who registered the version there took part, and can't approve it where a policy
    wants somebody else.

    :raises InvalidArchive: something about the archive is off.
    :raises VersionRevoked: this content was revoked here.
    :raises Conflict: a promotion to this stage is open already, whose requester didn't say who registered it there.
    :raises DigestMismatch: under the identity of this import, something else was registered.
    """

    report = ProgressReport(progress)
    (archive,) = yield from run(lambda: verify_archive(path, digest=digest))
    name = archive.version.model_name if model is None else model
    known = yield from _find_content(name, archive.version.digest)
    version = known
    if version is None:
        (contents,) = yield from run(lambda: contents_of(Path(path), archive, report))
        body = registration(archive)
        try:
            version = yield from register_contents(name, contents, body, create_model=create_model, report=report)
        except AlreadyExists:
            # Somebody else imported it meanwhile.
            known = version = yield from _find_content(name, archive.version.digest)
            if version is None:
                raise
    _check_outcome(archive, version)
    promotion = None
    if promote is not None:
        request = RequestPromotion(
            model=version.model_name,
            version=str(version.number),
            stage=promote,
            reason=reason or f"Imported from {archive.history.url}",
            # Also where the content was here before, from somebody who didn't say whose it is.
            people=[archive.history.registered_by],
        )
        promotion = yield from ask(calls.request_promotion(request))
        _check_taking_part(promotion, archive)
    return ImportedVersion(version=version, existed=known is not None, promotion=promotion)


def _check_taking_part(promotion: Promotion, archive: Archive) -> None:
    """:raises Conflict: it was open before, and whoever registered the version there could approve it."""

    there = archive.history.registered_by
    if promotion.phase.is_final or there in {promotion.requested_by, *promotion.people}:
        return
    raise Conflict(
        f"Promotion '{promotion.id}' is open already and doesn't say that '{there}', who registered the version in"
        f" {archive.history.registry}, took part. Cancel it, and import again.",
        promotion=promotion.id,
        people=[there],
    )


def _find_content(model: str, digest: str) -> Plan[ModelVersion | None]:
    """The first version of a content that isn't revoked.

    :raises VersionRevoked: all versions of it are.
    """

    try:
        page = yield from ask(calls.list_versions(model, filter=f"digest = '{digest}'", order_by="number", limit=200))
    except ModelNotFound:
        return None
    for version in page.items:
        if version.status is not VersionStatus.REVOKED:
            return version
    for version in page.items:
        raise _revoked(version)
    return None


def _check_outcome(archive: Archive, version: ModelVersion) -> None:
    if version.status is VersionStatus.REVOKED:
        raise _revoked(version)
    if version.digest != archive.version.digest:
        raise DigestMismatch(
            f"'{version.model_name}' {version.number} was registered as the import of {archive.version.digest}, and is"
            f" {version.digest}. Nothing was requested. Look into who registered it.",
            model=version.model_name,
            version=version.number,
        )


def _revoked(version: ModelVersion) -> VersionRevoked:
    why = "" if version.revoked is None else f": {version.revoked.reason}"
    return VersionRevoked(
        f"This content was revoked here as '{version.model_name}' {version.number}{why}. Import other content.",
        version=version.number,
    )


def _card(model: str, number: int) -> Plan[str | None]:
    try:
        found = yield from ask(calls.get_version_card(model, number))
    except NotFound:
        return None  # a service from before there were cards
    return None if found.card is None else found.card.text


def _history(
    version: ModelVersion, card: str | None, checks: Sequence[Check], promotions: Sequence[Promotion]
) -> ArchivedHistory:
    base, found, _ = version.url.rpartition("/models/")
    return ArchivedHistory(
        registry=base if found else version.url,
        url=version.url,
        model_id=version.model_id,
        registered_by=version.created_by,
        registered_at=version.created_at,
        identity=version.identity,
        source_uri=version.source_uri,
        description=version.description,
        tags=version.tags,
        aliases=sorted(version.aliases),
        stages=sorted(version.stages),
        card=card,
        lineage=[edge for edge in version.lineage if not edge.hidden],
        checks=[
            ArchivedCheck(
                name=check.name,
                status=check.status,
                summary=check.summary,
                evidence=check.evidence,
                url=check.url,
                reported_by=check.reported_by,
                reported_at=check.reported_at,
            )
            for check in checks[:MAX_RECORDED]
        ],
        promotions=[_archived(promotion) for promotion in promotions[:MAX_RECORDED]],
        complete=len(checks) <= MAX_RECORDED and len(promotions) <= MAX_RECORDED,
    )


def _archived(promotion: Promotion) -> ArchivedPromotion:
    closure = promotion.closure
    return ArchivedPromotion(
        id=promotion.id,
        kind=promotion.kind,
        stage=promotion.stage,
        phase=promotion.phase,
        policies=promotion.policies,
        reason=promotion.reason,
        requested_by=promotion.requested_by,
        requested_at=promotion.requested_at,
        reviews=[
            ArchivedReview(
                reviewer=review.reviewer,
                verdict=review.verdict,
                comment=review.comment,
                digest=review.digest,
                at=review.at,
                withdrawn_at=review.withdrawn_at,
                waived=review.waived,
            )
            for review in promotion.reviews
        ],
        closed=None if closure is None else f"{closure.reason} ({closure.by})",
        applied_by=promotion.applied_by,
        applied_at=promotion.applied_at,
    )
