"""What one can ask for of the stages and aliases of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Unpack

from registry_service.client import calls
from registry_service.client.calls import Call, Paging
from registry_service.client.handles.names.versions import Selector, VersionName
from registry_service.domain.entities import (
    Alias,
    ModelVersion,
    Page,
    Promotion,
    Stage,
    StageRecord,
)
from registry_service.domain.requests import (
    ClearFailure,
    HoldStage,
    RollBack,
    RollbackHold,
    VacateStage,
)


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
