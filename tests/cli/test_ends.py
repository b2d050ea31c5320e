"""How commands end: exit codes, words on stderr, never a traceback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from registry_service.cli import main
from registry_service.cli.state import Command, State
from tests.cli.conftest import CommandLine


def leaves(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, *path, name)
        else:
            yield (*path, name), command


LEAVES = dict(leaves(main))
TOKEN = "MODEL_REGISTRY_TOKEN"


def test_a_refusal_is_one_line_with_its_code(ada: CommandLine) -> None:
    refused = ada("models", "show", "nobody-made-this", code=1)
    first, *rest = refused.err.splitlines()
    assert first.startswith("Error: ") and first.endswith("[model_not_found]")
    assert refused.out == "" and all(line.startswith("  request id: ") for line in rest)


def test_a_refusal_to_a_program_is_json(ada: CommandLine) -> None:
    for words in (("--json", "models", "show", "none"), ("models", "show", "none", "--json")):
        refused = ada(*words, code=1)
        error = json.loads(refused.err)["error"]
        assert error["code"] == "model_not_found" and error["details"]["model"] == "none" and refused.out == ""


def test_a_registry_that_is_not_there_has_its_own_exit_code(alone: CommandLine) -> None:
    away = {"MODEL_REGISTRY_URL": "http://127.0.0.1:1", "MODEL_REGISTRY_TOKEN": "t"}
    ended = alone("models", "list", code=3, **away)
    assert "[registry_unreachable]" in ended.err and "http://127.0.0.1:1" in ended.err


def test_nobody_logged_in_is_a_matter_of_usage(alone: CommandLine) -> None:
    assert "model-registry login" in alone("whoami", code=2).err
    assert "[not_configured]" in alone("--profile", "../x", "whoami", code=2).err


def test_a_wrong_token_is_refused(ada: CommandLine) -> None:
    assert "[not_authenticated]" in ada("whoami", code=1, MODEL_REGISTRY_TOKEN="wrong").err


def test_wrong_use_is_explained(alone: CommandLine) -> None:
    for words in (("models", "show"), ("models", "shwo"), ("stages", "hold", "m", "production"), ("--nothing",)):
        assert "Error:" in alone(*words, code=2).err


def test_a_file_that_cannot_be_written_is_no_traceback(ada: CommandLine, model: str, trained: Path) -> None:
    ada("versions", "register", model, str(trained))
    (trained / "out").write_text("a file")
    ended = ada("versions", "download", model, "1", str(trained / "card.md" / "x"), code=1)
    assert "card.md" in ended.err
    assert ada("versions", "register", model, str(trained / "none"), code=2).err


@pytest.mark.parametrize("path", sorted(LEAVES), ids=" ".join)
def test_every_command_explains_itself_and_answers_with_json(path: tuple[str, ...], alone: CommandLine) -> None:
    assert LEAVES[path].help
    assert isinstance(LEAVES[path], Command)
    helped = alone(*path, "--help").out
    assert "--json" in helped


@pytest.mark.parametrize("path", sorted(LEAVES), ids=" ".join)
def test_no_command_takes_a_secret_on_its_line(path: tuple[str, ...]) -> None:
    """Other users of a machine see what stands on a command line."""

    for parameter in [*LEAVES[path].params, *main.params]:
        if {"token", "password", "secret"} & set((parameter.name or "").split("_")):
            assert path == ("tokens", "revoke") or isinstance(parameter.type, click.Path), parameter


def test_a_broken_registry_is_named_with_the_request(alone: CommandLine) -> None:
    import httpx
    from click.testing import CliRunner

    def broken(request: httpx.Request) -> httpx.Response:
        document = {"code": "internal_error", "detail": "It broke.", "request_id": "r-7"}
        return httpx.Response(500, json=document, headers={"Content-Type": "application/problem+json"})

    environment = alone.environment | {"MODEL_REGISTRY_URL": "http://r.test", "MODEL_REGISTRY_TOKEN": "t"}
    state = State(transport=httpx.MockTransport(broken))
    result = CliRunner(env=environment).invoke(main, ["whoami"], obj=state)
    assert result.exit_code == 1
    assert result.stderr == "Error: It broke. [internal_error]\n  request id: r-7\n"


QUESTIONS = {
    ("versions", "revoke"): ("--reason", "x"),
    ("models", "delete"): (),
    ("stages", "vacate"): ("production", "--reason", "x"),
    ("rollback",): ("production", "--reason", "x"),
    ("approve",): (),
    ("reject",): ("--comment", "x"),
    ("models", "release-name"): (),
    ("policies", "detach"): (),
    ("policies", "confirm"): (),
    ("retention", "end"): (),
    ("retention", "apply"): (),
    ("models", "rename"): ("another-name",),
    ("versions", "delete"): ("--reason", "x"),
    ("comments", "remove"): (),
    ("reviews", "bulk"): (),
    ("config", "remove"): (),
}


def test_every_command_that_asks_is_asked_here() -> None:
    assert {path for path, command in LEAVES.items() if any(one.name == "yes" for one in command.params)} == set(
        QUESTIONS
    )


@pytest.fixture
def asked_for(
    ada: CommandLine, ben: CommandLine, model: str, trained: Path, tmp_path: Path
) -> dict[tuple[str, ...], tuple[str, ...]]:
    """What each question can be about, in a model with a current version and a request."""
    ada("versions", "register", model, str(trained))
    promotion = ada.json("promotions", "request", model, "1", "--stage", "staging")["id"]
    applied = ada.json("promotions", "request", model, "1", "--stage", "production")["id"]
    ben("approve", applied, "--yes")
    ada("promotions", "apply", applied)
    comment = ada.json("comments", "add", model, "good")
    ada("--registry", "mine", "--url", ada.environment["MODEL_REGISTRY_URL"], "login", stdin=ada.environment[TOKEN])
    ada("retention", "write", "asked", "--model", model, "--keep-last", "100")
    preview = ada.json("retention", "preview", "--model", model)["id"]
    reviews = tmp_path / "reviews.json"
    reviews.write_text(json.dumps([{"promotion": promotion, "digest": "sha256:" + "0" * 64, "verdict": "approve"}]))
    about = dict.fromkeys(QUESTIONS, (model,)) | {
        ("approve",): (promotion,),
        ("reject",): (promotion,),
        ("versions", "revoke"): (model, "1"),
        ("versions", "delete"): (model, "1"),
        ("comments", "remove"): (str(comment["id"]),),
        ("reviews", "bulk"): (str(reviews),),
        ("config", "remove"): ("mine",),
        ("retention", "end"): ("asked",),
        ("retention", "apply"): (preview,),
    }
    return {path: (*path, *subject, *QUESTIONS[path]) for path, subject in about.items()}


@pytest.mark.parametrize("path", QUESTIONS, ids=" ".join)
def test_where_nobody_can_be_asked_nothing_is_done(
    path: tuple[str, ...], asked_for: dict[tuple[str, ...], tuple[str, ...]], ada: CommandLine
) -> None:
    """Whatever a pipe holds is no answer, and a pipe that holds nothing must not be waited for."""

    cursor = ada.json("events", "list", "--after", "latest")["cursor"]
    piped = ada(*asked_for[path], stdin="y\n", code=2)
    assert piped.err.rstrip().endswith("Nobody is there to ask: say --yes to go ahead.") and piped.out == ""
    for at_terminal in ({}, {"typed": "y\n"}):
        ended = ada(*asked_for[path], "--json", code=2, **at_terminal)
        assert json.loads(ended.err)["error"]["code"] == "confirmation_needed" and ended.out == ""
    assert ada.json("events", "list", "--after", cursor)["events"] == []


def test_a_program_is_told_in_json_whatever_ends_a_command(
    ada: CommandLine, alone: CommandLine, model: str, trained: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    for words, code, exit_code in (
        (("models", "show", "--json"), "usage", 2),
        (("models", "show", "m", "--nothing", "--json"), "usage", 2),
        (("--json", "models", "shwo"), "usage", 2),
        (("--json", "shwo"), "usage", 2),
        (("--json", "--nothing"), "usage", 2),
        (("policies", "write", str(broken), "--json"), "file_failed", 1),
        (("tokens", "create", "x", "--output", str(tmp_path / "no" / "x"), "--json"), "file_failed", 1),
        (("versions", "download", model, "1", str(trained / "card.md" / "x"), "--json"), "file_failed", 1),
        (("approve", f"{model}/1", "--yes", "--json"), "usage", 2),
    ):
        if words[0] == "versions":
            ada("versions", "register", model, str(trained))
        ended = ada(*words, code=exit_code)
        assert json.loads(ended.err)["error"]["code"] == code, words
        assert ended.out == ""
    assert json.loads(alone("whoami", "--json", code=2).err)["error"]["code"] == "not_configured"
