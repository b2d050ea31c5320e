"""Events say their number as text, as some languages need it; the description says that it is a number."""

from __future__ import annotations

from typing import Any

import msgspec

from registry_service.db.queries import events
from tests.campaign.mutants import put


def plant() -> None:
    describe = events.describe_event
    put(events, "describe_event", lambda row: _in_words(describe(row)))


def _in_words(event: Any) -> Any:
    return msgspec.structs.replace(event, seq=str(event.seq))
