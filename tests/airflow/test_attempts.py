"""Retries, clears and restarts of a real Airflow, as the provider tells them apart."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from textwrap import dedent

import pytest

from registry_service.client import GiveReview, ModelNotFound, RegistryClient, Verdict
from tests.airflow.harness import Airflow
from tests.service_fixture import RunningService

pytestmark = pytest.mark.airflow

DAGS = """
    import os
    import signal
    from datetime import timedelta
    from pathlib import Path

    from airflow.sdk import dag, get_current_context, task
    from airflow_provider.assets import model_asset
    from airflow_provider.decorators.register_model import RegisterModelDecoratedOperator
    from airflow_provider.operators.promotions import PromoteModelOperator
    from airflow_provider.operators.versions import RegisterModelOperator
    from airflow_provider.sdk import ModelDraft
    from airflow_provider.sensors.approvals import ModelApprovedSensor

    PLACE = Path({place!r})


    class DiesAfterTheFirstTry(RegisterModelDecoratedOperator):
        def execute(self, context):
            reference = super().execute(context)
            if context["ti"].try_number == 1:
                os.kill(os.getpid(), signal.SIGKILL)  # registered, and nobody heard of it
            return reference


    def train():
        number = len(list(PLACE.glob("training-*"))) + 1
        path = PLACE / f"training-{{number}}"
        path.write_text(f"model {{number}}")
        return ModelDraft("attempts", path)


    @dag(schedule=None, default_args={{"registry_conn_id": "attempts"}})
    def attempts():
        DiesAfterTheFirstTry(
            task_id="train", python_callable=train, retries=1, retry_delay=timedelta(seconds=1)
        )


    @dag(schedule=None, default_args={{"registry_conn_id": "attempts"}})
    def reused():
        @task.register_model(on_clear="reuse")
        def train_once():
            number = len(list(PLACE.glob("reused-*"))) + 1
            path = PLACE / f"reused-{{number}}"
            path.write_text(f"model {{number}}")
            return ModelDraft("reused", path)

        train_once()


    @dag(schedule=None, default_args={{"registry_conn_id": "attempts", "retries": 2}})
    def not_a_number():
        RegisterModelOperator(
            task_id="register", model_name="nan", files=__file__, metrics={{"auc": float("nan")}}
        )
        RegisterModelOperator.partial(task_id="mapped", model_name="nan", files=__file__).expand(
            metrics=[{{"auc": float("inf")}}]
        )


    @dag(schedule=None)
    def without_a_connection():
        @task.register_model
        def make():
            path = PLACE / "alone"
            path.write_text("alone")
            return ModelDraft("alone", path)

        version = make()
        for mode in ("poke", "reschedule"):
            approved = ModelApprovedSensor(
                task_id=f"approved_{{mode}}", version=version, stage="staging" if mode == "poke" else "production",
                mode=mode, deferrable=False,
                # Rescheduled sooner, Airflow may take the end of the last worker for that of the next one.
                poke_interval=1 if mode == "poke" else 15,
            )
            PromoteModelOperator(task_id=f"promote_{{mode}}", promotion=approved.output)


    @dag(schedule=None, default_args={{"registry_conn_id": "attempts"}})
    def gate():
        @task.register_model
        def make():
            path = PLACE / "gated"
            path.write_text("gated")
            return ModelDraft("gated", path)

        approved = ModelApprovedSensor(task_id="approved", version=make(), stage="production", deferrable=True)
        PromoteModelOperator(task_id="promote", promotion=approved.output)


    @dag(schedule=[model_asset("gated")])
    def consumer():
        @task
        def read(triggering_asset_events):
            (event,) = triggering_asset_events[model_asset("gated")]
            return event.extra

        read()


    attempts()
    reused()
    not_a_number()
    without_a_connection()
    gate()
    consumer()
"""


@pytest.fixture(scope="module")
def airflow(
    running_airflow: Airflow, shared_service: RunningService, tmp_path_factory: pytest.TempPathFactory
) -> Airflow:
    place = tmp_path_factory.mktemp("trainings")
    (running_airflow.dags / "attempts.py").write_text(dedent(DAGS).format(place=str(place)))
    running_airflow.add_connection(
        "attempts", conn_type="model_registry", host=shared_service.url, password=shared_service.airflow
    )
    # What `model-registry serve` leaves for an Airflow of the same user.
    credentials = running_airflow.home / ".model-registry" / "credentials"
    credentials.mkdir(parents=True, exist_ok=True)
    shutil.copy(shared_service.home / "credentials" / "airflow.json", credentials)
    for dag_id in ("attempts", "reused", "not_a_number", "without_a_connection", "gate", "consumer"):
        running_airflow.unpause(dag_id)
    return running_airflow


@pytest.fixture
def person(shared_service: RunningService) -> Iterator[RegistryClient]:
    with RegistryClient(shared_service.url, shared_service.person) as client:
        yield client


def test_a_retry_finds_the_version_of_the_killed_try_and_a_clear_makes_another(
    airflow: Airflow, person: RegistryClient
) -> None:
    run_id = airflow.trigger("attempts")
    airflow.wait_for_run("attempts", run_id)
    task = airflow.task("attempts", run_id, "train")
    assert (task.try_number, task.max_tries) == (2, 1)
    (version,) = person.list_versions("attempts").items
    assert version.identity == f"airflow:attempts/{run_id}/train/-1/0"
    assert airflow.xcom("attempts", run_id, "train")["version"] == 1  # type: ignore[index] # a dictionary
    assert "An earlier try registered" in airflow.task_log("attempts", run_id, "train")
    assert _trained(person) == ["training-1"]

    airflow.clear_task("attempts", run_id, "train")
    airflow.wait_for_task("attempts", run_id, "train", "success", try_number=3)
    assert airflow.xcom("attempts", run_id, "train")["version"] == 2  # type: ignore[index] # a dictionary
    newer = person.get_version("attempts", 2)
    assert newer.identity == f"airflow:attempts/{run_id}/train/-1/2"
    assert _trained(person) == ["training-1", "training-2"]


def test_a_cleared_task_that_reuses_its_version_does_not_train_again(airflow: Airflow, person: RegistryClient) -> None:
    run_id = airflow.trigger("reused")
    airflow.wait_for_run("reused", run_id)
    airflow.clear_task("reused", run_id, "train_once")
    airflow.wait_for_task("reused", run_id, "train_once", "success", try_number=2)
    assert "An earlier try registered" in airflow.task_log("reused", run_id, "train_once")
    (version,) = person.list_versions("reused").items
    assert [file.path for file in person.get_manifest("reused", version.number).files] == ["reused-1"]


def test_what_is_no_number_fails_at_once_and_is_not_tried_again(airflow: Airflow, person: RegistryClient) -> None:
    run_id = airflow.trigger("not_a_number")
    airflow.wait_for_run("not_a_number", run_id, expected="failed")
    for task_id, map_index in (("register", -1), ("mapped", 0)):
        assert airflow.task("not_a_number", run_id, task_id, map_index=map_index).try_number == 1
        assert "which is no number" in airflow.task_log("not_a_number", run_id, task_id, map_index=map_index)
    with pytest.raises(ModelNotFound):
        person.get_model("nan")


def test_without_a_connection_an_airflow_of_the_same_user_waits_by_poking_and_by_rescheduling(
    airflow: Airflow, person: RegistryClient
) -> None:
    run_id = airflow.trigger("without_a_connection")
    airflow.wait_for_task("without_a_connection", run_id, "approved_poke", "running")
    airflow.wait_for_task("without_a_connection", run_id, "approved_reschedule", "up_for_reschedule")
    promotions = airflow.wait_until(
        lambda: person.list_promotions(filter="model = 'alone'").items,
        lambda found: len(found) == 2,
        60,
        lambda: "both were to be requested",
    )
    for promotion in promotions:
        review = GiveReview(verdict=Verdict.APPROVE, digest=promotion.digest, comment="fine")
        person.review_promotion(promotion.id, review)
    airflow.wait_for_run("without_a_connection", run_id)
    assert [person.get_stage("alone", stage).version for stage in ("staging", "production")] == [1, 1]


def test_a_deferred_gate_survives_the_triggerer_and_wakes_the_consumer(
    airflow: Airflow, person: RegistryClient
) -> None:
    run_id = airflow.trigger("gate")
    airflow.wait_for_task("gate", run_id, "approved", "deferred")
    airflow.kill("triggerer")
    (promotion,) = person.list_promotions(filter="model = 'gated'").items
    review = GiveReview(verdict=Verdict.APPROVE, digest=promotion.digest, comment="fine")
    person.review_promotion(promotion.id, review)  # while nobody listens
    airflow.restart("triggerer")
    airflow.wait_for_run("gate", run_id)
    assert person.get_stage("gated", "production").version == 1
    assert airflow.xcom("gate", run_id, "promote", key="model_registry_promotion_url") == promotion.url

    airflow.wait_until(
        lambda: airflow.runs("consumer"), bool, 60, lambda: "no run of the consumer of the model's asset"
    )
    (consumed,) = airflow.runs("consumer")
    airflow.wait_for_run("consumer", consumed.dag_run_id)
    event = airflow.xcom("consumer", consumed.dag_run_id, "read")
    assert event == airflow.xcom("gate", run_id, "make")


def test_the_connection_form_asks_for_url_and_token(airflow: Airflow) -> None:
    metadata = airflow._http.get("/ui/connections/hook_meta").json()
    (form,) = [entry for entry in metadata if entry["connection_type"] == "model_registry"]
    assert form["standard_fields"]["host"]["title"] == "Registry URL"
    assert form["standard_fields"]["password"]["title"] == "Token"
    assert set(form["extra_fields"]) == {"verify", "timeout"}


def _trained(person: RegistryClient) -> list[str]:
    """The names of the files of all versions: one per training."""
    numbers = sorted(version.number for version in person.list_versions("attempts").items)
    return [person.get_manifest("attempts", number).files[0].path for number in numbers]
