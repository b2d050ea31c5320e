from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from registry_service.domain.tokens import TokenKind
from tests.service_fixture import RunningService, StartService
from tests.web.stories import API, answered

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
OURS = {"sec-fetch-site": "same-origin"}


def log_in(service: RunningService, token: str | None = None) -> str:
    """The cookie of a new session, as the browser sends it."""
    with service.http("") as http:
        answer = http.post("/login", json={"token": token or service.person}, headers=OURS)
    assert answer.status_code == 204, answer.text
    return answer.headers["set-cookie"].partition(";")[0]


@contextmanager
def session(service: RunningService, cookie: str, **headers: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, headers={"cookie": cookie, **headers}, trust_env=False) as http:
        yield http


def test_the_cookie_is_for_this_service_alone(shared_service: RunningService, start_service: StartService) -> None:
    with shared_service.http("") as http:
        header = http.post("/login", json={"token": shared_service.person}, headers=OURS).headers["set-cookie"]
    name, _, rest = header.partition("=")
    assert name == f"model-registry-{shared_service.settings.port}", "all ports of a host share its cookies"
    assert {"Path=/", "HttpOnly", "SameSite=Strict", "Max-Age=43200"} <= set(rest.split("; "))
    assert "Domain" not in header and "Secure" not in header
    secure = start_service(public_url="https://models.example.org", allowed_hosts=("127.0.0.1",))
    url = f"http://127.0.0.1:{secure.settings.port}/login"
    answer = httpx.post(url, json={"token": secure.person}, headers=OURS, trust_env=False)
    assert re.match(r"__Host-model-registry=mreg_session_\w+; Path=/;", answer.headers["set-cookie"])
    assert answer.headers["set-cookie"].endswith("; HttpOnly; SameSite=Strict; Secure")


def test_a_session_reads_and_writes_as_who_opened_it(shared_service: RunningService) -> None:
    with session(shared_service, log_in(shared_service), **OURS) as http:
        me = answered(http.get(f"{API}/whoami"))
        assert (me["principal"]["name"], me["token"]["kind"]) == ("ada", "session")
        answered(http.post(f"{API}/models", json={"name": "by-session"}), 201)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "null"},
        {"origin": "https://evil.example"},
        {"sec-fetch-site": "same-site", "origin": "OURS"},
    ],
)
def test_only_our_own_pages_write_with_a_session(shared_service: RunningService, headers: dict[str, str]) -> None:
    sent = {name: value.replace("OURS", shared_service.url) for name, value in headers.items()}
    with session(shared_service, log_in(shared_service), **sent) as http:
        for method, path in (("POST", f"{API}/models"), ("POST", "/logout"), ("DELETE", f"{API}/sessions")):
            body: Any = {"name": "forged"} if path.endswith("models") else None
            answer = http.request(method, path, json=body)
            assert answered(answer, 403)["code"] == "cross_origin", (method, path)
        assert answered(http.post("/login", json={"token": shared_service.person}), 403)["code"] == "cross_origin"
        assert http.get(f"{API}/models/forged").status_code == 404


def test_an_old_browser_says_where_it_asks_from(shared_service: RunningService) -> None:
    with session(shared_service, log_in(shared_service), origin=shared_service.url) as http:
        answered(http.post(f"{API}/models", json={"name": "by-origin"}), 201)


def test_each_kind_of_token_is_good_where_it_belongs_and_nowhere_else(shared_service: RunningService) -> None:
    cookie = log_in(shared_service)
    name, _, token = cookie.partition("=")
    with shared_service.http(token) as http:
        assert http.get(f"{API}/whoami").status_code == 401, "a session is no bearer token"
    with shared_service.http() as http:
        link = answered(http.post(f"{API}/login-links", json={}), 201)["url"].partition("#")[2]
    assert link.startswith(f"mreg_{TokenKind.LOGIN}_")
    with shared_service.http(link) as http:
        assert http.get(f"{API}/whoami").status_code == 401, "a link is no bearer token"
    for other in (link, shared_service.person, shared_service.airflow):
        with session(shared_service, f"{name}={other}") as http:
            assert http.get(f"{API}/whoami").status_code == 401, "only a session stands in the cookie"
    with shared_service.http("") as http:
        assert http.post("/login", json={"token": token}, headers=OURS).status_code == 401
        assert http.post("/login", json={"token": shared_service.airflow}, headers=OURS).status_code == 403
        assert http.post("/login", json={"token": link}, headers=OURS).status_code == 204
        assert http.post("/login", json={"token": link}, headers=OURS).status_code == 401, "once"
        assert http.post("/logout", headers={"authorization": f"Bearer {shared_service.person}"}).status_code == 400


def test_the_kind_is_what_was_issued_and_not_what_the_text_says(shared_service: RunningService) -> None:
    import zlib

    from registry_service.domain.tokens import _base62

    token = log_in(shared_service).partition("=")[2]
    body = token[:-6].replace("mreg_session_", "mreg_personal_")
    with shared_service.http(body + _base62(zlib.crc32(body.encode()), 6)) as http:
        assert http.get(f"{API}/whoami").status_code == 401


def test_two_cookies_of_the_name_are_none(shared_service: RunningService) -> None:
    cookie = log_in(shared_service)
    with session(shared_service, f"{cookie}; {cookie}") as http:
        assert http.get(f"{API}/whoami").status_code == 401


def test_logging_out_is_over_at_once(shared_service: RunningService) -> None:
    cookies = [log_in(shared_service) for _ in range(3)]
    with session(shared_service, cookies[0], **OURS) as http:
        out = http.post("/logout")
        assert out.status_code == 204 and "Max-Age=0" in out.headers["set-cookie"]
        assert http.get(f"{API}/whoami").status_code == 401
    with session(shared_service, cookies[1], **OURS) as http:
        assert answered(http.delete(f"{API}/sessions"))["ended"] >= 2
    for cookie in cookies:
        with session(shared_service, cookie) as http:
            assert http.get(f"{API}/whoami").status_code == 401


def test_a_browser_without_a_session_is_led_to_the_login_whatever_it_asks_for(shared_service: RunningService) -> None:
    with shared_service.http("") as http:
        for path in ("/models", "/models/nowhere?filter=a%20%3D%201", "/nowhere", "/promotions/x"):
            answer = http.get(path, headers=BROWSER)
            assert answer.status_code == 303
            assert httpx.URL(answer.headers["location"]).params["next"] == path
        assert http.get("/", headers=BROWSER).headers["location"] == "/login"
        for path in (f"{API}/models", "/openapi.json", "/metrics"):
            assert http.get(path, headers=BROWSER).status_code == 401, "those are for programs"
        assert http.post("/models", headers=BROWSER).status_code == 401
        assert "set-cookie" not in http.get("/login", headers=BROWSER).headers, "no cookie before one logs in"


def test_who_comes_by_a_link_of_another_site_opens_the_address_once_more(shared_service: RunningService) -> None:
    from_elsewhere = {**BROWSER, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    with shared_service.http("") as http:
        answer = http.get('/models/a"<b>?q=1', headers=from_elsewhere)
    assert answer.status_code == 200
    assert 'http-equiv="refresh"' in answer.text and "<b>" not in answer.text
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize("path", ["//evil.test/x", "///evil.test/x", "/\\\\evil.test/x"])
def test_no_address_leads_to_another_host(shared_service: RunningService, path: str) -> None:
    from_elsewhere = {**BROWSER, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    head = "".join(f"{name}: {value}\r\n" for name, value in from_elsewhere.items())
    with socket.create_connection(("127.0.0.1", shared_service.settings.port), timeout=10) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{head}\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b"")).decode()
    if "http-equiv" in answer:
        assert 'url=/evil.test/x"' in answer
        assert 'href="/evil.test/x"' in answer
    else:
        assert answer.startswith("HTTP/1.1 400")


def test_the_start_makes_a_link_where_it_is_asked_to(tmp_path: Any) -> None:
    from registry_service.app import create_app
    from registry_service.services.first_run import FirstRun
    from tests.service_fixture import settings_for

    async def start(*, login_link: bool) -> str | None:
        told: list[FirstRun] = []
        app = create_app(settings_for(tmp_path / "service"), announce=told.append, login_link=login_link)
        async with app.running():
            return told[0].login_link

    import asyncio

    assert asyncio.run(start(login_link=False)) is None
    first, second = asyncio.run(start(login_link=True)), asyncio.run(start(login_link=True))
    assert first is not None and second is not None and first != second
    assert "/login#mreg_login_" in first
