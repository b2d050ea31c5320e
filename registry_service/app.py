"""The composition root: settings in, a running service out."""

from __future__ import annotations

import asyncio
import os
import pwd
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog
import uvloop
from litestar import Litestar

from registry_service.care.gc import finish_abandoned
from registry_service.care.reading import Unfinished
from registry_service.care.retention import take_turns
from registry_service.care.stock import take_stock
from registry_service.db.engine import open_database
from registry_service.db.migrate import current, head, upgrade
from registry_service.domain.errors import InvalidInput, InvalidName, RegistryError, StorageUnavailable
from registry_service.domain.names import check_principal_name
from registry_service.services.first_run import FirstRun, TokenFile, keep_credentials, set_up, token_files
from registry_service.services.registry import SYSTEM, Registry
from registry_service.settings import BucketAddress, Settings, check_settings, read_settings, s3_secret
from registry_service.storage.base import ArtifactStore
from registry_service.storage.filesystem import FilesystemStore
from registry_service.web.authentication import Authenticate
from registry_service.web.guard import Guard
from registry_service.web.hot_reads import HotReads
from registry_service.web.logs import configure_logs
from registry_service.web.metrics import Metrics
from registry_service.web.refusals import NoteRefusals
from registry_service.web.release import RELEASE
from registry_service.web.routes import build_routes
from registry_service.web.server import Server, build_server, listen
from registry_service.web.sessions import SessionCookie
from registry_service.web.streams.broadcast import Broadcast

log = structlog.get_logger("registry")

SWEEP_SECONDS: Final = 5.0
RENEW_SECONDS: Final = 24 * 3600.0
LISTEN_AGAIN_SECONDS: Final = 1.0

Clock = Callable[[], datetime]


def now() -> datetime:
    return datetime.now(UTC)


Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


class Service(Guard):
    """The whole service as one ASGI application. A server that speaks ASGI's lifespan opens and closes its resources;
    any other enters `running`. `stop_waiting` is for a server that ends: requests that wait for events are answered."""

    def __init__(
        self,
        settings: Settings,
        *,
        registry: Registry,
        clock: Clock,
        lifespan: Lifespan,
        metrics: Metrics,
        cookie: SessionCookie,
    ) -> None:
        routes = build_routes([lifespan])
        inner = Authenticate(
            NoteRefusals(HotReads(routes, registry=registry), registry=registry, clock=clock),
            database=registry.database,
            clock=clock,
            cookie=cookie,
            open_metrics=settings.metrics == "loopback",
        )
        super().__init__(inner, host_names=settings.host_names, origin=settings.base_url, metrics=metrics)
        self.settings = settings
        self.stop_waiting = registry.stop_waiting
        self._routes = routes
        self._lifespan = lifespan

    def running(self) -> AbstractAsyncContextManager[None]:
        """The resources are open inside. Raises what stands in the way as itself; the framework would wrap it."""
        return self._lifespan(self._routes)


def create_app(
    settings: Settings | None = None,
    *,
    clock: Clock = now,
    store: ArtifactStore | None = None,
    announce: Callable[[FirstRun], None] | None = None,
    login_link: bool = False,
) -> Service:
    """A service, not yet started: it starts and stops with ASGI's lifespan.

    :param settings: None: those of the environment.
    :param clock: what tells the time, aware.
    :param store: where artifacts live; None: in the directory that the settings name.
    :param announce: is told what the start made, once the service is ready.
    :param login_link: whether the start makes a link that opens the pages, for `announce`.
    :raises InvalidInput: the settings can't be used, or would leave a door open.
    """

    settings = read_settings() if settings is None else settings
    check_settings(settings)
    database = open_database(settings.database_url)
    artifacts = store or open_store(settings)
    registry = Registry(database, artifacts, clock=clock, public_url=settings.base_url)
    metrics = Metrics()
    cookie = SessionCookie(settings.base_url)

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        app.state.registry = registry
        app.state.store = artifacts
        app.state.unfinished = Unfinished()
        app.state.metrics = metrics
        app.state.broadcast = Broadcast(registry, limit=settings.max_streams, limit_each=settings.max_streams_each)
        app.state.cookie = cookie
        app.state.framed_by = settings.framed_by
        async with _running(settings, registry, metrics, login_link=login_link) as made:
            if announce is not None:
                announce(made)
            try:
                yield
            finally:
                await app.state.broadcast.close()

    return Service(settings, registry=registry, clock=clock, lifespan=lifespan, metrics=metrics, cookie=cookie)


def open_store(settings: Settings) -> ArtifactStore:
    """The store of artifacts that the settings name.

    :raises InvalidInput: they can't be used.
    """
    address = settings.artifacts
    if isinstance(address, BucketAddress):
        return open_bucket(settings, address)
    return FilesystemStore(address, keep_free=settings.keep_free_mb * 1024 * 1024)


def open_bucket(settings: Settings, address: BucketAddress) -> ArtifactStore:
    # Only who keeps artifacts in a bucket installs and loads the client for it.
    try:
        from registry_service.storage.s3.place import S3Place  # noqa: PLC0415 - see above
        from registry_service.storage.s3.store import S3Store  # noqa: PLC0415 - likewise
    except ModuleNotFoundError as error:
        raise InvalidInput(
            f"{address} takes '{error.name}', which isn't installed: pip install 'airflow-model-registry[service,s3]'",
            variable="MODEL_REGISTRY_ARTIFACTS",
        ) from error

    place = S3Place(
        endpoint=settings.s3_endpoint or f"https://s3.{settings.s3_region}.amazonaws.com",
        public_endpoint=settings.s3_public_endpoint,
        region=settings.s3_region,
        access_key=settings.s3_access_key or "",
        secret_key=s3_secret(settings),
        bucket=address.bucket,
        prefix=address.prefix,
    )
    return S3Store(place, presign=settings.s3_presign)


@asynccontextmanager
async def _running(
    settings: Settings, registry: Registry, metrics: Metrics, *, login_link: bool
) -> AsyncIterator[FirstRun]:
    _make_home(settings)
    await _look_at(registry.store)
    await _migrate(settings.database_url)
    await registry.database.start()
    try:
        person, files = settings.person or _user_of_this_process(), _token_files(settings)
        answered = await registry.write(SYSTEM, set_up, None, person=person, files=files, login_link=login_link)
        made = answered.result
        assert made is not None

        async def renew() -> None:
            await registry.write(SYSTEM, keep_credentials, None, person=made.person, files=files)

        work = [
            asyncio.create_task(_repeat(SWEEP_SECONDS, registry.sweep, metrics)),
            asyncio.create_task(_repeat(SWEEP_SECONDS, lambda: finish_abandoned(registry), metrics)),
            asyncio.create_task(_repeat(SWEEP_SECONDS, lambda: take_turns(registry), metrics)),
            asyncio.create_task(_repeat(SWEEP_SECONDS, lambda: take_stock(registry), metrics)),
            asyncio.create_task(_repeat(RENEW_SECONDS, renew, metrics)),
            asyncio.create_task(_repeat(LISTEN_AGAIN_SECONDS, registry.listen, metrics)),
        ]
        try:
            yield made
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
    finally:
        await registry.database.stop()
        await registry.store.close()


async def _look_at(store: ArtifactStore) -> None:
    """:raises InvalidInput: the settings name a place that isn't there."""
    try:
        await store.prepare()
    except StorageUnavailable as error:
        # What needs no files works without it, and a store that is away comes back.
        log.warning("the artifact store is away", reason=error.message)


async def _migrate(url: str) -> None:
    before = await current(url)
    if before == head():
        return
    log.info("migrating the database", **{"from": before, "to": head()})
    await upgrade(url)
    log.info("the database is migrated", revision=head())


async def _repeat(seconds: float, act: Callable[[], Any], metrics: Metrics) -> None:
    """Time and again, whatever happens: a database that is away comes back."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await act()
        except RegistryError as error:
            metrics.note_store_error(error.code)
            log.warning("housekeeping has to wait", code=error.code, reason=error.message)
        except Exception:
            log.exception("housekeeping failed")


def _make_home(settings: Settings) -> None:
    """:raises StorageUnavailable: the directory can't be made or isn't this user's own."""

    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings.home.chmod(0o700)
    except OSError as error:
        raise StorageUnavailable(
            f"Can't use {settings.home} as the home of the registry: {error.strerror}. Set MODEL_REGISTRY_HOME to a"
            " directory of this user."
        ) from error


def _token_files(settings: Settings) -> dict[str, TokenFile]:
    files = token_files(settings.home / "credentials", settings.base_url)
    airflow = files["airflow"]
    files["airflow"] = TokenFile(settings.airflow_credentials or airflow.path, settings.airflow_url or airflow.url)
    return files


def _user_of_this_process() -> str:
    """The name of the user of the operating system; `admin` where it has none, or one that a principal can't have."""
    try:
        return check_principal_name(pwd.getpwuid(os.getuid()).pw_name)
    except (KeyError, InvalidName):
        return "admin"


def serve(settings: Settings | None = None) -> None:
    """Run the service until SIGINT or SIGTERM.

    :raises RegistryError: it can't start; the message says why and what to do.
    """

    settings = read_settings() if settings is None else settings
    check_settings(settings)
    os.umask(0o077)
    configure_logs(settings.log, settings.log_level)
    with listen(settings.host, settings.port) as listening:
        # With port 0 only the socket knows the address that goes into the token files.
        settings = msgspec.structs.replace(settings, port=listening.getsockname()[1])
        # A link is for whoever sits before this machine, and must not come into a log: elsewhere one asks for it.
        link = settings.is_loopback and sys.stderr.isatty()
        app = create_app(settings, announce=lambda made: _announce(settings, made), login_link=link)
        uvloop.run(run_server(app, build_server(app, settings, ending=app.stop_waiting), listening))


async def run_server(app: Service, server: Server, listening: socket.socket) -> None:
    """Serve on a listening socket until the server is told to exit; resources are open for exactly so long."""

    async with app.running():
        await server.serve(sockets=[listening])


def _announce(settings: Settings, made: FirstRun) -> None:
    lines = [f"Model registry {RELEASE} is at {settings.base_url}", f"  home       {settings.home}"]
    if made.is_new:
        lines += [
            f"  you are    '{made.person}', admin",
            "  Airflow is 'airflow', contributor; it needs no connection where it runs as this user",
            "  policy     'solo': one approver, who may approve their own work",
            "             (stricter: model-registry policies use team --model '*')",
        ]
    lines += [f"  token of   '{name}': {path}" for name, path in made.credentials.items()]
    if made.login_link is not None:
        lines.append(f"  pages      {made.login_link}")
        lines.append("             (good once, within a minute; another: model-registry browse)")
    lines.append("Next: model-registry models list")
    sys.stderr.write("\n".join(lines) + "\n")
