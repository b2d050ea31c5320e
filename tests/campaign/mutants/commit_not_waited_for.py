"""PostgreSQL answers a COMMIT before it is on the disk."""

from __future__ import annotations

from typing import Any

from registry_service.db import postgres
from registry_service.db.postgres_connection import create_engine
from tests.campaign.mutants import put


def _hasty(dsn: str, settings: dict[str, str], **options: Any) -> Any:
    return create_engine(dsn, {**settings, "synchronous_commit": "off"}, **options)


def plant() -> None:
    put(postgres, "create_engine", _hasty)
