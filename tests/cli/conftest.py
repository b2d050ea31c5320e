from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner

from registry_service.cli import main
from registry_service.cli.state import State
from tests.service_fixture import RunningService


@dataclass(frozen=True)
class Ran:
    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class CommandLine:
    """`model-registry`, called as a user would: against a running service, with a home of one's own."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    def __call__(
        self, *words: str, stdin: str | None = None, typed: str | None = None, code: int = 0, **environment: str
    ) -> Ran:
        """`stdin` is piped in; `typed` comes from a person at a terminal."""

        runner = CliRunner(env=self.environment | environment)
        state = State() if typed is None else State(at_terminal=True)
        result = runner.invoke(main, words, input=typed or stdin, prog_name="model-registry", obj=state)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code == code, result.output
        return Ran(result.exit_code, result.stdout, result.stderr)

    def json(self, *words: str, **options: Any) -> Any:
        return self(*words, "--json", **options).json


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The service shares this process, and would log between what the command answers."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    yield
    structlog.reset_defaults()


@pytest.fixture
def alone(tmp_path: Path) -> CommandLine:
    """Without a service, and nobody logged in."""
    nothing = dict.fromkeys(("MODEL_REGISTRY_URL", "MODEL_REGISTRY_TOKEN", "MODEL_REGISTRY_TOKEN_FILE"), "")
    return CommandLine(nothing | {"MODEL_REGISTRY_HOME": str(tmp_path / "home"), "TZ": "UTC"})


@pytest.fixture
def ada(alone: CommandLine, shared_service: RunningService) -> CommandLine:
    """The admin of a fresh registry."""
    return speaking_for(alone, shared_service, shared_service.person)


@pytest.fixture
def ben(alone: CommandLine, shared_service: RunningService) -> CommandLine:
    """An approver."""
    return speaking_for(alone, shared_service, shared_service.token_of("ben", role="approver"))


@pytest.fixture
def model(request: pytest.FixtureRequest) -> str:
    """A name that no other test uses."""
    name: str = request.node.name
    return name.replace("[", ".").replace("]", "").removeprefix("test_")[:80].strip("_.")


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    root = tmp_path / "trained"
    root.mkdir()
    (root / "weights.bin").write_bytes(b"weights")
    (root / "card.md").write_text("# card")
    return root


def speaking_for(line: CommandLine, service: RunningService, token: str) -> CommandLine:
    return CommandLine(line.environment | {"MODEL_REGISTRY_URL": service.url, "MODEL_REGISTRY_TOKEN": token})
