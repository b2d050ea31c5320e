"""The campaign's server, seen from the process that does harm to it: start it, wait for it, kill it, start it again."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from registry_service.services.credentials import Credentials, read_credentials
from registry_service.settings import VARIABLES
from tests.campaign.arming import Rule
from tests.campaign.warm import WarmProcess
from tests.processes import ServerProcess

ROOT = Path(__file__).parents[2]
PERSON = "ada"
# Machines are noisy; how long it took is a figure, and only this is a failure.
READY_SECONDS = 60.0


class ServerDied(Exception):
    """It ended while it was waited for. What it wrote is in the message."""


class CampaignServer:
    """One home, one port, and one process after the other that serves them.

    `database_url` None: SQLite in the home. `clock` is a file that says by how many seconds its clock is off;
    `steady` makes its system calls repeatable. All that is started is in a session of its own, and `stop` ends that.
    """

    def __init__(
        self,
        home: Path,
        *,
        mutant: str | None,
        database_url: str | None = None,
        clock: Path | None = None,
        steady: bool = False,
    ) -> None:
        self.home = home
        self.database_url = database_url or f"sqlite:///{home / 'registry.db'}"
        self.port = free_port()
        self.output = home.with_name(f"{home.name}.log")
        self.process: ServerProcess | WarmProcess | None = None
        self._orders = home.with_name(f"{home.name}.orders")
        self._mutant = mutant
        self._clock = clock
        self._steady = steady

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def database_path(self) -> Path:
        return self.home / "registry.db"

    @property
    def artifacts(self) -> Path:
        return self.home / "artifacts"

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
        return kept | {
            "MODEL_REGISTRY_HOME": str(self.home),
            "MODEL_REGISTRY_DATABASE_URL": self.database_url,
            "MODEL_REGISTRY_ARTIFACTS": str(self.artifacts),
            "MODEL_REGISTRY_PORT": str(self.port),
            "MODEL_REGISTRY_PERSON": PERSON,
            "MODEL_REGISTRY_KEEP_FREE_MB": "0",
            "MODEL_REGISTRY_LOG": "json",
            "PYTHONUNBUFFERED": "1",
        }

    def launch(self, *rules: Rule, cold: bool = False) -> None:
        """Start a process, without waiting for it; `cold`: from nothing, as an operator starts it."""
        assert self.process is None or self.process.exit_code is not None
        self._orders.unlink(missing_ok=True)
        words = ["--orders", str(self._orders)]
        if self._mutant is not None:
            words += ["--mutant", self._mutant]
        if self._clock is not None:
            words += ["--clock", str(self._clock)]
        if self._steady:
            words.append("--steady")
        for rule in rules:
            words += ["--arm", str(rule)]
        if cold:
            command = [sys.executable, "-m", "tests.campaign.server", *words]
            self.process = ServerProcess(
                "campaign server", command, environment=self.environment(), output=self.output, directory=ROOT
            )
        else:
            self.process = WarmProcess(words, environment=self.environment(), output=self.output)

    def start(self, *rules: Rule, cold: bool = False) -> float:
        """Start a process and wait until it is ready. Answers the seconds that this took.

        :raises ServerDied: it ended first.
        """
        began = time.monotonic()
        self.launch(*rules, cold=cold)
        self.wait_until_ready()
        return time.monotonic() - began

    def arm(self, *rules: Rule) -> None:
        """Let the rules hold in the running process from now on, instead of those before."""
        draft = self._orders.with_suffix(".draft")
        draft.write_text("\n".join(str(rule) for rule in rules))
        draft.replace(self._orders)

    def threads(self) -> dict[str, int]:
        """The threads of the running process: their names, and their ids as the operating system has them."""
        listed = self._orders.with_suffix(".threads")
        listed.unlink(missing_ok=True)
        self.arm()
        assert wait_until(listed.exists, 20), self.tail()
        return dict(json.loads(listed.read_text()))

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        with httpx.Client(base_url=self.url, timeout=10, trust_env=False, verify=False) as http:
            while not _is_ready(http):
                if self.has_died():
                    raise ServerDied(self.tail())
                if time.monotonic() > deadline:
                    raise TimeoutError(f"The server was not ready in {READY_SECONDS:g} s:\n{self.tail()}")
                time.sleep(0.01)

    def has_died(self) -> bool:
        return self.process is not None and self.process.exit_code is not None

    def wait_until_dead(self, seconds: float) -> bool:
        return wait_until(self.has_died, seconds)

    def was_killed(self) -> bool:
        return self.process is not None and self.process.exit_code == -signal.SIGKILL

    def stop(self) -> None:
        """Tell it to end, and wait until it has."""
        if self.process is None:
            return
        if not self.has_died():
            self.process.signal(signal.SIGTERM)
            wait_until(self.has_died, 20)
        self.kill()

    def kill(self) -> None:
        """End it at once, and whatever it started."""
        if self.process is not None:
            self.process.kill()
            self.process = None

    def tail(self) -> str:
        return "" if self.process is None else self.process.tail(15)

    def token(self, profile: str) -> str:
        return self.credentials(profile).token

    def credentials(self, profile: str) -> Credentials:
        found = read_credentials(self.home / "credentials" / f"{profile}.json")
        assert found is not None, f"no credentials of {profile}"
        return found

    def http(self, token: str, *, timeout: float = 30.0) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"}
        # There is no TLS here, and to get ready for it takes longer than most requests.
        return httpx.Client(base_url=self.url, headers=headers, timeout=timeout, trust_env=False, verify=False)


def _is_ready(http: httpx.Client) -> bool:
    try:
        return http.get("/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def wait_until(is_so: Callable[[], bool], seconds: float) -> bool:
    """Whether it came to be so in time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def free_port() -> int:
    """A port that nobody uses now. The same for each start of a server, as its clients know it by this one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
