"""Why something that happened concerns a person."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from fnmatch import fnmatchcase

import msgspec


class Concern(StrEnum):
    OWNER = "owner"
    MENTIONED = "mentioned"
    SUBSCRIBED = "subscribed"


class Follower(msgspec.Struct, frozen=True, kw_only=True):
    """A person, with the models that they own, the name patterns that they subscribe to, and the comments that mention
    them."""

    owned: Collection[str] = ()
    patterns: Collection[str] = ()
    mentioned_in: Collection[str] = ()

    def concerns(self, *, model_id: str | None, model_name: str | None, subject: str | None) -> list[Concern]:
        """All reasons why an event concerns the person; empty where it doesn't. What is about no model is nobody's."""

        subscribed = model_name is not None and any(fnmatchcase(model_name, pattern) for pattern in self.patterns)
        found = (
            (Concern.OWNER, model_id in self.owned),
            (Concern.MENTIONED, subject in self.mentioned_in),
            (Concern.SUBSCRIBED, subscribed),
        )
        return [concern for concern, is_so in found if is_so]
