"""Each DAG of `dags_examples/` on a real Airflow, against a real registry and a real endpoint."""

from __future__ import annotations

import ast
import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.airflow.harness import Airflow
from tests.demo.endpoint import EXAMPLES
from tests.demo.story import MODEL, Story

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(600)]

SHARED = set((EXAMPLES / ".airflowignore").read_text().split())
DAG_IDS = sorted(path.stem for path in EXAMPLES.glob("*.py") if path.name not in SHARED)


def has_asked(airflow: Airflow, run_id: str) -> bool:
    return airflow.task_states("quickstart", run_id).get("approved") in {"deferred", "failed", "success"}


def xcom(airflow: Airflow, dag_id: str, run_id: str, task_id: str) -> Mapping[str, Any]:
    value = airflow.xcom(dag_id, run_id, task_id)
    assert isinstance(value, Mapping)
    return value


def test_all_are_read_without_an_error(airflow_with_examples: Airflow) -> None:
    assert DAG_IDS == ["batch_scoring", "gate_and_deploy", "quickstart", "rollback_on_alert", "train_and_register"]
    for dag_id in DAG_IDS:
        airflow_with_examples.wait_for_dag(dag_id)
    assert airflow_with_examples.import_errors() == {}


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_each_says_on_top_what_it_is_for(dag_id: str) -> None:
    assert ast.get_docstring(ast.parse((EXAMPLES / f"{dag_id}.py").read_text()))


@pytest.mark.parametrize("dag_id", ["train_and_register", "gate_and_deploy", "rollback_on_alert"])
def test_those_of_the_story_ran_in_it(told_story: Story, airflow_with_examples: Airflow, dag_id: str) -> None:
    states = {run.state for run in airflow_with_examples.runs(dag_id)}
    assert "success" in states


def test_the_quickstart_trains_waits_for_its_only_user_and_promotes(
    told_story: Story, airflow_with_examples: Airflow
) -> None:
    airflow = airflow_with_examples
    airflow.unpause("quickstart")
    triggered = airflow.trigger("quickstart")
    airflow.wait_for_task("quickstart", triggered, "approved", "deferred", timeout=120)
    # Unpaused, it may also begin the run of its day, whose version then takes the place of the other.
    deadline = time.monotonic() + 120
    while not all(has_asked(airflow, run.dag_run_id) for run in airflow.runs("quickstart")):
        assert time.monotonic() < deadline, airflow.runs("quickstart")
        time.sleep(0.5)

    with told_story.outside() as reader:
        open_ones = [one for one in reader.ask("/promotions")["items"] if one["model_name"] == "wine"]
        number = next(one["version"] for one in open_ones if one["phase"] == "PENDING")
        told_story.playground.command("approve", f"wine/{number}", "--stage", "production", "--yes")
        edges = reader.ask(f"/models/wine/versions/{number}")["lineage"]
        _, _, run_id = next(edge["ref"] for edge in edges if edge["kind"] == "dag_run").partition("/")
        airflow.wait_for_run("quickstart", run_id)
        stage = reader.ask("/models/wine/stages/production")
        version = reader.ask("/models/wine/versions/@production")
    assert stage["version"] == version["number"] == number
    assert 0.9 < version["metadata"]["metrics"]["accuracy"] <= 1
    assert {"dag_run", "task"} <= {edge["kind"] for edge in version["lineage"]}


def test_batch_scoring_scores_all_batches_with_the_version_that_was_current(
    told_story: Story, airflow_with_examples: Airflow
) -> None:
    airflow = airflow_with_examples
    run_id = airflow.trigger("batch_scoring")

    airflow.wait_for_run("batch_scoring", run_id)

    with told_story.outside() as outside:
        digest = outside.version("@production")["digest"]
        usages = outside.ask(f"/models/{MODEL}/versions/@production/usages")["items"]
    assert f"airflow:batch_scoring/{run_id}" in {usage["run"] for usage in usages}
    result = xcom(airflow, "batch_scoring", run_id, "summarise")
    assert (result["model_name"], result["digest"]) == (MODEL, digest)
    assert sum(result["found"].values()) == 397


def test_a_failed_smoke_test_brings_back_the_version_before_and_the_run_stays_red(
    told_story: Story, airflow_with_examples: Airflow
) -> None:
    airflow = airflow_with_examples
    gate = told_story.train(1200, version=4)
    told_story.wait_at_the_gate(gate, version=4)
    # Another run of the same gate, whose smoke test asks for more than anything can give.
    airflow.request("PATCH", f"/dags/gate_and_deploy/dagRuns/{gate}", json={"state": "failed"})
    strict = airflow.trigger("gate_and_deploy", conf={"version": f"{MODEL}/4", "at_least": 1.1})
    told_story.wait_at_the_gate(strict, version=4)
    told_story.playground.command("stages", "release", MODEL, "production")

    told_story.approve(4, "Let us see.")
    airflow.wait_for_run("gate_and_deploy", strict, expected="failed", timeout=180)

    states = airflow.task_states("gate_and_deploy", strict)
    assert (states["smoke_test"], states["not_passed"], states["restore"]) == ("failed", "success", "failed")
    restored = xcom(airflow, "gate_and_deploy", strict, "restore")
    assert restored["version"] == 1
    with told_story.outside() as outside:
        outside.expect_observed(outside.expect_live(1))
        assert outside.stage()["failed"] == [3, 4]


def test_a_closed_gate_leaves_one_red_task_and_nothing_to_restore(
    told_story: Story, airflow_with_examples: Airflow
) -> None:
    airflow = airflow_with_examples
    closed = [
        states
        for run in airflow.runs("gate_and_deploy")
        if (states := airflow.task_states("gate_and_deploy", run.dag_run_id))["deploy"] == "upstream_failed"
    ]
    assert closed
    for states in closed:
        assert [task_id for task_id, state in states.items() if state == "failed"] == ["approved"]
        assert states["restore"] == "upstream_failed"


def test_where_all_went_well_nothing_is_restored(told_story: Story, airflow_with_examples: Airflow) -> None:
    airflow = airflow_with_examples
    ends = [
        airflow.task_states("gate_and_deploy", run.dag_run_id)
        for run in airflow.runs("gate_and_deploy")
        if run.state == "success"
    ]
    assert len(ends) >= 2
    assert {(states["not_passed"], states["restore"]) for states in ends} == {("skipped", "skipped")}


def test_nothing_became_current_that_had_not_been_seen_running(told_story: Story) -> None:
    observed: set[str] = set()
    applied: list[str] = []
    with told_story.outside() as outside:
        for event in outside.events():
            if event["kind"] == "deployment.observed":
                observed.add(event["data"]["digest"])
            if event["kind"] == "promotion.applied":
                applied.append(event["data"]["digest"])
                assert applied[-1] in observed
    assert len(set(applied)) >= 2
