from __future__ import annotations

from tests.services.conftest import solo, world

__all__ = ["solo", "world"]
