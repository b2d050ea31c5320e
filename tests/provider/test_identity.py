from __future__ import annotations

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider.identity import TaskIdentity
from registry_service.client import LineageKind
from tests.provider.contexts import StubRun, a_context


def test_a_retry_is_the_same_attempt_and_a_clear_is_another() -> None:
    operator = BaseOperator(task_id="train", retries=3)
    first = TaskIdentity.of(a_context(operator))
    retry = TaskIdentity.of(a_context(operator))  # max_tries stays as it is over retries
    cleared = TaskIdentity.of(a_context(operator, clear=2))
    assert first.attempt == retry.attempt == "airflow:churn_nightly/scheduled__2026-03-03/train/-1/0"
    assert cleared.attempt == "airflow:churn_nightly/scheduled__2026-03-03/train/-1/2"
    assert cleared.task == first.task
    assert cleared.run == first.run == "airflow:churn_nightly/scheduled__2026-03-03"


def test_keys_differ_by_attempt_step_and_subject_and_fit_the_limit() -> None:
    operator = BaseOperator(task_id="t" * 200)
    first = TaskIdentity.of(a_context(operator, dag_id="d" * 250, run_id="r" * 250))
    cleared = TaskIdentity.of(a_context(operator, clear=1, dag_id="d" * 250, run_id="r" * 250))
    keys = {
        first.key("request", "churn", 1),
        first.key("rollback", "churn", 1),
        first.key("request", "churn", 2),
        cleared.key("request", "churn", 1),
    }
    assert len(keys) == 4
    assert all(len(key) <= 200 for key in keys)
    assert first.key("request", "churn", 1) == first.key("request", "churn", 1)


def test_mapped_tasks_have_an_identity_each() -> None:
    operator = BaseOperator(task_id="train")
    attempts = {TaskIdentity.of(a_context(operator, map_index=index)).attempt for index in range(3)}
    assert len(attempts) == 3


def test_the_lineage_names_run_task_and_commit() -> None:
    operator = BaseOperator(task_id="train")
    run = StubRun(conf={"code_commit": "4f2a9"}, triggering_user_name="alice")
    task = TaskIdentity.of(a_context(operator, run=run))
    edges = {edge.kind: edge.ref for edge in task.lineage()}
    assert edges == {
        LineageKind.DAG_RUN: "churn_nightly/scheduled__2026-03-03",
        LineageKind.TASK: "churn_nightly/scheduled__2026-03-03/train/-1",
        LineageKind.CODE_COMMIT: "4f2a9",
    }
    assert task.people == ["alice"]
