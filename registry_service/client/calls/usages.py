from __future__ import annotations

from typing import Unpack

from registry_service.client.calls.call import Call, Paging, read, write
from registry_service.domain.entities import Page, Usage, VersionUse
from registry_service.domain.requests import ReportUsage


def list_usages(model: str, selector: str | int, **paging: Unpack[Paging]) -> Call[Page[Usage]]:
    """What runs used the version for, the newest first."""
    return read(Page[Usage], "models", model, "versions", selector, "usages", **paging)


def report_usage(
    model: str, selector: str | int, body: ReportUsage, *, idempotency_key: str | None = None
) -> Call[Usage]:
    """Say that a run used the version for a batch; said again, it is the same usage."""
    return write("POST", Usage, "models", model, "versions", selector, "usages", body=body, key=idempotency_key)


def get_version_use(model: str, selector: str | int) -> Call[VersionUse]:
    """What the version is needed for, how often a usage was reported, and when it was last used."""
    return read(VersionUse, "models", model, "versions", selector, "use")
