"""What one can ask for by a name, written once for the handles of both clients: calls and plans, as values.

No rule stands here: each goes to the call that there is for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Unpack

import msgspec

from registry_service.client import calls, carrying, plans
from registry_service.client.calls import Call, Paging
from registry_service.client.calls.call import quoted
from registry_service.client.carrying import ImportedVersion
from registry_service.client.plans import Files, Plan, ask
from registry_service.client.transfer import Progress
from registry_service.domain.archive import Archive
from registry_service.domain.entities import (
    Activity,
    Alias,
    Attachment,
    CardRevision,
    Check,
    CheckStatus,
    Comment,
    Comparison,
    Deployment,
    LineageDirection,
    LineageGraph,
    LiveModel,
    Manifest,
    ManifestFile,
    ModelCard,
    ModelVersion,
    Page,
    Promotion,
    RegisteredModel,
    RevokedVersion,
    Stage,
    StageRecord,
    Usage,
    Verdict,
    VersionCard,
    VersionProvenance,
    VersionUse,
)
from registry_service.domain.errors import RegistryError, VersionNotFound
from registry_service.domain.metadata import Metadata, MetadataField
from registry_service.domain.requests import (
    AddLineage,
    ApplyPromotion,
    CancelPromotion,
    ClearFailure,
    CreateModel,
    GiveReview,
    HoldStage,
    MoveAlias,
    NewLineageEdge,
    ReportCheck,
    ReportUsage,
    RequestPromotion,
    RevokeVersion,
    RollBack,
    RollbackHold,
    UpdateModel,
    UpdateVersion,
    VacateStage,
    WriteCard,
    WriteComment,
)

Selector = str | int


class Named(Protocol):
    """A version that is named: `fraud/@production`."""

    @property
    def reference(self) -> str: ...


@dataclass(frozen=True, slots=True)
class ModelName:
    model: str

    def __str__(self) -> str:
        return repr(self.model)

    def get(self) -> Call[RegisteredModel]:
        """The model as it is now."""
        return calls.get_model(self.model)

    def create(
        self,
        *,
        description: str = "",
        owner: str | None = None,
        tags: Mapping[str, str] | None = None,
        metadata_fields: Sequence[MetadataField] = (),
        stages: Sequence[str] | None = None,
        idempotency_key: str | None = None,
    ) -> Call[RegisteredModel]:
        """Make the model. `stages` None: `staging`, `production`.

        :raises AlreadyExists: there is one of this name.
        """
        body = CreateModel(
            name=self.model,
            description=description,
            owner=owner,
            tags=dict(tags or {}),
            metadata_fields=list(metadata_fields),
            stages=None if stages is None else list(stages),
        )
        return calls.create_model(body, idempotency_key=idempotency_key)

    def update(
        self,
        *,
        description: str | msgspec.UnsetType = msgspec.UNSET,
        owner: str | msgspec.UnsetType = msgspec.UNSET,
        tags: dict[str, str] | msgspec.UnsetType = msgspec.UNSET,
        archived: bool | msgspec.UnsetType = msgspec.UNSET,
        revision: int | None = None,
        idempotency_key: str | None = None,
    ) -> Call[RegisteredModel]:
        """Change what is given; `tags` replace all tags. With `revision`, only if the model hasn't changed since."""
        body = UpdateModel(description=description, owner=owner, tags=tags, archived=archived)
        return calls.update_model(self.model, body, revision=revision, idempotency_key=idempotency_key)

    def register(
        self,
        files: Files,
        *,
        metadata: Metadata | None = None,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        aliases: Sequence[str] = (),
        lineage: Sequence[NewLineageEdge] = (),
        identity: str | None = None,
        progress: Progress | None = None,
    ) -> Plan[ModelVersion]:
        """Register files as the next version, as `register` of the client does; the model is made where it isn't."""
        return plans.register(
            self.model,
            files,
            metadata=metadata,
            description=description,
            tags=tags,
            aliases=aliases,
            lineage=lineage,
            identity=identity,
            progress=progress,
        )

    def import_archive(
        self,
        path: plans.PathText,
        *,
        digest: str | None = None,
        promote: str | None = None,
        reason: str = "",
        progress: Progress | None = None,
    ) -> Plan[ImportedVersion]:
        """Register the version of an archive, as `import_archive` of the client does; the model is made where it
        isn't. `promote` is a stage to request a promotion to."""
        return carrying.import_archive(
            path, model=self.model, digest=digest, promote=promote, reason=reason, progress=progress
        )

    def versions(self, **paging: Unpack[Paging]) -> Call[Page[ModelVersion]]:
        """Versions, filtered such as `metrics.auc > 0.9 AND status = 'ready'`."""
        return calls.list_versions(self.model, **paging)

    def stages(self, **paging: Unpack[Paging]) -> Call[Page[Stage]]:
        """All stages, in their order."""
        return calls.list_stages(self.model, **paging)

    def aliases(self, **paging: Unpack[Paging]) -> Call[Page[Alias]]:
        """Movable pointers to versions."""
        return calls.list_aliases(self.model, **paging)

    def comments(self, **paging: Unpack[Paging]) -> Call[Page[Comment]]:
        """Those on the model itself, the oldest first."""
        return calls.list_model_comments(self.model, **paging)

    def comment(self, text: str, *, idempotency_key: str | None = None) -> Call[Comment]:
        """Write one, in Markdown; `@name` mentions a person or group."""
        return calls.comment_on_model(self.model, WriteComment(text=text), idempotency_key=idempotency_key)

    def activity(self, **paging: Unpack[Paging]) -> Call[Page[Activity]]:
        """What happened to the model, the newest first."""
        return calls.list_activity(model=self.model, **paging)

    def card(self) -> Call[ModelCard]:
        """What the model's card says now.

        :raises CardNotFound: it has none.
        """
        return calls.get_card(self.model)

    def write_card(
        self, text: str, *, revision: int | None = None, idempotency_key: str | None = None
    ) -> Call[ModelCard]:
        """Give the card this text. With `revision`, only if the card hasn't changed since."""
        return calls.write_card(self.model, WriteCard(text=text), revision=revision, idempotency_key=idempotency_key)

    def card_history(self, **paging: Unpack[Paging]) -> Call[Page[CardRevision]]:
        """The texts that the card has had, without the texts, the newest first."""
        return calls.list_card_history(self.model, **paging)

    def deployments(self, **paging: Unpack[Paging]) -> Call[Page[Deployment]]:
        """Where versions of the model run or ran, filtered such as `target = 'eu' AND status = 'running'`."""
        given = paging.get("filter")
        paging["filter"] = f"model = {quoted(self.model)}" + (f" AND ({given})" if given else "")
        return calls.list_deployments(**paging)

    def live(self, *, stage: str | None = None, as_of: datetime | None = None) -> Plan[LiveModel | None]:
        """What the stages authorise, and what the targets were seen to serve, now or at `as_of`. None: nothing is."""
        page = yield from ask(calls.live(self.model, stage=stage, as_of=as_of, limit=1))
        return page.items[0] if page.items else None


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
        self, destination: plans.PathText, *, progress: Progress | None = None, reason: str | None = None
    ) -> Plan[Manifest]:
        """Bring all files to `destination`, verified by the version's digest; the selector is resolved once."""
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
        body = ReportCheck(
            name=name, status=CheckStatus(status), summary=summary, evidence=dict(evidence or {}), url=url
        )
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
        body = ReportCheck(
            name=name, status=CheckStatus(status), summary=summary, evidence=dict(evidence or {}), url=url
        )
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


@dataclass(frozen=True, slots=True)
class StageName:
    model: str
    stage: str

    def __str__(self) -> str:
        return f"{self.model!r}, {self.stage!r}"

    def get(self, *, as_of: datetime | None = None) -> Call[Stage]:
        """The stage as it is now, or was at `as_of`."""
        return calls.get_stage(self.model, self.stage, as_of=as_of)

    def current(self, *, as_of: datetime | None = None) -> Call[ModelVersion]:
        """The version that is current in the stage now, or was at `as_of`.

        :raises StageVacant: none is, or was.
        :raises VersionNotFound: the stage didn't exist then.
        """
        return calls.get_version(self.model, f"@{self.stage}", as_of=as_of)

    def history(self, **paging: Unpack[Paging]) -> Call[Page[StageRecord]]:
        """Everything that was current in the stage, newest first."""
        return calls.stage_history(self.model, self.stage, **paging)

    def rollback(
        self,
        reason: str,
        *,
        from_version: int | None = None,
        promotion: str | None = None,
        to: str | None = None,
        hold: RollbackHold | None = None,
        people: Sequence[str] = (),
        idempotency_key: str | None = None,
    ) -> Call[Promotion]:
        """Bring back the version that was current before. It is bound to what it undoes (`from_version`, or the
        `promotion` that brought it), so that asked for twice it goes back once."""
        body = RollBack(
            reason=reason, from_version=from_version, promotion=promotion, to=to, hold=hold, people=list(people)
        )
        return calls.roll_back(self.model, self.stage, body, idempotency_key=idempotency_key)

    def hold(self, reason: str, *, until: datetime | None = None, idempotency_key: str | None = None) -> Call[Stage]:
        """Let no promotion enter the stage for a while. `until` None: until somebody releases it."""
        body = HoldStage(reason=reason, until=until)
        return calls.hold_stage(self.model, self.stage, body, idempotency_key=idempotency_key)

    def release(self, *, idempotency_key: str | None = None) -> Call[Stage]:
        """End the hold."""
        return calls.release_stage(self.model, self.stage, idempotency_key=idempotency_key)

    def vacate(self, from_version: int, reason: str, *, idempotency_key: str | None = None) -> Call[Stage]:
        """Leave the stage without a version, where nothing good is left."""
        body = VacateStage(from_version=from_version, reason=reason)
        return calls.vacate_stage(self.model, self.stage, body, idempotency_key=idempotency_key)

    def clear_failure(self, version: int, reason: str, *, idempotency_key: str | None = None) -> Call[Stage]:
        """Let a version that a rollback abandoned come back to the stage."""
        body = ClearFailure(version=version, reason=reason)
        return calls.clear_failure(self.model, self.stage, body, idempotency_key=idempotency_key)


@dataclass(frozen=True, slots=True)
class AliasName:
    model: str
    alias: str

    def __str__(self) -> str:
        return f"{self.model!r}, {self.alias!r}"

    def get(self) -> Call[Alias]:
        """Where the alias points now."""
        return calls.get_alias(self.model, self.alias)

    def move(self, to: Selector, *, revision: int | None = None, idempotency_key: str | None = None) -> Call[Alias]:
        """Point the alias to a version; makes it where it doesn't exist."""
        return VersionName(self.model, to).alias(self.alias, revision=revision, idempotency_key=idempotency_key)

    def remove(self, *, revision: int | None = None, idempotency_key: str | None = None) -> Call[None]:
        """The version stays."""
        return calls.remove_alias(self.model, self.alias, revision=revision, idempotency_key=idempotency_key)


@dataclass(frozen=True, slots=True)
class PromotionName:
    promotion: str

    def __str__(self) -> str:
        return repr(self.promotion)

    def get(self, *, holder: str | None = None) -> Call[Promotion]:
        """The promotion with its decision judged now; for `holder`, its own lease doesn't stand in the way."""
        return calls.get_promotion(self.promotion, holder=holder)

    def approve(self, digest: str, *, comment: str = "", idempotency_key: str | None = None) -> Call[Promotion]:
        """Approve the content of this digest, which is what the reviewer looked at."""
        body = GiveReview(verdict=Verdict.APPROVE, digest=digest, comment=comment)
        return calls.review_promotion(self.promotion, body, idempotency_key=idempotency_key)

    def reject(self, digest: str, *, comment: str = "", idempotency_key: str | None = None) -> Call[Promotion]:
        """Reject it."""
        body = GiveReview(verdict=Verdict.REJECT, digest=digest, comment=comment)
        return calls.review_promotion(self.promotion, body, idempotency_key=idempotency_key)

    def withdraw_review(self, *, idempotency_key: str | None = None) -> Call[Promotion]:
        """Take the caller's own review back."""
        return calls.withdraw_review(self.promotion, idempotency_key=idempotency_key)

    def apply(self, *, holder: str | None = None, idempotency_key: str | None = None) -> Call[Promotion]:
        """Make the version current. Judged again at this moment."""
        return calls.apply_promotion(self.promotion, ApplyPromotion(holder=holder), idempotency_key=idempotency_key)

    def cancel(self, reason: str = "", *, idempotency_key: str | None = None) -> Call[Promotion]:
        """Take the request back."""
        return calls.cancel_promotion(self.promotion, CancelPromotion(reason=reason), idempotency_key=idempotency_key)

    def comments(self, **paging: Unpack[Paging]) -> Call[Page[Comment]]:
        """Those on the promotion, the oldest first."""
        return calls.list_promotion_comments(self.promotion, **paging)

    def comment(self, text: str, *, idempotency_key: str | None = None) -> Call[Comment]:
        """Write one, in Markdown; `@name` mentions a person or group."""
        body = WriteComment(text=text)
        return calls.comment_on_promotion(self.promotion, body, idempotency_key=idempotency_key)
