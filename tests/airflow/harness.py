"""A whole real Airflow as four processes of its own: API server, scheduler, DAG processor, triggerer.

    with Airflow(tmp_path) as airflow:
        (airflow.dags / "hello.py").write_text(...)
        airflow.unpause("hello")
        airflow.wait_for_run("hello", airflow.trigger("hello"))

SQLite, LocalExecutor, loopback only. Up in about half a minute on two cores.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import httpx
from typing_extensions import override

from tests.airflow.configuration import Person, airflow_environment
from tests.airflow.rest import AirflowApi, AirflowFailure, TaskInstance
from tests.processes import ServerProcess, stop_all

Component = Literal["api-server", "scheduler", "dag-processor", "triggerer"]

# `-s` and its long form keep the log servers shut, which would listen on all interfaces.
COMMANDS: Mapping[Component, Sequence[str]] = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
# In these states a task waits without a worker.
PARKED = frozenset({"deferred", "awaiting_input", "up_for_reschedule"})
WORKER_BEGINS = "Worker startup parse complete"
WORKER_ENDED = "Received executor event with state"
# The API server's own health is that it answers.
HEARTBEATS: Mapping[Component, str] = {
    "scheduler": "scheduler",
    "dag-processor": "dag_processor",
    "triggerer": "triggerer",
}


def silent(_message: str) -> None:
    """No progress is shown."""


class WatchedAirflow(AirflowApi):
    """An Airflow whose scheduler writes into a file: `scheduler_log`."""

    scheduler_log: Path

    @override
    def wait_for_task(
        self,
        dag_id: str,
        run_id: str,
        task_id: str,
        state: str,
        *,
        map_index: int = -1,
        try_number: int | None = None,
        timeout: float = 60,
    ) -> TaskInstance:
        """As it says there. A task that is parked has also been let go of by the scheduler: to one that is woken before
        that, Airflow takes the end of its first worker for the task's own, and fails it. People are slower.
        """
        task = super().wait_for_task(
            dag_id, run_id, task_id, state, map_index=map_index, try_number=try_number, timeout=timeout
        )
        if state in PARKED:
            self.wait_until(
                lambda: has_let_go(self.scheduler_log.read_text(errors="replace"), dag_id, run_id, task_id, map_index),
                bool,
                timeout,
                lambda: f"the scheduler doesn't hear of the end of the worker of {task.label} in {timeout:g} s",
            )
        return task


class Airflow(WatchedAirflow):
    """An Airflow of one's own.

    :param home: its home directory; everything that it writes is in there.
    :param dags: the DAGs folder; `home/dags` by default.
    :param people: who may log in; the first one is whom this object speaks as. None: everyone is admin.
    :param environment: more variables for all processes, e.g. `AIRFLOW_CONN_…`.
    """

    def __init__(
        self,
        home: Path,
        *,
        dags: Path | None = None,
        people: Sequence[Person] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home.resolve()
        self.dags = (dags or self.home / "dags").resolve()
        self.dags.mkdir(parents=True, exist_ok=True)
        self.people = {person.name: person for person in people}
        port = _free_port()
        super().__init__(f"http://127.0.0.1:{port}", (people[0].name, people[0].password) if people else None)
        self.environment = airflow_environment(
            self.home, dags=self.dags, port=port, people=people, extra=environment or {}
        )
        self.scheduler_log = self.home / "output" / "scheduler.log"
        self.processes: dict[Component, ServerProcess] = {}
        self._views: list[AirflowApi] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, progress: Callable[[str], None] = silent, *, timeout: float = 180) -> None:
        """Make the database, start all processes, return when all are healthy. On failure nothing is left running."""
        progress("making Airflow's database")
        command = [sys.executable, "-m", "airflow", "db", "migrate"]
        made = subprocess.run(
            command, env=self.environment, cwd=self.home, capture_output=True, text=True, timeout=timeout, check=False
        )
        if made.returncode != 0:
            raise AirflowFailure(f"airflow db migrate failed:\n{made.stdout[-4000:]}\n{made.stderr[-4000:]}")
        try:
            for component in COMMANDS:
                progress(f"starting Airflow's {component}")
                self._launch(component)
            self._wait_until_healthy(set(COMMANDS), progress, timeout)
        except BaseException:
            self.stop()
            raise
        progress(f"Airflow is up at {self.url}")

    def stop(self) -> None:
        """End all that was started here, and nothing else. Safe to call twice."""
        # The API server waits for its clients, so they go first.
        for view in self._views:
            view.close()
        self.close()
        stop_all(list(self.processes.values()))
        self.processes.clear()

    def kill(self, component: Component) -> None:
        """`kill -9` one component with its children, as a crash of its machine would. A killed scheduler takes along
        the tasks that it runs.
        """
        self.processes.pop(component).kill()

    def restart(self, component: Component, *, timeout: float = 120) -> None:
        """Start a component that was killed and wait until it works."""
        self._launch(component)
        self._wait_until_healthy({component}, silent, timeout)

    def as_person(self, name: str) -> AirflowApi:
        """The same Airflow as another person sees it, logged in."""
        person = self.people[name]
        view = AirflowApi(self.url, (person.name, person.password))
        self._views.append(view)
        view.log_in()
        return view

    def memory(self) -> dict[Component, int]:
        """Bytes per component with its children."""
        return {component: process.memory() for component, process in self.processes.items()}

    def _launch(self, component: Component) -> None:
        output = self.home / "output"
        output.mkdir(exist_ok=True)
        self.processes[component] = ServerProcess(
            component,
            [sys.executable, "-m", "airflow", *COMMANDS[component]],
            environment=self.environment,
            output=output / f"{component}.log",
            directory=self.home,
        )

    def _wait_until_healthy(self, awaited: set[Component], progress: Callable[[str], None], timeout: float) -> None:
        began = datetime.now(UTC)
        deadline = time.monotonic() + timeout
        missing = set(awaited)
        while missing:
            ready = {component for component in missing if self._is_healthy(component, since=began)}
            for component in sorted(ready):
                progress(f"Airflow's {component} is up")
            missing -= ready
            for component, process in self.processes.items():
                if process.exit_code is not None:
                    raise AirflowFailure(f"Airflow's {component} ended with {process.exit_code}:\n{process.tail()}")
            if missing and time.monotonic() > deadline:
                tails = "\n".join(f"--- {component}\n{self.processes[component].tail()}" for component in missing)
                raise AirflowFailure(f"not up after {timeout:g} s: {', '.join(sorted(missing))}\n{tails}")
            time.sleep(0.2)

    def _is_healthy(self, component: Component, *, since: datetime) -> bool:
        try:
            if component == "api-server":
                self.log_in()
                return True
            state = self.health()[HEARTBEATS[component]]
        except (httpx.TransportError, AirflowFailure):
            return False
        # A heartbeat from before is the one of a component that was killed since.
        heartbeat = state[f"latest_{HEARTBEATS[component]}_heartbeat"]
        return state["status"] == "healthy" and heartbeat is not None and datetime.fromisoformat(heartbeat) > since


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def has_let_go(scheduler_log: str, dag_id: str, run_id: str, task_id: str, map_index: int) -> bool:
    """Whether the scheduler has heard of the end of every worker that a task has had, by what it wrote. A task has
    one per try, and one more each time that it is woken.
    """
    of_worker = (f"dag_id={dag_id} ", f"run_id={run_id} ", f"task_id={task_id} ", f"map_index={map_index} ")
    ended = (f"dag_id='{dag_id}'", f"run_id='{run_id}'", f"task_id='{task_id}'", f"map_index={map_index})")
    lines = scheduler_log.splitlines()
    workers = sum(WORKER_BEGINS in line and all(word in line for word in of_worker) for line in lines)
    ends = sum(WORKER_ENDED in line and all(word in line for word in ended) for line in lines)
    # No worker at all: an Airflow that writes its lines otherwise. A wait that is in vain says so; one that is left out
    # would bring the race back unseen.
    return 0 < workers <= ends
