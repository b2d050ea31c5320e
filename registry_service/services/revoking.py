"""Withdrawing content for good, what that touches, and the one way to its bytes afterwards."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row, select, update

from registry_service.db.queries.affected import (
    aliases_of,
    derived_from,
    running_deployments,
    stages_of,
    versions_of_content,
)
from registry_service.db.queries.models import find_model
from registry_service.db.queries.promotions import open_promotions
from registry_service.db.queries.revoked import revocation_of
from registry_service.db.queries.stages import find_stage, pointer_of
from registry_service.db.queries.versions import describe_versions, find_file, find_version
from registry_service.db.tables import versions
from registry_service.db.view import View
from registry_service.domain.entities import (
    AffectedStage,
    ManifestFile,
    ModelVersion,
    RevocationImpact,
    RevokedVersion,
)
from registry_service.domain.errors import NoRollbackTarget, NothingToRollBack
from registry_service.domain.events import EventKind
from registry_service.domain.permissions import Action
from registry_service.domain.requests import RevokeVersion
from registry_service.failpoints import reach
from registry_service.services.changes import record_change, record_version_change
from registry_service.services.judging import stale_promotions_of
from registry_service.services.rollback import plan_rollback
from registry_service.services.texts import check_reason
from registry_service.services.work import Work


class ExaminedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file to download, and the version's number."""

    number: int
    file: ManifestFile


def revoke_version(work: Work, model: str, selector: str, body: RevokeVersion) -> RevokedVersion:
    """Withdraw a version for good: no download, no promotion, no rollback target; open promotions of it go stale.
    Where it is current, it stays so until somebody rolls back or vacates: the registry doesn't stop what runs. The
    answer says where that is.

    Content is withdrawn, not a number: versions with the same digest go with it."""

    found = find_model(work, model, Action.VERSION_REVOKE, lock=True)
    version = find_version(work, found, selector)
    check_reason(body.reason, "Say why the version is revoked.")
    impact = _impact(work, found, version)
    of_this_content = (
        versions.c.model_id == found.id,
        versions.c.digest == version.digest,
        versions.c.revoked_at.is_(None),
    )
    numbers = select(versions.c.number).where(*of_this_content).order_by(versions.c.number)
    for number in work.connection.execute(numbers).scalars().all():
        work.connection.execute(
            update(versions)
            .where(*of_this_content, versions.c.number == number)
            .values(revoked_at=work.now, revoked_by=work.actor.name, revoked_reason=body.reason)
        )
        reach("revoke.written")
        record_change(
            work,
            found,
            EventKind.VERSION_REVOKED,
            subject=str(number),
            version=number,
            digest=version.digest,
            reason=body.reason,
        )
        stale_promotions_of(work, found, f"version {number} was revoked: {body.reason}", number=number)
        reach("revoke.promotions_closed")
    found = find_model(work, model, Action.VERSION_READ)
    described = describe_versions(work, found, [find_version(work, found, str(version.number))])[0]
    fields = {name: getattr(described, name) for name in ModelVersion.__struct_fields__}
    return RevokedVersion(**fields, impact=msgspec.structs.replace(impact, revision=found.revision))


def revoke_impact(view: View, model: str, selector: str) -> RevocationImpact:
    """What revoking this version would touch, of that which the caller may see. Nothing is changed."""

    found = find_model(view, model, Action.VERSION_READ)
    return _impact(view, found, find_version(view, found, selector))


def examine_file(work: Work, model: str, selector: str, path: str, reason: str) -> ExaminedFile:
    """A file for a download that gives a reason. Bytes of a revoked version are for admins
    alone, in person: to find out what was wrong with them. The log says who took them, and why.

    :raises FileNotInVersion: the manifest has no such path.
    """

    found = find_model(work, model, Action.VERSION_DOWNLOAD, lock=True)
    version = find_version(work, found, selector)
    file = find_file(work, found, version, path)
    check_reason(reason, "Say why the bytes of a revoked version are taken.")
    if revocation_of(work, found.id, version.digest) is not None:
        work.authorize(Action.VERSION_EXAMINE, model)
        record_version_change(
            work,
            found,
            version,
            EventKind.VERSION_EXAMINED,
            path=file.path,
            reason=reason,
        )
    return ExaminedFile(number=version.number, file=file)


def _impact(view: View, model: Row[Any], version: Row[Any]) -> RevocationImpact:
    numbers = versions_of_content(view, model.id, version.digest)
    derived, complete = derived_from(view, model, numbers)
    return RevocationImpact(
        model_name=model.name,
        version=version.number,
        digest=version.digest,
        versions=numbers,
        stages=[_affected(view, model, stage) for stage in stages_of(view, model.id, numbers)],
        aliases=aliases_of(view, model.id, numbers),
        promotions=[row.id for row in open_promotions(view, model.id) if row.number in numbers],
        deployments=running_deployments(view, model.id, numbers),
        derived=derived,
        derived_complete=complete,
        revision=model.revision,
    )


def _affected(view: View, model: Row[Any], stage: str) -> AffectedStage:
    pointer = pointer_of(view, find_stage(view, model, stage))
    assert pointer.version is not None
    try:
        back = plan_rollback(view, model, pointer, from_version=pointer.version).to_version
    except (NoRollbackTarget, NothingToRollBack):
        back = None
    return AffectedStage(stage=stage, version=pointer.version, rollback_to=back)
