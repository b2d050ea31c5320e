from __future__ import annotations

import pytest

from registry_service.db.paging import PageRequest
from registry_service.db.queries import cards as queries
from registry_service.db.queries.models import get_model
from registry_service.db.queries.words import search
from registry_service.domain.entities import CardChange, ModelCard, PrincipalKind
from registry_service.domain.errors import (
    CardNotFound,
    InvalidCard,
    InvalidDigest,
    InvalidFilter,
    InvalidInput,
    ModelNotFound,
    NotPermitted,
    RevisionMismatch,
    TooLarge,
    VersionNotFound,
)
from registry_service.domain.manifest import digest_of
from registry_service.domain.permissions import Role
from registry_service.domain.requests import RenameModel, UpdateModel, WriteCard
from registry_service.services import cards as use_cases
from registry_service.services.idempotency import Idempotency
from registry_service.services.model_names import rename_model
from registry_service.services.models import delete_model, update_model
from tests.services.world import MINUTE, World

CARD = "---\nlicense: mit\ntags: [fraud]\n---\n# Use\n\n<script>alert(1)</script> {{7*7}} `rm -rf /`; é\n"


async def write(
    world: World, text: str, *, by: str = "carl", model: str = "fraud", if_match: int | None = None
) -> ModelCard:
    world.clock.advance(MINUTE)
    return await world.act(by, use_cases.write_card, model, WriteCard(text=text), if_match=if_match)


async def test_a_card_is_kept_as_it_was_written(world: World) -> None:
    await world.model()
    with pytest.raises(CardNotFound, match="Write one"):
        await world.look("rita", queries.get_card, "fraud")
    written = await write(world, CARD)
    assert written.text == CARD
    assert written.front_matter == {"license": "mit", "tags": ["fraud"]}
    assert (written.digest, written.size) == (digest_of(CARD.encode()), len(CARD.encode()))
    assert (written.written_by, written.written_at, written.is_current) == ("carl", world.clock.now, True)
    assert await world.look("rita", queries.get_card, "fraud") == written
    assert (await world.look("rita", queries.get_card, "fraud")).revision == (
        await world.look("rita", get_model, "fraud")
    ).revision


async def test_each_text_stays_under_its_digest(world: World) -> None:
    await world.model()
    texts = [f"# Card {number}\n" for number in range(5)]
    written = [await write(world, text) for text in texts]
    for limit in (1, 2, 200):
        history = await world.look_at_all("rita", queries.list_card_history, "fraud", limit=limit)
        assert [one.digest for one in history] == [one.digest for one in reversed(written)]
    assert [one.revision for one in history] == sorted({one.revision for one in written}, reverse=True)
    oldest = await world.look("rita", queries.list_card_history, "fraud", PageRequest(limit=1, order_by="revision"))
    assert oldest.items[0].digest == written[0].digest
    for text in texts:
        found = await world.look("rita", queries.get_card_revision, "fraud", digest_of(text.encode()))
        assert (found.text, found.is_current) == (text, text == texts[-1])
    with pytest.raises(InvalidFilter):
        await world.look("rita", queries.list_card_history, "fraud", PageRequest(filter="size > 1"))
    with pytest.raises(CardNotFound):
        await world.look("rita", queries.get_card_revision, "fraud", digest_of(b"never"))
    with pytest.raises(InvalidDigest):
        await world.look("rita", queries.get_card_revision, "fraud", "latest")


async def test_a_text_that_comes_back_is_written_again_and_the_same_text_is_not(world: World) -> None:
    await world.model()
    first = await write(world, "# A")
    second = await write(world, "# B")
    again = await write(world, "# A")
    assert (again.digest, again.revision) == (first.digest, second.revision + 1)
    assert await write(world, "# A", by="airflow") == again
    found = await world.look("rita", queries.get_card_revision, "fraud", first.digest)
    assert (found.revision, found.is_current) == (again.revision, True)
    events = await world.events("model.card_written")
    assert [(event.data["digest"], event.data["previous"]) for event in events] == [
        (first.digest, None),
        (second.digest, first.digest),
        (first.digest, second.digest),
    ]
    assert [event.revision for event in events] == [first.revision, second.revision, again.revision]
    assert "#" not in repr([event.data for event in events])


async def test_nobody_writes_over_a_text_that_they_have_not_seen(world: World) -> None:
    await world.model()
    with pytest.raises(RevisionMismatch):
        await write(world, "# A", if_match=1)
    first = await write(world, "# A", if_match=0)
    # What else happens to the model doesn't touch the card.
    await world.act("carl", update_model, "fraud", UpdateModel(description="new"))
    second = await write(world, "# B", if_match=first.revision)
    for seen in (0, first.revision, second.revision + 1):
        with pytest.raises(RevisionMismatch):
            await write(world, "# C", if_match=seen)
    assert (await world.look("rita", queries.get_card, "fraud")).text == "# B"


async def test_what_can_be_no_card_is_refused_and_leaves_nothing(world: World) -> None:
    await world.model()
    for text, refused in (
        ("", InvalidCard),
        ("---\nlicense: mit\n", InvalidCard),
        ("---\nlicense: [\n---\n", InvalidCard),
        ("---\nlicense: 1\n---\n", InvalidCard),
        ("---\na: !!python/object/apply:os.system [x]\n---\n", InvalidCard),
        ("---\n" + "a: x\n" * 5000 + "---\n", TooLarge),
        ("x" * 300_000, TooLarge),
        ("a\0b", InvalidInput),
        ("\ud800", InvalidInput),
    ):
        with pytest.raises(refused):
            await write(world, text)
    assert await world.kinds("model.card_written") == []
    assert await world.look_at_all("rita", queries.list_card_history, "fraud") == []


async def test_who_may_change_the_model_writes_its_card_and_who_may_read_it_reads(world: World) -> None:
    await world.model()
    await world.person("otto", Role.CONTRIBUTOR, "team-b.*")
    await world.person("nobody")
    await world.principal("robot", PrincipalKind.SERVICE, owners=["ada"])
    with pytest.raises(NotPermitted):
        await write(world, "# A", by="rita")
    card = await write(world, "# A", by="airflow")
    for who in ("otto", "nobody"):
        for ask in (
            world.look(who, queries.get_card, "fraud"),
            world.look(who, queries.get_card_revision, "fraud", card.digest),
            world.look(who, queries.list_card_history, "fraud", PageRequest()),
            world.look(who, queries.get_version_card, "fraud", "1"),
            write(world, "# B", by=who),
        ):
            with pytest.raises(ModelNotFound):
                await ask
    await world.act("ada", delete_model, "fraud")
    with pytest.raises(ModelNotFound):
        await world.look("rita", queries.get_card, "fraud")


async def test_a_request_sent_again_has_one_effect(world: World) -> None:
    await world.model()
    key = Idempotency("once", "0" * 64)
    first = await world.act_once(key, "carl", use_cases.write_card, "fraud", WriteCard(text="# A"))
    await write(world, "# B")
    again = await world.act_once(key, "carl", use_cases.write_card, "fraud", WriteCard(text="# A"))
    assert (again.body, again.replayed) == (first.body, True)
    assert (await world.look("rita", queries.get_card, "fraud")).text == "# B"


# ------------------------------------------------------------------------------------------- what versions carry


async def test_a_version_carries_the_card_that_it_was_registered_with(world: World) -> None:
    await world.registered(1)
    bare = await world.look("rita", queries.get_version_card, "fraud", "1")
    assert (bare.registered_with, bare.approved_with, bare.current, bare.card, bare.changes) == (None,) * 5
    first = await write(world, CARD)
    version = await world.register()
    since = await write(world, CARD.replace("mit", "apache-2.0").replace("# Use", "# Limits"))

    early = await world.look("rita", queries.get_version_card, "fraud", "1")
    assert (early.registered_with, early.card, early.changes) == (None, None, None)
    assert early.current is not None and early.current.digest == since.digest
    found = await world.look("rita", queries.get_version_card, "fraud", "latest")
    assert (found.version, found.digest) == (2, version.digest)
    assert found.registered_with is not None and found.registered_with.digest == first.digest
    assert found.card is not None and (found.card.text, found.card.is_current) == (CARD, False)
    assert found.changes is not None
    assert [(one.name, one.before, one.after) for one in found.changes.fields] == [("license", "mit", "apache-2.0")]
    assert [(one.heading, one.change) for one in found.changes.sections] == [
        ("Limits", CardChange.ADDED),
        ("Use", CardChange.REMOVED),
    ]
    with pytest.raises(VersionNotFound):
        await world.look("rita", queries.get_version_card, "fraud", "7")


async def test_a_version_carries_the_card_that_it_was_approved_with(world: World) -> None:
    await world.model()
    registered = await write(world, "# Registered")
    await world.register()
    approved = await write(world, "# Approved")
    promotion = await world.approved(1, "staging")
    await write(world, "# Later")
    found = await world.look("rita", queries.get_version_card, "fraud", "1")
    assert found.registered_with is not None and found.registered_with.digest == registered.digest
    assert found.approved_with is not None and found.approved_with.digest == approved.digest
    assert found.card is not None and found.card.digest == approved.digest
    assert found.promotion == promotion.id

    # An approval that is taken back was none; the last one counts.
    await world.withdraw("ben", promotion)
    found = await world.look("rita", queries.get_version_card, "fraud", "1")
    assert (found.approved_with, found.promotion) == (None, None)
    assert found.card is not None and found.card.digest == registered.digest
    await world.approve("ben", promotion)
    world.clock.advance(MINUTE)
    last = await write(world, "# Last")
    second = await world.approved(1, "production")
    found = await world.look("rita", queries.get_version_card, "fraud", "1")
    assert found.approved_with is not None
    assert (found.approved_with.digest, found.promotion) == (last.digest, second.id)
    assert found.changes is not None and not found.changes.sections


async def test_a_card_was_not_approved_where_somebody_rejected_what_others_had_approved(world: World) -> None:
    await world.model()
    await write(world, "# Approved")
    await world.register()
    promotion = await world.approved(1)
    rejected = await world.reject("maria", promotion)
    assert rejected.phase == "REJECTED"
    found = await world.look("rita", queries.get_version_card, "fraud", "1")
    assert (found.approved_with, found.promotion) == (None, None)


# --------------------------------------------------------------------------------------------------------- words


async def test_a_model_is_found_by_the_words_of_its_card(world: World) -> None:
    await world.model(description="Finds theft.")
    await write(world, "---\nlicense: apache\n---\n# Bewertet *Kartenzahlungen*")

    async def found(text: str) -> bool:
        return bool((await world.look("rita", search, text, limit=5)).items)

    assert await found("theft kartenzahl") and await found("apache")
    await world.act("carl", update_model, "fraud", UpdateModel(description="Finds more."))
    assert await found("more kartenzahlungen") and not await found("theft")
    await write(world, "# Anders")
    assert await found("more anders") and not await found("kartenzahlungen")
    await world.act("ada", rename_model, "fraud", RenameModel(name="fraud-eu"))
    assert await found("eu anders")


async def test_the_longest_card_is_found_by_its_beginning(world: World) -> None:
    await world.model()
    words = [f"{number:x}" for number in range(0x10000, 0x10000 + 43_000)]
    await write(world, " ".join(words))
    await write(world, "漢字 " * 37_000)
    await write(world, " ".join(words)[: 256 * 1024])
    assert (await world.look("rita", search, words[0], limit=5)).items
    assert not (await world.look("rita", search, words[40_000], limit=5)).items
