"""A registry and a scoring endpoint as processes of their own, known to an Airflow; and people with tokens.

All is started here, listens on loopback only, and is ended with the block. Files are in one directory.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

from tests.airflow.rest import AirflowApi, AirflowFailure
from tests.demo.endpoint import PROGRAM, start_endpoint
from tests.processes import ServerProcess, stop_all

COMMAND = Path(sys.executable).with_name("model-registry")


class CommandFailed(AssertionError):
    """`model-registry` ended with an error. The message is what it printed."""


class Playground:
    """See the module.

    :param directory: everything that is written is in there.
    :param endpoint_program: a script that behaves like `dags_examples/scoring_endpoint.py`.
    """

    def __init__(self, directory: Path, *, endpoint_program: Path = PROGRAM) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory.resolve()
        self.home = self.directory / "registry"
        self._endpoint_program = endpoint_program
        self.processes: list[ServerProcess] = []
        self.registry_url = ""
        self.endpoint_url = ""

    def __enter__(self) -> Self:
        try:
            self.registry_url = self.start_registry()
            endpoint, self.endpoint_url = start_endpoint(self.directory / "endpoint", program=self._endpoint_program)
            self.processes.append(endpoint)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End what was started here, and nothing else. Safe to call twice."""
        stop_all(self.processes)
        self.processes.clear()

    @property
    def environment(self) -> dict[str, str]:
        """What makes client, command and provider find this registry: its home, as on any machine of one user."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MODEL_REGISTRY_")}
        return inherited | {"MODEL_REGISTRY_HOME": str(self.home)}

    def introduce_to(self, airflow: AirflowApi) -> None:
        """Tell an Airflow where registry and endpoint are."""
        self.introduce_registry_to(airflow)
        endpoint = urlsplit(self.endpoint_url)
        models = str(self.directory / "endpoint" / "models")
        _connect(
            airflow, "scoring_endpoint", conn_type="generic", host=endpoint.hostname, port=endpoint.port,
            extra=json.dumps({"models": models}),
        )  # fmt: skip

    def introduce_registry_to(self, airflow: AirflowApi) -> None:
        token = json.loads((self.home / "credentials" / "airflow.json").read_text())["token"]
        _connect(airflow, "model_registry_default", conn_type="model_registry", host=self.registry_url, password=token)

    def command(self, *arguments: str, token_file: Path | None = None) -> str:
        """What `model-registry` prints, as the person of the first run, or as whose token the file has.

        :raises CommandFailed: it ended with an error.
        """
        who = ["--token-file", str(token_file)] if token_file else []
        done = subprocess.run(
            [str(COMMAND), *who, *arguments],
            env=self.environment,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            raise CommandFailed(f"model-registry {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def add_principal(self, name: str, role: str, *, kind: str = "person") -> Path:
        """Make somebody with a role on all models; the file of their token."""
        owners = ["--owner", self.person] if kind == "service" else []
        self.command("principals", "create", name, "--kind", kind, *owners)
        self.command("principals", "grant", name, role)
        file = self.directory / f"{name}.token"
        self.command("tokens", "create", name, "--principal", name, "--output", str(file))
        return file

    @property
    def person(self) -> str:
        """Who started the registry: its first admin."""
        return str(json.loads(self.command("--json", "whoami"))["principal"]["name"])

    def memory(self) -> dict[str, int]:
        """Bytes per process with its children."""
        return {process.name: process.memory() for process in self.processes}

    def tails(self) -> str:
        """The ends of what the processes said, for the message of a story that went wrong."""
        return "\n".join(f"--- {process.name}\n{process.tail()}" for process in self.processes)

    def start_registry(self, timeout: float = 30) -> str:
        """Where it is, once it is ready."""
        registry = ServerProcess(
            "registry",
            [str(COMMAND), "serve"],
            environment=self.environment | {"MODEL_REGISTRY_PORT": "0"},
            output=self.directory / "registry.log",
            directory=self.directory,
        )
        self.processes.append(registry)
        credentials = self.home / "credentials" / "airflow.json"
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and registry.exit_code is None:
            with suppress(OSError, ValueError, httpx.TransportError):
                url = str(json.loads(credentials.read_text())["url"])
                if httpx.get(f"{url}/health/ready", trust_env=False).is_success:
                    return url
            time.sleep(0.1)
        raise AssertionError(f"the registry isn't ready after {timeout:g} s:\n{registry.tail()}")


def _connect(airflow: AirflowApi, name: str, **fields: object) -> None:
    with suppress(AirflowFailure):
        airflow.request("DELETE", f"/connections/{name}")
    airflow.add_connection(name, **fields)
