"""What looks forgotten, and what it takes up."""

from __future__ import annotations

from datetime import datetime

from registry_service.domain.entities.answer import Answer


class ModelStock(Answer, frozen=True, kw_only=True):
    """What a model takes up. `size`: bytes of the artifacts that its versions need, each counted once; `own_size`: of
    those that no other model needs, None for who may not read all models. `unused`: of its `versions`, how many were
    never used, never in a stage and have no alias. These are as of `counted_at`; None: not counted yet. `idle_since`:
    when it was last used, or made where it never was."""

    model_name: str
    owners: list[str]
    versions: int
    unused: int
    size: int
    own_size: int | None
    last_used_at: datetime | None
    idle_since: datetime
    counted_at: datetime | None


class ForgottenVersion(Answer, frozen=True, kw_only=True):
    """A version that was never in a stage and has no alias, and that nothing is known to use. `size` in bytes, of all
    its files."""

    model_name: str
    version: int
    digest: str
    size: int
    created_at: datetime
    created_by: str
    last_used_at: datetime | None
    legal_hold: bool


class ForgottenStage(Answer, frozen=True, kw_only=True):
    """A stage that has not changed for long. `last_used_at`: when the version that is current there was last used."""

    model_name: str
    stage: str
    version: int
    since: datetime
    last_used_at: datetime | None


class ForgottenUpload(Answer, frozen=True, kw_only=True):
    """An upload session that nobody finished. `size` in bytes, of the `files` that it announced; `received`: of those
    that came whole."""

    id: str
    model_name: str
    principal: str
    created_at: datetime
    expires_at: datetime
    files: int
    size: int
    received: int
