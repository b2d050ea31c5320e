from __future__ import annotations

from typing import Unpack

from registry_service.client.calls.call import Call, Paging, read, write
from registry_service.domain.decisions import Decision
from registry_service.domain.entities import Page, Policy, PolicyAttachment, PolicyChange
from registry_service.domain.requests import AttachPolicy, TestPolicy, WritePolicy


def list_policies(**paging: Unpack[Paging]) -> Call[Page[Policy]]:
    """The newest version of each policy."""
    return read(Page[Policy], "policies", **paging)


def write_policy(
    body: WritePolicy, *, version: int | None = None, idempotency_key: str | None = None
) -> Call[PolicyChange]:
    """A new policy, or the version after `version` of an existing one. In force once `confirmed_by` is set."""
    return write("POST", PolicyChange, "policies", body=body, revision=version, key=idempotency_key)


def get_policy(name: str, *, version: int | None = None) -> Call[Policy]:
    return read(Policy, "policies", name, version=version)


def list_policy_changes(**paging: Unpack[Paging]) -> Call[Page[PolicyChange]]:
    return read(Page[PolicyChange], "policies", "changes", **paging)


def confirm_policy_change(change: str, *, idempotency_key: str | None = None) -> Call[PolicyChange]:
    """Put a change into force, as a second person."""
    return write("POST", PolicyChange, "policies", "changes", change, "confirm", key=idempotency_key)


def withdraw_policy_change(change: str, *, idempotency_key: str | None = None) -> Call[PolicyChange]:
    """Take back a change that nobody has confirmed."""
    return write("POST", PolicyChange, "policies", "changes", change, "withdraw", key=idempotency_key)


def list_attachments(**paging: Unpack[Paging]) -> Call[Page[PolicyAttachment]]:
    return read(Page[PolicyAttachment], "policies", "attachments", **paging)


def attach_policy(body: AttachPolicy, *, idempotency_key: str | None = None) -> Call[PolicyChange]:
    return write("POST", PolicyChange, "policies", "attachments", body=body, key=idempotency_key)


def detach_policy(attachment: str, *, idempotency_key: str | None = None) -> Call[PolicyChange]:
    return write("POST", PolicyChange, "policies", "attachments", attachment, "detach", key=idempotency_key)


def test_policy(body: TestPolicy) -> Call[Decision]:
    """What a policy would say of a version. Nothing changes, hence no idempotency key to give."""
    return write("POST", Decision, "policies", "test", body=body)
