from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.cache import ModelFiles
from airflow_provider.exceptions import DriftError, ModelRegistryException, ModelRegistryRefused
from airflow_provider.operators.promotions import PromoteModelOperator, RollbackModelOperator
from airflow_provider.references import VersionReference, promotion_reference
from registry_service.client import Deployment, ObserveDeployment, Phase, StartDeployment, TakeLease, Verdict
from tests.provider.contexts import StubRun, a_context, pushed
from tests.provider.world import World

HOLDER = "airflow:churn_nightly/scheduled__2026-03-03"


def promote(world: World, clear: int = 0, **given: Any) -> Any:
    operator = PromoteModelOperator(task_id="promote", registry_conn_id="registry", **given)
    return operator.execute(a_context(operator, clear=clear))


def roll_back(world: World, clear: int = 0, run: StubRun | None = None, **given: Any) -> Any:
    operator = RollbackModelOperator(
        task_id="restore", **{"reason": "smoke test failed", "registry_conn_id": "registry", **given}
    )
    return operator.execute(a_context(operator, clear=clear, run=run))


def test_an_approved_promotion_is_applied(world: World) -> None:
    world.create_model(policy="solo")
    promotion = world.review(world.request(world.register("a")))
    assert promote(world, promotion=promotion_reference(promotion)) == promotion_reference(promotion)
    assert world.current() == 1


def test_the_gate_judges_again_whatever_the_sensor_said(world: World) -> None:
    world.create_model(policy="solo")
    promotion = world.review(world.request(world.register("a")))
    world.person.withdraw_review(promotion.id)
    with pytest.raises(ModelRegistryRefused, match="approve"):
        promote(world, promotion=promotion.id)
    assert world.current() is None


def test_a_rejected_promotion_is_never_applied(world: World) -> None:
    world.create_model(policy="solo")
    promotion = world.review(world.request(world.register("a")), Verdict.REJECT, "no")
    with pytest.raises(ModelRegistryRefused, match="REJECTED"):
        promote(world, promotion=promotion.id)


def test_a_retry_after_a_crash_succeeds_and_a_cleared_old_one_is_refused(world: World) -> None:
    world.create_model(policy="open")
    old = promote(world, version=world.register("a"), stage="production")
    assert promote(world, promotion=old) == old
    promote(world, version=world.register("b"), stage="production")
    with pytest.raises(ModelRegistryRefused):
        promote(world, promotion=old, clear=1)
    assert world.current() == 2


def test_the_stage_of_another_runs_deployment_is_worth_a_retry(world: World) -> None:
    world.create_model(policy="open")
    promotion = world.request(world.register("a"))
    world.person.take_lease(promotion.id, TakeLease(holder="airflow:other/run"))
    with pytest.raises(ModelRegistryException, match="airflow:other/run"):
        promote(world, promotion=promotion.id)


def test_a_lease_of_the_own_run_is_applied(world: World) -> None:
    world.create_model(policy="open")
    promotion = world.request(world.register("a"))
    world.person.take_lease(promotion.id, TakeLease(holder=HOLDER))
    promote(world, promotion=promotion.id)
    assert world.current() == 1


def test_a_killed_task_gives_the_stage_free(world: World) -> None:
    world.create_model(policy="open")
    promotion = world.request(world.register("a"))
    world.person.take_lease(promotion.id, TakeLease(holder=HOLDER))
    operator = PromoteModelOperator(task_id="promote", promotion=promotion.id, registry_conn_id="registry")
    operator.on_kill()  # before it had begun, there is nothing to give back
    assert world.person.get_promotion(promotion.id).phase is Phase.APPLYING
    operator._leased = (promotion.id, HOLDER)
    operator.on_kill()
    assert world.person.get_promotion(promotion.id).phase is Phase.APPROVED


def test_request_asks_and_leaves_applying_to_others(world: World) -> None:
    world.create_model(policy="solo")
    version = world.register("a")
    first = promote(world, version=version, stage="production", action="request", reason="better on the new data")
    assert (
        promote(world, version=version, stage="production", action="request", reason="better on the new data") == first
    )
    (promotion,) = world.promotions()
    assert promotion.phase is Phase.PENDING and promotion.reason == "better on the new data"


@pytest.mark.parametrize("given", [{}, {"promotion": None}, {"promotion": "None"}, {"version": "a/1"}])
def test_without_a_promotion_nothing_is_applied(world: World, given: dict[str, Any]) -> None:
    with pytest.raises(ModelRegistryRefused, match="no promotion to apply"):
        promote(world, **given)


class Endpoint:
    """Serves what it was updated with last."""

    def __init__(self) -> None:
        self.serves: list[str] = []

    def update(self, files: ModelFiles | Path) -> None:
        self.serves.append(Path(files).read_text())


@pytest.fixture
def two(world: World) -> tuple[VersionReference, VersionReference]:
    """Version 1 was current, and version 2 is."""
    world.create_model(policy="open")
    versions = world.register("one"), world.register("two")
    for version in versions:
        world.promote(version)
    return versions


def test_going_back_restores_the_pointer_and_the_endpoint_and_fails_the_run(world: World, two: Any) -> None:
    endpoint = Endpoint()
    operator = RollbackModelOperator(
        task_id="restore",
        promotion=promotion_reference(world.promotion_of(2)),
        reason="smoke test failed",
        undo=endpoint.update,
        registry_conn_id="registry",
    )
    context = a_context(operator)
    with pytest.raises(ModelRegistryRefused, match="back at version 1"):
        operator.execute(context)
    assert world.current() == 1 and endpoint.serves == ["one"]
    assert pushed(context)["return_value"]["version"] == 1
    assert world.person.get_stage(world.model, "production").failed == [2]


def test_the_task_is_green_where_asked_to(world: World, two: Any) -> None:
    restored = roll_back(world, promotion=world.promotion_of(2).id, fail_after=False)
    assert restored["version"] == 1


def test_a_retry_finishes_the_undo_and_a_clear_goes_back_no_further(world: World, two: Any) -> None:
    world.promote(world.register("three"))
    promotion = world.promotion_of(3)
    endpoint = Endpoint()

    def broken(files: ModelFiles) -> None:
        raise OSError("the endpoint doesn't answer")

    with pytest.raises(OSError, match="endpoint"):
        roll_back(world, promotion=promotion.id, undo=broken, fail_after=False)
    roll_back(world, promotion=promotion.id, undo=endpoint.update, fail_after=False)
    assert endpoint.serves == ["two"] and world.current() == 2
    with pytest.raises(ModelRegistryRefused, match="is not current in 'production'"):
        roll_back(world, promotion=promotion.id, undo=endpoint.update, fail_after=False, clear=1)
    assert endpoint.serves == ["two"] and world.current() == 2


def test_a_retry_does_not_undo_what_came_since(world: World, two: Any) -> None:
    endpoint = Endpoint()
    promotion = world.promotion_of(2)
    roll_back(world, promotion=promotion.id, undo=endpoint.update, fail_after=False)
    world.promote(world.register("three"))
    with pytest.raises(ModelRegistryRefused, match="something else is current"):
        roll_back(world, promotion=promotion.id, undo=endpoint.update, fail_after=False)
    assert endpoint.serves == ["one"] and world.current() == 3


@pytest.mark.parametrize("missing", [None, "None", ""])
def test_without_a_promotion_there_is_nothing_to_roll_back(world: World, two: Any, missing: str | None) -> None:
    with pytest.raises(ModelRegistryRefused, match="nothing to roll back"):
        roll_back(world, promotion=missing)
    assert world.current() == 2


def test_a_rejection_upstream_never_rolls_back_a_healthy_model(world: World, two: Any) -> None:
    world.create_policy_attachment("solo")
    rejected = world.review(world.request(world.register("three")), Verdict.REJECT, "no")
    with pytest.raises(ModelRegistryRefused, match="nothing to roll back"):
        roll_back(world, promotion=promotion_reference(rejected), undo=Endpoint().update)
    assert world.current() == 2


def test_it_is_bound_to_the_version_that_it_abandons(world: World, two: Any) -> None:
    given: dict[str, Any] = {"model_name": world.model, "stage": "production", "fail_after": False}
    with pytest.raises(ModelRegistryRefused):
        roll_back(world, from_version=1, **given)
    assert world.current() == 2
    assert roll_back(world, from_version="2", **given)["version"] == 1
    with pytest.raises(ModelRegistryRefused, match="number of the version"):
        roll_back(world, from_version="@production", **given)


@pytest.mark.parametrize(
    ("hold", "until"),
    [
        (True, None),
        ("2099-01-01T00:00:00+00:00", datetime(2099, 1, 1, tzinfo=UTC)),
        (timedelta(days=365 * 100), datetime(2026, 3, 3, tzinfo=UTC) + timedelta(days=365 * 100)),
    ],
)
def test_a_hold_keeps_the_next_promotion_out(world: World, two: Any, hold: Any, until: datetime | None) -> None:
    roll_back(world, promotion=world.promotion_of(2).id, hold=hold, fail_after=False)
    roll_back(world, promotion=world.promotion_of(2).id, hold=hold, fail_after=False)
    stage = world.person.get_stage(world.model, "production")
    assert stage.hold is not None and stage.hold.until == until
    with pytest.raises(ModelRegistryRefused, match="smoke test failed"):
        promote(world, version=world.register("three"), stage="production")


def deployments(world: World) -> list[Deployment]:
    """Newest first."""
    return world.person.list_deployments(filter=f"model = '{world.model}'", order_by="started_at desc").items


@pytest.fixture
def deployed(world: World, two: tuple[VersionReference, VersionReference]) -> Deployment:
    """Version 2 runs at the target, as seen by whoever deployed it."""
    started = world.person.start_deployment(
        StartDeployment(model=world.model, target="eu", promotion=world.promotion_of(2).id, stage="production")
    )
    return world.person.observe_deployment(started.id, ObserveDeployment(digest=started.digest))


def go_back(world: World, undo: Any, **given: Any) -> Any:
    return roll_back(world, promotion=world.promotion_of(2).id, undo=undo, target="eu", fail_after=False, **given)


def test_what_undo_says_is_served_takes_the_place_of_what_was_abandoned(world: World, deployed: Deployment) -> None:
    restored = go_back(world, lambda files: files.digest)
    now, before = deployments(world)
    assert (now.version, now.status, now.target, now.stage) == (1, "running", "eu", "production")
    assert (now.observed_digest, now.promotion_id, now.run) == (now.digest, restored["promotion"], HOLDER)
    assert (before.id, before.status) == (deployed.id, "ended")


@pytest.mark.parametrize("returned", [None, "ok", "sha256:soon"])
def test_nothing_is_claimed_of_a_target_that_nobody_has_seen(
    world: World, deployed: Deployment, returned: str | None
) -> None:
    go_back(world, lambda files: returned)
    now, before = deployments(world)
    assert (now.version, now.status, now.observed_digest) == (1, "deploying", None)
    assert before.status == "running"


def test_a_target_that_does_not_follow_is_recorded_as_drift(world: World, deployed: Deployment) -> None:
    for _ in range(2):
        with pytest.raises(DriftError, match="was restored"):
            go_back(world, lambda files: deployed.digest)
    now, before = deployments(world)
    assert now.drifted and now.observed_digest == deployed.digest
    assert before.status == "running"
    go_back(world, lambda files: files.digest)
    assert [(row.version, row.status, row.drifted) for row in deployments(world)] == [
        (1, "running", False), (2, "ended", False),
    ]  # fmt: skip


def test_a_failed_undo_is_recorded_and_a_retry_starts_anew(world: World, deployed: Deployment) -> None:
    def broken(files: ModelFiles) -> None:
        assert deployments(world)[0].status == "deploying"
        raise OSError("the endpoint doesn't answer")

    with pytest.raises(OSError, match="endpoint"):
        go_back(world, broken)
    assert [row.status for row in deployments(world)] == ["failed", "running"]
    go_back(world, lambda files: files.digest)
    assert [row.status for row in deployments(world)] == ["running", "failed", "ended"]


def test_a_record_that_cannot_be_made_does_not_keep_the_endpoint_from_being_restored(
    world: World, deployed: Deployment
) -> None:
    endpoint = Endpoint()
    with pytest.raises(ModelRegistryRefused, match="is no key"):
        roll_back(world, promotion=world.promotion_of(2).id, undo=endpoint.update, target="eu\nwest")
    assert endpoint.serves == ["one"] and world.current() == 1
    assert [row.id for row in deployments(world)] == [deployed.id]


@pytest.mark.parametrize("target", [None, "", "None"])
def test_without_a_target_nothing_is_recorded(world: World, deployed: Deployment, target: str | None) -> None:
    roll_back(
        world, promotion=world.promotion_of(2).id, undo=lambda files: files.digest, target=target, fail_after=False
    )
    assert [row.id for row in deployments(world)] == [deployed.id]
