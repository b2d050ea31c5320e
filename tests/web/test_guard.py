from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from litestar.routes import HTTPRoute

from registry_service.web.guard import SECURITY_HEADERS, Guard
from registry_service.web.limits import JSON_BODY, MANIFEST_BODY, MAX_HEADERS, body_limit
from registry_service.web.logs import escape
from registry_service.web.routes import build_routes
from tests.service_fixture import RunningService
from tests.web.stories import API
from tests.web.walk import all_calls

ORIGIN = "http://registry.test"


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Reads the whole body and answers with its length."""
    length, more = 0, True
    while more:
        message = await receive()
        length += len(message["body"])
        more = message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(length).encode(), "more_body": False})


async def fault(scope: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("the secret is open-sesame, in /etc/passwd")


async def late_fault(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise RuntimeError("too late")


class WithState:
    """Gives the scope a state, as servers do."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope["state"] = {}
        await self.app(scope, receive, send)


def client(app: Any = echo, **options: Any) -> httpx.AsyncClient:
    guard = Guard(app, host_names={"registry.test", "127.0.0.1", "::1"}, origin=ORIGIN, **options)
    transport = httpx.ASGITransport(WithState(guard), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=ORIGIN)


@pytest.mark.parametrize(
    "host", ["evil.test", "registry.test.evil.test", "", "registry.test.", "a b", "registry.test, evil.test",
             "[::1", "registry.test:port", "registry.test:80@evil.test", "0.0.0.0", "\uff52egistry.test"],
)  # fmt: skip
async def test_another_host_is_421(host: str) -> None:
    async with client() as http:
        answer = await http.get("/", headers=[(b"host", host.encode())])
    assert answer.status_code == 421
    assert answer.json()["code"] == "misdirected_request"


@pytest.mark.parametrize("host", ["registry.test", "REGISTRY.test", "registry.test:8470", "127.0.0.1:1", "[::1]:8470"])
async def test_our_own_hosts_are_let_through(host: str) -> None:
    async with client() as http:
        assert (await http.get("/", headers={"host": host})).status_code == 200


async def test_probes_may_ask_by_any_address() -> None:
    async with client() as http:
        assert (await http.get("/health/live", headers={"host": "10.1.2.3:8470"})).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.test"},
        {"origin": "null"},
        {"origin": "http://registry.test.evil.test"},
        {"origin": "http://registry.test:81"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": ORIGIN},
    ],
)
async def test_a_page_of_another_origin_may_not_write(headers: dict[str, str]) -> None:
    async with client() as http:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = await http.request(method, "/", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "cross_origin")
        assert (await http.get("/", headers=headers)).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"origin": ORIGIN}, {"sec-fetch-site": "same-origin", "origin": ORIGIN}])
async def test_programs_and_our_own_pages_may_write(headers: dict[str, str]) -> None:
    async with client() as http:
        assert (await http.post("/", headers=headers)).status_code == 200


async def test_no_answer_allows_other_origins() -> None:
    async with client() as http:
        answer = await http.get("/", headers={"origin": "https://evil.test"})
    assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_every_answer_has_the_security_headers_and_an_id() -> None:
    for app in (echo, fault):
        async with client(app) as http:
            answer = await http.get("/")
        assert dict(answer.headers).items() >= SECURITY_HEADERS.items()
        assert answer.headers["x-request-id"]


async def test_a_caller_may_name_the_request_but_not_forge_a_log_line() -> None:
    async with client() as http:
        assert (await http.get("/", headers={"x-request-id": "run-7.a_b"})).headers["x-request-id"] == "run-7.a_b"
        for forged in ("a b", "x" * 65, 'a","b":"', "\x1b[31m"):
            assert (await http.get("/", headers={"x-request-id": forged})).headers["x-request-id"] != forged


async def test_a_fault_tells_nothing_but_the_request() -> None:
    async with client(fault) as http:
        answer = await http.get("/")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    for word in ("open-sesame", "passwd", "Traceback", "RuntimeError"):
        assert word not in answer.text


async def test_a_fault_after_the_start_of_an_answer_cuts_it_off() -> None:
    guard = Guard(late_fault, host_names={"registry.test"}, origin=ORIGIN)
    with pytest.raises(RuntimeError, match="too late"):
        await httpx.AsyncClient(transport=httpx.ASGITransport(WithState(guard)), base_url=ORIGIN).get("/")


async def test_an_announced_body_too_large_is_413_before_it_is_read() -> None:
    async def unread(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("reached")

    async with client(unread) as http:
        answer = await http.post("/", headers={"content-length": str(JSON_BODY + 1)}, content=b"")
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_a_body_that_grows_too_large_unannounced_is_413() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(JSON_BODY // 65536 + 1):
            yield b"x" * 65536

    async with client() as http:
        assert (await http.post("/", content=chunks())).status_code == 413
        answer = await http.post("/api/v1/uploads", content=chunks())
        assert (answer.status_code, int(answer.text)) == (200, JSON_BODY + 65536)


async def test_too_many_headers_are_431() -> None:
    async with client() as http:
        answer = await http.get("/", headers={f"x-{number}": "1" for number in range(MAX_HEADERS)})
        assert answer.status_code == 431
        assert (await http.get("/" + "x" * 20_000)).status_code == 431


@pytest.mark.parametrize("path", ["/a%00b", "/?a=%00"])
async def test_a_nul_in_the_url_is_400(path: str) -> None:
    async with client() as http:
        assert (await http.get(path)).status_code == 400


async def test_a_body_that_stops_coming_is_408() -> None:
    async def receive() -> Any:
        await asyncio.sleep(60)

    sent = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http", "method": "POST", "path": "/", "raw_path": b"/", "query_string": b"", "client": None,
        "state": {},
        "headers": [(b"host", b"registry.test"), (b"content-length", b"5")],
    }  # fmt: skip
    await Guard(echo, host_names={"registry.test"}, origin=ORIGIN, body_seconds=0.05)(scope, receive, send)
    assert sent[0]["status"] == 408


@pytest.mark.parametrize(("method", "path", "whole"), [("POST", "/", 408), ("PUT", "/api/v1/uploads/x/files/y", 200)])
async def test_a_body_that_drips_is_408_but_for_the_bytes_of_files(
    monkeypatch: pytest.MonkeyPatch, method: str, path: str, whole: int
) -> None:
    """No pause of it is too long; in all it is."""

    monkeypatch.setattr("registry_service.web.limits.SLOWEST_BODY", 10 * JSON_BODY)
    drops = [b"x"] * 40

    async def receive() -> Any:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": drops.pop(), "more_body": bool(drops)}

    sent = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"", "client": None,
        "state": {},
        "headers": [(b"host", b"registry.test"), (b"content-length", b"40")],
    }  # fmt: skip
    await Guard(echo, host_names={"registry.test"}, origin=ORIGIN, body_seconds=0.3)(scope, receive, send)
    assert sent[0]["status"] == whole


def test_the_guard_and_the_routes_have_the_same_limits() -> None:
    for route in build_routes().routes:
        assert isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items():
            if handler.parsed_data_field is None and handler.handler_name != "send_upload_file":
                continue
            path = next((call.path for call in all_calls() if call.name == handler.handler_name), route.path)
            assert body_limit(method, path) == handler.resolve_request_max_body_size(), handler


@pytest.mark.parametrize(
    ("method", "path", "limit"),
    [
        ("POST", "/api/v1/models", JSON_BODY),
        ("POST", "/api/v1/models/a b/versions", MANIFEST_BODY),
        ("POST", "/api/v1/models/a/b/versions", JSON_BODY),
        ("PUT", "/api/v1/models/a b/versions", JSON_BODY),
        ("POST", "/api/v1/uploads", MANIFEST_BODY),
        ("PUT", "/api/v1/uploads/x/files/y", None),
        ("POST", "/api/v1/uploads/x/files/y", JSON_BODY),
        ("PUT", "/api/v1/uploads/x/files/y/z", JSON_BODY),
        ("PUT", "/nowhere", JSON_BODY),
    ],
)
def test_only_what_must_be_large_may_be_large(method: str, path: str, limit: int | None) -> None:
    assert body_limit(method, path) == limit


def test_a_log_line_stays_one_line() -> None:
    assert escape("a\r\nb\x1b[31m\u2028\x85c\td") == r"a\r\nb\x1b[31m\u2028\x85c\td"


def test_the_whole_service_refuses_a_rebound_name(shared_service: RunningService) -> None:
    with shared_service.http() as http:
        answer = http.get(f"{API}/whoami", headers={"host": f"evil.test:{shared_service.settings.port}"})
    assert answer.status_code == 421
