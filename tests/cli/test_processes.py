"""The command as a process of its own: what runs until it is told to end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from registry_service.client import ConsumerNotFound, RegistryClient
from tests.cli.conftest import CommandLine

COMMAND = (sys.executable, "-c", "from registry_service.cli import main; main(prog_name='model-registry')")


def environment(line: CommandLine, **more: str) -> dict[str, str]:
    return os.environ | line.environment | more


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def wait_for(file: Path, text: str) -> None:
    wait_until(lambda: text in file.read_text())


@contextmanager
def following(line: CommandLine, output: Path, *words: str) -> Iterator[None]:
    with output.open("wb") as sink:
        follower = subprocess.Popen(
            [*COMMAND, "events", "follow", *words],
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=environment(line, PYTHONUNBUFFERED="1"),
        )
    try:
        yield
    finally:
        follower.send_signal(signal.SIGINT)
        assert follower.wait(30) == 0, output.read_text()


def test_following_shows_events_as_they_happen_and_keeps_its_place(
    ada: CommandLine, model: str, tmp_path: Path
) -> None:
    ada("models", "create", model)
    place = ("--consumer", "cli-test", "--model", model)
    output = tmp_path / "first"
    with following(ada, output, *place, "--after", "start"):
        wait_for(output, "model.created")
        ada("models", "archive", model)
        wait_for(output, "model.updated")
        wait_until(lambda: place_of(ada, "cli-test") == ada.json("events", "list", "--after", "latest")["cursor"])
    ada("models", "update", model, "--description", "while nobody looked")
    output = tmp_path / "second"
    with following(ada, output, *place, "--json"):
        wait_for(output, "model.updated")
    events = [json.loads(line) for line in output.read_text().splitlines()]
    assert [event["kind"] for event in events] == ["model.updated"], "what was shown before is not shown again"


def test_following_without_a_place_begins_now(ada: CommandLine, model: str, tmp_path: Path) -> None:
    output = tmp_path / "output"
    with following(ada, output):
        deadline = time.monotonic() + 30
        while "model.created" not in output.read_text():
            assert time.monotonic() < deadline
            ada("models", "create", f"{model}-{time.monotonic_ns()}")
    assert "principal.created" not in output.read_text()


@pytest.mark.parametrize("words", [(), ("--json",)], ids=["people", "programs"])
def test_a_pipe_that_stays_open_and_silent_is_not_waited_for(ada: CommandLine, model: str, words: tuple[str]) -> None:
    ada("models", "create", model)
    asking = subprocess.Popen(
        [*COMMAND, "models", "delete", model, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(ada),
    )
    try:
        assert asking.wait(30) == 2
        assert asking.stdout is not None and asking.stdout.read() == b""
        assert asking.stderr is not None and b"say --yes" in asking.stderr.read()
    finally:
        asking.kill()
        asking.communicate()
    assert ada.json("models", "show", model)["deleted_at"] is None


@pytest.mark.slow
def test_the_service_is_served_and_ends_when_told(alone: CommandLine, tmp_path: Path) -> None:
    output = tmp_path / "output"
    with output.open("wb") as sink:
        server = subprocess.Popen(
            [*COMMAND, "serve"], stdout=sink, stderr=subprocess.STDOUT, env=environment(alone, MODEL_REGISTRY_PORT="0")
        )
    try:
        wait_for(output, "Next: model-registry models list")
        assert "No models." in alone("models", "list").out
    finally:
        server.send_signal(signal.SIGTERM)
    assert server.wait(30) == 0


def test_without_the_service_installed_serving_says_what_to_install(alone: CommandLine) -> None:
    script = "import sys; sys.modules['litestar'] = None; " + COMMAND[2]
    ended = subprocess.run(
        [sys.executable, "-c", script, "serve"],
        env=environment(alone),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 1 and "airflow-model-registry[service]" in ended.stderr and "litestar" in ended.stderr


def test_help_does_not_load_the_http_library(alone: CommandLine) -> None:
    script = "import sys, registry_service.cli; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0


def place_of(line: CommandLine, consumer: str) -> str | None:
    with RegistryClient(line.environment["MODEL_REGISTRY_URL"], line.environment["MODEL_REGISTRY_TOKEN"]) as client:
        try:
            return client.get_consumer(consumer).cursor
        except ConsumerNotFound:
            return None
