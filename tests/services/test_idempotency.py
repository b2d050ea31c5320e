from __future__ import annotations

import asyncio

import msgspec
import pytest
from sqlalchemy import func, select

from registry_service.db.tables import idempotency_answers, tokens
from registry_service.db.view import View
from registry_service.domain.entities import Promotion, RegisteredModel
from registry_service.domain.errors import (
    IdempotencyKeyReused,
    ModelNotFound,
    NameClash,
    NotPermitted,
    PromotionNotFound,
)
from registry_service.domain.permissions import Role
from registry_service.domain.promotions import Phase
from registry_service.domain.requests import ApplyPromotion, CreateModel, MoveAlias, RequestPromotion, RollBack
from registry_service.services.aliases import move_alias, remove_alias
from registry_service.services.idempotency import LIFETIME, Idempotency
from registry_service.services.model_names import release_name
from registry_service.services.models import create_model, delete_model
from registry_service.services.principals import remove_grant
from registry_service.services.promotions import apply_promotion, request_promotion
from registry_service.services.rollback import roll_back
from tests.services.world import DAY, World

KEY = Idempotency("key", "request")


async def stored(world: World) -> int:
    def count(view: View) -> int:
        return view.connection.execute(select(func.count()).select_from(idempotency_answers)).scalar_one()

    return await world.look("ada", count)


async def test_the_same_key_gives_the_same_answer_and_has_one_effect(world: World) -> None:
    body = CreateModel(name="fraud")
    first = await world.act_once(KEY, "carl", create_model, body)
    world.clock.advance(DAY)
    second = await world.act_once(KEY, "carl", create_model, body)
    assert (first.replayed, second.replayed) == (False, True)
    assert (second.body, second.existed, second.revision) == (first.body, first.existed, first.revision)
    assert second.result is None
    assert msgspec.json.decode(second.body, type=RegisteredModel) == first.result
    assert await world.kinds("model.created") == ["model.created"]


async def test_another_request_under_a_used_key_is_refused(world: World) -> None:
    await world.act_once(KEY, "carl", create_model, CreateModel(name="fraud"))
    with pytest.raises(IdempotencyKeyReused):
        await world.act_once(Idempotency("key", "another"), "carl", create_model, CreateModel(name="churn"))
    assert await world.kinds("model.created") == ["model.created"]


async def test_keys_are_each_principals_own(world: World) -> None:
    await world.act_once(KEY, "carl", create_model, CreateModel(name="fraud"))
    other = await world.act_once(KEY, "ben", create_model, CreateModel(name="churn"))
    assert not other.replayed


async def test_three_at_once_have_one_effect_and_one_answer(world: World) -> None:
    await world.registered(2)
    await world.promote(1)
    await world.promote(2)
    body = RollBack(from_version=2, reason="smoke test failed")
    answers = await asyncio.gather(
        *(world.act_once(KEY, "airflow", roll_back, "fraud", "production", body) for _ in range(3))
    )
    assert len({answer.body for answer in answers}) == 1
    assert sorted(answer.replayed for answer in answers) == [False, True, True]
    assert await world.kinds("promotion.rolled_back") == ["promotion.rolled_back"]


async def test_many_requests_sent_three_times_have_one_effect_each(world: World) -> None:
    await world.model()

    async def three_times(number: int) -> None:
        key = Idempotency(f"key-{number}", "request")
        body = CreateModel(name=f"model-{number}")
        await asyncio.gather(*(world.act_once(key, "carl", create_model, body) for _ in range(3)))

    await asyncio.gather(*(three_times(number) for number in range(10)))
    assert len(await world.kinds("model.created")) == 11


async def test_a_refusal_is_not_kept(world: World) -> None:
    await world.model("FRAUD")
    body = CreateModel(name="fraud")
    with pytest.raises(NameClash):
        await world.act_once(KEY, "ada", create_model, body)
    assert await stored(world) == 0
    await world.act("ada", delete_model, "FRAUD")
    await world.act("ada", release_name, "FRAUD")
    assert not (await world.act_once(KEY, "ada", create_model, body)).replayed


async def test_an_answer_stays_closed_to_who_has_lost_the_right(world: World) -> None:
    await world.registered(1)
    asked = RequestPromotion(model="fraud", version="1", stage="production")
    await world.act_once(KEY, "carl", request_promotion, asked)
    await world.act("ada", remove_grant, await world.grant_id("carl"))
    with pytest.raises((ModelNotFound, NotPermitted)):
        await world.act_once(KEY, "carl", request_promotion, asked)
    await world.grant("carl", Role.READER)
    with pytest.raises(NotPermitted):
        await world.act_once(KEY, "carl", request_promotion, asked)
    await world.grant("carl", Role.CONTRIBUTOR)
    assert (await world.act_once(KEY, "carl", request_promotion, asked)).replayed


async def test_an_answer_about_a_promotion_stays_closed_as_well(world: World) -> None:
    await world.registered(1)
    promotion = await world.approved(1)
    await world.act_once(KEY, "carl", apply_promotion, promotion.id, ApplyPromotion())
    await world.act("ada", remove_grant, await world.grant_id("carl"))
    with pytest.raises((PromotionNotFound, ModelNotFound)):
        await world.act_once(KEY, "carl", apply_promotion, promotion.id, ApplyPromotion())


async def test_an_answer_is_of_its_moment(world: World) -> None:
    """Replayed after a rollback, apply says what it said, and moves nothing."""

    await world.registered(2)
    await world.promote(1)
    promotion = await world.approved(2)
    first = await world.act_once(KEY, "airflow", apply_promotion, promotion.id, ApplyPromotion())
    await world.roll_back(from_version=2)
    again = await world.act_once(KEY, "airflow", apply_promotion, promotion.id, ApplyPromotion())
    assert msgspec.json.decode(again.body, type=Promotion).phase is Phase.APPLIED
    assert (first.body, await world.current()) == (again.body, 1)


async def test_what_was_there_already_is_said_again_so(world: World) -> None:
    await world.registered(1)
    asked = RequestPromotion(model="fraud", version="1", stage="production")
    await world.request(1)
    for _ in range(2):
        assert (await world.act_once(KEY, "carl", request_promotion, asked)).existed


async def test_an_answer_without_content_is_kept_too(world: World) -> None:
    await world.registered(1)
    await world.act("carl", move_alias, "fraud", "champion", MoveAlias(version="1"))
    for replayed in (False, True):
        answer = await world.act_once(KEY, "carl", remove_alias, "fraud", "champion")
        assert (answer.body, answer.replayed) == (b"null", replayed)


async def test_an_answer_is_kept_for_seven_days(world: World) -> None:
    await world.act_once(KEY, "carl", create_model, CreateModel(name="fraud"))
    world.clock.advance(LIFETIME)
    again = await world.act_once(KEY, "carl", create_model, CreateModel(name="churn"))
    assert not again.replayed
    world.clock.advance(LIFETIME)
    assert await stored(world) == 1
    await world.registry.sweep()
    assert await stored(world) == 0


async def test_no_secret_is_kept_anywhere(world: World) -> None:
    """Tokens are issued without a key; what is stored of one is a hash."""

    def texts(view: View) -> str:
        answers = view.connection.execute(select(idempotency_answers.c.body)).scalars()
        return "".join([*answers, *view.connection.execute(select(tokens.c.secret_hash)).scalars()])

    await world.token_of("carl")
    assert "mreg_" not in await world.look("ada", texts)
