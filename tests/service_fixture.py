"""A whole service for tests: the real server on a port of its own, in a thread, with a fresh home.

`service` runs on SQLite; `service_on` runs on either database (with the fixture `dialect`). `start_service` runs one
with settings of the test's own choice.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import uvloop

from registry_service.app import Clock, create_app, now, run_server
from registry_service.services.credentials import Credentials, read_credentials
from registry_service.settings import Settings
from registry_service.storage.base import ArtifactStore
from registry_service.web.limits import HEAD_SECONDS
from registry_service.web.server import Server, build_server, listen

PERSON = "ada"


class RunningService:
    """A service that answers. `person` and `airflow` are the tokens of its first run."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock = now,
        store: ArtifactStore | None = None,
        head_seconds: float = HEAD_SECONDS,
        wrap: Callable[[Any], Any] = lambda app: app,
    ) -> None:
        self.settings = settings
        self._wrap = wrap
        self._head_seconds = head_seconds
        self._clock = clock
        self._store = store
        self._thread: threading.Thread | None = None
        self._server: Server | None = None
        self._failure: BaseException | None = None

    @property
    def url(self) -> str:
        return self.settings.base_url

    @property
    def home(self) -> Path:
        return self.settings.home

    @property
    def artifacts(self) -> Path:
        """The directory of the artifacts."""
        assert isinstance(self.settings.artifacts, Path)
        return self.settings.artifacts

    @property
    def person(self) -> str:
        return self.credentials("person").token

    @property
    def airflow(self) -> str:
        return self.credentials("airflow").token

    def credentials(self, profile: str) -> Credentials:
        found = read_credentials(self.home / "credentials" / f"{profile}.json")
        assert found is not None, f"no credentials of {profile}"
        return found

    def start(self) -> None:
        """Serve, on the same port as before where it ran before."""
        listening = listen(self.settings.host, self.settings.port)
        self.settings = msgspec.structs.replace(self.settings, port=listening.getsockname()[1])
        ready = threading.Event()
        app = create_app(self.settings, clock=self._clock, store=self._store, announce=lambda _: ready.set())
        self._server = build_server(
            self._wrap(app), self.settings, ending=app.stop_waiting, head_seconds=self._head_seconds
        )
        self._failure = None

        def run() -> None:
            try:
                with listening:
                    assert self._server is not None
                    uvloop.run(run_server(app, self._server, listening))
            except BaseException as error:
                self._failure = error
            finally:
                ready.set()

        self._thread = threading.Thread(target=run, name="service", daemon=True)
        self._thread.start()
        # From here on connections wait in the socket's queue, whether or not the server accepts already.
        assert ready.wait(30), "the service did not start in 30 s"
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        if self._thread is None or self._server is None:
            return
        self._server.should_exit = True
        self._thread.join(30)
        assert not self._thread.is_alive(), "the service did not stop in 30 s"
        self._thread = None
        if self._failure is not None:
            raise self._failure

    def restart(self) -> None:
        self.stop()
        self.start()

    def http(self, token: str | None = None, **options: Any) -> httpx.Client:
        """A client of the API; without a token, the person's. An empty token: none at all."""
        shown = self.person if token is None else token
        headers = {"Authorization": f"Bearer {shown}"} if shown else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False, **options)

    def token_of(self, name: str, *, role: str | None = None, kind: str = "person", pattern: str = "*") -> str:
        """A token of a principal, which is made first where it doesn't exist yet, with a role on a pattern."""
        with self.http() as http:
            owners = [] if kind == "person" else [PERSON]
            made = http.post("/api/v1/principals", json={"name": name, "kind": kind, "owners": owners})
            assert made.status_code in {201, 409}, made.text
            if role is not None:
                granted = http.post("/api/v1/grants", json={"principal": name, "role": role, "pattern": pattern})
                assert granted.is_success, granted.text
            issued = http.post("/api/v1/tokens", json={"name": "test", "principal": name})
            assert issued.status_code == 201, issued.text
            return str(issued.json()["token"])


def settings_for(home: Path, **changes: Any) -> Settings:
    """Settings of a service in `home`, on a port that the system picks."""
    given: dict[str, Any] = {
        "home": home,
        "database_url": f"sqlite:///{home / 'registry.db'}",
        "artifacts": home / "artifacts",
        "port": 0,
        "person": PERSON,
        "keep_free_mb": 0,
    }
    return Settings(**{**given, **changes})


@contextmanager
def running(
    settings: Settings,
    *,
    clock: Clock = now,
    store: ArtifactStore | None = None,
    wrap: Callable[[Any], Any] = lambda app: app,
) -> Iterator[RunningService]:
    """`wrap`: puts the service behind something else, such as a planted bug."""
    service = RunningService(settings, clock=clock, store=store, wrap=wrap)
    service.start()
    try:
        yield service
    finally:
        service.stop()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RunningService]:
    """A fresh service on SQLite."""
    with running(settings_for(tmp_path / "service")) as service:
        yield service


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """One service on SQLite for all tests of a module: for those that don't mind each other's models."""
    with running(settings_for(tmp_path_factory.mktemp("shared") / "service")) as service:
        yield service


@pytest.fixture
async def service_on(empty_database_url: str, tmp_path: Path) -> AsyncIterator[RunningService]:
    """A fresh service on the database of `dialect`: one test on each."""
    service = RunningService(settings_for(tmp_path / "service", database_url=empty_database_url))
    # The server has a loop of its own in its thread; this one only waits.
    await asyncio.to_thread(service.start)
    yield service
    await asyncio.to_thread(service.stop)


StartService = Callable[..., RunningService]


@pytest.fixture
def start_service(tmp_path: Path) -> Iterator[StartService]:
    """Starts services with settings of one's own: `start_service(port=0, home=…, clock=…)`; all are stopped."""
    started: list[RunningService] = []

    def start(
        *, clock: Clock = now, store: ArtifactStore | None = None, head_seconds: float = HEAD_SECONDS, **changes: Any
    ) -> RunningService:
        home = changes.pop("home", tmp_path / f"service-{len(started)}")
        service = RunningService(settings_for(home, **changes), clock=clock, store=store, head_seconds=head_seconds)
        service.start()
        started.append(service)
        return service

    yield start
    for service in started:
        service.stop()
