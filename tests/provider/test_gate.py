"""The sensor against the real service: every way a wait can end."""

from __future__ import annotations

import json
import socket
from datetime import timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowSensorTimeout, AirflowSkipException, TaskDeferred

from airflow_provider.exceptions import GateClosed, ModelRegistryRefused
from airflow_provider.references import promotion_reference
from airflow_provider.sensors.approvals import ModelApprovedSensor
from airflow_provider.triggers.approvals import PromotionTrigger, RegistryReachableTrigger
from registry_service.client import (
    ApplyPromotion,
    CancelPromotion,
    CheckStatus,
    HoldStage,
    RegistryClient,
    ReportCheck,
    RevokeVersion,
    TakeLease,
    Verdict,
)
from tests.provider.contexts import a_context, pushed
from tests.provider.world import World


def a_sensor(**changes: Any) -> ModelApprovedSensor:
    given: dict[str, Any] = {
        "task_id": "approved",
        "stage": "production",
        "registry_conn_id": "registry",
        "poke_interval": 0.05,
        "timeout": 0.2,
    }
    return ModelApprovedSensor(**{**given, **changes})


def waits(sensor: ModelApprovedSensor) -> bool:
    """Whether the sensor is still waiting when its (short) time is over."""
    try:
        sensor.execute(a_context(sensor))
    except AirflowSensorTimeout:
        return True
    return False


def test_it_requests_the_promotion_once_and_waits_for_a_person(world: World) -> None:
    world.create_model(policy="solo")
    version = world.register("a")
    assert waits(a_sensor(version=version)) and waits(a_sensor(version=version))
    (promotion,) = world.promotions()
    assert promotion.requested_by == "airflow"
    world.review(promotion)
    sensor = a_sensor(version=version)
    context = a_context(sensor)
    assert sensor.execute(context) == promotion_reference(promotion)
    assert pushed(context) == {"model_registry_promotion_url": promotion.url}


def test_an_open_policy_lets_it_through_at_once(world: World) -> None:
    world.create_model(policy="open")
    assert not waits(a_sensor(version=world.register("a")))


def test_a_rejection_fails_at_once_with_the_reviewers_words(world: World) -> None:
    world.create_model(policy="solo")
    version = world.register("a")
    world.review(world.request(version), Verdict.REJECT, "biased against the old")
    with pytest.raises(GateClosed, match="biased against the old"):
        a_sensor(promotion=world.promotions()[0].id).execute(a_context(a_sensor()))
    with pytest.raises(AirflowSkipException):
        a_sensor(promotion=world.promotions()[0].id, on_rejected="skip").execute(a_context(a_sensor()))


def test_a_retry_does_not_ask_again_for_what_was_rejected_and_a_clear_does(world: World) -> None:
    world.create_model(policy="solo")
    sensor = a_sensor(version=world.register("a"), retries=1)
    with pytest.raises(AirflowSensorTimeout):
        sensor.execute(a_context(sensor))
    world.review(world.promotions()[0], Verdict.REJECT, "no")
    retry = a_sensor(version=sensor.version, retries=1)
    with pytest.raises(GateClosed):
        retry.execute(a_context(retry))
    cleared = a_sensor(version=sensor.version, retries=1)
    with pytest.raises(AirflowSensorTimeout):
        cleared.execute(a_context(cleared, clear=1))
    assert len(world.promotions()) == 2


def test_cancelled_and_stale_promotions_fail(world: World) -> None:
    world.create_model(policy="solo")
    first, second = world.register("a"), world.register("b")
    cancelled = world.request(first)
    world.person.cancel_promotion(cancelled.id, CancelPromotion(reason="changed my mind"))
    with pytest.raises(GateClosed, match="changed my mind"):
        a_sensor(promotion=cancelled.id).execute(a_context(a_sensor()))
    stale = world.request(second)
    world.person.revoke_version(world.model, second["version"], RevokeVersion(reason="poisoned data"))
    with pytest.raises(GateClosed, match="revoked"):
        a_sensor(promotion=stale.id).execute(a_context(a_sensor()))


def test_a_missing_check_is_waited_for_and_a_failed_one_fails_at_once(world: World) -> None:
    world.create_model(policy="regulated")
    version = world.register("a")
    assert waits(a_sensor(version=version))
    failed = ReportCheck(name="evaluation", status=CheckStatus.FAILED, summary="auc fell")
    with RegistryClient(world.url, world.token) as airflow:
        airflow.report_check(world.model, 1, failed)
        with pytest.raises(GateClosed, match="evaluation"):
            a_sensor(version=version).execute(a_context(a_sensor()))
        airflow.report_check(world.model, 1, ReportCheck(name="evaluation", status=CheckStatus.PASSED))
    assert waits(a_sensor(version=version))


def test_superseded_by_a_newer_one_it_skips(world: World) -> None:
    world.create_model(policy="solo")
    old = world.request(world.register("a"))
    world.request(world.register("b"))
    with pytest.raises(AirflowSkipException, match="superseded"):
        a_sensor(promotion=old.id).execute(a_context(a_sensor()))
    with pytest.raises(GateClosed):
        a_sensor(promotion=old.id, on_superseded="fail").execute(a_context(a_sensor()))


def test_what_was_applied_is_a_success_while_it_is_current(world: World) -> None:
    world.create_model(policy="open")
    promotion = world.promote(world.register("a"))
    assert not waits(a_sensor(promotion=promotion.id))
    world.promote(world.register("b"))
    with pytest.raises(AirflowSkipException, match="moved on"):
        a_sensor(promotion=promotion.id).execute(a_context(a_sensor()))


def test_a_hold_and_the_lease_of_another_run_are_waited_for(world: World) -> None:
    world.create_model(policy="open")
    first = world.request(world.register("a"))
    world.person.take_lease(first.id, TakeLease(holder="airflow:other/run"))
    second = world.request(world.register("b"))
    assert waits(a_sensor(promotion=second.id))
    assert waits(a_sensor(promotion=first.id))
    world.person.hold_stage(world.model, "staging", HoldStage(reason="freeze"))
    third = world.request(world.register("c"), "staging")
    assert waits(a_sensor(promotion=third.id))
    world.person.release_stage(world.model, "staging")
    assert not waits(a_sensor(promotion=third.id))


def test_the_lease_of_the_own_run_is_not_in_the_way(world: World) -> None:
    world.create_model(policy="open")
    promotion = world.request(world.register("a"))
    sensor = a_sensor(promotion=promotion.id)
    world.person.take_lease(promotion.id, TakeLease(holder="airflow:churn_nightly/scheduled__2026-03-03"))
    assert not waits(sensor)


def test_only_the_current_version_moving_does_not_end_the_wait(world: World) -> None:
    world.create_model(policy="solo")
    first, second = world.register("a"), world.register("b")
    waiting = world.request(second)
    # Somebody asked for the older one, and it went first.
    world.review(world.request(first))
    world.person.apply_promotion(world.request(first).id, ApplyPromotion())
    assert world.current() == 1
    assert waits(a_sensor(promotion=waiting.id))


def test_without_request_it_waits_until_somebody_asks(world: World) -> None:
    world.create_model(policy="open")
    version = world.register("a")
    assert waits(a_sensor(version=version, request=False))
    assert waits(a_sensor(version=version, request=False, deferrable=True))
    world.request(version)
    assert not waits(a_sensor(version=version, request=False))


@pytest.mark.slow
def test_a_dead_service_does_not_fail_the_gate_before_its_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = _nobody_there()
    connection = {"conn_type": "model_registry", "host": nobody, "password": world.token}
    monkeypatch.setenv("AIRFLOW_CONN_REGISTRY", json.dumps(connection))
    assert waits(a_sensor(promotion="p", timeout=0.01))
    sensor = a_sensor(promotion="p", deferrable=True)
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute(a_context(sensor))
    assert isinstance(deferred.value.trigger, RegistryReachableTrigger)


def test_deferred_it_is_bounded_by_the_promotions_deadline(world: World) -> None:
    world.create_model(policy="solo")
    sensor = a_sensor(version=world.register("a"), deferrable=True, timeout=None)
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute(a_context(sensor))
    trigger, timeout = deferred.value.trigger, deferred.value.timeout
    (promotion,) = world.promotions()
    assert isinstance(trigger, PromotionTrigger) and isinstance(timeout, timedelta)
    assert trigger.serialize()[1] == {
        "promotion": promotion.id,
        "model_name": world.model,
        "holder": "airflow:churn_nightly/scheduled__2026-03-03",
        "registry_conn_id": "registry",
    }
    assert timedelta(days=13) < timeout < timedelta(days=15)


def test_after_the_trigger_fired_the_truth_is_asked_again(world: World) -> None:
    world.create_model(policy="solo")
    version = world.register("a")
    promotion = world.request(version)
    sensor = a_sensor(version=version, deferrable=True)
    event = {"status": "decided", "promotion": promotion.id}
    with pytest.raises(TaskDeferred):  # the approval was withdrawn between event and task
        sensor.execute_complete(a_context(sensor), event)
    world.review(promotion)
    assert sensor.execute_complete(a_context(sensor), event)["promotion"] == promotion.id
    with pytest.raises(ModelRegistryRefused, match="gone for good"):
        sensor.execute_complete(a_context(sensor), {"status": "refused", "message": "gone for good"})


@pytest.mark.parametrize("event", [None, {}, {"status": "surprise"}])
def test_an_event_that_nobody_knows_is_not_taken_for_an_approval(world: World, event: Any) -> None:
    sensor = a_sensor(promotion="p")
    with pytest.raises(Exception, match="nobody knows"):
        sensor.execute_complete(a_context(sensor), event)


def test_a_promotion_that_does_not_exist_fails_for_good(world: World) -> None:
    with pytest.raises(ModelRegistryRefused, match="promotion_not_found"):
        a_sensor(promotion="nowhere").execute(a_context(a_sensor()))
    with pytest.raises(ModelRegistryRefused, match="nothing to wait for"):
        a_sensor(version=None).execute(a_context(a_sensor()))


def _nobody_there() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
