from __future__ import annotations

from typing import Unpack

from registry_service.client.calls.call import Call, Paging, read, write
from registry_service.domain.entities import Delegation, Page
from registry_service.domain.requests import Delegate


def list_delegations(
    *, principal: str | None = None, in_force: bool | None = None, **paging: Unpack[Paging]
) -> Call[Page[Delegation]]:
    """Who stands in for whom: all, those that somebody gave or was given, or those in force now."""
    return read(Page[Delegation], "delegations", principal=principal, in_force=in_force, **paging)


def delegate(body: Delegate, *, idempotency_key: str | None = None) -> Call[Delegation]:
    """Have another person stand in for the caller at reviews."""
    return write("POST", Delegation, "delegations", body=body, key=idempotency_key)


def end_delegation(delegation: str, *, idempotency_key: str | None = None) -> Call[Delegation]:
    """End a delegation before its time. Reviews that were given until now count on."""
    return write("DELETE", Delegation, "delegations", delegation, key=idempotency_key)
