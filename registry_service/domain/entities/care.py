"""What keeping the registry's bytes found, and whether it is well."""

from __future__ import annotations

from datetime import datetime

from registry_service.domain.entities.answer import Answer


class CollectedArtifact(Answer, frozen=True, kw_only=True):
    """Bytes that no version and no open upload needs. `size` in bytes; `since`: when they came, or were first seen."""

    digest: str
    size: int
    since: datetime


class CollectionStep(Answer, frozen=True, kw_only=True):
    """What one step of a collection did, or in a dry run would do. `cursor` goes into the next step; None: that was
    the last. `looked_at` artifacts; `adopted` had no row and got one, so that their grace begins; `leftovers`: uploads
    that have ended and had left bytes behind; `collected`: what is gone, `kept_back`: what another process is taking
    out, or what this step had no time for."""

    cursor: str | None
    looked_at: int = 0
    adopted: int = 0
    leftovers: int = 0
    collected: list[CollectedArtifact] = []
    kept_back: int = 0


class DamagedArtifact(Answer, frozen=True, kw_only=True):
    """Bytes that are no longer what their digest says. `actual`: the digest that they have now, None where they are
    gone. `versions`: those that need them, such as `fraud-detector/3`."""

    digest: str
    size: int
    actual: str | None
    versions: list[str]


class ScrubStep(Answer, frozen=True, kw_only=True):
    """What one step of reading all bytes found. `cursor` goes into the next step; None: that was the last. `artifacts`:
    those whose end it reached; `bytes`: how many it read, without second readings. `unhealed`: how many artifacts
    versions lack since they were found damaged, by whichever step or scrub."""

    cursor: str | None
    artifacts: int
    bytes: int
    damaged: list[DamagedArtifact]
    unhealed: int = 0


class Health(Answer, frozen=True, kw_only=True):
    status: str
    version: str
    components: dict[str, str] = {}
