from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import BaseOperator
from airflow.sdk.execution_time.context import set_current_context

from airflow_provider import deploying
from airflow_provider.cache import ModelFiles
from airflow_provider.deploying import RunningDeployment, deployment
from airflow_provider.exceptions import DriftError, LeaseLost, ModelRegistryException, ModelRegistryRefused
from airflow_provider.operators.promotions import PromoteModelOperator
from airflow_provider.references import promotion_reference
from registry_service.client import Deployment, DeploymentStatus, Phase, Promotion, TakeLease, Verdict
from tests.provider.contexts import a_context
from tests.provider.world import World


class Endpoint:
    def __init__(self) -> None:
        self.serves: list[str] = []

    def update(self, files: ModelFiles | Path) -> None:
        self.serves.append(Path(files).read_text())


@contextmanager
def deploying_(promotion: Any, **given: Any) -> Iterator[RunningDeployment]:
    """As in a task of the run that all stub contexts are of."""
    context = a_context(BaseOperator(task_id="deploy"))
    with (
        set_current_context(context),
        deployment(promotion, **{"target": "endpoint", "registry_conn_id": "registry", **given}) as running,
    ):
        yield running


def deployments(world: World) -> list[Deployment]:
    return world.person.list_deployments(filter=f"model = '{world.model}'").items


@pytest.fixture
def approved(world: World) -> Promotion:
    """Version 1 is current, version 2 is approved."""
    world.create_model(policy="open")
    world.promote(world.register("one"))
    return world.request(world.register("two"))


def test_the_run_keeps_the_lease_for_the_task_that_applies(world: World, approved: Promotion) -> None:
    endpoint = Endpoint()
    with deploying_(promotion_reference(approved), undo=endpoint.update) as running:
        assert world.person.get_promotion(approved.id).phase is Phase.APPLYING
        endpoint.update(running.path)
        running.observed(approved.digest)
    after = world.person.get_promotion(approved.id)
    assert running.promotion == promotion_reference(approved)
    assert (running.version, endpoint.serves) == (2, ["two"])
    assert after.phase is Phase.APPLYING and after.lease is not None
    assert (after.lease.expires_at - after.lease.acquired_at).total_seconds() > deploying.LEASE_SECONDS
    (row,) = deployments(world)
    assert (row.status, row.target, row.observed_digest, row.drifted) == (
        DeploymentStatus.RUNNING, "endpoint", approved.digest, False,
    )  # fmt: skip
    operator = PromoteModelOperator(task_id="promote", promotion=running.promotion, registry_conn_id="registry")
    operator.execute(a_context(operator))
    assert world.current() == 2


def test_what_is_not_approved_is_not_deployed(world: World) -> None:
    world.create_model(policy="solo")
    promotion = world.request(world.register("one"))
    with pytest.raises(ModelRegistryRefused), deploying_(promotion.id):
        pytest.fail("the block ran")
    with pytest.raises(ModelRegistryRefused, match="no promotion to deploy"), deploying_(None):
        pytest.fail("the block ran")


def test_another_runs_deployment_is_worth_a_retry(world: World, approved: Promotion) -> None:
    world.person.take_lease(approved.id, TakeLease(holder="airflow:other/run"))
    with pytest.raises(ModelRegistryException), deploying_(approved.id):
        pytest.fail("the block ran")


def test_a_failure_brings_back_what_ran_before_and_gives_the_stage_free(world: World, approved: Promotion) -> None:
    endpoint = Endpoint()

    def deploy() -> None:
        with deploying_(approved.id, undo=endpoint.update) as running:
            endpoint.update(running.path)
            raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        deploy()
    assert endpoint.serves == ["two", "one"]
    assert world.person.get_promotion(approved.id).phase is Phase.APPROVED
    assert [row.status for row in deployments(world)] == [DeploymentStatus.FAILED]
    assert world.current() == 1


def test_the_promotion_fails_with_the_deployment_where_asked_to(world: World, approved: Promotion) -> None:
    with pytest.raises(OSError, match="no room"), deploying_(approved.id, fail_promotion=True):
        raise OSError("no room")
    failed = world.person.get_promotion(approved.id)
    assert failed.phase is Phase.FAILED
    assert failed.closure is not None and "no room" in failed.closure.reason


def test_nothing_is_brought_back_where_nothing_was_current(world: World) -> None:
    world.create_model(policy="open")
    promotion = world.request(world.register("one"))
    endpoint = Endpoint()
    with pytest.raises(OSError, match="no room"), deploying_(promotion.id, undo=endpoint.update):
        raise OSError("no room")
    assert endpoint.serves == []


def test_a_failing_undo_hides_nothing(world: World, approved: Promotion) -> None:
    def undo(files: ModelFiles) -> None:
        raise RuntimeError("stuck")

    with pytest.raises(OSError, match="no room") as failure, deploying_(approved.id, undo=undo):
        raise OSError("no room")
    assert any("stuck" in note for note in failure.value.__notes__)
    assert world.person.get_promotion(approved.id).phase is Phase.APPROVED


@pytest.mark.parametrize("observed", ["sha256:" + "0" * 64, None])
def test_a_target_that_serves_something_else_fails_the_deployment(
    world: World, approved: Promotion, observed: str | None
) -> None:
    endpoint = Endpoint()
    with pytest.raises(DriftError, match="authorised"), deploying_(approved.id, undo=endpoint.update) as running:
        running.observed(observed)
    assert endpoint.serves == ["one"]
    assert deployments(world)[0].status is DeploymentStatus.FAILED


@pytest.mark.slow
def test_a_rejection_during_the_deployment_stops_it(world: World) -> None:
    world.create_model(policy="solo")
    world.review(world.request(world.register("one")))
    first = world.promotion_of(1)
    with deploying_(first.id):
        pass
    operator = PromoteModelOperator(task_id="promote", promotion=first.id, registry_conn_id="registry")
    operator.execute(a_context(operator))
    second = world.review(world.request(world.register("two")))
    endpoint = Endpoint()

    def deploy() -> None:
        with deploying_(second.id, undo=endpoint.update, lease_seconds=10) as running:
            endpoint.update(running)
            world.review(second, Verdict.REJECT, "stop")
            time.sleep(4)
            running.observed(second.digest)

    with pytest.raises(LeaseLost, match="REJECTED"):
        deploy()
    assert endpoint.serves == ["two", "one"]


def test_a_rejection_is_noticed_at_the_end_at_the_latest(world: World) -> None:
    world.create_model(policy="solo")
    promotion = world.review(world.request(world.register("one")))
    with pytest.raises(LeaseLost, match="REJECTED"), deploying_(promotion.id):
        world.review(promotion, Verdict.REJECT, "stop")


@pytest.mark.slow
def test_the_lease_is_renewed_while_the_block_runs(world: World, approved: Promotion) -> None:
    with deploying_(approved.id, lease_seconds=10):
        before = world.person.get_promotion(approved.id).lease
        time.sleep(4)
        during = world.person.get_promotion(approved.id).lease
    assert before is not None and during is not None
    assert during.expires_at > before.expires_at


def test_a_retry_takes_up_the_lease_and_the_deployment_again(world: World, approved: Promotion) -> None:
    with deploying_(approved.id):
        pass
    with deploying_(approved.id) as running:
        running.observed(approved.digest)
    assert len(deployments(world)) == 1


def test_deploying_again_what_is_current_brings_back_the_one_before_on_failure(
    world: World, approved: Promotion
) -> None:
    world.promote_number(approved.version)
    endpoint = Endpoint()
    with pytest.raises(OSError, match="no room"), deploying_(approved.id, undo=endpoint.update):
        raise OSError("no room")
    assert endpoint.serves == ["one"]
