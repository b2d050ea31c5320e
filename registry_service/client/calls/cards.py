from __future__ import annotations

from typing import Unpack

from registry_service.client.calls.call import Call, Paging, read, write
from registry_service.domain.entities import CardRevision, ModelCard, Page, VersionCard
from registry_service.domain.requests import WriteCard


def get_card(model: str) -> Call[ModelCard]:
    """What the model's card says now."""
    return read(ModelCard, "models", model, "card")


def write_card(
    model: str, body: WriteCard, *, revision: int | None = None, idempotency_key: str | None = None
) -> Call[ModelCard]:
    """Give the model's card this text. With `revision`, only if the card hasn't changed since."""
    return write("PUT", ModelCard, "models", model, "card", body=body, revision=revision, key=idempotency_key)


def list_card_history(model: str, **paging: Unpack[Paging]) -> Call[Page[CardRevision]]:
    """The texts that the card has had, without the texts, the newest first."""
    return read(Page[CardRevision], "models", model, "card", "history", **paging)


def get_card_revision(model: str, digest: str) -> Call[ModelCard]:
    """The text of this digest, which the card has or had."""
    return read(ModelCard, "models", model, "card", "history", digest)


def get_version_card(model: str, selector: str | int) -> Call[VersionCard]:
    """The card that stood when the version was registered and last approved, and what changed since."""
    return read(VersionCard, "models", model, "versions", selector, "card")
