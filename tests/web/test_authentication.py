from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from litestar import get

from registry_service.app import now
from registry_service.domain.permissions import Action
from registry_service.domain.tokens import ENTROPY_BYTES, TokenKind, new_token
from registry_service.web.authentication import PUBLIC, is_public
from registry_service.web.routes import build_routes
from tests.service_fixture import RunningService, StartService
from tests.web.stories import API, answered
from tests.web.walk import all_calls

WHOAMI = f"{API}/whoami"


def test_every_route_and_method_wants_a_token_but_health(shared_service: RunningService) -> None:
    methods = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    paths = {call.path for call in all_calls()} | {
        "/",
        "/nowhere",
        "/schema",
        "/docs",
        "/api/v1/nowhere",
        "//",
        "/health",
        "/logout",
    }
    with shared_service.http(token="") as http:
        for path in sorted(paths):
            for method in methods:
                status = http.request(method, path).status_code
                if is_public(path):
                    assert status != 401, (method, path)
                else:
                    assert status == 401, (method, path, status)


def test_a_refusal_names_the_scheme_and_nothing_of_the_service(shared_service: RunningService) -> None:
    with shared_service.http(token="") as http:
        answer = http.get(WHOAMI)
    assert answer.headers["www-authenticate"] == 'Bearer realm="model-registry"'
    assert answered(answer, 401)["code"] == "not_authenticated"


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Basic YWRhOmFkYQ==", "Bearer x", "Bearer mreg_personal_" + "0" * 50, "mreg_personal_x",
     "Bearer\tx", "Bearer " + "é" * 40, "Bearer " + "a" * 20_000],
)  # fmt: skip
def test_what_is_no_token_is_401_whatever_it_is(shared_service: RunningService, value: str) -> None:
    with shared_service.http(token="") as http:
        assert http.get(WHOAMI, headers=[(b"Authorization", value.encode())]).status_code == 401


def test_two_authorization_headers_are_none(shared_service: RunningService) -> None:
    good = ("Authorization", f"Bearer {shared_service.person}")
    with shared_service.http(token="") as http:
        assert http.get(WHOAMI, headers=[good]).status_code == 200
        assert http.get(WHOAMI, headers=[good, good]).status_code == 401


def test_a_well_formed_token_that_was_never_issued_is_401(shared_service: RunningService) -> None:
    invented = new_token(TokenKind.PERSONAL, bytes(ENTROPY_BYTES)).text
    with shared_service.http(token=invented) as http:
        answer = http.get(WHOAMI)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_the_right_id_with_another_secret_is_401(shared_service: RunningService) -> None:
    import zlib

    from registry_service.domain.tokens import _base62

    body = shared_service.person[:-7] + ("0" if shared_service.person[-7] != "0" else "1")
    forged = body + _base62(zlib.crc32(body.encode()), 6)
    with shared_service.http(token=forged) as http:
        assert http.get(WHOAMI).status_code == 401


def test_revoked_is_over_at_once(shared_service: RunningService) -> None:
    token = shared_service.token_of("bob", role="reader")
    with shared_service.http(token=token) as http, shared_service.http() as admin:
        me = answered(http.get(WHOAMI))
        answered(admin.delete(f"{API}/tokens/{me['token']['id']}"))
        assert http.get(WHOAMI).status_code == 401


def test_disabled_is_over_at_once_and_enabled_is_back(shared_service: RunningService) -> None:
    token = shared_service.token_of("carol", role="reader")
    with shared_service.http(token=token) as http, shared_service.http() as admin:
        answered(admin.patch(f"{API}/principals/carol", json={"disabled": True}))
        assert http.get(WHOAMI).status_code == 401
        answered(admin.patch(f"{API}/principals/carol", json={"disabled": False}))
        assert http.get(WHOAMI).status_code == 200


def test_expired_is_over(start_service: StartService) -> None:
    moment = now()
    service = start_service(clock=lambda: moment)
    with service.http() as http:
        assert http.get(WHOAMI).status_code == 200
        moment += timedelta(days=91)
        assert http.get(WHOAMI).status_code == 401


async def test_rights_come_from_oneself_and_from_groups_on_both_databases(service_on: RunningService) -> None:
    import asyncio

    def look() -> None:
        token = service_on.token_of("dan")
        with service_on.http(token=token) as http, service_on.http() as admin:
            assert http.get(f"{API}/models").status_code == 403
            answered(admin.put(f"{API}/groups/readers", json={"members": ["dan"]}))
            answered(admin.post(f"{API}/grants", json={"role": "reader", "group": "readers"}), 201)
            assert http.get(f"{API}/models").status_code == 200
            assert http.post(f"{API}/models", json={"name": "x"}).status_code == 403
            answered(admin.post(f"{API}/grants", json={"role": "contributor", "principal": "dan"}), 201)
            assert http.post(f"{API}/models", json={"name": "x"}).status_code == 201
            answered(admin.put(f"{API}/groups/readers", json={"members": []}))
            assert http.get(f"{API}/models").status_code == 200

    await asyncio.to_thread(look)


def test_the_start_fails_on_a_route_that_declares_nothing() -> None:
    @get("/planted")
    async def planted() -> None: ...

    with pytest.raises(RuntimeError, match="/planted declares no action"):
        build_routes(more=[planted])


def test_the_start_fails_on_a_route_that_calls_itself_public() -> None:
    @get("/planted", action=PUBLIC)
    async def planted() -> None: ...

    with pytest.raises(RuntimeError, match="/planted"):
        build_routes(more=[planted])


def test_a_declared_route_starts() -> None:
    @get("/planted", action=Action.MODEL_READ)
    async def planted() -> None: ...

    assert any(route.path == "/planted" for route in build_routes(more=[planted]).routes)


def test_defaults_of_other_products_open_nothing(shared_service: RunningService) -> None:
    guesses = [
        "admin",
        "password",
        "admin:admin",
        "admin:password1234",
        "Harbor12345",
        "minioadmin",
        "airflow",
        "token",
        "test",
        "root",
    ]
    with httpx.Client(base_url=shared_service.url, trust_env=False) as http:
        for guess in guesses:
            assert http.get(WHOAMI, headers={"Authorization": f"Bearer {guess}"}).status_code == 401
            assert http.get(WHOAMI, auth=(guess, guess)).status_code == 401


def test_two_fresh_starts_have_different_tokens(start_service: StartService) -> None:
    assert start_service().person != start_service().person
