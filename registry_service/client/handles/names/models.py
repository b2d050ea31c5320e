"""What one can ask for of a model by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Unpack

import msgspec

from registry_service.client import calls, carrying, plans
from registry_service.client.calls import Call, Paging
from registry_service.client.carrying import ImportedVersion
from registry_service.client.plans import Files, Plan, ask
from registry_service.client.transfer import Progress
from registry_service.domain.entities import (
    Activity,
    Alias,
    CardRevision,
    Comment,
    Deployment,
    LiveModel,
    ModelCard,
    ModelVersion,
    Page,
    RegisteredModel,
    Stage,
)
from registry_service.domain.metadata import Metadata, MetadataField
from registry_service.domain.quoting import quoted
from registry_service.domain.requests import (
    CreateModel,
    NewLineageEdge,
    UpdateModel,
    WriteCard,
    WriteComment,
)


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
        owners: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
        metadata_fields: Sequence[MetadataField] = (),
        stages: Sequence[str] | None = None,
        idempotency_key: str | None = None,
    ) -> Call[RegisteredModel]:
        """Make the model. `owners` empty: you. `stages` None: `staging`, `production`.

        :raises AlreadyExists: there is one of this name.
        """
        body = CreateModel(
            name=self.model,
            description=description,
            owners=list(owners),
            tags=dict(tags or {}),
            metadata_fields=list(metadata_fields),
            stages=None if stages is None else list(stages),
        )
        return calls.create_model(body, idempotency_key=idempotency_key)

    def update(
        self,
        *,
        description: str | msgspec.UnsetType = msgspec.UNSET,
        owners: list[str] | msgspec.UnsetType = msgspec.UNSET,
        tags: dict[str, str] | msgspec.UnsetType = msgspec.UNSET,
        archived: bool | msgspec.UnsetType = msgspec.UNSET,
        revision: int | None = None,
        idempotency_key: str | None = None,
    ) -> Call[RegisteredModel]:
        """Change what is given; `owners` and `tags` replace all owners and all tags. With `revision`, only if the model
        hasn't changed since."""
        body = UpdateModel(description=description, owners=owners, tags=tags, archived=archived)
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
