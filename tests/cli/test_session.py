"""Secrets: kept for their owner, shown once or never."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from tests.cli.conftest import CommandLine
from tests.service_fixture import RunningService


def test_logging_in_keeps_a_verified_token_for_this_user_alone(
    alone: CommandLine, shared_service: RunningService
) -> None:
    token = shared_service.person
    file = Path(alone.environment["MODEL_REGISTRY_HOME"]) / "credentials" / "person.json"
    refused = alone("--url", shared_service.url, "login", stdin="wrong", code=1)
    assert "[not_authenticated]" in refused.err and not file.exists()
    came = alone("--url", shared_service.url, "login", stdin=f"{token}\n")
    assert "Logged in" in came.out and "as ada" in came.out and token not in came.out + came.err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_bytes()) == {"url": shared_service.url, "token": token}
    assert "ada" in alone("whoami").out
    again = alone("login", stdin=token)
    assert "Logged in" in again.out, "the registry is known by now"
    assert alone.json("logout") == {"removed": True}
    assert not file.exists()
    assert "Nobody was logged in" in alone("logout").out
    alone("whoami", code=2)


def test_a_token_file_serves_for_one_command_or_for_logging_in(
    alone: CommandLine, shared_service: RunningService, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(shared_service.airflow)
    line = ("--url", shared_service.url, "--token-file", str(file))
    assert alone.json(*line, "whoami")["principal"]["name"] == "airflow"
    alone(*line, "login")
    assert alone.json("whoami")["principal"]["kind"] == "service"
    alone("--token-file", str(tmp_path / "none"), "whoami", code=2)


def test_a_new_token_is_shown_once(ada: CommandLine) -> None:
    shown = ada("tokens", "create", "ci", "--role", "reader", "--model", "churn*", "--days", "7")
    token = shown.out.split()[-1]
    assert token.startswith("mreg_")
    assert "reader" in ada("whoami", MODEL_REGISTRY_TOKEN=token).out
    assert token not in ada("tokens", "list").out
    (listed,) = [entry for entry in ada.json("tokens", "list") if entry["name"] == "ci"]
    assert listed["patterns"] == ["churn*"] and token[-20:] not in json.dumps(listed)
    ada("tokens", "revoke", listed["id"])
    assert "[not_authenticated]" in ada("whoami", code=1, MODEL_REGISTRY_TOKEN=token).err


def test_a_token_goes_to_a_file_and_nowhere_else(ada: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "ci.token"
    before = os.umask(0)
    try:
        for words in ((), ("--json",)):
            made = ada("tokens", "create", "ci-file", "--output", str(file), *words)
            token = file.read_text().strip()
            assert token.startswith("mreg_") and token not in made.out + made.err
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
    finally:
        os.umask(before)
    assert (
        ada.json("whoami", MODEL_REGISTRY_TOKEN="", MODEL_REGISTRY_TOKEN_FILE=str(file))["principal"]["name"] == "ada"
    )


def test_no_token_is_made_that_could_not_be_kept(ada: CommandLine, tmp_path: Path) -> None:
    before = len(ada.json("tokens", "list"))
    assert "No token was made" in ada("tokens", "create", "lost", "--output", str(tmp_path / "no" / "x"), code=1).err
    assert len(ada.json("tokens", "list")) == before
    (tmp_path / "taken").mkdir()
    ada("tokens", "create", "lost", "--output", str(tmp_path / "taken"), code=2)


def test_a_token_that_could_not_be_written_is_revoked(ada: CommandLine, tmp_path: Path) -> None:
    name = "x" * 255  # fits, but not with what the temporary file adds to it
    ada("tokens", "create", "lost-later", "--output", str(tmp_path / name), code=1)
    (lost,) = [entry for entry in ada.json("tokens", "list") if entry["name"] == "lost-later"]
    assert lost["revoked_at"] is not None


def test_each_shell_gets_its_completion(alone: CommandLine) -> None:
    for shell in ("bash", "zsh", "fish"):
        script = alone("completion", shell).out
        assert "_MODEL_REGISTRY_COMPLETE" in script and "model-registry" in script
    alone("completion", "csh", code=2)


def test_a_list_that_goes_on_says_how_to_see_more_and_names_no_option_that_is_not_there(ada: CommandLine) -> None:
    for name in ("more.one", "more.two"):
        ada("models", "create", name)
    assert ada("models", "list", "--limit", "1").err.endswith("raise --limit, or narrow by --filter.\n")
    assert ada("activity", "--limit", "1").err.endswith("than these 1: raise --limit.\n")
