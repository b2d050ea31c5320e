from __future__ import annotations

import os
from textwrap import dedent

import pytest

pytestmark = pytest.mark.slow


def test_the_airflow_that_tests_import_is_the_real_one_with_a_home_of_its_own() -> None:
    import airflow
    from airflow.configuration import AIRFLOW_HOME

    assert airflow.__name__ == "airflow"
    assert "site-packages" in str(airflow.__file__)
    assert os.environ["AIRFLOW_HOME"] == AIRFLOW_HOME


def test_a_dag_runs_in_this_process_with_its_triggers(airflow_database: None) -> None:
    from tests.airflow.inprocess import run_dag

    run = run_dag(
        dedent("""
            from datetime import timedelta
            from airflow.sdk import BaseOperator, dag, task
            from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

            class Nap(BaseOperator):
                def execute(self, context):
                    self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=0.1)), method_name="resume")

                def resume(self, context, event=None):
                    return "rested"

            @dag(schedule=None)
            def in_process():
                @task
                def check(sleeper, dag_run=None):
                    return f"{sleeper} {dag_run.conf['name']}"

                check(Nap(task_id="nap").output)

            in_process()
        """),
        "in_process",
        conf={"name": "Toto"},
    )

    check = run.get_task_instance("check")
    assert run.state == "success"
    assert check is not None
    assert check.xcom_pull(task_ids="check") == "rested Toto"
