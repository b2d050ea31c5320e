from __future__ import annotations

from registry_service.client.calls.call import Call, read, write
from registry_service.domain.entities import Inbox
from registry_service.domain.requests import MarkRead


def get_inbox() -> Call[Inbox]:
    """What waits for the caller: reviews, unread mentions, policy changes to confirm."""
    return read(Inbox, "inbox")


def mark_mentions_read(body: MarkRead, *, idempotency_key: str | None = None) -> Call[Inbox]:
    """Say that one has read comments that mention one; answers what still waits."""
    return write("POST", Inbox, "inbox", "read", body=body, key=idempotency_key)
