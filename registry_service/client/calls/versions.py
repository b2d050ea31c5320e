from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Unpack

from registry_service.client.calls.call import Call, Paging, Sink, read, write
from registry_service.domain.entities import (
    Check,
    Comparison,
    Facets,
    Manifest,
    ModelVersion,
    Page,
    RevocationImpact,
    RevokedVersion,
)
from registry_service.domain.requests import (
    DeleteVersion,
    LiftLegalHold,
    PlaceLegalHold,
    RegisterVersion,
    ReportCheck,
    RevokeVersion,
    UpdateVersion,
)

Selector = str | int


def list_versions(model: str, **paging: Unpack[Paging]) -> Call[Page[ModelVersion]]:
    """Versions of a model, filtered such as `metrics.auc > 0.9 AND status = 'ready'`."""
    return read(Page[ModelVersion], "models", model, "versions", **paging)


def list_all_versions(**paging: Unpack[Paging]) -> Call[Page[ModelVersion]]:
    """Versions of all models in sight, found such as by `stage = 'production' AND lineage.dataset = 's3://…'`."""
    return read(Page[ModelVersion], "versions", **paging)


def count_facets(
    fields: Sequence[str],
    *,
    filter: str | None = None,  # noqa: A002 - the parameter's name on the wire
    limit: int | None = None,
) -> Call[Facets]:
    """Which values fields such as `framework` and `tags.team` have, `limit` of each, and how often, among the newest
    10,000 versions in sight that the filter finds."""
    return read(Facets, "versions", "facets", fields=",".join(fields), filter=filter, limit=limit)


def count_model_facets(
    fields: Sequence[str],
    *,
    filter: str | None = None,  # noqa: A002 - the parameter's name on the wire
    limit: int | None = None,
) -> Call[Facets]:
    """The same of models in sight, by fields such as `owner`, `stage` and `latest_version.framework`."""
    return read(Facets, "facets", "models", fields=",".join(fields), filter=filter, limit=limit)


def register_version(model: str, body: RegisterVersion, *, idempotency_key: str | None = None) -> Call[ModelVersion]:
    """Make the next version of files that an upload brought. An identity that is known answers with its version."""
    return write("POST", ModelVersion, "models", model, "versions", body=body, key=idempotency_key)


def get_version(model: str, selector: Selector, *, as_of: datetime | None = None) -> Call[ModelVersion]:
    """The version that the selector names now, or named at `as_of`."""
    return read(ModelVersion, "models", model, "versions", selector, as_of=as_of)


def update_version(
    model: str, selector: Selector, body: UpdateVersion, *, idempotency_key: str | None = None
) -> Call[ModelVersion]:
    return write("PATCH", ModelVersion, "models", model, "versions", selector, body=body, key=idempotency_key)


def revoke_version(
    model: str, selector: Selector, body: RevokeVersion, *, idempotency_key: str | None = None
) -> Call[RevokedVersion]:
    """Withdraw a version for good; the answer says what that touches."""
    return write(
        "POST", RevokedVersion, "models", model, "versions", selector, "revoke", body=body, key=idempotency_key
    )


def revoke_impact(model: str, selector: Selector) -> Call[RevocationImpact]:
    """What revoking the version would touch. Nothing is changed."""
    return read(RevocationImpact, "models", model, "versions", selector, "revoke", "impact")


def delete_version(
    model: str, selector: Selector, body: DeleteVersion, *, idempotency_key: str | None = None
) -> Call[ModelVersion]:
    """Leave a tombstone; refused while anything needs the version."""
    return write("POST", ModelVersion, "models", model, "versions", selector, "delete", body=body, key=idempotency_key)


def restore_version(model: str, selector: Selector, *, idempotency_key: str | None = None) -> Call[ModelVersion]:
    """Bring a deleted version back, by its number, within seven days."""
    return write("POST", ModelVersion, "models", model, "versions", selector, "restore", key=idempotency_key)


def place_legal_hold(
    model: str, selector: Selector, body: PlaceLegalHold, *, idempotency_key: str | None = None
) -> Call[ModelVersion]:
    """Keep a version from being deleted until the hold is lifted."""
    parts = ("models", model, "versions", selector, "legal-hold")
    return write("POST", ModelVersion, *parts, body=body, key=idempotency_key)


def lift_legal_hold(
    model: str, selector: Selector, body: LiftLegalHold, *, idempotency_key: str | None = None
) -> Call[ModelVersion]:
    parts = ("models", model, "versions", selector, "legal-hold", "lift")
    return write("POST", ModelVersion, *parts, body=body, key=idempotency_key)


def get_manifest(model: str, selector: Selector) -> Call[Manifest]:
    return read(Manifest, "models", model, "versions", selector, "files")


def download_file(
    model: str, selector: Selector, path: str, *, sink: Sink | None = None, reason: str | None = None
) -> Call[bytes]:
    """The bytes of one file: in memory, or piece by piece into `sink` (then the answer is empty). With `reason`, an
    admin gets those of a revoked version too, and the log says so."""
    parts = ("models", model, "versions", selector, "files", *path.split("/"))
    return replace(read(bytes, *parts, reason=reason), sink=sink)


def list_checks(model: str, selector: Selector, **paging: Unpack[Paging]) -> Call[Page[Check]]:
    """All reports, newest first; the latest of a name counts."""
    return read(Page[Check], "models", model, "versions", selector, "checks", **paging)


def report_check(
    model: str, selector: Selector, body: ReportCheck, *, idempotency_key: str | None = None
) -> Call[Check]:
    return write("POST", Check, "models", model, "versions", selector, "checks", body=body, key=idempotency_key)


def download_attachment(
    model: str, selector: Selector, check: int, name: str, *, sink: Sink | None = None
) -> Call[bytes]:
    """The bytes of what is attached to a check, by its id: in memory, or piece by piece into `sink`."""
    parts = ("models", model, "versions", selector, "checks", check, "attachments", name)
    return replace(read(bytes, *parts), sink=sink)


def compare_versions(versions: Sequence[str], *, everything: bool = False) -> Call[Comparison]:
    """2 to 20 versions side by side, each named as `<model>/<selector>`; a notebook shows the answer as a table.
    `everything`: also the params, fields and files that don't differ."""
    return read(Comparison, "compare", versions=",".join(versions), everything=everything or None)
