"""What revoking a version touches."""

from __future__ import annotations

from registry_service.domain.entities.answer import Answer
from registry_service.domain.entities.deployment import Deployment
from registry_service.domain.entities.version import ModelVersion


class AffectedStage(Answer, frozen=True, kw_only=True):
    """A stage in which the content is current, and stays so. `rollback_to` is where going back would lead; None:
    nothing good is left, so that the stage may be vacated."""

    stage: str
    version: int
    rollback_to: int | None


class DerivedVersion(Answer, frozen=True, kw_only=True):
    """A version whose lineage leads back to the content: `parent` is what it names, `steps` how far that is."""

    model_name: str
    version: int
    digest: str
    parent: str
    steps: int


class RevocationImpact(Answer, frozen=True, kw_only=True):
    """Of one content, what its revocation touches and the caller may see: `versions` are all numbers that go with it,
    `promotions` those that go STALE, `deployments` those that run on until somebody stops them. `derived_complete`
    False: there are more than the 1,000 listed."""

    model_name: str
    version: int
    digest: str
    versions: list[int]
    stages: list[AffectedStage]
    aliases: list[str]
    promotions: list[str]
    deployments: list[Deployment]
    derived: list[DerivedVersion]
    derived_complete: bool
    revision: int


class RevokedVersion(ModelVersion, frozen=True, kw_only=True):
    """A version that was revoked just now, and what that touched, as it was before."""

    impact: RevocationImpact
