"""Deleting versions, bringing them back, and legal holds that keep them.

A deleted version leaves a tombstone: number, digest, manifest and metadata stay, and nothing else gets the number. Its
bytes stay for a grace, with what was attached to its checks, in which an admin may restore it. Then it is let go, for
good: from that moment on, which is a fact in its row and not a matter of clocks, its bytes are needed no more and it
can't come back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Row, select, update

from registry_service.db.queries.models import find_model
from registry_service.db.queries.uses import uses_of
from registry_service.db.queries.versions import describe_versions, find_deleted_version, find_version
from registry_service.db.tables import check_attachments, checks, models, version_files, versions
from registry_service.domain.entities import ModelVersion, Use, UseKind
from registry_service.domain.entities.use import KEEPS_MODEL
from registry_service.domain.errors import Conflict, InUse, VersionDeleted
from registry_service.domain.events import EventKind
from registry_service.domain.permissions import Action
from registry_service.domain.requests import DeleteVersion, LiftLegalHold, PlaceLegalHold
from registry_service.services.changes import record_version_change
from registry_service.services.texts import check_reason
from registry_service.services.work import Work

GRACE: Final = timedelta(days=7)
LET_GO_AT_ONCE: Final = 100
USES_TOLD: Final = 5
USES_LISTED: Final = 100
"""How much of what needs a model's versions a refusal names in words, and to programs."""

_WORDS: Final = {
    UseKind.STAGE: "current in {}",
    UseKind.ALIAS: "named by @{}",
    UseKind.PROMOTION: "asked for by promotion {}",
    UseKind.DEPLOYMENT: "running as deployment {}",
    UseKind.LEGAL_HOLD: "under a legal hold ({})",
    UseKind.ROLLBACK_WINDOW: "within reach of a rollback of {}",
}


def delete_version(work: Work, model: str, selector: str, body: DeleteVersion) -> ModelVersion:
    """:raises InUse: a stage, an alias, an open promotion, a deployment, a legal hold or a stage's way back needs it.
    :raises VersionDeleted: it is deleted already.
    """

    found = find_model(work, model, Action.VERSION_DELETE, lock=True)
    version = find_version(work, found, selector)
    check_reason(body.reason, "Say why the version is deleted.")
    uses = uses_of(work, found, [version.number])[version.number]
    if uses:
        raise InUse(
            f"Version {version.number} of '{model}' can't be deleted: it is {_why(uses)}. End that first.",
            used_by=_used_by(uses),
        )
    mark_deleted(work, found, version, body.reason)
    return _described(work, model, find_deleted_version(work, found, str(version.number)))


def refuse_model_in_use(work: Work, model: Row[Any]) -> None:
    """What keeps a version keeps its model, as far as it reaches out of the model: see `KEEPS_MODEL`.

    :raises InUse: a stage, a deployment (also one that was seen to serve it), or a legal hold needs a version.
    """

    kept = {number: [use for use in uses if use.kind in KEEPS_MODEL] for number, uses in uses_of(work, model).items()}
    used = sorted((number, uses) for number, uses in kept.items() if uses)
    if not used:
        return
    told = [f"version {number} is {_why(uses[:USES_TOLD])}" for number, uses in used[:USES_TOLD]]
    if len(used) > USES_TOLD:
        told.append(f"and {len(used) - USES_TOLD} further versions are in use")
    raise InUse(
        f"'{model.name}' can't be deleted: {'; '.join(told)}. Vacate its stages, report its deployments as ended, and"
        " lift its legal holds first.",
        used_by=list(dict.fromkeys(_used_by([use for _, uses in used for use in uses])))[:USES_LISTED],
    )


def mark_deleted(work: Work, model: Row[Any], version: Row[Any], reason: str, **why: object) -> None:
    """Leave the tombstone of a version that nothing needs."""

    values = {"deleted_at": work.now, "deleted_by": work.actor.name, "deleted_reason": reason}
    work.connection.execute(update(versions).where(_is(version)).values(**values))
    record_version_change(work, model, version, EventKind.VERSION_DELETED, reason=reason, **why)


def restore_version(work: Work, model: str, selector: str) -> ModelVersion:
    """Bring a deleted version back, within the grace.

    :raises VersionNotFound: no version of this number was deleted.
    :raises VersionDeleted: it was let go.
    """

    found = find_model(work, model, Action.VERSION_DELETE, lock=True)
    version = find_deleted_version(work, found, selector)
    if version.let_go_at is not None:
        raise VersionDeleted(
            f"Version {version.number} of '{model}' was let go {version.let_go_at:%Y-%m-%d}, and its bytes may be gone."
            " Register the content anew.",
            version=version.number,
            restorable=False,
        )
    nothing = {"deleted_at": None, "deleted_by": None, "deleted_reason": None}
    work.connection.execute(update(versions).where(_is(version)).values(**nothing))
    record_version_change(work, found, version, EventKind.VERSION_RESTORED)
    return _described(work, model, find_version(work, found, str(version.number)))


def place_legal_hold(work: Work, model: str, selector: str, body: PlaceLegalHold) -> ModelVersion:
    """Keep a version from being deleted, by hand or by a rule. Placed again, it has the new reason."""

    found = find_model(work, model, Action.VERSION_LEGAL_HOLD, lock=True)
    version = find_version(work, found, selector)
    check_reason(body.reason, "Say why the version must be kept.")
    values = {"legal_hold_at": work.now, "legal_hold_by": work.actor.name, "legal_hold_reason": body.reason}
    work.connection.execute(update(versions).where(_is(version)).values(**values))
    record_version_change(work, found, version, EventKind.VERSION_LEGAL_HOLD_PLACED, reason=body.reason)
    return _described(work, model, find_version(work, found, str(version.number)))


def lift_legal_hold(work: Work, model: str, selector: str, body: LiftLegalHold) -> ModelVersion:
    """:raises Conflict: there is none."""

    found = find_model(work, model, Action.VERSION_LEGAL_HOLD, lock=True)
    version = find_version(work, found, selector)
    check_reason(body.reason, "Say why the version need not be kept any more.")
    if version.legal_hold_at is None:
        raise Conflict(f"Version {version.number} of '{model}' is under no legal hold. Nothing was changed.")
    nothing = {"legal_hold_at": None, "legal_hold_by": None, "legal_hold_reason": None}
    work.connection.execute(update(versions).where(_is(version)).values(**nothing))
    record_version_change(work, found, version, EventKind.VERSION_LEGAL_HOLD_LIFTED, reason=body.reason)
    return _described(work, model, find_version(work, found, str(version.number)))


def let_go(work: Work) -> None:
    """End the grace of some versions that were deleted long enough ago: their bytes are needed no more."""

    over = (
        select(versions.c.model_id, versions.c.number, models.c.name)
        .join(models, models.c.id == versions.c.model_id)
        .where(versions.c.deleted_at <= work.now - GRACE, versions.c.let_go_at.is_(None))
        .order_by(versions.c.deleted_at, versions.c.model_id, versions.c.number)
        .limit(LET_GO_AT_ONCE)
    )
    for row in work.connection.execute(over).all():
        # Whoever restores it holds the model: one of the two is first, and the other sees it.
        work.connection.execute(select(models.c.id).where(models.c.id == row.model_id).with_for_update())
        gone = update(versions).where(_is(row), versions.c.deleted_at <= work.now - GRACE).values(let_go_at=work.now)
        if work.connection.execute(gone).rowcount:
            files = (version_files.c.model_id == row.model_id) & (version_files.c.number == row.number)
            work.connection.execute(update(version_files).where(files).values(kept=False))
            of_version = select(checks.c.id).where(checks.c.model_id == row.model_id, checks.c.number == row.number)
            attached = check_attachments.c.check_id.in_(of_version)
            work.connection.execute(update(check_attachments).where(attached).values(kept=False))


def _why(uses: Sequence[Use]) -> str:
    return ", ".join(_WORDS[use.kind].format(use.name) for use in uses)


def _used_by(uses: Sequence[Use]) -> list[str]:
    return [f"{use.kind}:{use.name}" for use in uses]


def _is(version: Any) -> Any:  # noqa: ANN401 - a row with both, and a condition
    return (versions.c.model_id == version.model_id) & (versions.c.number == version.number)


def _described(work: Work, model: str, version: Row[Any]) -> ModelVersion:
    return describe_versions(work, find_model(work, model, Action.VERSION_READ), [version])[0]
