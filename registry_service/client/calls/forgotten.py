from __future__ import annotations

from typing import Unpack

from registry_service.client.calls.call import Call, Paging, read
from registry_service.domain.entities import ForgottenStage, ForgottenUpload, ForgottenVersion, ModelStock, Page


def list_model_stock(*, idle_days: int | None = None, **paging: Unpack[Paging]) -> Call[Page[ModelStock]]:
    """What models take up, and when they were last used."""
    return read(Page[ModelStock], "forgotten", "models", idle_days=idle_days, **paging)


def list_forgotten_versions(*, idle_days: int | None = None, **paging: Unpack[Paging]) -> Call[Page[ForgottenVersion]]:
    """Versions without any use, for so many days (90)."""
    return read(Page[ForgottenVersion], "forgotten", "versions", idle_days=idle_days, **paging)


def list_forgotten_stages(*, idle_days: int | None = None, **paging: Unpack[Paging]) -> Call[Page[ForgottenStage]]:
    """Stages that have not changed for so many days (90)."""
    return read(Page[ForgottenStage], "forgotten", "stages", idle_days=idle_days, **paging)


def list_forgotten_uploads(*, idle_days: int | None = None, **paging: Unpack[Paging]) -> Call[Page[ForgottenUpload]]:
    """Upload sessions that are still open, and so many days old."""
    return read(Page[ForgottenUpload], "forgotten", "uploads", idle_days=idle_days, **paging)
