"""A connection that the database has closed counts as a fault of the service, and is neither replaced nor told of."""

from __future__ import annotations

from registry_service.db import postgres, postgres_connection
from tests.campaign.mutants import put


def plant() -> None:
    for module in (postgres, postgres_connection):
        put(module, "is_connection_lost", lambda _error: False)
