"""What a version is needed for."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from registry_service.domain.entities.answer import Answer


class UseKind(StrEnum):
    STAGE = "stage"
    ALIAS = "alias"
    PROMOTION = "promotion"
    DEPLOYMENT = "deployment"
    LEGAL_HOLD = "legal_hold"
    ROLLBACK_WINDOW = "rollback_window"


KEEPS_MODEL: Final = (UseKind.STAGE, UseKind.DEPLOYMENT, UseKind.LEGAL_HOLD)
"""Uses of a version that keep its whole model as well. The others name something within the model, and go out of sight
with it; open promotions are closed."""


class Use(Answer, frozen=True, kw_only=True):
    """What needs a version, and its name: that of a stage (where the version is current, or a rollback may still lead
    to it), of an alias, the id of an open promotion or of a deployment under way or running, the reason of a hold."""

    kind: UseKind
    name: str
