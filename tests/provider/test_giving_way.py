"""What a target serves after its deployment came to nothing: what is current then, not what was at the beginning."""

from __future__ import annotations

import pytest

from airflow_provider.exceptions import LeaseLost, ModelRegistryRefused
from airflow_provider.operators.promotions import PromoteModelOperator
from registry_service.client import ApplyPromotion, ReleaseLease, RollBack, RollbackHold, TakeLease, Verdict
from tests.provider.contexts import a_context
from tests.provider.test_deploying import Endpoint, deploying_
from tests.provider.world import World


def test_a_rollback_during_the_deployment_is_not_undone_by_it(world: World) -> None:
    world.create_model(policy="open")
    world.promote(world.register("one"))
    world.promote(world.register("two"))
    third = world.request(world.register("three"))
    endpoint = Endpoint()
    back = RollBack(reason="bad", from_version=2, hold=RollbackHold(reason="bad"))

    def deploy() -> None:
        with deploying_(third.id, undo=endpoint.update) as d:
            endpoint.update(d.path)
            world.person.roll_back(world.model, "production", back)

    with pytest.raises(LeaseLost):
        deploy()
    assert world.current() == 1
    assert endpoint.serves[-1] == "one"


def test_a_target_is_left_to_the_run_that_took_over(world: World) -> None:
    world.create_model(policy="open")
    world.promote(world.register("one"))
    second = world.request(world.register("two"))
    endpoint = Endpoint()

    def deploy() -> None:
        with deploying_(second.id, undo=endpoint.update) as d:
            endpoint.update(d.path)
            held = world.person.get_promotion(second.id).lease
            assert held is not None
            world.person.release_lease(second.id, ReleaseLease(holder=held.holder))
            third = world.request(world.register("three"))
            world.person.take_lease(third.id, TakeLease(holder="another run"))
            endpoint.serves.append("three")

    with pytest.raises(LeaseLost):
        deploy()
    assert endpoint.serves[-1] == "three"


def test_what_was_rejected_after_its_deployment_does_not_go_on_serving(world: World) -> None:
    world.create_model(policy="solo")
    world.person.apply_promotion(world.review(world.request(world.register("one"))).id, ApplyPromotion())
    second = world.review(world.request(world.register("two")))
    endpoint = Endpoint()
    with deploying_(second.id, undo=endpoint.update) as d:
        endpoint.update(d.path)
        d.observed(second.digest)
    world.review(second, Verdict.REJECT, "stop")
    promote = PromoteModelOperator(
        task_id="promote", promotion=d.promotion, undo=endpoint.update, registry_conn_id="registry"
    )
    with pytest.raises(ModelRegistryRefused, match="REJECTED"):
        promote.execute(a_context(promote))
    assert world.current() == 1
    assert endpoint.serves[-1] == "one"
