"""What must never be told (case I01): tokens, keys and passwords, through a run over every route."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from registry_service.domain.errors import RegistryError
from registry_service.settings import BucketAddress, Secret
from tests.service_fixture import RunningService, running, settings_for
from tests.web.logged import logged
from tests.web.stories import API, answered, create_model, register
from tests.web.walk import all_calls

CANARY = "canary-7f3a-of-a-secret"


def _run(service: RunningService) -> tuple[str, list[str]]:
    """All that a run told, and the secrets that were used in it."""
    issued = {name: service.token_of(name, role="reader", kind="service") for name in ("one", "two")}
    secrets = [service.person, service.airflow, *issued.values()]
    told = []
    with logged(level="debug") as log:
        for token in [*secrets, service.person[:-1] + "x", CANARY]:
            with service.http(token) as http:
                for call in all_calls():
                    headers = {"Cookie": f"session={CANARY}", "X-Api-Key": CANARY}
                    answer = http.request(call.method, call.path, json=call.body, headers=headers)
                    if call.name != "create_token":
                        told.append(f"{answer.headers} {answer.text}")
                    elif answer.status_code == 201:
                        secrets.append(answer.json()["token"])
        with service.http() as http:
            create_model(http, "m")
            register(http, "m", {"model.bin": b"bytes"})
            told.append(http.get(f"{API}/events", params={"after": "start", "limit": 1000}).text)
            told += [http.get("/metrics").text, http.get(f"{API}/tokens").text]
            answered(http.get(f"{API}/whoami"))
    kept = [path for path in service.home.rglob("*") if path.is_file() and path.parent.name != "credentials"]
    told += [log.getvalue(), *(path.read_bytes().decode("latin-1") for path in kept)]
    return "\n".join(told), [CANARY, *secrets]


def _leaks(told: str, secrets: list[str]) -> list[str]:
    """Whole secrets, and the part of a token that is secret: behind its kind and the twelve characters of its id."""
    parts = [re.sub(r"^mreg_[a-z]+_.{12}", "", secret) for secret in secrets]
    return [secret for secret, part in zip(secrets, parts, strict=True) if part in told]


def test_no_token_is_in_any_log_file_or_answer(service: RunningService, capfd: pytest.CaptureFixture[str]) -> None:
    told, secrets = _run(service)
    printed = capfd.readouterr()
    assert len(secrets) > 8
    assert _leaks(told + printed.out + printed.err, secrets) == []


def _logs_headers(app: Any) -> Any:
    import structlog

    async def planted(scope: Any, receive: Any, send: Any) -> None:
        structlog.get_logger("registry").info(
            "asked", headers=[value.decode("latin-1") for _, value in scope["headers"]]
        )
        await app(scope, receive, send)

    return planted


def _answers_with_the_token(app: Any) -> Any:
    async def planted(scope: Any, receive: Any, send: Any) -> None:
        async def more(message: Any) -> None:
            if message["type"] == "http.response.start":
                given = [(b"x-who", value) for name, value in scope["headers"] if name == b"authorization"]
                message["headers"] = [*message["headers"], *given]
            await send(message)

        await app(scope, receive, more)

    return planted


@pytest.mark.parametrize("wrap", [_logs_headers, _answers_with_the_token])
def test_a_secret_that_is_told_is_found(tmp_path: Path, wrap: Callable[[Any], Any]) -> None:
    with running(settings_for(tmp_path / "service"), wrap=wrap) as service:
        assert _leaks(*_run(service)) != []


@pytest.mark.parametrize(
    "wrong",
    [
        {"database_url": f"postgresql://registry:{CANARY}@127.0.0.1:1/registry"},
        {
            "artifacts": BucketAddress("models"),
            "s3_endpoint": "http://127.0.0.1:1",
            "s3_access_key": "registry",
            "s3_secret_key": Secret(CANARY),
        },
    ],
    ids=["database", "bucket"],
)
def test_no_key_or_password_of_the_settings_is_told_when_they_do_not_work(
    tmp_path: Path, wrong: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    settings = settings_for(tmp_path / "service", **wrong)
    told = [repr(settings.s3_secret_key)]
    with logged(level="debug") as log:
        try:
            with running(settings) as service, service.http() as http:
                told += [http.get("/health/ready").text, http.get("/metrics").text]
        except (RegistryError, OSError) as error:
            told.append(f"{error!s} {error!r} {error.__cause__!r}")
    printed = capfd.readouterr()
    assert len(told) > 1
    assert CANARY not in "".join([*told, log.getvalue(), printed.out, printed.err])
