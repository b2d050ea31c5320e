"""What one can ask for of a version by its model and a selector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Unpack

import msgspec

from registry_service.client import calls, carrying, plans
from registry_service.client.calls import Call, Paging
from registry_service.client.plans import Files, Plan, ask
from registry_service.client.transfer import Progress
from registry_service.domain.archive import Archive
from registry_service.domain.entities import (
    Alias,
    Attachment,
    Check,
    CheckStatus,
    Comment,
    Comparison,
    LineageDirection,
    LineageGraph,
    Manifest,
    ManifestFile,
    ModelVersion,
    Page,
    Promotion,
    RevokedVersion,
    Usage,
    VersionCard,
    VersionProvenance,
    VersionUse,
)
from registry_service.domain.errors import RegistryError, VersionNotFound
from registry_service.domain.metadata import Metadata
from registry_service.domain.requests import (
    AddLineage,
    ApplyPromotion,
    MoveAlias,
    NewLineageEdge,
    ReportCheck,
    ReportUsage,
    RequestPromotion,
    RevokeVersion,
    UpdateVersion,
    WriteComment,
)

Selector = str | int


class Named(Protocol):
    """A version that is named: `fraud/@production`."""

    @property
    def reference(self) -> str: ...


@dataclass(frozen=True, slots=True)
class VersionName:
    model: str
    selector: Selector

    def __str__(self) -> str:
        return f"{self.model!r}, {self.selector!r}"

    @property
    def reference(self) -> str:
        return f"{self.model}/{self.selector}"

    def get(self, *, as_of: datetime | None = None) -> Call[ModelVersion]:
        """The version that the selector names now, or named at `as_of`."""
        return calls.get_version(self.model, self.selector, as_of=as_of)

    def fixed(self, *, as_of: datetime | None = None) -> Plan[VersionName]:
        """The same version by its number, whatever the selector comes to name."""
        found = yield from ask(self.get(as_of=as_of))
        return VersionName(found.model_name, found.number)

    def metadata(self) -> Plan[Metadata]:
        """What was said of the version when it was registered."""
        return (yield from ask(self.get())).metadata

    def files(self) -> Plan[list[ManifestFile]]:
        """All files, in the order of their paths."""
        return (yield from ask(calls.get_manifest(self.model, self.selector))).files

    def download(
        self, destination: plans.PathText | None = None, *, progress: Progress | None = None, reason: str | None = None
    ) -> Plan[Manifest]:
        """Bring all files to `destination`, or to a directory named after the version (`fraud-3`), verified by the
        version's digest; the selector is resolved once."""
        return plans.download(self.model, self.selector, destination, progress=progress, reason=reason)

    def export(
        self, path: plans.PathText, *, overwrite: bool = False, progress: Progress | None = None
    ) -> Plan[Archive]:
        """Write the version into one file, to be imported into another registry; the selector is resolved once."""
        return carrying.export_version(self.model, self.selector, path, overwrite=overwrite, progress=progress)

    def read(self, path: str, *, reason: str | None = None) -> Call[bytes]:
        """The bytes of one file, in memory. They aren't verified: `download` does that."""
        return calls.download_file(self.model, self.selector, path, reason=reason)

    def request_promotion(
        self, to: str, *, reason: str = "", people: Sequence[str] = (), idempotency_key: str | None = None
    ) -> Call[Promotion]:
        """Ask for the version to become current in the stage `to`; an open request of the same digest is answered
        again."""
        body = RequestPromotion(
            model=self.model, version=str(self.selector), stage=to, reason=reason, people=list(people)
        )
        return calls.request_promotion(body, idempotency_key=idempotency_key)

    def promote(self, to: str, *, reason: str = "", people: Sequence[str] = ()) -> Plan[Promotion]:
        """Request the promotion to the stage `to`, and apply it if that may be now.

        :raises NotApproved: somebody or something has yet to speak. The request stays, and a note of the error names
            it; once it is approved, the same call applies it.
        """
        promotion = yield from ask(self.request_promotion(to, reason=reason, people=people))
        try:
            return (yield from ask(calls.apply_promotion(promotion.id, ApplyPromotion())))
        except RegistryError as refusal:
            refusal.add_note(f"The request is promotion {promotion.id}: {promotion.url}")
            raise

    def alias(self, name: str, *, revision: int | None = None, idempotency_key: str | None = None) -> Call[Alias]:
        """Point the alias to this version; makes it where it doesn't exist."""
        body = MoveAlias(version=str(self.selector))
        return calls.move_alias(self.model, name, body, revision=revision, idempotency_key=idempotency_key)

    def compare(self, *others: Selector | Named, everything: bool = False) -> Call[Comparison]:
        """This version and others side by side; differences are to this one. An other is a selector of the same model,
        `<model>/<selector>`, or a handle. `everything`: also what doesn't differ."""
        return calls.compare_versions([self.reference, *map(self._other, others)], everything=everything)

    def _other(self, other: Selector | Named) -> str:
        if not isinstance(other, str | int):
            return other.reference
        return other if isinstance(other, str) and "/" in other else f"{self.model}/{other}"

    def lineage(
        self,
        *,
        direction: LineageDirection | str | None = None,
        depth: int | None = None,
        limit: int | None = None,
    ) -> Call[LineageGraph]:
        """What made the version (`up`), what was made of it (`down`), or `both`."""
        return calls.get_lineage(self.model, self.selector, direction=direction, depth=depth, limit=limit)

    def add_lineage(self, *edges: NewLineageEdge, idempotency_key: str | None = None) -> Call[ModelVersion]:
        """Say later what made the version."""
        return calls.add_lineage(
            self.model, self.selector, AddLineage(edges=list(edges)), idempotency_key=idempotency_key
        )

    def checks(self, **paging: Unpack[Paging]) -> Call[Page[Check]]:
        """All reports, newest first; the latest of a name counts."""
        return calls.list_checks(self.model, self.selector, **paging)

    def report_check(
        self,
        name: str,
        status: CheckStatus | str,
        *,
        summary: str = "",
        evidence: Mapping[str, object] | None = None,
        url: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Check]:
        """Say what was measured, with the evidence."""
        body = _report(name, status, summary, evidence, url)
        return calls.report_check(self.model, self.selector, body, idempotency_key=idempotency_key)

    def report_check_with(
        self,
        attachments: Files,
        name: str,
        status: CheckStatus | str,
        *,
        summary: str = "",
        evidence: Mapping[str, object] | None = None,
        url: str | None = None,
        progress: Progress | None = None,
        idempotency_key: str | None = None,
    ) -> Plan[Check]:
        """The same with files, such as plots and reports: a file, a directory of files, or {name: file}."""
        body = _report(name, status, summary, evidence, url)
        return plans.report_with_attachments(
            self.model, self.selector, body, attachments, progress=progress, idempotency_key=idempotency_key
        )

    def download_attachments(
        self, check: int, destination: plans.PathText, *, progress: Progress | None = None
    ) -> Plan[list[Attachment]]:
        """Bring what is attached to a report of a check, by the report's id, to `destination`, verified."""
        return plans.download_attachments(self.model, self.selector, check, destination, progress=progress)

    def card(self) -> Call[VersionCard]:
        """The model's card that stood when the version was registered and last approved, and what changed since."""
        return calls.get_version_card(self.model, self.selector)

    def provenance(self) -> Plan[VersionProvenance]:
        """All that answers for the version: its lineage, checks, promotions with their reviews, when it was in which
        stage, and where it was deployed."""
        version = yield from ask(self.get())
        page = yield from ask(calls.list_provenance(version.digest, limit=200))
        while True:
            for found in page.items:
                if (found.version.model_id, found.version.number) == (version.model_id, version.number):
                    return found
            # It may have been deleted in the meantime.
            if page.next_cursor is None:
                raise VersionNotFound(f"{self.reference} is not there any more.", version=version.number)
            page = yield from ask(calls.list_provenance(version.digest, limit=200, cursor=page.next_cursor))

    def use(self) -> Call[VersionUse]:
        """What the version is needed for, how often a usage was reported, and when it was last used."""
        return calls.get_version_use(self.model, self.selector)

    def usages(self, **paging: Unpack[Paging]) -> Call[Page[Usage]]:
        """What runs used the version for, the newest first."""
        return calls.list_usages(self.model, self.selector, **paging)

    def report_usage(
        self,
        batch: str,
        run: str,
        *,
        rows: int | None = None,
        digest: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Usage]:
        """Say that a run used the version for a batch; said again, it is the same usage."""
        body = ReportUsage(batch=batch, run=run, rows=rows, digest=digest)
        return calls.report_usage(self.model, self.selector, body, idempotency_key=idempotency_key)

    def comments(self, **paging: Unpack[Paging]) -> Call[Page[Comment]]:
        """Those on the version, the oldest first."""
        return calls.list_version_comments(self.model, self.selector, **paging)

    def comment(self, text: str, *, idempotency_key: str | None = None) -> Call[Comment]:
        """Write one, in Markdown; `@name` mentions a person or group."""
        body = WriteComment(text=text)
        return calls.comment_on_version(self.model, self.selector, body, idempotency_key=idempotency_key)

    def update(
        self,
        *,
        description: str | msgspec.UnsetType = msgspec.UNSET,
        tags: dict[str, str] | msgspec.UnsetType = msgspec.UNSET,
        idempotency_key: str | None = None,
    ) -> Call[ModelVersion]:
        """Change what is given; `tags` replace all tags. Content never changes."""
        body = UpdateVersion(description=description, tags=tags)
        return calls.update_version(self.model, self.selector, body, idempotency_key=idempotency_key)

    def revoke(self, reason: str, *, idempotency_key: str | None = None) -> Call[RevokedVersion]:
        """Withdraw the version for good; the answer says what that touches."""
        body = RevokeVersion(reason=reason)
        return calls.revoke_version(self.model, self.selector, body, idempotency_key=idempotency_key)


def _report(
    name: str, status: CheckStatus | str, summary: str, evidence: Mapping[str, object] | None, url: str | None
) -> ReportCheck:
    return ReportCheck(name=name, status=CheckStatus(status), summary=summary, evidence=dict(evidence or {}), url=url)
