"""Reporting checks: a machine's passed or failed, with evidence."""

from __future__ import annotations

import msgspec
from sqlalchemy import insert, select

from registry_service.db.queries.checks import describe_checks
from registry_service.db.queries.models import find_model
from registry_service.db.queries.revoked import refuse_revoked
from registry_service.db.queries.versions import find_version
from registry_service.db.tables import check_attachments, checks
from registry_service.domain.attachments import check_attachments as check_files
from registry_service.domain.entities import Check
from registry_service.domain.errors import TooLarge
from registry_service.domain.events import EventKind
from registry_service.domain.names import check_key
from registry_service.domain.permissions import Action
from registry_service.domain.references import check_link
from registry_service.domain.requests import ReportCheck
from registry_service.failpoints import reach
from registry_service.services.changes import record_version_change
from registry_service.services.judging import judge
from registry_service.services.texts import check_description
from registry_service.services.uploads import take_in
from registry_service.services.work import Work

MAX_EVIDENCE = 256 * 1024


def report_check(work: Work, model: str, selector: str, body: ReportCheck) -> Check:
    """Add a report; the latest of a name counts. Open promotions of the version are judged anew at once.

    :raises InvalidInput: `url` is no link by HTTP, or carries a secret.
    :raises UploadIncomplete: bytes of an attachment are neither in the upload nor in a version in sight.
    :raises VersionRevoked: nothing measured of a revoked version matters any more.
    """

    found = find_model(work, model, Action.CHECK_REPORT, lock=True)
    version = find_version(work, found, selector)
    check_key(body.name)
    check_description(body.summary, "The summary")
    if body.url is not None:
        check_description(body.url, "url")
        check_link(body.url, "url")
    check_files(body.attachments)
    if len(msgspec.json.encode(body.evidence)) > MAX_EVIDENCE:
        raise TooLarge("The evidence is larger than 256 KiB. Keep it short and link to the rest with `url`.")
    refuse_revoked(work, version)
    take_in(work, body.attachments, body.upload)
    revision = record_version_change(
        work,
        found,
        version,
        EventKind.CHECK_REPORTED,
        check=body.name,
        status=body.status,
        summary=body.summary,
        attachments={file.name: file.digest for file in body.attachments},
    )
    check_id = work.connection.execute(
        insert(checks)
        .values(
            model_id=found.id,
            number=version.number,
            digest=version.digest,
            name=body.name,
            status=body.status,
            summary=body.summary,
            evidence=body.evidence,
            url=body.url,
            reported_by=work.actor.name,
            reported_at=work.now,
            revision=revision,
        )
        .returning(checks.c.id)
    ).scalar_one()
    if body.attachments:
        work.connection.execute(
            insert(check_attachments),
            [{"check_id": check_id, **msgspec.structs.asdict(file)} for file in body.attachments],
        )
    reach("check.written")
    judge(work, found, number=version.number)
    reach("check.judged")
    row = work.connection.execute(select(checks).where(checks.c.id == check_id)).one()
    return describe_checks(work, found.name, [row])[0]
