"""A connection that the database has closed counts as a fault of the service, and is neither replaced nor told of."""

from __future__ import annotations

from registry_service.db import postgres
from tests.campaign.mutants import put


def plant() -> None:
    put(postgres, "_is_connection_lost", lambda _error: False)
