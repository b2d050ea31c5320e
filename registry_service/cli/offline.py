"""The registry without its service: for work that an operator does on its machine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from registry_service.cli.endings import Stopped

if TYPE_CHECKING:
    from registry_service.services.registry import Registry
    from registry_service.settings import Settings
    from registry_service.storage.base import ArtifactStore

T = TypeVar("T")


def require_service() -> None:
    """:raises Stopped: the service's own packages are not installed here."""

    missing = [name for name in ("litestar", "sqlalchemy", "uvicorn") if find_spec(name) is None]
    if missing:
        raise Stopped(
            "not_installed",
            f"The service isn't installed here ({', '.join(missing)} missing). Install it with:"
            " pip install 'airflow-model-registry[service]'",
        )


def with_store(work: Callable[[Settings, ArtifactStore], Awaitable[T]], *, home: Path | None = None) -> T:
    """What `work` makes of the settings and the store that they name.

    :param home: instead of the one that the environment names.
    """

    require_service()
    # Only the service's extra brings what these need.
    from registry_service.app import open_store  # noqa: PLC0415
    from registry_service.settings import read_settings  # noqa: PLC0415

    settings = read_settings(home=home)

    async def run() -> T:
        store = open_store(settings)
        try:
            return await work(settings, store)
        finally:
            await store.close()

    return asyncio.run(run())


def with_registry(work: Callable[[Registry], Awaitable[T]]) -> T:
    """What `work` makes of the registry, opened as the service would.

    :raises DatabaseUnavailable: on SQLite, the service runs.
    """

    async def run(settings: Settings, store: ArtifactStore) -> T:
        from registry_service.app import now  # noqa: PLC0415
        from registry_service.db.engine import open_database  # noqa: PLC0415
        from registry_service.db.inspection import inspect  # noqa: PLC0415
        from registry_service.services.registry import Registry  # noqa: PLC0415

        await inspect(settings.database_url, lambda _: None)
        database = open_database(settings.database_url)
        await database.start()
        try:
            return await work(Registry(database, store, clock=now, public_url=settings.base_url))
        finally:
            await database.stop()

    return with_store(run)
