from __future__ import annotations

import asyncio
from typing import Any

import pytest

from registry_service.domain.entities import Promotion, ReviewOutcome, Verdict
from registry_service.domain.errors import InvalidInput, ModelNotFound, TooLarge
from registry_service.domain.manifest import digest_of
from registry_service.domain.permissions import Role
from registry_service.domain.promotions import Phase
from registry_service.domain.requests import PromotionReview, ReviewPromotions
from registry_service.services.bulk_reviews import review_promotions
from registry_service.services.idempotency import Idempotency
from registry_service.services.principals import remove_grant
from tests.services.world import DAY, World

KEY = Idempotency("key", "request")


def item(of: Promotion, verdict: Verdict = Verdict.APPROVE, **body: Any) -> PromotionReview:
    return PromotionReview(**{"promotion": of.id, "digest": of.digest, "verdict": verdict} | body)


async def review(world: World, *reviews: PromotionReview, by: str = "ben") -> list[ReviewOutcome]:
    return (await world.act(by, review_promotions, ReviewPromotions(reviews=list(reviews)))).outcomes


async def asked(world: World, *models: str) -> list[Promotion]:
    for model in models:
        await world.registered(1, model)
    return [await world.request(1, model=model) for model in models]


async def test_each_review_has_an_outcome_of_its_own_in_the_order_of_the_list(world: World) -> None:
    good, other, bad, silent, mine = await asked(world, "e", "d", "c", "b", "a")
    await world.registered(1, "own", by="ben")
    mine = await world.request(1, model="own", by="ben")
    outcomes = await review(
        world,
        item(good),
        item(other, digest=digest_of(b"another")),
        item(bad, Verdict.REJECT, comment="worse"),
        item(silent, Verdict.REJECT),
        item(mine),
        PromotionReview(promotion="absent", digest=good.digest, verdict=Verdict.APPROVE),
    )
    assert [(one.promotion_id, one.reviewed, one.phase, one.code) for one in outcomes] == [
        (good.id, True, Phase.APPROVED, None),
        (other.id, False, None, "digest_mismatch"),
        (bad.id, True, Phase.REJECTED, None),
        (silent.id, False, None, "comment_required"),
        (mine.id, False, None, "self_approval"),
        ("absent", False, None, "promotion_not_found"),
    ]
    assert all((one.message is None) is one.reviewed for one in outcomes)
    assert [(await world.promotion(one)).phase for one in (good, other, bad, silent, mine)] == [
        Phase.APPROVED,
        Phase.PENDING,
        Phase.REJECTED,
        Phase.PENDING,
        Phase.PENDING,
    ]
    assert {event.subject for event in await world.events("review.*")} == {good.id, bad.id}


async def test_a_refused_one_changes_nothing_and_tells_nothing(world: World) -> None:
    late, good = await asked(world, "a", "b")
    before = len(await world.events())
    world.clock.advance(366 * DAY / 2)
    fresh = await world.request(1, "staging", model="b")
    # To review the late one, the registry sees that its time is over, and refuses: alone, it would roll that back.
    outcomes = await review(world, item(late), item(fresh))
    assert [one.code for one in outcomes] == ["promotion_final", None]
    events = (await world.events())[before:]
    assert [event for event in events if event.subject == late.id] == []
    assert [event.kind for event in events if event.subject == fresh.id][-2:] == ["review.given", "promotion.approved"]
    await world.registry.sweep()
    assert (await world.promotion(late)).phase is Phase.EXPIRED
    assert (await world.promotion(good)).phase is Phase.EXPIRED


async def test_what_one_may_not_review_is_refused_alone(world: World) -> None:
    await world.person("otto", Role.APPROVER, "a*")
    await world.grant("otto", Role.READER, "b*")
    mine, seen, hidden = await asked(world, "a", "b", "c")
    outcomes = await review(world, item(hidden), item(mine), item(seen), by="otto")
    assert [one.code for one in outcomes] == ["promotion_not_found", None, "not_permitted"]
    (absent,) = await review(world, item(hidden, promotion="absent"), by="otto")
    assert absent.message == (outcomes[0].message or "").replace(hidden.id, "absent")


async def test_under_one_key_all_are_given_once_and_answered_the_same(world: World) -> None:
    first, second = await asked(world, "a", "b")
    body = ReviewPromotions(reviews=[item(first), item(second, digest=digest_of(b"x"))])
    given = await world.act_once(KEY, "ben", review_promotions, body)
    again = await world.act_once(KEY, "ben", review_promotions, body)
    assert (again.replayed, again.body) == (True, given.body)
    assert len(await world.events("review.*")) == 1
    await world.act("ada", remove_grant, await world.grant_id("ben"))
    await world.grant("ben", Role.APPROVER, "a")
    with pytest.raises(ModelNotFound, match="'b'"):
        await world.act_once(KEY, "ben", review_promotions, body)


async def test_lists_that_make_no_sense_are_refused_whole(world: World) -> None:
    (promotion,) = await asked(world, "a")
    for reviews, refusal in (
        ([], InvalidInput),
        ([item(promotion), item(promotion, Verdict.REJECT, comment="no")], InvalidInput),
        ([item(promotion, promotion=f"p{number}") for number in range(101)], TooLarge),
    ):
        with pytest.raises(refusal):
            await review(world, *reviews)
    assert await world.events("review.*") == []
    outcomes = await review(world, *(item(promotion, promotion=f"p{number}") for number in range(100)))
    assert {one.code for one in outcomes} == {"promotion_not_found"}


async def test_two_who_review_the_same_models_do_not_stop_each_other(world: World) -> None:
    promotions = await asked(world, *(f"m{number}" for number in range(8)))
    items = [item(one) for one in promotions]
    both = await asyncio.gather(review(world, *items), review(world, *reversed(items), by="maria"))
    assert all(outcome.reviewed for outcomes in both for outcome in outcomes)
