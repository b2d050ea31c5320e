from __future__ import annotations

from sqlalchemy import select

from registry_service.db.tables import promotions
from registry_service.domain.permissions import Role
from registry_service.domain.policies import PolicyDocument, RequiredCheck, ReviewRule
from registry_service.domain.promotions import Phase
from tests.services.world import DAY, HOUR, START, World

SLOW = PolicyDocument(
    name="slow",
    rules=(ReviewRule(name="approver", role="approver"),),
    remind_after=86_400,
    escalate_after=2 * 86_400,
    escalate_to="leads",
)


async def told(world: World) -> list[tuple[str, str, object]]:
    events = await world.events("promotion.reminded", "promotion.escalated")
    return [(event.kind, event.actor, event.data.get("group")) for event in events]


REMINDED = ("promotion.reminded", "registry", None)
ESCALATED = ("promotion.escalated", "registry", "leads")


async def test_what_waits_for_reviews_is_reminded_of_and_escalated(world: World) -> None:
    await world.policy(SLOW)
    await world.registered(1)
    promotion = await world.request(1)
    await world.registry.sweep()
    assert await told(world) == []
    world.clock.advance(DAY)
    for _ in range(2):
        await world.registry.sweep()
        assert await told(world) == [REMINDED]
    (event,) = await world.events("promotion.reminded")
    assert (event.subject, event.data["stage"], event.data["version"]) == (promotion.id, "production", 1)
    assert event.data["missing"] and event.data["since"]
    world.clock.advance(DAY)
    await world.registry.sweep()
    assert await told(world) == [REMINDED, REMINDED, ESCALATED]
    # Days without a sweeper are made up for by one reminder, and an escalation happens once.
    world.clock.advance(5 * DAY)
    await world.registry.sweep()
    assert await told(world) == [REMINDED, REMINDED, ESCALATED, REMINDED]
    assert (await world.promotion(promotion)).phase is Phase.PENDING
    await world.approve("maria", await world.approve("ben", promotion))
    world.clock.advance(3 * DAY)
    await world.registry.sweep()
    assert len(await told(world)) == 4


async def test_what_was_looked_into_is_looked_into_again_when_something_is_due(world: World) -> None:
    await world.policy(SLOW)
    await world.registered(1)
    promotion = await world.request(1)

    async def next_look() -> object:
        at = select(promotions.c.notice_at).where(promotions.c.id == promotion.id)
        return await world.look("ada", lambda view: view.connection.execute(at).scalar_one())

    assert await next_look() == START + DAY
    world.clock.advance(2 * DAY + HOUR)
    await world.registry.sweep()
    assert await next_look() == START + 3 * DAY


async def test_who_is_told_of_it_may_do_no_more_than_before(world: World) -> None:
    await world.policy(SLOW)
    await world.person("lea", Role.CONTRIBUTOR)
    await world.registered(1)
    promotion = await world.request(1)
    world.clock.advance(3 * DAY)
    await world.registry.sweep()
    decision = (await world.promotion(promotion)).decision
    assert [reason.code for reason in decision.reasons] == ["review_missing", "review_missing"]


async def test_what_waits_for_a_machine_alone_is_nobodys_to_be_reminded_of(world: World) -> None:
    await world.policy(
        PolicyDocument(name="checked", nobody_need_review=True, checks=(RequiredCheck(name="x"),), remind_after=3600)
    )
    await world.registered(1)
    promotion = await world.request(1)
    world.clock.advance(HOUR)
    await world.registry.sweep()
    assert "review_missing" in [reason.code for reason in (await world.promotion(promotion)).decision.reasons]
    assert len(await told(world)) == 1
    await world.approve("ben", promotion)
    assert (await world.promotion(promotion)).phase is Phase.PENDING
    for _ in range(3):
        world.clock.advance(HOUR)
        await world.registry.sweep()
    assert len(await told(world)) == 1


async def test_no_phase_is_counted_for_a_reminder(world: World) -> None:
    await world.policy(SLOW)
    await world.registered(1)
    await world.request(1)
    before = dict(world.registry.appended.phases)
    world.clock.advance(2 * DAY)
    await world.registry.sweep()
    assert await told(world) == [REMINDED, ESCALATED]
    assert dict(world.registry.appended.phases) == before
