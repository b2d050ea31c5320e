"""That versions are used: what batch runs report, and what is known from deployments."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from sqlalchemy import bindparam, delete, insert, select, update

from registry_service.db.prepared import Prepared
from registry_service.db.queries.models import find_model
from registry_service.db.queries.usages import describe_usage, find_use
from registry_service.db.queries.versions import find_version
from registry_service.db.tables import usages, version_uses, versions
from registry_service.domain.entities import Usage
from registry_service.domain.errors import DigestMismatch
from registry_service.domain.events import EventKind
from registry_service.domain.permissions import Action
from registry_service.domain.requests import ReportUsage
from registry_service.domain.usages import check_usage
from registry_service.services.changes import record_version_change
from registry_service.services.work import Work

KEPT: Final = 10_000
"""Usages of one version that are kept: the newest. The log has all."""

_KNOWN: Final = Prepared(
    select(usages).where(
        usages.c.model_id == bindparam("model_id"),
        usages.c.number == bindparam("number"),
        usages.c.fingerprint == bindparam("fingerprint"),
    )
)
_COUNT: Final = Prepared(
    update(version_uses)
    .where(version_uses.c.model_id == bindparam("model_id"), version_uses.c.number == bindparam("of"))
    .values(usages=version_uses.c.usages + 1)
)
_FORGET: Final = Prepared(
    delete(usages).where(
        usages.c.model_id == bindparam("model_id"),
        usages.c.number == bindparam("number"),
        usages.c.ordinal <= bindparam("up_to"),
    )
)

_TOUCH: Final = Prepared(
    update(version_uses)
    .where(version_uses.c.model_id == bindparam("model_id"), version_uses.c.number == bindparam("of"))
    .values(last_used_at=bindparam("now"))
)
_FIRST: Final = Prepared(insert(version_uses), columns=["model_id", "number", "last_used_at", "usages"])
_WITH_CONTENT: Final = Prepared(
    select(versions.c.number).where(
        versions.c.digest == bindparam("digest"), versions.c.model_id == bindparam("model_id")
    )
)


def report_usage(work: Work, model: str, selector: str, body: ReportUsage) -> Usage:
    """Note that a run used the version for a batch, revoked or not: it is a fact. Reported again by the run for the
    batch it stays one usage, whose rows are what was said last.

    :raises DigestMismatch: the version has other content than the run used.
    :raises InvalidInput, TooLarge: as `check_usage`.
    """

    found = find_model(work, model, Action.USAGE_REPORT, lock=True)
    check_usage(body)
    version = find_version(work, found, selector)
    if body.digest not in (None, version.digest):
        raise DigestMismatch(
            f"Version {version.number} of '{model}' has the digest {version.digest}, and the run used {body.digest}."
            " Name the version by the digest that was used.",
            expected=version.digest,
            received=body.digest,
        )
    of = {"model_id": found.id, "number": version.number}
    fingerprint = hashlib.sha256(f"{body.run}\0{body.batch}".encode()).hexdigest()
    known = _KNOWN.row(work.connection, **of, fingerprint=fingerprint)
    if known is not None:
        work.existed = True
        if body.rows in (None, known.rows):
            return describe_usage(found.name, known)
    revision = record_version_change(
        work, found, version, EventKind.VERSION_USED, batch=body.batch, run=body.run, rows=body.rows
    )
    note_use(work, found.id, [version.number])
    said = {
        "rows": body.rows,
        "reported_at": work.now,
        "reported_by": work.actor.name,
        "revision": revision,
    }
    if known is not None:
        same = (usages.c.model_id == found.id) & (usages.c.number == version.number)
        work.connection.execute(update(usages).where(same, usages.c.ordinal == known.ordinal).values(**said))
    else:
        _COUNT.change(work.connection, model_id=found.id, of=version.number)
        used = find_use(work, found.id, version.number)
        assert used is not None, "its use was noted"
        about = {"digest": version.digest, "batch": body.batch, "run": body.run, "fingerprint": fingerprint}
        work.connection.execute(insert(usages).values(**of, ordinal=used.usages, **about, **said))
        _FORGET.change(work.connection, **of, up_to=used.usages - KEPT)
    row = _KNOWN.row(work.connection, **of, fingerprint=fingerprint)
    assert row is not None, "it was written"
    return describe_usage(found.name, row)


def note_use(work: Work, model_id: str, numbers: Iterable[int]) -> None:
    """Note that these versions were used now. The model's row is locked by the caller."""

    for number in numbers:
        if not _TOUCH.change(work.connection, model_id=model_id, of=number, now=work.now):
            _FIRST.change(work.connection, model_id=model_id, number=number, last_used_at=work.now, usages=0)


def note_served(work: Work, model_id: str, digest: str) -> None:
    """Note that a target serves this content: whichever versions of the model have it."""

    note_use(work, model_id, _WITH_CONTENT.values(work.connection, model_id=model_id, digest=digest))
