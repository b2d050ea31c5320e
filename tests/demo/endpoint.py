"""The scoring endpoint of the examples as a process of its own."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from tests.processes import ServerProcess

EXAMPLES = Path(__file__).parents[2] / "dags_examples"
PROGRAM = EXAMPLES / "scoring_endpoint.py"


def start_endpoint(
    directory: Path, *, program: Path = PROGRAM, port: int = 0, timeout: float = 30
) -> tuple[ServerProcess, str]:
    """Start it with its models in `directory/models`; the process, and the address where it answers."""
    directory.mkdir(parents=True, exist_ok=True)
    process = ServerProcess(
        "scoring endpoint",
        [sys.executable, str(program), "--models", str(directory / "models"), "--port", str(port)],
        environment={**os.environ, "PYTHONPATH": str(EXAMPLES), "PYTHONUNBUFFERED": "1"},
        output=directory / f"endpoint-{time.monotonic_ns()}.log",
        directory=directory,
    )
    return process, wait_for_address(process, timeout)


def wait_for_address(process: ServerProcess, timeout: float) -> str:
    """The first word that starts with `http://` in what the process says; the process is ended if none comes."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline and process.exit_code is None:
        for word in process.output.read_text().split():
            if word.startswith("http://"):
                return word
        time.sleep(0.05)
    process.kill()
    raise AssertionError(f"the {process.name} didn't say where it is in {timeout:g} s:\n{process.tail()}")
