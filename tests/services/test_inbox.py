from __future__ import annotations

import pytest

from registry_service.db.queries.inbox import get_inbox
from registry_service.db.queries.policies import get_policy
from registry_service.domain.decisions import Outcome
from registry_service.domain.entities import AwaitedReview, Comment, Inbox, PolicyChange
from registry_service.domain.errors import CommentNotFound, TooLarge
from registry_service.domain.permissions import Role
from registry_service.domain.policies import PolicyDocument, ReviewRule
from registry_service.domain.promotions import Phase
from registry_service.domain.requests import MarkRead, WriteComment, WriteGroup, WritePolicy
from registry_service.services import comments
from registry_service.services.inbox import mark_mentions_read
from registry_service.services.policies import confirm_policy_change, write_policy
from registry_service.services.principals import write_group
from tests.services.world import DAY, MINUTE, World

TWO = PolicyDocument(
    name="two", rules=(ReviewRule(name="experts", people=("ben", "maria")), ReviewRule(name="lead", people=("ben",)))
)


async def waits(world: World, who: str) -> list[AwaitedReview]:
    return (await world.look(who, get_inbox)).reviews


async def names(world: World, *people: str) -> dict[str, list[str]]:
    """The models whose promotions wait for each of them."""
    return {who: [one.model_name for one in await waits(world, who)] for who in people}


async def test_a_promotion_waits_for_those_whose_approval_is_missing(world: World) -> None:
    (version,) = await world.registered(1)
    promotion = await world.request(1, reason="better")
    (waiting,) = await waits(world, "ben")
    assert (waiting.promotion_id, waiting.digest, waiting.stage) == (promotion.id, version.digest, "production")
    assert (waiting.since, waiting.expires_at) == (promotion.requested_at, promotion.expires_at)
    assert (waiting.requested_by, waiting.reason, waiting.outcome) == ("airflow", "better", Outcome.WAITING)
    assert waiting.missing == [one for one in promotion.decision.reasons if one.code == "review_missing"] != []
    # Neither for those who may not, nor for whoever owns the service that asked, nor for a service.
    assert await names(world, "maria", "ada", "carl", "rita", "airflow") == {
        "maria": ["fraud"],
        "ada": [],
        "carl": [],
        "rita": [],
        "airflow": [],
    }
    await world.approve("ben", promotion)
    assert await names(world, "ben", "maria") == {"ben": [], "maria": []}


async def test_it_waits_for_nobody_whose_approval_would_fill_no_place(world: World) -> None:
    await world.policy(TWO)
    await world.registered(1)
    promotion = await world.request(1)
    assert await names(world, "ben", "maria") == {"ben": ["fraud"], "maria": ["fraud"]}
    # Once maria approved, only ben is missing; once ben did first, he may move to the place that only he can take.
    await world.approve("ben", promotion)
    assert await names(world, "ben", "maria") == {"ben": [], "maria": ["fraud"]}
    await world.approve("maria", promotion)
    assert await names(world, "ben", "maria") == {"ben": [], "maria": []}


async def test_what_ended_or_is_out_of_sight_waits_for_nobody(world: World) -> None:
    for model in ("a", "b", "c", "d"):
        await world.registered(1, model)
        world.clock.advance(MINUTE)
        await world.request(1, model=model)
    await world.person("otto", Role.APPROVER, "b")
    assert await names(world, "ben", "otto") == {"ben": ["a", "b", "c", "d"], "otto": ["b"]}
    await world.revoke(1, "a", by="maria")
    await world.hold(model="c")
    assert await names(world, "ben") == {"ben": ["b", "c", "d"]}
    assert [one.outcome for one in await waits(world, "ben")] == [Outcome.WAITING, Outcome.BLOCKED, Outcome.WAITING]
    reader = await world.actor("ben", token=await world.token_of("ben", role=Role.READER))
    assert (await world.look(reader, get_inbox)).reviews == []
    world.clock.advance(60 * DAY)
    assert await names(world, "ben") == {"ben": []}


async def test_more_than_fits_is_said(world: World) -> None:
    for model in ("a", "b", "c"):
        await world.registered(1, model)
        world.clock.advance(MINUTE)
        await world.request(1, model=model)
        await world.act("carl", comments.comment_on_model, model, WriteComment(text="@ben"))
    for shown, judged, models, more in ((3, 3, "abc", False), (2, 3, "ab", True), (3, 2, "ab", True)):
        inbox = await world.look("ben", get_inbox, shown=shown, judged=judged)
        assert ("".join(one.model_name for one in inbox.reviews), inbox.more) == (models, more)
        assert [one.comment.model_name for one in inbox.mentions] == ["a", "b", "c"][:shown]


async def comment(world: World, text: str, *, by: str = "carl", model: str = "fraud") -> Comment:
    world.clock.advance(MINUTE)
    return await world.act(by, comments.comment_on_model, model, WriteComment(text=text))


async def mentioned(world: World, who: str) -> list[tuple[str, list[str]]]:
    return [(one.comment.text, one.through) for one in (await world.look(who, get_inbox)).mentions]


async def read(world: World, who: str, *read: Comment) -> Inbox:
    return await world.act(who, mark_mentions_read, MarkRead(comments=[one.id for one in read]))


async def test_a_mention_waits_until_it_was_read(world: World) -> None:
    await world.model()
    await world.act("ada", write_group, "ops", WriteGroup(members=["ben", "rita"]))
    first = await comment(world, "@ben, so?")
    await comment(world, "@ops, and @ben: now?")
    await comment(world, "@rita and myself, @carl")
    assert await mentioned(world, "ben") == [("@ben, so?", []), ("@ops, and @ben: now?", ["ops"])]
    assert [text for text, _ in await mentioned(world, "rita")] == ["@ops, and @ben: now?", "@rita and myself, @carl"]
    assert await mentioned(world, "carl") == []
    before = len(await world.events())
    assert [one.comment.text for one in (await read(world, "ben", first, first)).mentions] == ["@ops, and @ben: now?"]
    await read(world, "ben", first)
    assert [text for text, _ in await mentioned(world, "ben")] == ["@ops, and @ben: now?"]
    assert len(await mentioned(world, "rita")) == 2
    assert len(await world.events()) == before


async def test_what_no_longer_mentions_one_waits_no_longer(world: World) -> None:
    await world.model()
    await world.model("other")
    await world.person("otto", Role.READER, "o*")
    edited, removed = await comment(world, "@ben one"), await comment(world, "@ben two")
    await comment(world, "@otto", model="other")
    await world.act("carl", comments.edit_comment, edited.id, WriteComment(text="@maria one"))
    await world.act("carl", comments.remove_comment, removed.id)
    assert await mentioned(world, "ben") == []
    assert [text for text, _ in await mentioned(world, "maria")] == ["@maria one"]
    assert [text for text, _ in await mentioned(world, "otto")] == ["@otto"]
    narrowed = await world.actor("otto", token=await world.token_of("otto", patterns=["only"]))
    assert (await world.look(narrowed, get_inbox)).mentions == []


async def test_only_what_is_in_sight_can_be_marked(world: World) -> None:
    await world.model()
    seen = await comment(world, "@ben")
    await world.person("otto", Role.READER, "other*")
    for who, ids in (("otto", [seen.id]), ("ben", [seen.id, "absent"])):
        with pytest.raises(CommentNotFound):
            await world.act(who, mark_mentions_read, MarkRead(comments=ids))
    assert len(await mentioned(world, "ben")) == 1
    with pytest.raises(TooLarge):
        await world.act("ben", mark_mentions_read, MarkRead(comments=[seen.id] * 201))


async def changes(world: World, who: str) -> list[PolicyChange]:
    return (await world.look(who, get_inbox)).policy_changes


async def test_a_change_of_policy_waits_for_a_second_person(world: World) -> None:
    await world.person("eve", Role.ADMIN)
    await world.attach("regulated")
    regulated = await world.look("ada", get_policy, "regulated")
    body = WritePolicy(document=regulated.document)
    first = await world.act("ada", write_policy, body, if_match=regulated.version)
    second = await world.act("eve", write_policy, body, if_match=regulated.version)
    assert first.confirmed_by is None and second.confirmed_by is None
    assert await changes(world, "eve") == [first]
    assert await changes(world, "ada") == [second]
    assert await changes(world, "ben") == []
    await world.act("eve", confirm_policy_change, first.id)
    # The other was proposed for a version that was replaced: nobody can confirm it any more.
    assert await changes(world, "eve") == await changes(world, "ada") == []


async def test_what_can_never_be_applied_waits_for_nobody(world: World) -> None:
    await world.policy(PolicyDocument(name="onnx", rules=(ReviewRule(name="one", people=("ben",)),), formats=("onnx",)))
    await world.registered(1)
    promotion = await world.request(1)
    assert (promotion.phase, promotion.decision.outcome) == (Phase.PENDING, Outcome.CLOSED)
    assert await names(world, "ben", "maria") == {"ben": [], "maria": []}
