from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider.exceptions import ModelRegistryRefused
from airflow_provider.hooks.registry import ModelRegistryHook
from tests.provider.world import World

pytestmark = pytest.mark.anyio


def connect(monkeypatch: pytest.MonkeyPatch, **connection: Any) -> ModelRegistryHook:
    given = {"conn_type": "model_registry", "host": "registry.example", "password": "mreg_secret", **connection}
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", json.dumps(given))
    return ModelRegistryHook("other")


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        ({"host": "https://registry.example.com/"}, "https://registry.example.com"),
        ({"host": "https://registry.example.com", "port": 8443}, "https://registry.example.com:8443"),
        ({"host": "https://registry.example.com:1", "port": 8443}, "https://registry.example.com:1"),
        ({"host": "registry.example.com"}, "https://registry.example.com"),
        ({"host": "registry.internal", "schema": "http", "port": 80}, "http://registry.internal:80"),
        ({"host": "127.0.0.1", "port": 8470}, "http://127.0.0.1:8470"),
        ({"host": "localhost", "port": 8470}, "http://localhost:8470"),
    ],
)
def test_the_host_is_a_url_or_host_and_port_and_the_token_goes_out_encrypted_unless_asked(
    monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any], url: str
) -> None:
    assert connect(monkeypatch, **connection).settings.url == url


def test_extra_knows_verify_and_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = connect(monkeypatch, extra=json.dumps({"verify": "/etc/ca.pem", "timeout": 5})).settings
    assert (settings.verify, settings.timeout) == ("/etc/ca.pem", 5.0)
    assert "mreg_secret" not in repr(settings)


@pytest.mark.parametrize(
    ("connection", "words"),
    [
        ({"host": None}, "no host"),
        ({"password": None}, "no token"),
        ({"extra": '{"verify": 3}'}, "verify"),
        ({"extra": '{"timeout": "soon"}'}, "timeout"),
    ],
)
def test_a_connection_that_lacks_something_is_refused_with_what(
    monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any], words: str
) -> None:
    with pytest.raises(ModelRegistryRefused, match=words):
        _ = connect(monkeypatch, **connection).settings


def test_testing_a_connection_says_who_one_is(world: World) -> None:
    ok, message = ModelRegistryHook("registry").test_connection()
    assert ok and "Connected as airflow" in message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password": "mreg_svc_wrong"}, "doesn't know this token"),
        ({"host": "http://127.0.0.1:1"}, "can't be reached"),
        ({"host": None}, "no host"),
    ],
)
def test_testing_a_connection_says_what_is_wrong_and_repeats_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], words: str
) -> None:
    hook = connect(monkeypatch, **{"host": world.url, "password": world.token, **changes})
    ok, message = hook.test_connection()
    assert not ok and words in message
    assert world.token not in message and "mreg_svc" not in message


async def test_a_trigger_reads_the_same_settings(world: World) -> None:
    hook = ModelRegistryHook("registry")
    assert await hook.aget_settings() == hook.settings
    async with await hook.aget_conn() as client:
        assert (await client.who_am_i()).principal.name == "airflow"


def test_the_same_user_needs_no_connection_and_any_other_name_has_to_exist(world: World) -> None:
    settings = ModelRegistryHook().settings
    assert (settings.url, settings.token) == (world.url, world.token)
    with pytest.raises(ModelRegistryRefused, match="no Airflow connection 'elsewhere'"):
        _ = ModelRegistryHook("elsewhere").settings
