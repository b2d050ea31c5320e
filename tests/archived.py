"""An archive made by hand, from its parts: what tests damage, and what hostile ones are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from registry_service.domain.archive import (
    DOCUMENTS,
    END,
    ArchivedCheck,
    ArchivedHistory,
    ArchivedPromotion,
    ArchivedReview,
    ArchivedVersion,
    ArchiveRecord,
    header,
    layout,
    padded,
    write_documents,
)
from registry_service.domain.entities import CheckStatus, LineageEdge, LineageKind, ManifestFile, Verdict
from registry_service.domain.manifest import content_digest, digest_of
from registry_service.domain.metadata import Metadata
from registry_service.domain.policies import PolicyPin
from registry_service.domain.promotions import Phase, PromotionKind

AT: Final = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
FILES: Final[Mapping[str, bytes]] = {"card.md": b"# card", "copy.md": b"# card", "empty": b"", "weights": b"w" * 700}
METADATA: Final = Metadata(metrics={"auc": 0.91}, params={"depth": 7}, framework="sklearn")
RECORD: Final = ArchiveRecord(exported_at=AT, exported_by="ada", exported_with="0.1.0")


def entries(files: Mapping[str, bytes] = FILES) -> list[ManifestFile]:
    return [ManifestFile(path=path, digest=digest_of(data), size=len(data)) for path, data in sorted(files.items())]


def version_of(files: Mapping[str, bytes] = FILES, metadata: Metadata = METADATA, **changes: Any) -> ArchivedVersion:
    listed = entries(files)
    given: dict[str, Any] = {
        "model_name": "fraud",
        "number": 7,
        "digest": content_digest(listed, metadata),
        "metadata": metadata,
        "files": listed,
    }
    return ArchivedVersion(**(given | changes))


def history_of(**changes: Any) -> ArchivedHistory:
    review: dict[str, Any] = {"verdict": Verdict.APPROVE, "comment": "sound", "digest": version_of().digest, "at": AT}
    given: dict[str, Any] = {
        "registry": "http://there.test",
        "url": "http://there.test/models/fraud/versions/7",
        "model_id": "m1",
        "registered_by": "tom",
        "registered_at": AT,
        "identity": "nightly 1",
        "source_uri": None,
        "description": "Trained in March.",
        "tags": {"team": "risk"},
        "aliases": ["champion"],
        "stages": ["production"],
        "card": "# Fraud",
        "lineage": [
            LineageEdge(kind=LineageKind.CODE_COMMIT, ref="4f1c2d9"),
            LineageEdge(kind=LineageKind.PARENT_VERSION, ref="base/3", digest="sha256:" + "0" * 64),
        ],
        "checks": [
            ArchivedCheck(
                name="evaluation",
                status=CheckStatus.PASSED,
                summary="fine",
                evidence={"auc": 0.91, "rows": 10**18},
                url=None,
                reported_by="ci",
                reported_at=AT,
            )
        ],
        "promotions": [
            ArchivedPromotion(
                id="p1",
                kind=PromotionKind.PROMOTION,
                stage="production",
                phase=Phase.APPLIED,
                policies=[PolicyPin(name="team", version=1)],
                reason="better",
                requested_by="tom",
                requested_at=AT,
                reviews=[
                    ArchivedReview(reviewer="vera", withdrawn_at=None, waived=False, **review),
                    ArchivedReview(reviewer="ben", withdrawn_at=AT, waived=False, **review),
                ],
                closed=None,
                applied_by="tom",
                applied_at=AT,
            )
        ],
        "complete": True,
    }
    return ArchivedHistory(**(given | changes))


def documents_of(version: ArchivedVersion | None = None, history: ArchivedHistory | None = None) -> list[bytes]:
    return write_documents(RECORD, version or version_of(), history or history_of())


def members_of(documents: Sequence[bytes], files: Mapping[str, bytes] = FILES) -> list[tuple[str, bytes]]:
    """Names and bytes of all members, in their order."""
    plan = layout(documents, entries(files))
    blobs = {digest_of(data): data for data in files.values()}
    parts = [*documents, *(blobs[member.digest] for member in plan.members[len(DOCUMENTS) : -1]), plan.sums]
    return [(member.name, data) for member, data in zip(plan.members, parts, strict=True)]


def tar_of(members: Sequence[tuple[str, bytes]]) -> bytes:
    """A tar file of any members, as an export would write them."""
    return b"".join(header(name, len(data)) + data.ljust(padded(len(data)), b"\0") for name, data in members) + END


def archive_of(
    files: Mapping[str, bytes] = FILES,
    version: ArchivedVersion | None = None,
    history: ArchivedHistory | None = None,
) -> bytes:
    return tar_of(members_of(documents_of(version or version_of(files), history), files))
