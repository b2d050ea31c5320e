"""What a test of the provider has around it: a model in a real service, and people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from airflow_provider.references import VersionReference, version_reference
from registry_service.client import (
    ApplyPromotion,
    AttachPolicy,
    CreateModel,
    GiveReview,
    Metadata,
    ModelVersion,
    Promotion,
    RegistryClient,
    RequestPromotion,
    Verdict,
)


@dataclass
class World:
    """`person` is an admin; `model` is a name of this test's own."""

    person: RegistryClient
    url: str
    token: str
    model: str
    directory: Path

    def a_file(self, content: str = "weights", name: str = "model.bin") -> Path:
        path = self.directory / name
        path.write_text(content)
        return path

    def create_model(self, *, policy: str | None = None) -> None:
        self.person.create_model(CreateModel(name=self.model))
        if policy is not None:
            self.create_policy_attachment(policy)

    def create_policy_attachment(self, policy: str) -> None:
        self.person.attach_policy(AttachPolicy(policy=policy, model_pattern=self.model))

    def register(self, content: str, metadata: Metadata | None = None, **metrics: float) -> VersionReference:
        """A version made by a person, not by the provider."""
        file = self.a_file(content, f"{content}.bin")
        found = self.person.register(self.model, {"model.bin": file}, metadata=metadata or Metadata(metrics=metrics))
        return version_reference(found)

    def promote(self, version: VersionReference, stage: str = "production") -> Promotion:
        """Make it current, as a person may under the policy `open`."""
        promotion = self.request(version, stage)
        return self.person.apply_promotion(promotion.id, ApplyPromotion())

    def versions(self) -> list[ModelVersion]:
        return self.person.list_versions(self.model).items

    def request(self, version: VersionReference, stage: str = "production") -> Promotion:
        return self.person.request_promotion(
            RequestPromotion(model=self.model, version=str(version["version"]), stage=stage)
        )

    def request_named(self, name: str, number: int, stage: str = "production") -> Promotion:
        return self.person.request_promotion(RequestPromotion(model=name, version=str(number), stage=stage))

    def request_number(self, number: int) -> Promotion:
        return self.request(version_reference(self.person.get_version(self.model, number)))

    def promote_number(self, number: int) -> Promotion:
        return self.promote(version_reference(self.person.get_version(self.model, number)))

    def review(self, promotion: Promotion, verdict: Verdict = Verdict.APPROVE, comment: str = "fine") -> Promotion:
        return self.person.review_promotion(
            promotion.id, GiveReview(verdict=verdict, digest=promotion.digest, comment=comment)
        )

    def promotions(self) -> list[Promotion]:
        return self.person.list_promotions(filter=f"model = '{self.model}'").items

    def promotion_of(self, version: int) -> Promotion:
        (found,) = [promotion for promotion in self.promotions() if promotion.version == version]
        return found

    def current(self, stage: str = "production") -> int | None:
        return self.person.get_stage(self.model, stage).version
