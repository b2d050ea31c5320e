"""Model cards: what people write about a model for those who mean to use it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from registry_service.domain.entities.answer import Answer


class CardRevision(Answer, frozen=True, kw_only=True):
    """One text that a model's card has had, without the text. `digest` is that of the text in UTF-8, `size` its bytes.
    A text that came back is another revision with the digest that it had before."""

    digest: str
    size: int
    written_at: datetime
    written_by: str
    revision: int


class ModelCard(CardRevision, frozen=True, kw_only=True):
    """The card of a model. `text` is the source: Markdown, which may begin with front matter in YAML; whoever shows it
    takes care that nothing in it acts. `front_matter` is what that says, unknown fields as they are. `is_current`: the
    model's card has this text now."""

    model_name: str
    text: str
    front_matter: dict[str, object]
    is_current: bool


class CardChange(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class CardFieldChange(Answer, frozen=True, kw_only=True):
    """A field of the front matter that isn't as it was. `before` and `after` are null also where it is missing."""

    name: str
    change: CardChange
    before: object
    after: object


class CardSectionChange(Answer, frozen=True, kw_only=True):
    """A section of the text under a heading; the empty heading is what stands before the first one."""

    heading: str
    change: CardChange


class CardChanges(Answer, frozen=True, kw_only=True):
    """How one text of a card differs from an earlier one. `complete`: no changes were left out to keep this short."""

    fields: list[CardFieldChange]
    sections: list[CardSectionChange]
    complete: bool


class VersionCard(Answer, frozen=True, kw_only=True):
    """The card that stood when a version was registered, and when it was last approved for a stage (by `promotion`).
    The version carries the latter where there is one: `card` is its text, `changes` what the model's card says
    differently now. None where there was no card."""

    model_name: str
    version: int
    digest: str
    registered_with: CardRevision | None
    approved_with: CardRevision | None
    promotion: str | None
    current: CardRevision | None
    card: ModelCard | None
    changes: CardChanges | None
