"""What waits for the caller."""

from __future__ import annotations

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from registry_service.db.queries import inbox as queries
from registry_service.domain.entities import Inbox
from registry_service.domain.permissions import Action
from registry_service.domain.requests import MarkRead
from registry_service.services import inbox as use_cases
from registry_service.web.answers import Encoded
from registry_service.web.caller import Caller


class Inboxes(Controller):
    path = "/inbox"
    tags = ("inbox",)

    @get(action=Action.INBOX_OWN)
    async def get_inbox(self, caller: NamedDependency[Caller]) -> Encoded[Inbox]:
        """What waits for the caller: promotions that lack their review, mentions not yet read, policy changes."""
        return await caller.list(queries.get_inbox)

    @post("/read", action=Action.INBOX_OWN, status_code=200)
    async def mark_mentions_read(self, caller: NamedDependency[Caller], data: JSONBody[MarkRead]) -> Encoded[Inbox]:
        """Say that one has read comments that mention one; answers what still waits."""
        return await caller.change(use_cases.mark_mentions_read, data)
