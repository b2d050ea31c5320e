"""The harness itself, with DAGs that have nothing to do with models."""

from __future__ import annotations

import socket
from pathlib import Path
from textwrap import dedent

import psutil
import pytest

from tests.airflow.harness import Airflow
from tests.airflow.rest import AirflowFailure

pytestmark = pytest.mark.airflow


def write_dag(airflow: Airflow, name: str, body: str) -> None:
    (airflow.dags / f"{name}.py").write_text(dedent(body))


def wake(airflow: Airflow, dag_id: str, run_id: str) -> None:
    """End the nap of a run, once it sleeps."""
    airflow.wait_for_task(dag_id, run_id, "nap", "deferred", timeout=120)
    (airflow.home / f"alarm-{run_id}").touch()


@pytest.fixture(scope="module")
def airflow(running_airflow: Airflow) -> Airflow:
    write_dag(
        running_airflow,
        "harness",
        """
        import os

        from airflow.sdk import BaseHook, dag, task
        from airflow.providers.standard.operators.hitl import ApprovalOperator
        from airflow.providers.standard.triggers.file import FileTrigger
        from airflow.sdk import BaseOperator


        class Nap(BaseOperator):
            def execute(self, context):
                alarm = f"{os.environ['AIRFLOW_HOME']}/alarm-{context['run_id']}"
                self.defer(trigger=FileTrigger(filepath=alarm, poke_interval=0.2), method_name="resume")

            def resume(self, context, event=None):
                return "rested"


        @dag(schedule=None)
        def harness_story():
            @task
            def greet(params=None, dag_run=None):
                name = dag_run.conf["name"]
                print(f"hello {name} of {BaseHook.get_connection('somewhere').host}")
                return {"name": name, "letters": len(name)}

            @task
            def double(number):
                return number * 2

            greet() >> double.expand(number=[1, 2, 3]) >> Nap(task_id="nap")


        @dag(schedule=None)
        def harness_failure():
            @task
            def break_down():
                raise ValueError("this was meant to happen")

            break_down()


        @dag(schedule=None)
        def harness_question():
            ApprovalOperator(task_id="ask", subject="Good enough?")


        @dag(schedule=None)
        def harness_nap():
            Nap(task_id="nap")


        harness_story()
        harness_failure()
        harness_question()
        harness_nap()
        """,
    )
    running_airflow.add_connection("somewhere", conn_type="generic", host="over-the-rainbow")
    for dag_id in ("harness_story", "harness_failure", "harness_question", "harness_nap"):
        running_airflow.unpause(dag_id)
    return running_airflow


def test_a_run_is_told_by_states_values_and_logs(airflow: Airflow) -> None:
    run_id = airflow.trigger("harness_story", conf={"name": "Dorothy"})
    wake(airflow, "harness_story", run_id)

    airflow.wait_for_run("harness_story", run_id)

    assert airflow.task_states("harness_story", run_id) == {
        "greet": "success",
        "double[0]": "success",
        "double[1]": "success",
        "double[2]": "success",
        "nap": "success",
    }
    assert airflow.xcom("harness_story", run_id, "greet") == {"name": "Dorothy", "letters": 7}
    assert airflow.xcom("harness_story", run_id, "double", map_index=2) == 6
    assert airflow.xcom("harness_story", run_id, "nap") == "rested"
    assert "hello Dorothy of over-the-rainbow" in airflow.task_log("harness_story", run_id, "greet")


def test_a_run_that_ends_otherwise_is_explained_by_the_log_of_the_failed_task(airflow: Airflow) -> None:
    run_id = airflow.trigger("harness_failure")

    with pytest.raises(AirflowFailure, match="this was meant to happen"):
        airflow.wait_for_run("harness_failure", run_id)

    airflow.wait_for_run("harness_failure", run_id, expected="failed")


def test_a_cleared_task_runs_again(airflow: Airflow) -> None:
    run_id = airflow.trigger("harness_story", run_id="cleared-later", conf={"name": "Toto"})
    wake(airflow, "harness_story", run_id)
    airflow.wait_for_run("harness_story", run_id)

    airflow.clear_task("harness_story", run_id, "double", map_index=1, downstream=False)
    again = airflow.wait_for_task("harness_story", run_id, "double", "success", map_index=1, try_number=2)

    assert again.try_number == 2
    airflow.wait_for_run("harness_story", run_id)
    assert airflow.task("harness_story", run_id, "double", map_index=0).try_number == 1


def test_a_person_answers_as_themselves(airflow: Airflow) -> None:
    run_id = airflow.trigger("harness_question")
    airflow.wait_for_task("harness_question", run_id, "ask", "awaiting_input")
    alice = airflow.as_person("alice")

    alice.answer("harness_question", run_id, "ask", ["Approve"])

    airflow.wait_for_run("harness_question", run_id)
    details = alice.request("GET", f"/dags/harness_question/dagRuns/{run_id}/taskInstances/ask/-1/hitlDetails").json()
    assert details["responded_by_user"]["name"] == "alice"


def test_a_killed_triggerer_is_restarted_and_resumes_its_waits(airflow: Airflow) -> None:
    run_id = airflow.trigger("harness_nap")
    airflow.wait_for_task("harness_nap", run_id, "nap", "deferred")
    killed = airflow.processes["triggerer"]

    airflow.kill("triggerer")
    assert killed.members() == []
    wake(airflow, "harness_nap", run_id)  # while nobody listens
    airflow.restart("triggerer")

    airflow.wait_for_run("harness_nap", run_id)
    assert airflow.processes["triggerer"].pid != killed.pid


def test_an_unreadable_dag_file_ends_the_wait_with_its_traceback(airflow: Airflow) -> None:
    path = airflow.dags / "unreadable.py"
    path.write_text("from airflow.sdk import dag\nimport no_such_thing\n")
    try:
        with pytest.raises(AirflowFailure, match="No module named 'no_such_thing'"):
            airflow.wait_for_dag("unreadable")
        assert list(airflow.import_errors()) == ["unreadable.py"]
    finally:
        path.unlink()
        # Other tests share this Airflow, and any import error ends their waits.
        airflow.wait_until(airflow.import_errors, lambda errors: not errors, 30, lambda: "the error stays")


def test_it_listens_on_loopback_only_and_leaves_nothing_running(own_airflow: Airflow, tmp_path: Path) -> None:
    own_airflow.start()
    processes = list(own_airflow.processes.values())
    listening = {
        connection.laddr.ip
        for process in processes
        for member in process.members()
        for connection in member.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }

    own_airflow.stop()

    assert listening == {"127.0.0.1"}
    assert [member for process in processes for member in process.members()] == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(own_airflow.url.rpartition(":")[2])))
