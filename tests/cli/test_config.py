"""Several registries by name, as somebody at a terminal sets them up. No answer has a token in it."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import CommandLine, Ran
from tests.service_fixture import RunningService


class Watched:
    """The command, of which nothing that it says may have one of these tokens in it."""

    def __init__(self, line: CommandLine, *secrets: str) -> None:
        self.line, self._secrets = line, secrets

    def __call__(self, *words: str, **options: Any) -> Ran:
        ran = self.line(*words, **options)
        for secret in self._secrets:
            assert secret not in ran.out + ran.err
        return ran

    def json(self, *words: str, **options: Any) -> Any:
        return self(*words, "--json", **options).json


@pytest.fixture
def line(alone: CommandLine, shared_service: RunningService) -> Watched:
    return Watched(
        CommandLine(alone.environment | {"MODEL_REGISTRY_NAME": ""}), shared_service.person, shared_service.airflow
    )


@pytest.fixture
def file(alone: CommandLine) -> Path:
    return Path(alone.environment["MODEL_REGISTRY_HOME"]) / "config.json"


def name_of(line: Watched, *words: str, **environment: Any) -> str:
    name: str = line.json(*words, "whoami", **environment)["principal"]["name"]
    return name


def test_two_registries_are_known_and_asked_by_their_names(
    line: Watched, shared_service: RunningService, tmp_path: Path, file: Path
) -> None:
    token = tmp_path / "airflow.token"
    token.write_text(shared_service.airflow)
    token.chmod(0o600)
    assert "Log in there" in line("config", "add", "prod", f"{shared_service.url}/").err
    line("config", "add", "machine", shared_service.url, "--token-file", str(token), "--use")
    assert name_of(line) == "airflow"
    came = line("--registry", "prod", "login", stdin=f"{shared_service.person}\n")
    assert "as ada, as prod" in came.out and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert name_of(line, "--registry", "prod") == "ada"
    assert name_of(line, MODEL_REGISTRY_NAME="prod") == "ada"
    line("config", "use", "prod")
    assert name_of(line) == "ada" and name_of(line, "--registry", "machine") == "airflow"

    assert line.json("config", "list") == [
        {"name": "machine", "url": shared_service.url, "token": f"in {token}", "ca_file": None, "in_use": False},
        {"name": "prod", "url": shared_service.url, "token": "stored", "ca_file": None, "in_use": True},
    ]
    assert "stored" in line("config", "list").out and "stored" in line("config", "show", "prod").out
    assert line.json("config", "show") == {
        "registry": "prod", "url": shared_service.url, "url_from": "registry 'prod'",
        "token_from": "registry 'prod'", "ca_file": None,
    }  # fmt: skip
    assert "MODEL_REGISTRY_TOKEN" in line("config", "show", MODEL_REGISTRY_TOKEN="other").out

    assert line.json("logout") == {"removed": True} and line.json("logout") == {"removed": False}
    assert line.json("config", "show", "prod")["token"] is None
    line("whoami", code=2)


def test_the_login_without_a_name_goes_on_and_can_be_given_one(
    line: Watched, shared_service: RunningService, file: Path
) -> None:
    refused = line("config", "add", "mine", code=1)
    assert "Nobody is logged in" in refused.err and not file.exists()
    line("--url", shared_service.url, "login", stdin=shared_service.person)
    login = file.parent / "credentials" / "person.json"
    kept = login.read_bytes()
    line("config", "add", "mine", "--use")
    assert login.read_bytes() == kept
    assert json.loads(file.read_bytes())["registries"]["mine"]["token"] == shared_service.person
    line("logout")
    line("config", "use", "--none")
    assert name_of(line) == "ada" and line.json("config", "show")["url_from"] == str(login)
    assert "None of them" in line("config", "use", "--none").out


def test_no_token_is_lost_by_a_slip(line: Watched, shared_service: RunningService, file: Path) -> None:
    line("--url", shared_service.url, "--registry", "prod", "login", stdin=shared_service.person)
    kept = file.read_bytes()
    for words, code in (
        (("config", "add", "prod", "https://other.test"), 1),
        (("config", "remove", "prod"), 2),
        (("config", "use", "none"), 2),
        (("config", "use"), 2),
        (("config", "use", "prod", "--none"), 2),
        (("config", "remove", "other"), 2),
        (("config", "show", "other"), 2),
        (("config", "add", "a b", "https://other.test"), 2),
        (("config", "add", "b", "ftp://other.test"), 2),
        (("--url", "https://other.test", "--registry", "prod", "login"), 1),
        (("--registry", "other", "login"), 1),
        (("--registry", "prod", "login"), 2),
    ):
        line(*words, code=code, stdin="")
        assert file.read_bytes() == kept, words
    assert "[not_authenticated]" in line("--registry", "prod", "login", stdin="wrong", code=1).err
    assert file.read_bytes() == kept
    line("config", "remove", "prod", typed="n\n", code=1)
    line("config", "remove", "prod", typed="y\n")
    assert line("config", "list").out.startswith("None.")


def test_a_token_file_that_others_can_read_is_refused(line: Watched, tmp_path: Path, file: Path) -> None:
    token = tmp_path / "token"
    token.write_text("x")
    token.chmod(0o644)
    assert "chmod 600" in line("config", "add", "p", "https://p.test", "--token-file", str(token), code=2).err
    assert not file.exists()


def test_a_list_that_others_can_read_is_refused(line: Watched, file: Path) -> None:
    line("config", "add", "p", "https://p.test")
    file.chmod(0o644)
    for words in (("config", "list"), ("whoami",), ("config", "add", "q", "https://q.test")):
        assert "chmod 600" in line(*words, code=2).err
