from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from registry_service.db.database import Database
from tests.services.world import World


@pytest.fixture
async def solo(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    """A registry after its first run, on each database: own work may be approved, and that is told."""

    world = World(database, tmp_path)
    await world.open()
    yield world
    await world.store.close()


@pytest.fixture
async def world(solo: World) -> World:
    """The same, where another person must approve (`team`)."""

    await solo.attach("team")
    return solo
