"""Airflow seen from outside: what tests and the demo ask of its REST API, version 2."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeVar
from urllib.parse import quote

import httpx
import msgspec

T = TypeVar("T")

TERMINAL_TASK_STATES = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


class AirflowFailure(AssertionError):
    """Airflow did something else than was waited for, or nothing in time. The message carries what it said."""


class TaskInstance(msgspec.Struct, frozen=True):
    task_id: str
    map_index: int
    state: str | None
    try_number: int
    max_tries: int
    operator_name: str | None = None

    @property
    def label(self) -> str:
        """The task's id, with the index if it is mapped: `train` or `train[2]`."""
        return self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]"


class DagRun(msgspec.Struct, frozen=True):
    dag_run_id: str
    dag_id: str
    state: str
    run_type: str
    conf: dict[str, object] | None = None


class UnreadableFile(msgspec.Struct, frozen=True):
    filename: str
    stack_trace: str


class _TaskInstances(msgspec.Struct):
    task_instances: list[TaskInstance]


class _DagRuns(msgspec.Struct):
    dag_runs: list[DagRun]


class _ImportErrors(msgspec.Struct):
    import_errors: list[UnreadableFile]


class _XCom(msgspec.Struct):
    value: object


class _Token(msgspec.Struct):
    access_token: str


class _Log(msgspec.Struct):
    content: list[dict[str, object] | str]


class AirflowApi:
    """One person's view of an Airflow.

    :param url: where its API server answers.
    :param person: name and password; None where everyone is admin.
    """

    def __init__(self, url: str, person: tuple[str, str] | None = None) -> None:
        self.url = url
        self._person = person
        self._http = httpx.Client(base_url=url, timeout=30, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def log_in(self) -> None:
        """Fetch the token that all later requests carry. Its lifetime is a day."""
        if self._person is None:
            answer = self._http.get("/auth/token")
        else:
            name, password = self._person
            answer = self._http.post("/auth/token", json={"username": name, "password": password})
        token = msgspec.json.decode(self._checked(answer).content, type=_Token)
        self._http.headers["Authorization"] = f"Bearer {token.access_token}"

    def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        params: Mapping[str, str | int | bool] | None = None,
        root: str = "/api/v2",
    ) -> httpx.Response:
        """Ask anything of the API, or of what a plugin serves; a refusal raises AirflowFailure with its text."""
        answer = self._http.request(method, f"{root}{path}", json=json, params=params)
        return self._checked(answer)

    def health(self) -> dict[str, dict[str, str | None]]:
        """Status and last heartbeat per component, as the API server sees them."""
        answer = self.request("GET", "/monitor/health").content
        return msgspec.json.decode(answer, type=dict[str, dict[str, str | None]])

    def wait_until(
        self, look: Callable[[], T], done: Callable[[T], bool], timeout: float, complaint: Callable[[], str]
    ) -> T:
        """Look until it is done and return what was seen then; after `timeout` seconds AirflowFailure complains."""
        deadline = time.monotonic() + timeout
        while not done(value := look()):
            if time.monotonic() > deadline:
                raise AirflowFailure(complaint())
            time.sleep(0.2)
        return value

    # DAGs

    def wait_for_dag(self, dag_id: str, *, timeout: float = 60) -> None:
        """Until the DAG was read from its file. An unreadable file fails the wait at once, with its traceback."""

        def known() -> bool:
            answer = self._http.get(f"/api/v2/dags/{quote(dag_id)}")
            if answer.status_code == httpx.codes.NOT_FOUND:
                if errors := self.import_errors():
                    raise AirflowFailure("\n\n".join(f"{path}:\n{trace}" for path, trace in errors.items()))
                return False
            self._checked(answer)
            return True

        self.wait_until(known, bool, timeout, lambda: f"no DAG {dag_id!r} after {timeout:g} s, and no import error")

    def unpause(self, dag_id: str, *, timeout: float = 60) -> None:
        """Wait for the DAG and let it run."""
        self.wait_for_dag(dag_id, timeout=timeout)
        self.request("PATCH", f"/dags/{quote(dag_id)}", json={"is_paused": False})

    def import_errors(self) -> dict[str, str]:
        """Traceback by file name, for each DAG file that can't be read."""
        answer = self.request("GET", "/importErrors")
        errors = msgspec.json.decode(answer.content, type=_ImportErrors).import_errors
        return {error.filename: error.stack_trace for error in errors}

    def add_connection(self, connection_id: str, **fields: object) -> None:
        """Make a connection: `conn_type`, `host`, `port`, `login`, `password`, `schema`, `extra` (a JSON text)."""
        self.request("POST", "/connections", json={"connection_id": connection_id, **fields})

    # runs

    def trigger(self, dag_id: str, *, conf: Mapping[str, object] | None = None, run_id: str | None = None) -> str:
        """Start a run and return its id."""
        body = {"dag_run_id": run_id, "conf": conf or {}, "logical_date": None}
        answer = self.request("POST", f"/dags/{quote(dag_id)}/dagRuns", json=body)
        return msgspec.json.decode(answer.content, type=DagRun).dag_run_id

    def run(self, dag_id: str, run_id: str) -> DagRun:
        return msgspec.json.decode(self.request("GET", _run_path(dag_id, run_id)).content, type=DagRun)

    def runs(self, dag_id: str) -> list[DagRun]:
        """The hundred oldest runs of a DAG, oldest first."""
        params: dict[str, str | int | bool] = {"order_by": "id", "limit": 100}
        answer = self.request("GET", f"/dags/{quote(dag_id)}/dagRuns", params=params)
        return msgspec.json.decode(answer.content, type=_DagRuns).dag_runs

    def wait_for_run(
        self, dag_id: str, run_id: str, *, expected: Literal["success", "failed"] = "success", timeout: float = 120
    ) -> None:
        """Until the run has ended, as expected; else AirflowFailure with the states and the logs of failed tasks."""
        state = self.wait_until(
            lambda: self.run(dag_id, run_id).state,
            lambda state: state in {"success", "failed"},
            timeout,
            lambda: f"{dag_id} {run_id} still runs after {timeout:g} s: {self.task_states(dag_id, run_id)}",
        )
        if state != expected:
            raise AirflowFailure(f"{dag_id} {run_id} ended as {state}\n{self._failures(dag_id, run_id)}")

    # tasks

    def task_instances(self, dag_id: str, run_id: str) -> list[TaskInstance]:
        params: dict[str, str | int | bool] = {"limit": 100}
        answer = self.request("GET", f"{_run_path(dag_id, run_id)}/taskInstances", params=params)
        return msgspec.json.decode(answer.content, type=_TaskInstances).task_instances

    def task_states(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        """State by task id, mapped ones as `train[2]`; None is a task that hasn't been looked at yet."""
        return {task.label: task.state for task in self.task_instances(dag_id, run_id)}

    def task(self, dag_id: str, run_id: str, task_id: str, *, map_index: int = -1) -> TaskInstance:
        for task in self.task_instances(dag_id, run_id):
            if (task.task_id, task.map_index) == (task_id, map_index):
                return task
        raise AirflowFailure(f"{dag_id} {run_id} has no task {task_id!r} with map index {map_index}")

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
        """Until the task is in the state; if it ends in another one, AirflowFailure at once, with its log."""

        def arrived(task: TaskInstance) -> bool:
            if try_number is not None and task.try_number < try_number:
                return False
            if task.state in TERMINAL_TASK_STATES and task.state != state:
                log = self.task_log(dag_id, run_id, task_id, map_index=map_index)
                raise AirflowFailure(f"{task.label} ended as {task.state}, not {state}\n{log}")
            return task.state == state

        return self.wait_until(
            lambda: self.task(dag_id, run_id, task_id, map_index=map_index),
            arrived,
            timeout,
            lambda: f"{task_id} isn't {state} after {timeout:g} s: {self.task_states(dag_id, run_id)}",
        )

    def clear_task(
        self, dag_id: str, run_id: str, task_id: str, *, map_index: int | None = None, downstream: bool = True
    ) -> None:
        """What the Clear button does: the task (all its map indices without one) runs again, and what follows it."""
        body = {
            "dry_run": False,
            "only_failed": False,
            "reset_dag_runs": True,
            "dag_run_id": run_id,
            "task_ids": [task_id if map_index is None else (task_id, map_index)],
            "include_downstream": downstream,
        }
        self.request("POST", f"/dags/{quote(dag_id)}/clearTaskInstances", json=body)

    def task_log(
        self, dag_id: str, run_id: str, task_id: str, *, try_number: int | None = None, map_index: int = -1
    ) -> str:
        """The log of one try (the latest by default), a line per event; tracebacks stay in their event's fields."""
        number = try_number or self.task(dag_id, run_id, task_id, map_index=map_index).try_number
        path = f"{_task_path(dag_id, run_id, task_id)}/logs/{number}"
        params: dict[str, str | int | bool] = {"map_index": map_index, "full_content": True}
        content = msgspec.json.decode(self.request("GET", path, params=params).content, type=_Log).content
        return "\n".join(line if isinstance(line, str) else _log_line(line) for line in content)

    def xcom(self, dag_id: str, run_id: str, task_id: str, *, key: str = "return_value", map_index: int = -1) -> object:
        """A value that a task left for others."""
        path = f"{_task_path(dag_id, run_id, task_id)}/xcomEntries/{quote(key)}"
        params: dict[str, str | int | bool] = {"map_index": map_index, "deserialize": False}
        return msgspec.json.decode(self.request("GET", path, params=params).content, type=_XCom).value

    def answer(self, dag_id: str, run_id: str, task_id: str, options: Sequence[str], *, map_index: int = -1) -> None:
        """Answer a task that waits for a person, as this person."""
        path = f"{_task_path(dag_id, run_id, task_id)}/{map_index}/hitlDetails"
        self.request("PATCH", path, json={"chosen_options": list(options), "params_input": {}})

    def _failures(self, dag_id: str, run_id: str) -> str:
        tasks = self.task_instances(dag_id, run_id)
        parts = [", ".join(f"{task.label}: {task.state}" for task in tasks)]
        for task in tasks:
            if task.state == "failed":
                log = self.task_log(dag_id, run_id, task.task_id, map_index=task.map_index)
                parts.append(f"--- {task.label}, try {task.try_number}\n{log}")
        return "\n".join(parts)

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_error:
            raise AirflowFailure(
                f"{answer.request.method} {answer.request.url} → {answer.status_code}: {answer.text[:2000]}"
            )
        return answer


def _run_path(dag_id: str, run_id: str) -> str:
    return f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}"


def _task_path(dag_id: str, run_id: str, task_id: str) -> str:
    return f"{_run_path(dag_id, run_id)}/taskInstances/{quote(task_id)}"


def _log_line(event: Mapping[str, object]) -> str:
    rest = {name: value for name, value in event.items() if name not in {"timestamp", "event", "level", "logger"}}
    return f"{event.get('level', '')} {event['event']} {rest or ''}".strip()
