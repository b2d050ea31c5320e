from __future__ import annotations

from registry_service.db.queries.models import find_model
from registry_service.db.queries.uses import last_used, models_last_used
from registry_service.db.queries.versions import list_versions
from registry_service.db.view import View
from registry_service.domain.manifest import digest_of
from registry_service.domain.requests import ObserveDeployment, StartDeployment
from registry_service.services.deployments import observe_deployment, start_deployment
from tests.services.world import HOUR, START, World


def since_start(view: View, model: str) -> dict[int, float]:
    """By version: hours after the start at which it was last used."""

    found = find_model(view, model)
    return {number: (at - START) / HOUR for number, at in last_used(view, found.id, [1, 2, 3]).items()}


async def test_a_version_is_used_from_the_start_of_a_deployment_for_as_long_as_its_target_serves_it(
    world: World,
) -> None:
    first, second = await world.registered(2)
    assert await world.look("rita", since_start, "fraud") == {}
    world.clock.advance(HOUR)
    started = await world.act("airflow", start_deployment, StartDeployment(model="fraud", target="eu", version="1"))
    assert await world.look("rita", since_start, "fraud") == {1: 1}
    # What is served counts, not what was authorised.
    for digest in (first.digest, second.digest, None, digest_of(b"of nobody")):
        world.clock.advance(HOUR)
        await world.act("airflow", observe_deployment, started.id, ObserveDeployment(digest=digest))
    assert await world.look("rita", since_start, "fraud") == {1: 2, 2: 3}


async def test_what_is_served_counts_for_every_version_of_that_content_and_for_no_other_model(world: World) -> None:
    (first,) = await world.registered(1)
    again = await world.register("fraud", content=b"same")
    twin = await world.register("fraud", content=b"same")
    await world.model("churn")
    other = await world.register("churn", content=b"same")
    assert again.digest == twin.digest == other.digest != first.digest
    started = await world.act("airflow", start_deployment, StartDeployment(model="fraud", target="eu", version="1"))
    world.clock.advance(HOUR)
    await world.act("airflow", observe_deployment, started.id, ObserveDeployment(digest=again.digest))
    assert await world.look("rita", since_start, "fraud") == {1: 0, 2: 1, 3: 1}
    assert await world.look("rita", since_start, "churn") == {}


async def test_a_model_was_last_used_when_one_of_its_versions_was(world: World) -> None:
    await world.registered(2)
    await world.registered(1, "churn")
    for number in (2, 1):
        world.clock.advance(HOUR)
        body = StartDeployment(model="fraud", target="eu", version=str(number))
        await world.act("airflow", start_deployment, body)

    def asked(view: View) -> dict[str, float]:
        ids = {find_model(view, name).id: name for name in ("fraud", "churn")}
        return {ids[one]: (at - START) / HOUR for one, at in models_last_used(view, list(ids)).items()}

    assert await world.look("rita", asked) == {"fraud": 2}


async def test_versions_that_nobody_used_lately_are_found(world: World) -> None:
    await world.registered(3)
    for number in (2, 1):
        world.clock.advance(HOUR)
        body = StartDeployment(model="fraud", target="eu", version=str(number))
        await world.act("airflow", start_deployment, body)

    async def numbers(where: str | None = None, order_by: str | None = None) -> list[int]:
        found = await world.look_at_all("rita", list_versions, "fraud", filter=where, order_by=order_by, limit=1)
        return [one.number for one in found]

    lately = (START + 2 * HOUR).isoformat()
    assert await numbers(f"last_used_at < '{lately}' OR last_used_at IS NULL") == [3, 2]
    assert await numbers(order_by="last_used_at") == [2, 1, 3]
    assert await numbers(order_by="last_used_at desc") == [1, 2, 3]
