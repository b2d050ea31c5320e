"""Evaluate → approved → deploy and observe → promote → smoke test; back to the version before if that fails.

Starts when a version of the model is registered. Several may be under way: each run follows its own version, and the
registry lets one at a time deploy, the newest last.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import Param, dag, task
from digits_data import accuracy, held_back_data
from scoring_endpoint import ScoringEndpoint

from airflow_provider.operators.promotions import PromoteModelOperator, RollbackModelOperator
from airflow_provider.operators.versions import EvaluateModelOperator
from airflow_provider.sdk import PromotionReference, deployment, model_asset, resolve_model
from airflow_provider.sensors.approvals import ModelApprovedSensor

endpoint = ScoringEndpoint("scoring_endpoint")


@dag(
    schedule=[model_asset("digits")],
    catchup=False,
    params={
        # Airflow may merge the events of several versions into one run; what isn't the latest would be superseded.
        "version": Param("digits/latest", type="string", description="Which version: digits/7, digits@candidate"),
        "at_least": Param(0.8, type="number", description="The accuracy that the smoke test asks for"),
    },
    tags=["model registry"],
)
def gate_and_deploy() -> None:
    candidate = resolve_model("{{ params.version }}", task_id="candidate")

    # Both are measured here, by the same code on the same data. It reports a check; the gate judges by it.
    evaluated = EvaluateModelOperator(
        task_id="evaluate",
        version=candidate,
        compare_to="@production",
        evaluate=accuracy,
        max_regression={"accuracy": 0.01},
    )

    # Waits in the triggerer, for days if need be. Fails at once, with the reasons, where the answer is no.
    approved = ModelApprovedSensor(task_id="approved", version=evaluated.output, stage="production", deferrable=True)

    @task(retries=1)
    def deploy(promotion: Any) -> PromotionReference:
        """On an exception, `undo` brings back what was served before."""
        with deployment(promotion, target="scoring-endpoint", undo=endpoint.update) as d:
            endpoint.update(d)
            d.observed(endpoint.digest())
        return d.promotion

    # The gate. What becomes current already runs, and was seen to run.
    promoted = PromoteModelOperator(task_id="promote", promotion=deploy(approved.output), undo=endpoint.update)

    @task
    def smoke_test(at_least: str) -> None:
        images, labels = held_back_data()
        read = endpoint.predict(images.tolist())
        share = sum(a == b for a, b in zip(read, labels.tolist(), strict=True)) / len(read)
        print(f"{share:.1%} of {len(read)} digits were read correctly")
        if share < float(at_least):
            raise ValueError(f"The endpoint reads {share:.1%} of the digits, and {float(at_least):.1%} are needed.")

    # `one_failed` also holds where the gate was closed and the smoke test never ran. `restore` comes after `promote`
    # as well, and so runs only where this run has promoted.
    not_passed = EmptyOperator(task_id="not_passed", trigger_rule="one_failed")
    restore = RollbackModelOperator(
        task_id="restore",
        promotion=promoted.output,
        reason="the smoke test failed",
        undo=endpoint.update,
        target="scoring-endpoint",
    )
    promoted >> smoke_test("{{ params.at_least }}") >> not_passed >> restore


gate_and_deploy()
