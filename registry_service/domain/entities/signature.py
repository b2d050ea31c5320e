"""Whether one version's signature can stand in for another's."""

from __future__ import annotations

from enum import StrEnum

from registry_service.domain.entities.answer import Answer


class Replaceability(StrEnum):
    """UNKNOWN: nothing speaks against it, and not all could be looked into."""

    COMPATIBLE = "compatible"
    INCOMPATIBLE = "incompatible"
    UNKNOWN = "unknown"


class SignatureSide(StrEnum):
    INPUTS = "inputs"
    OUTPUTS = "outputs"


class SignatureFinding(Answer, frozen=True, kw_only=True):
    """What speaks against it, or can't be told. `path` leads to the value: `/rows/[]/amount`, where `[]` stands for
    any element and `*` for any property that has no name of its own in the schemas; empty for the whole."""

    side: SignatureSide
    path: str
    verdict: Replaceability
    message: str


class SignatureComparison(Answer, frozen=True, kw_only=True):
    """Whether callers can be given another version without a change of theirs: it accepts all that was accepted, and
    gives nothing that wasn't given. `findings` are those that decide, at most 100."""

    verdict: Replaceability
    findings: list[SignatureFinding]
