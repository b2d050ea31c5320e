"""Who started a run by hand, as Airflow says, took part in it: under `team` their approval is of their own work."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from airflow_provider.operators.promotions import PromoteModelOperator
from airflow_provider.operators.versions import RegisterModelOperator
from registry_service.client import (
    CreateGrant,
    CreatePrincipal,
    CreateToken,
    GiveReview,
    Phase,
    PrincipalKind,
    Promotion,
    RegistryClient,
    SelfApproval,
    Verdict,
)
from tests.provider.contexts import StubRun, a_context
from tests.provider.world import World


@pytest.fixture
def vera(world: World) -> Iterator[RegistryClient]:
    """An approver of this test's own; her name is `vera-` and the model's."""
    name = f"vera-{world.model}"
    world.person.create_principal(CreatePrincipal(name=name, kind=PrincipalKind.PERSON))
    world.person.create_grant(CreateGrant(role="approver", pattern=world.model, principal=name))
    token = world.person.create_token(CreateToken(name="test", principal=name)).token
    with RegistryClient(world.url, token) as client:
        yield client


def train_and_request(world: World, *, trained_by: str | None, requested_by: str | None) -> Promotion:
    """Register in a run that the one has started, request in a run that the other has."""
    world.create_model(policy="team")
    register = RegisterModelOperator(
        task_id="register", model_name=world.model, files=str(world.a_file()), registry_conn_id="registry"
    )
    version = register.execute(a_context(register, run=StubRun(triggering_user_name=trained_by)))
    request = PromoteModelOperator(
        task_id="request", version=version, stage="production", action="request", registry_conn_id="registry"
    )
    request.execute(a_context(request, run=StubRun(triggering_user_name=requested_by)))
    return world.promotion_of(1)


def approve(reviewer: RegistryClient, promotion: Promotion) -> Promotion:
    return reviewer.review_promotion(promotion.id, GiveReview(verdict=Verdict.APPROVE, digest=promotion.digest))


def test_the_approval_of_somebody_who_had_no_part_counts(world: World, vera: RegistryClient) -> None:
    promotion = train_and_request(world, trained_by="somebody else", requested_by=None)
    assert approve(vera, promotion).phase is Phase.APPROVED


@pytest.mark.parametrize("spelt", [str, str.upper])
@pytest.mark.parametrize("step", ["trained_by", "requested_by"])
def test_who_started_the_run_by_hand_does_not_approve_it(
    world: World, vera: RegistryClient, step: str, spelt: Callable[[str], str]
) -> None:
    started = {"trained_by": None, "requested_by": None, step: spelt(f"vera-{world.model}")}

    promotion = train_and_request(world, **started)

    with pytest.raises(SelfApproval, match="is said to have taken part"):
        approve(vera, promotion)
    assert world.person.get_promotion(promotion.id).phase is Phase.PENDING
