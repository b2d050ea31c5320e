"""The services of docker-compose.yml as plain processes, where there is no engine to run them in containers.

Command, environment, order and health check of each come from the file. What an engine would do for them is done by
rewriting their values, and nothing else is rewritten:

- `<service>:<port>` gets an address of loopback that is that service's own, and so do `0.0.0.0` and `127.0.0.1`. Each
  service having an address, ports stay what the file says.
- A path on a volume, a bind or a tmpfs becomes the directory that stands for it; a volume is the same directory in all
  services that have it.

It doesn't show what only an engine does: that images build, users, capabilities, networks, read-only file systems.
"""

from __future__ import annotations

import itertools
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.compose.file import Config
from tests.compose.postgres import PROGRAMS, as_its_image_does, is_postgres
from tests.object_stores.fixtures import MINIO
from tests.processes import ServerProcess, stop_all

# The file's times are for a machine that does nothing else.
PATIENCE = 3.0
ONE_SHOT_SECONDS = 180.0
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class NotUp(AssertionError):
    """A service ended, failed, or isn't healthy in time. The message has the end of its output."""


class Composition:
    """The services of a file that was read. A context, which ends what was started.

    :param directory: everything that is written is in there.
    :param beside: another one, whose addresses and volumes this one shares: the same after a change of the file.
    """

    def __init__(self, config: Config, directory: Path, *, beside: Composition | None = None) -> None:
        self.config = config
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        # Whoever runs the database has to get to its volume.
        directory.chmod(0o711)
        self.processes: dict[str, ServerProcess] = {}
        network = f"127.{random.randint(16, 250)}.{random.randint(0, 255)}"
        own = {name: f"{network}.{number}" for number, name in enumerate(sorted(self.services), 2)}
        self.addresses: Mapping[str, str] = own if beside is None else beside.addresses

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def services(self) -> Mapping[str, Mapping[str, Any]]:
        services: Mapping[str, Mapping[str, Any]] = self.config["services"]
        return services

    def up(self, *wanted: str) -> None:
        """Start services (none named: all) and what they depend on, in the order that the file demands.

        :raises NotUp: one of them isn't.
        """
        for name in in_order(self.config, wanted or self.services):
            if name not in self.processes:
                self.start(name)
        for name in self.processes:
            if "healthcheck" in self.services[name]:
                self.wait_until_healthy(name)

    def start(self, name: str) -> None:
        """Start one, once what runs and it depends on is healthy; one that others wait to complete is waited for."""
        for other, condition in depends_on(self.services[name]).items():
            if condition == "service_healthy" and other in self.processes:
                self.wait_until_healthy(other)
        directory = self._directory_of(name)
        command, environment, user = self.command(name), self.environment(name), None
        if is_postgres(self.services[name]):
            command, user = as_its_image_does(command, environment, directory, self.addresses[name])
        self.processes[name] = ServerProcess(
            name,
            command,
            environment=environment,
            output=self.output(name),
            directory=directory,
            user=user,
        )
        if self._is_one_shot(name):
            self._wait_until_completed(name)

    def stop(self, *names: str) -> None:
        """End all (none named), or some. The database last: who ends before it may have something to say to it."""
        ending = [name for name in reversed(self.processes) if not names or name in names]
        stop_all([self.processes[name] for name in ending if not is_postgres(self.services[name])])
        stop_all([self.processes[name] for name in ending if is_postgres(self.services[name])])
        for name in ending:
            del self.processes[name]

    def run(self, name: str, *words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """What `docker compose exec` does: a command in a service's environment. Paths are those inside of it."""
        return subprocess.run(
            [self.inside(name, word) for word in words],
            env=self.environment(name),
            cwd=self._directory_of(name),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def output(self, name: str) -> Path:
        return self.directory / f"{name}.log"

    def command(self, name: str) -> list[str]:
        return [self.inside(name, word) for word in self.services[name]["command"]]

    def environment(self, name: str) -> dict[str, str]:
        """Nothing of the caller's, and what the image would bring: where programs are."""
        programs = [Path(sys.executable).parent, PROGRAMS, MINIO.parent, "/usr/local/bin", "/usr/bin", "/bin"]
        given = self.services[name].get("environment", {})
        return {
            "PATH": os.pathsep.join(map(str, programs)),
            "HOME": str(self._directory_of(name)),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        } | {variable: self.inside(name, str(value)) for variable, value in given.items()}

    def inside(self, name: str, text: str) -> str:
        """A value of a service with its addresses and paths as they are here."""
        others = "|".join(map(re.escape, sorted(self.addresses, key=len, reverse=True)))
        text = re.sub(
            rf"(?<![\w.-])({others})(?=:\d{{4,5}}(?:[/\s\"']|$))", lambda found: self.addresses[found[1]], text
        )
        text = re.sub(r"(?<![\w.])(0\.0\.0\.0|127\.0\.0\.1)(?![\w.])", self.addresses[name], text)
        places = self.mounts(name)
        targets = "|".join(map(re.escape, sorted(places, key=len, reverse=True)))
        return re.sub(rf"(?<![\w./-])({targets})(?=[/\s:\"']|$)", lambda found: str(places[found[1]]), text)

    def mounts(self, name: str) -> dict[str, Path]:
        """Where each mount of a service is here, by its path in the service. One inside of another can be reached
        through that as well.
        """
        service = self.services[name]
        places: dict[str, Path] = {}
        for mount in service.get("volumes", []):
            source = mount["source"]
            places[mount["target"]] = Path(source) if mount["type"] == "bind" else self.directory / "volumes" / source
        for target in service.get("tmpfs", []):
            path = target.partition(":")[0]
            places[path] = self.directory / name / path.strip("/").replace("/", "-")
        for place in places.values():
            place.mkdir(parents=True, exist_ok=True)
        for outer, inner in itertools.permutations(places, 2):
            if inner.startswith(f"{outer}/"):
                with suppress(FileExistsError):
                    (places[outer] / inner.removeprefix(f"{outer}/")).symlink_to(places[inner])
        return places

    def wait_until_healthy(self, name: str) -> None:
        """:raises NotUp: it ended, or its check fails for longer than the file allows."""
        check = self.services[name]["healthcheck"]
        allowed = seconds(check["start_period"]) + check["retries"] * seconds(check["interval"])
        kind, *command = check["test"]
        assert kind == "CMD", f"{name}: {kind}"
        deadline = time.monotonic() + allowed * PATIENCE
        while (checked := self.run(name, *command)).returncode != 0:
            if self.processes[name].exit_code is not None:
                raise NotUp(f"{name} ended with {self.processes[name].exit_code}:\n{self.processes[name].tail()}")
            if time.monotonic() > deadline:
                raise NotUp(f"{name} isn't healthy: {checked.stderr[-500:]}\n{self.processes[name].tail()}")
            time.sleep(0.5)

    def _wait_until_completed(self, name: str) -> None:
        process = self.processes.pop(name)
        deadline = time.monotonic() + ONE_SHOT_SECONDS
        while process.exit_code is None and time.monotonic() < deadline:
            time.sleep(0.1)
        if process.exit_code != 0:
            process.kill()
            raise NotUp(f"{name} ended with {process.exit_code}:\n{process.tail()}")

    def _is_one_shot(self, name: str) -> bool:
        conditions = {depends_on(service).get(name) for service in self.services.values()}
        return "service_completed_successfully" in conditions

    def _directory_of(self, name: str) -> Path:
        directory = self.directory / name
        directory.mkdir(exist_ok=True)
        return directory


def depends_on(service: Mapping[str, Any]) -> dict[str, str]:
    """The condition by the name of the service that is depended on."""
    return {name: how["condition"] for name, how in service.get("depends_on", {}).items()}


def in_order(config: Config, wanted: Iterable[str]) -> list[str]:
    """The wanted services and all that they depend on, each after what it depends on."""
    ordered: dict[str, None] = {}

    def add(name: str) -> None:
        for other in depends_on(config["services"][name]):
            add(other)
        ordered.setdefault(name)

    for name in wanted:
        add(name)
    return list(ordered)


def seconds(duration: str) -> float:
    """A duration as Compose writes it: `1m30s`."""
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|s|m|h)", duration))
