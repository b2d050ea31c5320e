from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Unpack

from registry_service.client.calls.call import Call, Paging, read, write
from registry_service.domain.entities import Activity, Page, Subscription
from registry_service.domain.requests import Subscribe


def list_activity(
    *,
    model: str | None = None,
    person: str | None = None,
    subscribed: bool | None = None,
    kinds: Sequence[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    version: int | None = None,
    **paging: Unpack[Paging],
) -> Call[Page[Activity]]:
    """What happened, the newest first: to a model or a version of it, by a person, to what concerns the caller, of
    kinds that are exact or end in `.*`, from `since` on and before `until`."""
    return read(
        Page[Activity],
        "activity",
        model=model,
        person=person,
        subscribed=subscribed,
        kinds=",".join(kinds) or None,
        since=since,
        until=until,
        version=version,
        **paging,
    )


def list_subscriptions(**paging: Unpack[Paging]) -> Call[Page[Subscription]]:
    """The caller's own."""
    return read(Page[Subscription], "subscriptions", **paging)


def subscribe(body: Subscribe, *, idempotency_key: str | None = None) -> Call[Subscription]:
    """Follow the models of a name or name pattern."""
    return write("POST", Subscription, "subscriptions", body=body, key=idempotency_key)


def unsubscribe(subscription: str, *, idempotency_key: str | None = None) -> Call[None]:
    return write("DELETE", type(None), "subscriptions", subscription, key=idempotency_key)
