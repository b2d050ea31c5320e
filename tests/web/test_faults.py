"""A part that doesn't work: what callers are told, what the log keeps, and what neither ever says."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import structlog
from litestar import get

from registry_service.app import Service, create_app
from registry_service.domain.errors import StorageFull, StorageUnavailable
from registry_service.storage.filesystem import FilesystemStore
from registry_service.web.authentication import ANY_TOKEN
from registry_service.web.guard import Guard
from registry_service.web.logs import configure_logs
from registry_service.web.routes import build_routes
from tests.service_fixture import StartService, settings_for
from tests.web.logged import logged
from tests.web.stories import API, answered, create_model, digest_of

SECRET = "canary-7f3a"


class BrokenStore(FilesystemStore):
    async def check(self) -> int | None:
        raise StorageUnavailable("The disk is gone.")

    async def receive(self, upload_id: str, chunks: AsyncIterator[bytes], *, expected: str, size: int) -> None:
        raise StorageFull("No space is left.")


class HangingStore(FilesystemStore):
    async def check(self) -> int | None:
        await asyncio.sleep(3600)
        return None


def test_a_store_that_is_gone_is_told_to_probes_and_to_uploads(start_service: StartService, tmp_path: Path) -> None:
    service = start_service(store=BrokenStore(tmp_path / "store"))
    with service.http() as http:
        ready = http.get("/health/ready")
        assert answered(ready, 503)["components"] == {"database": "ok", "store": "storage_unavailable"}
        assert answered(http.get("/health/live"))["status"] == "ok"
        create_model(http, "m")
        files = [{"digest": digest_of(b"x"), "size": 1}]
        upload = answered(http.post(f"{API}/uploads", json={"model": "m", "files": files}), 201)
        refused = http.put(f"{API}/uploads/{upload['id']}/files/{digest_of(b'x')}", content=b"x")
        assert answered(refused, 507)["retryable"] is True
        assert refused.headers["retry-after"] == "30"


@pytest.mark.slow
def test_a_store_that_hangs_does_not_hang_the_probe(start_service: StartService, tmp_path: Path) -> None:
    service = start_service(store=HangingStore(tmp_path / "store"))
    with service.http() as http:
        assert answered(http.get("/health/ready"), 503)["components"]["store"] == "too_slow"


@get("/planted", action=ANY_TOKEN)
async def planted() -> None:
    """A route that fails with a secret in its hands."""
    local = {"token": SECRET}
    raise RuntimeError(f"no key {len(local)}")


@pytest.fixture
def log() -> Any:
    """What the service logs in JSON, from here on."""
    with logged() as sink:
        yield sink


async def test_a_fault_is_answered_with_its_id_and_logged_whole_without_values(log: io.StringIO) -> None:
    routes = build_routes(more=[planted])

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["user"] = None
        await routes(scope, receive, send)

    guard = Guard(app, host_names={"registry.test"}, origin="http://registry.test")

    async def server(scope: Any, receive: Any, send: Any) -> None:
        scope["state"] = {}
        await guard(scope, receive, send)

    transport = httpx.ASGITransport(server)
    async with httpx.AsyncClient(transport=transport, base_url="http://registry.test") as http:
        answer = await http.get("/planted")
    problem = answered(answer, 500)
    assert problem["code"] == "internal_error"
    for leak in (SECRET, "no key", "RuntimeError", "test_faults", "Traceback"):
        assert leak not in answer.text
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    fault = next(line for line in lines if line["event"] == "fault")
    assert fault["request_id"] == problem["request_id"] == answer.headers["x-request-id"]
    assert fault["exception"][0]["exc_value"] == "no key 1"
    assert SECRET not in log.getvalue()


def test_logs_as_text_are_one_line_per_event(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, level = root.handlers, root.level
    try:
        configure_logs("text")
        structlog.get_logger("x").info("request\r\nforged", path="a\nb\x1b[31m")
        logging.getLogger("other").warning("from a library\n%s", "forged")
    finally:
        root.handlers = before
        root.setLevel(level)
        structlog.reset_defaults()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].endswith(r"request\r\nforged path=a\nb\x1b[31m")
    assert lines[1].endswith(r"from a library\nforged")


async def _lifespan(app: Service) -> list[str]:
    """Start and stop it as a server does that speaks ASGI's lifespan."""
    told: list[str] = []
    ready, stop = asyncio.Event(), asyncio.Event()
    received = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> Any:
        kind = next(received)
        if kind == "lifespan.shutdown":
            await stop.wait()
        return {"type": kind}

    async def send(message: Any) -> None:
        told.append(message["type"])
        ready.set()

    running = asyncio.create_task(app({"type": "lifespan", "state": {}}, receive, send))
    await asyncio.wait_for(ready.wait(), 20)
    if told == ["lifespan.startup.complete"]:

        async def server(scope: Any, receive: Any, send: Any) -> None:
            scope["state"] = {}
            await app(scope, receive, send)

        transport = httpx.ASGITransport(server)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            assert (await http.get("/health/ready")).json()["status"] == "ok"
    stop.set()
    await asyncio.wait([running])
    running.exception()
    return told


async def test_any_server_that_speaks_lifespan_can_run_it(tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "home", port=8470)
    assert await _lifespan(create_app(settings)) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    # All is let go of: the next one finds the directory free.
    assert (await _lifespan(create_app(settings)))[0] == "lifespan.startup.complete"


async def test_a_start_that_fails_lets_go_of_everything(tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "home", port=8470)
    assert (await _lifespan(create_app(msgspec.structs.replace(settings, person="no name!"))))[0] == (
        "lifespan.startup.failed"
    )
    assert (await _lifespan(create_app(settings)))[0] == "lifespan.startup.complete"
