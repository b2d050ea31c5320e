"""A selector may be a number of any length, which no integer of the database holds."""

from __future__ import annotations

import re

from registry_service.domain import selectors
from tests.campaign.mutants import put


def plant() -> None:
    put(selectors, "_NUMBER", re.compile(r"[1-9][0-9]*"))
    put(selectors, "MAX_NUMBER", 10**100)
