"""Whether a version can replace another for its callers, by the signatures that both were registered with.

    inputs     the new version accepts every value that the old one accepted
    outputs    the new version gives no value that the old one could not have given

Both ask the same of two JSON Schemas (2020-12): does the wide one admit every value that the narrow one admits?
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from registry_service.domain.canonical import canonical
from registry_service.domain.entities.signature import (
    Replaceability,
    SignatureComparison,
    SignatureFinding,
    SignatureSide,
)
from registry_service.domain.metadata import Signature
from registry_service.domain.schema_gaps import gaps_between

MAX_FINDINGS: Final = 100

_SAID: Final = {
    SignatureSide.INPUTS: "was accepted before, and is not any more",
    SignatureSide.OUTPUTS: "was never given before, and may be now",
}


def compare_signatures(new: Signature | None, old: Signature | None) -> SignatureComparison:
    """Whether `new` can replace `old`."""

    found = list(_findings(new or Signature(), old or Signature()))
    verdicts = {finding.verdict for finding in found}
    worst = next(
        (verdict for verdict in (Replaceability.INCOMPATIBLE, Replaceability.UNKNOWN) if verdict in verdicts),
        Replaceability.COMPATIBLE,
    )
    deciding = [finding for finding in found if finding.verdict is worst]
    return SignatureComparison(verdict=worst, findings=deciding[:MAX_FINDINGS])


def _findings(new: Signature, old: Signature) -> Iterator[SignatureFinding]:
    sides = (
        (SignatureSide.INPUTS, new.inputs, old.inputs, old.inputs, new.inputs),
        (SignatureSide.OUTPUTS, new.outputs, old.outputs, new.outputs, old.outputs),
    )
    for side, mine, theirs, narrow, wide in sides:
        if mine is None or theirs is None:
            who = "neither version says" if mine is theirs else f"the {'new' if mine is None else 'old'} one says not"
            yield SignatureFinding(
                side=side, path="", verdict=Replaceability.UNKNOWN, message=f"{who} what its {side} are"
            )
        elif canonical(mine) != canonical(theirs):
            for gap in gaps_between(narrow, wide):
                yield SignatureFinding(
                    side=side,
                    path=gap.path,
                    verdict=Replaceability.INCOMPATIBLE if gap.certain else Replaceability.UNKNOWN,
                    message=f"{gap.what} {_SAID[side]}" if gap.certain else gap.what,
                )
