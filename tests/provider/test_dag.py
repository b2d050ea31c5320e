"""The DAG that users shall be able to write, run by Airflow with its own contexts, XComs and triggers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from textwrap import dedent
from typing import Any

import pytest

from registry_service.client import Phase, Verdict
from tests.provider.world import World

pytestmark = pytest.mark.slow

CHURN = """
    from pathlib import Path
    from airflow.sdk import dag, task, task_group
    from airflow_provider.operators.promotions import PromoteModelOperator, RollbackModelOperator
    from airflow_provider.operators.versions import EvaluateModelOperator
    from airflow_provider.sdk import ModelDraft, deployment
    from airflow_provider.sensors.approvals import ModelApprovedSensor

    PLACE, MODEL, DEFERRABLE, SMOKE = {place!r}, {model!r}, {deferrable!r}, {smoke!r}


    def score(path):
        return {{"auc": len(Path(path).read_text())}}


    class Endpoint:
        def update(self, path):
            with open(f"{{PLACE}}/serves", "a") as file:
                file.write(Path(path).read_text() + "\\n")


    endpoint = Endpoint()


    @dag(schedule=None, default_args={{"registry_conn_id": "registry"}})
    def {dag_id}():
        @task.register_model
        def train(code):
            path = Path(PLACE) / f"{{code}}.bin"
            path.write_text(f"a model of {{code}}")
            return ModelDraft(f"{{MODEL}}.{{code}}", files=path, metrics={{"auc": 0.9}})

        @task_group
        def country(code):
            checked = EvaluateModelOperator(task_id="evaluate", version=train(code), compare_to="@production",
                                            evaluate=score, max_regression={{"auc": 0.01}})
            approved = ModelApprovedSensor(task_id="approved", version=checked.output, stage="production",
                                           deferrable=DEFERRABLE, poke_interval=0.2)

            @task
            def deploy(promotion):
                with deployment(promotion, target="eu-endpoint", undo=endpoint.update,
                                registry_conn_id="registry") as d:
                    endpoint.update(d.path)
                    d.observed(d.digest)
                return d.promotion

            @task
            def smoke(promotion):
                if not SMOKE:
                    raise ValueError("the endpoint answers nonsense")

            promoted = PromoteModelOperator(task_id="promote", promotion=deploy(approved.output))
            smoke(promoted.output) >> RollbackModelOperator(task_id="restore", promotion=promoted.output,
                                                            undo=endpoint.update, reason="smoke test failed",
                                                            trigger_rule="one_failed")

        country.expand(code=["de", "fr"])

    {dag_id}()
"""


@pytest.fixture
def reviewer(world: World) -> Iterator[World]:
    """Somebody who approves whatever is asked for."""
    ended = threading.Event()

    def review() -> None:
        while not ended.wait(0.2):
            for promotion in world.person.list_promotions(filter="phase = 'PENDING'").items:
                if promotion.model_name.startswith(world.model):
                    world.review(promotion, Verdict.APPROVE)

    thread = threading.Thread(target=review)
    thread.start()
    yield world
    ended.set()
    thread.join()


def run(world: World, dag_id: str, **given: Any) -> Any:
    from tests.airflow.inprocess import run_dag

    source = dedent(CHURN).format(
        dag_id=dag_id, place=str(world.directory), model=world.model, **{"deferrable": False, "smoke": True, **given}
    )
    return run_dag(source, dag_id)


@pytest.mark.parametrize("deferrable", [False, True])
def test_from_training_to_production_for_every_country(
    airflow_database: None, reviewer: World, deferrable: bool
) -> None:
    dag_run = run(reviewer, f"churn_{deferrable}".lower(), deferrable=deferrable)
    assert dag_run.state == "success"
    for code in ("de", "fr"):
        stage = reviewer.person.get_stage(f"{reviewer.model}.{code}", "production")
        assert stage.version == 1
        (check,) = reviewer.person.list_checks(f"{reviewer.model}.{code}", 1).items
        assert check.status == "passed"
    assert sorted((reviewer.directory / "serves").read_text().splitlines()) == ["a model of de", "a model of fr"]
    states = {ti.task_id: ti.state for ti in dag_run.get_task_instances()}
    assert states["country.restore"] == "skipped"
    links = [
        ti.xcom_pull(key="model_registry_promotion_url", task_ids="country.promote", map_indexes=ti.map_index)
        for ti in dag_run.get_task_instances()
        if ti.task_id == "country.promote"
    ]
    assert len(links) == 2 and all("/promotions/" in link for link in links)


def test_a_failed_smoke_test_goes_back_and_keeps_the_run_red(airflow_database: None, reviewer: World) -> None:
    from registry_service.client import ApplyPromotion, CreateModel

    for code in ("de", "fr"):
        name = f"{reviewer.model}.{code}"
        reviewer.person.create_model(CreateModel(name=name))
        reviewer.person.register(name, {"model.bin": reviewer.a_file(f"the old model of {code}", f"old-{code}")})
        promotion = reviewer.request_named(name, 1)
        while reviewer.person.get_promotion(promotion.id).phase is not Phase.APPROVED:
            time.sleep(0.1)
        reviewer.person.apply_promotion(promotion.id, ApplyPromotion())
    dag_run = run(reviewer, "churn_red", smoke=False)
    assert dag_run.state == "failed"
    for code in ("de", "fr"):
        stage = reviewer.person.get_stage(f"{reviewer.model}.{code}", "production")
        assert (stage.version, stage.failed) == (1, [2])
    served = (reviewer.directory / "serves").read_text().splitlines()
    assert sorted(served[-2:]) != sorted(served[:2])
    assert {line for line in served if "old" in line} == {"the old model of de", "the old model of fr"}
