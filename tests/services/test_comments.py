from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import select

from registry_service.db.paging import PageRequest
from registry_service.db.queries import comments as queries
from registry_service.db.tables import comment_mentions, comments
from registry_service.db.view import View
from registry_service.domain.entities import Comment, PrincipalKind
from registry_service.domain.errors import (
    CommentNotFound,
    Conflict,
    InvalidFilter,
    InvalidInput,
    ModelNotFound,
    NotPermitted,
    PromotionNotFound,
    RevisionMismatch,
    TooLarge,
    VersionNotFound,
)
from registry_service.domain.mentions import Mentions
from registry_service.domain.permissions import Role
from registry_service.domain.requests import CancelPromotion, UpdatePrincipal, WriteComment, WriteGroup
from registry_service.services import comments as use_cases
from registry_service.services.idempotency import Idempotency
from registry_service.services.models import delete_model
from registry_service.services.principals import update_principal, write_group
from registry_service.services.promotions import cancel_promotion
from tests.services.world import ALL, MINUTE, World


async def write(world: World, text: str, *, by: str = "carl", model: str = "fraud") -> Comment:
    world.clock.advance(MINUTE)
    return await world.act(by, use_cases.comment_on_model, model, WriteComment(text=text))


async def edit(world: World, comment: Comment, text: str, *, by: str = "carl", if_match: int | None = None) -> Comment:
    return await world.act(by, use_cases.edit_comment, comment.id, WriteComment(text=text), if_match=if_match)


async def test_what_is_written_about_each_thing_stands_with_it(world: World) -> None:
    await world.registered(2)
    promotion = await world.request(2)
    body = WriteComment(text="# So *what*?\n<script>alert(1)</script>")
    on_model = await world.act("carl", use_cases.comment_on_model, "fraud", body)
    on_version = await world.act("airflow", use_cases.comment_on_version, "fraud", "latest", body)
    on_promotion = await world.act("ben", use_cases.comment_on_promotion, promotion.id, body)
    assert [(one.version, one.promotion_id) for one in (on_model, on_version, on_promotion)] == [
        (None, None),
        (2, None),
        (None, promotion.id),
    ]
    assert on_model.text == body.text
    assert (on_model.author, on_model.at, on_model.edited_at) == ("carl", world.clock.now, None)
    assert await world.look_at_all("rita", queries.list_model_comments, "fraud") == [on_model]
    assert await world.look_at_all("rita", queries.list_version_comments, "fraud", "2") == [on_version]
    assert await world.look_at_all("rita", queries.list_version_comments, "fraud", "1") == []
    assert await world.look_at_all("rita", queries.list_promotion_comments, promotion.id) == [on_promotion]
    assert await world.look("rita", queries.get_comment, on_version.id) == on_version


async def test_a_discussion_is_read_in_pages_from_its_beginning(world: World) -> None:
    await world.model()
    for number in range(7):
        await write(world, f"comment {number}")
    for limit in (1, 3, 200):
        found = await world.look_at_all("rita", queries.list_model_comments, "fraud", limit=limit)
        assert [one.text for one in found] == [f"comment {number}" for number in range(7)]
    newest = await world.look("rita", queries.list_model_comments, "fraud", PageRequest(limit=1, order_by="at desc"))
    assert newest.items[0].text == "comment 6"
    with pytest.raises(InvalidFilter):
        await world.look("rita", queries.list_model_comments, "fraud", PageRequest(filter="author = 'carl'"))


async def test_each_act_is_told_with_whom_it_mentions_and_without_the_text(world: World) -> None:
    await world.registered(1)
    comment = await world.act("carl", use_cases.comment_on_version, "fraud", "1", WriteComment(text="@ben, secret"))
    await edit(world, comment, "@maria, secret")
    await world.act("carl", use_cases.remove_comment, comment.id)
    events = await world.events("comment.*")
    assert [(event.kind, event.data["mentions"]) for event in events] == [
        ("comment.added", {"people": ["ben"], "groups": []}),
        ("comment.edited", {"people": ["maria"], "groups": []}),
        ("comment.removed", {"people": ["maria"], "groups": []}),
    ]
    assert {(event.actor, event.model_name, event.subject, event.data["version"]) for event in events} == {
        ("carl", "fraud", comment.id, 1)
    }
    assert "secret" not in repr(events)
    revisions = [event.revision or 0 for event in events]
    assert revisions == sorted({*revisions})


async def test_people_and_groups_are_mentioned_who_may_read_the_model(world: World) -> None:
    await world.model()
    await world.model("team-b.churn")
    await world.person("otto", Role.READER, "team-b.*")
    await world.person("gone", Role.READER)
    await world.person("nobody")
    await world.principal("robot", PrincipalKind.SERVICE, owners=["ada"])
    await world.act("ada", update_principal, "gone", UpdatePrincipal(disabled=True))
    for group, members in {"risk team": ["otto", "rita"], "b-only": ["otto"], "empty": [], "away": ["gone"]}.items():
        await world.act("ada", write_group, group, WriteGroup(members=members))
    text = '@rita @otto @gone @nobody @robot @who @"risk team" @b-only @empty @away'
    assert (await write(world, text)).mentions == Mentions(people=("rita",), groups=("risk team",))
    elsewhere = await write(world, text, model="team-b.churn")
    assert elsewhere.mentions == Mentions(people=("rita", "otto"), groups=("risk team", "b-only"))
    assert elsewhere.text == text


async def found_by(world: World, comment: Comment) -> set[tuple[str, str]]:
    def find(view: View) -> set[tuple[str, str]]:
        rows = select(comment_mentions).where(comment_mentions.c.comment_id == comment.id)
        return {(row.kind, row.name) for row in view.connection.execute(rows)}

    return await world.look("ada", find)


async def test_a_comment_is_found_by_those_whom_it_mentions_now(world: World) -> None:
    await world.model()
    await world.act("ada", write_group, "ops", WriteGroup(members=["rita"]))
    comment = await write(world, "@ben @ben @ops")
    assert await found_by(world, comment) == {("person", "ben"), ("group", "ops")}
    await edit(world, comment, "@maria @ben")
    assert await found_by(world, comment) == {("person", "ben"), ("person", "maria")}
    await world.act("carl", use_cases.remove_comment, comment.id)
    assert await found_by(world, comment) == set()


async def test_who_wrote_it_edits_it_and_that_shows(world: World) -> None:
    await world.model()
    comment = await write(world, "first")
    now = world.clock.advance(MINUTE)
    edited = await edit(world, comment, "second", if_match=comment.revision)
    assert (edited.text, edited.edited_at, edited.at) == ("second", now, comment.at)
    assert edited.revision > comment.revision
    with pytest.raises(RevisionMismatch):
        await edit(world, comment, "third", if_match=comment.revision)
    again = await edit(world, comment, "second")
    assert again == edited
    assert await world.kinds("comment.*") == ["comment.added", "comment.edited"]


@pytest.mark.parametrize("who", ["ada", "ben", "airflow"])
async def test_nobody_else_changes_ones_words(world: World, who: str) -> None:
    await world.model()
    comment = await write(world, "mine")
    with pytest.raises(NotPermitted, match="carl"):
        await edit(world, comment, "theirs", by=who)
    if who != "ada":
        with pytest.raises(NotPermitted):
            await world.act(who, use_cases.remove_comment, comment.id)
    assert await world.look("ada", queries.get_comment, comment.id) == comment


async def test_an_admin_takes_away_what_should_never_have_been_written(world: World) -> None:
    await world.model()
    comment = await write(world, "the password is open-sesame, @ben")
    removed = await world.act("ada", use_cases.remove_comment, comment.id)
    assert (removed.author, removed.text, removed.mentions) == ("carl", "", Mentions())
    (event,) = await world.events("comment.removed")
    assert event.actor == "ada"
    assert "sesame" not in repr(await world.look("ada", lambda view: list(view.connection.execute(select(comments)))))
    await world.person("otto", Role.ADMIN, "other*")
    with pytest.raises(CommentNotFound):
        await world.act("otto", use_cases.remove_comment, (await write(world, "mine")).id)


async def test_what_was_removed_leaves_its_place_and_not_its_text(world: World) -> None:
    await world.model()
    comment = await write(world, "a secret for @ben")
    await write(world, "why?", by="ben")
    now = world.clock.advance(MINUTE)
    removed = await world.act("carl", use_cases.remove_comment, comment.id)
    assert (removed.text, removed.mentions, removed.removed_at) == ("", Mentions(), now)
    world.clock.advance(MINUTE)
    assert await world.act("carl", use_cases.remove_comment, comment.id) == removed
    listed = await world.look_at_all("rita", queries.list_model_comments, "fraud")
    assert [one.text for one in listed] == ["", "why?"]
    with pytest.raises(Conflict):
        await edit(world, comment, "back")
    kept = await world.look("ada", lambda view: list(view.connection.execute(select(comments))))
    assert "secret" not in repr(kept)


async def test_limits(world: World) -> None:
    await world.model()
    for number in range(51):
        await world.person(f"p{number}", Role.READER)
    everybody = [f"@p{number}" for number in range(51)]
    assert len((await write(world, " ".join(everybody[:50]))).mentions.people) == 50
    for text, refusal in (
        ("", InvalidInput),
        (" \n", InvalidInput),
        ("a\0b", InvalidInput),
        ("a\ud800", InvalidInput),
        ("ü" * 8193, TooLarge),
        (" ".join(everybody), TooLarge),
    ):
        with pytest.raises(refusal):
            await write(world, text)
    assert (await write(world, "ü" * 8192)).text == "ü" * 8192
    with pytest.raises(VersionNotFound):
        await world.act("carl", use_cases.comment_on_version, "fraud", "1", WriteComment(text="x"))


async def test_readers_read_and_contributors_write(world: World) -> None:
    await world.registered(1)
    promotion = await world.request(1)
    for act in (
        world.act("rita", use_cases.comment_on_model, "fraud", WriteComment(text="x")),
        world.act("rita", use_cases.comment_on_version, "fraud", "1", WriteComment(text="x")),
        world.act("rita", use_cases.comment_on_promotion, promotion.id, WriteComment(text="x")),
    ):
        with pytest.raises(NotPermitted):
            await act


async def test_what_is_out_of_sight_looks_as_if_it_were_not_there(world: World) -> None:
    await world.registered(1)
    promotion = await world.request(1)
    comment = await world.act("carl", use_cases.comment_on_promotion, promotion.id, WriteComment(text="x"))
    await world.person("otto", Role.ADMIN, "other*")
    for act in (
        world.look("otto", queries.list_model_comments, "fraud", ALL),
        world.look("otto", queries.list_version_comments, "fraud", "1", ALL),
        write(world, "x", by="otto"),
    ):
        with pytest.raises(ModelNotFound):
            await act
    with pytest.raises(PromotionNotFound):
        await world.look("otto", queries.list_promotion_comments, promotion.id, ALL)
    with pytest.raises(PromotionNotFound):
        await world.act("otto", use_cases.comment_on_promotion, promotion.id, WriteComment(text="x"))
    said = set()
    for looked_for in (comment.id, "absent"):
        for act in (
            world.look("otto", queries.get_comment, looked_for),
            edit(world, msgspec.structs.replace(comment, id=looked_for), "x", by="otto"),
            world.act("otto", use_cases.remove_comment, looked_for),
        ):
            with pytest.raises(CommentNotFound) as refused:
                await act
            said.add(refused.value.message.replace(looked_for, "ID"))
    assert len(said) == 1


async def test_the_comments_of_a_deleted_model_are_gone_with_it(world: World) -> None:
    await world.model()
    comment = await write(world, "x")
    await world.act("ada", delete_model, "fraud")
    with pytest.raises(CommentNotFound):
        await world.look("ada", queries.get_comment, comment.id)


async def test_what_is_over_is_still_spoken_about(world: World) -> None:
    await world.registered(1)
    promotion = await world.request(1)
    await world.act("carl", cancel_promotion, promotion.id, CancelPromotion())
    comment = await world.act("carl", use_cases.comment_on_promotion, promotion.id, WriteComment(text="too early"))
    assert comment.promotion_id == promotion.id


async def test_sent_twice_under_a_key_it_is_written_once(world: World) -> None:
    await world.model()
    key = Idempotency("key", "request")
    first = await world.act_once(key, "carl", use_cases.comment_on_model, "fraud", WriteComment(text="x"))
    second = await world.act_once(key, "carl", use_cases.comment_on_model, "fraud", WriteComment(text="x"))
    assert (second.replayed, second.body) == (True, first.body)
    assert len(await world.look_at_all("rita", queries.list_model_comments, "fraud")) == 1
