from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import Connection, update

from registry_service.db.paging import PageRequest
from registry_service.db.queries import lineage, versions
from registry_service.db.tables import version_lineage
from registry_service.domain.entities import (
    LineageDirection,
    LineageEdge,
    LineageGraph,
    LineageKind,
    MadeFrom,
    ModelVersion,
    NodeKind,
)
from registry_service.domain.errors import (
    AlreadyExists,
    AmbiguousDigest,
    InvalidFilter,
    InvalidInput,
    InvalidSelector,
    LineageCycle,
    ModelNotFound,
    NotPermitted,
    RegistryError,
    TooLarge,
    VersionNotFound,
)
from registry_service.domain.lineage import MAX_EDGES
from registry_service.domain.permissions import Role
from registry_service.domain.requests import AddLineage, DeleteVersion, NewLineageEdge, RenameModel, StartDeployment
from registry_service.services import deployments
from registry_service.services.keeping import delete_version, restore_version
from registry_service.services.lineage import add_lineage
from registry_service.services.model_names import rename_model
from tests.services.world import HOUR, World

PARENT, DATASET = LineageKind.PARENT_VERSION, LineageKind.DATASET
UP, DOWN = LineageDirection.UP, LineageDirection.DOWN
DATA = "s3://sales/march.parquet"


def parent(ref: str, **more: Any) -> NewLineageEdge:
    return NewLineageEdge(kind=PARENT, ref=ref, **more)


def dataset(ref: str = DATA, **more: Any) -> NewLineageEdge:
    return NewLineageEdge(kind=DATASET, ref=ref, **more)


async def add(world: World, version: str, *edges: NewLineageEdge, by: str = "carl") -> ModelVersion:
    model, _, number = version.rpartition("/")
    return await world.act(by, add_lineage, model, number, AddLineage(edges=list(edges)))


async def graph(world: World, version: str, by: str = "rita", **how: Any) -> LineageGraph:
    model, _, number = version.rpartition("/")
    return await world.look(by, lineage.get_lineage, model, number, **how)


async def made_from(world: World, kind: LineageKind, by: str = "rita", **what: Any) -> list[MadeFrom]:
    page = PageRequest(limit=200)
    return (await world.look(by, lineage.list_made_from, kind, page, **what)).items


def names(found: LineageGraph) -> set[str]:
    return {node.ref or node.kind for node in found.nodes}


def links(found: LineageGraph) -> set[tuple[str, str]]:
    said = {node.id: node.ref or node.kind for node in found.nodes}
    return {(said[link.source], said[link.target]) for link in found.links}


async def family(world: World) -> None:
    """base/1 -> tuned/1 -> pruned/1, and base/1 -> pruned/1; data of the first two; pruned runs at `edge`."""
    for model in ("base", "tuned", "pruned"):
        await world.model(model)
    await world.register("base", lineage=[dataset("s3://web")])
    await world.register("tuned", lineage=[parent("base/1"), dataset(digest="sha256:" + "1" * 64)])
    await world.register("pruned", lineage=[parent("tuned/1"), parent("base/1")])
    started = StartDeployment(model="pruned", target="edge", version="1")
    await world.act("airflow", deployments.start_deployment, started)


# ------------------------------------------------------------------------------------------------------ parents


async def test_a_parent_is_kept_with_its_digest_however_it_was_named(solo: World) -> None:
    [base] = await solo.registered(1, "base")
    await solo.model("tuned")
    by_name = await solo.register("tuned", lineage=[parent("base/1")])
    by_digest = await solo.register("tuned", lineage=[parent(base.digest)])
    pinned = await solo.register("tuned", lineage=[parent("base/1", digest=base.digest)])
    assert by_name.lineage == by_digest.lineage == pinned.lineage
    assert by_name.lineage == [LineageEdge(kind=PARENT, ref="base/1", digest=base.digest)]


@pytest.mark.parametrize(
    ("ref", "error"),
    [
        ("nobody/1", ModelNotFound),
        ("base/7", VersionNotFound),
        ("base/99999999999", InvalidSelector),
        ("fraud/2", VersionNotFound),
        (f"sha256:{'0' * 64}", VersionNotFound),
    ],
)
async def test_a_parent_that_is_not_there_is_refused(solo: World, ref: str, error: type[RegistryError]) -> None:
    await solo.registered(1, "base")
    await solo.registered(1, "fraud")
    with pytest.raises(error):
        await solo.register("fraud", lineage=[parent(ref)])
    with pytest.raises(error):
        await add(solo, "fraud/1", parent(ref))


async def test_a_parent_that_one_may_not_read_is_refused_as_if_it_were_not_there(solo: World) -> None:
    [secret] = await solo.registered(1, "secret")
    await solo.registered(1, "team.fraud")
    await solo.person("erin", Role.CONTRIBUTOR, "team.*")
    with pytest.raises(ModelNotFound):
        await add(solo, "team.fraud/1", parent("secret/1"), by="erin")
    with pytest.raises(VersionNotFound):
        await add(solo, "team.fraud/1", parent(secret.digest), by="erin")


async def test_a_digest_that_several_versions_share_names_no_parent(solo: World) -> None:
    await solo.model("base")
    first = await solo.register("base", content=b"same")
    await solo.register("base", content=b"same")
    with pytest.raises(AmbiguousDigest) as refusal:
        await solo.register("base", lineage=[parent(first.digest)])
    assert refusal.value.details["versions"] == ["base/1", "base/2"]


async def test_a_parent_with_another_digest_than_was_meant_is_refused(solo: World) -> None:
    base = await solo.registered(2, "base")
    with pytest.raises(InvalidInput, match=base[0].digest):
        await solo.register("base", lineage=[parent("base/1", digest=base[1].digest)])
    with pytest.raises(InvalidInput, match="says the same"):
        await solo.register("base", lineage=[parent("base/1"), parent(base[0].digest)])


async def test_no_version_comes_from_itself_or_from_what_was_made_of_it(solo: World) -> None:
    await family(solo)
    await solo.registered(1, "other")
    for child, ancestor in (
        ("base/1", "base/1"),
        ("base/1", "tuned/1"),
        ("base/1", "pruned/1"),
        ("tuned/1", "pruned/1"),
    ):
        with pytest.raises(LineageCycle):
            await add(solo, child, parent(ancestor))
    assert (await graph(solo, "base/1", direction=UP)).links == [
        link for link in (await graph(solo, "base/1")).links if link.source == "dataset:s3://web"
    ]
    await add(solo, "base/1", parent("other/1"))
    await add(solo, "pruned/1", parent("other/1"))


# ------------------------------------------------------------------------------------------------- added later


async def test_what_is_learnt_later_is_added_with_who_said_it_and_when(solo: World) -> None:
    await solo.registered(1, "base")
    [before] = await solo.registered(1, "fraud", lineage=[dataset("s3://known")])
    told = solo.clock.advance(HOUR)
    after = await add(solo, "fraud/1", dataset(url="https://data.test/march"), parent("base/1"))

    assert after.digest == before.digest and after.revision == before.revision + 1
    assert [(edge.ref, edge.added_by, edge.added_at) for edge in after.lineage] == [
        ("s3://known", None, None),
        (DATA, "carl", told),
        ("base/1", "carl", told),
    ]
    solo.clock.advance(HOUR)
    assert (await solo.version(1)).lineage == after.lineage
    assert (await solo.version(1, as_of=told - HOUR)).lineage == before.lineage


async def test_what_is_on_record_already_has_no_effect_and_no_event(solo: World) -> None:
    await solo.registered(1, "fraud", lineage=[dataset()])
    version = await solo.version(1)
    assert await add(solo, "fraud/1", dataset()) == version
    with pytest.raises(AlreadyExists):
        await add(solo, "fraud/1", dataset(digest="md5:aa"))
    with pytest.raises(InvalidInput):
        await add(solo, "fraud/1")
    with pytest.raises(TooLarge):
        await add(solo, "fraud/1", *(dataset(f"s3://{n}") for n in range(MAX_EDGES)))
    assert (await solo.version(1)).revision == version.revision


async def test_only_who_may_update_a_version_adds_to_its_lineage(solo: World) -> None:
    await solo.registered(1, "fraud")
    with pytest.raises(NotPermitted):
        await add(solo, "fraud/1", dataset(), by="rita")


async def test_the_log_tells_what_was_added_and_nothing_of_parents(solo: World) -> None:
    await solo.registered(1, "base")
    await solo.registered(1, "fraud")
    await add(solo, "fraud/1", dataset(), parent("base/1"))
    last = (await solo.events())[-1]
    assert (last.kind, last.actor, last.subject) == ("version.lineage_added", "carl", "1")
    assert last.data["edges"] == [
        {"kind": "dataset", "digest": None, "ref": DATA},
        {"kind": "parent_version"},
    ]


async def test_parents_that_were_only_text_become_the_versions_that_they_name(solo: World) -> None:
    migration = import_module("registry_service.db.migrations.versions.0011_lineage_as_a_graph")
    await family(solo)

    def as_before(connection: Connection) -> None:
        connection.execute(update(version_lineage).values(parent_model_id=None, parent_number=None))
        later = version_lineage.c.ref == "tuned/1"
        connection.execute(update(version_lineage).where(later).values(ref="pruned/1"))

    await solo.registry.database.write(as_before)
    assert links(await graph(solo, "pruned/1", direction=UP)) == {("hidden", "pruned/1")}
    await solo.registry.database.write(migration._resolve_parents)
    assert links(await graph(solo, "pruned/1", direction=UP)) == {
        ("hidden", "pruned/1"),
        ("base/1", "pruned/1"),
        ("s3://web", "base/1"),
    }, "what can't have been there before stays text"


# --------------------------------------------------------------------------------------------------- the graph


async def test_the_graph_goes_both_ways(solo: World) -> None:
    await family(solo)
    up = await graph(solo, "pruned/1", direction=UP)
    assert links(up) == {
        ("tuned/1", "pruned/1"),
        ("base/1", "pruned/1"),
        ("base/1", "tuned/1"),
        ("s3://web", "base/1"),
        (DATA, "tuned/1"),
    }
    down = await graph(solo, "base/1", direction=DOWN)
    assert links(down) == {
        ("base/1", "tuned/1"),
        ("base/1", "pruned/1"),
        ("tuned/1", "pruned/1"),
        ("pruned/1", "edge"),
    }
    both = await graph(solo, "tuned/1")
    assert names(both) == {"base/1", "tuned/1", "pruned/1", "s3://web", DATA, "edge"}
    nodes = {node.ref: node for node in both.nodes}
    assert both.nodes[0].id == both.root and nodes["tuned/1"].distance == 0
    assert (nodes["s3://web"].distance, nodes["edge"].distance) == (2, 2)
    assert nodes["edge"].kind is NodeKind.DEPLOYMENT and nodes["edge"].status == "deploying"
    assert nodes["base/1"].status == "ready" and not both.truncated


async def test_depth_and_nodes_have_a_limit(solo: World) -> None:
    await family(solo)
    near = await graph(solo, "pruned/1", direction=UP, depth=1)
    assert names(near) == {"pruned/1", "tuned/1", "base/1"} and not near.truncated
    few = await graph(solo, "pruned/1", direction=UP, limit=2)
    assert names(few) == {"pruned/1", "tuned/1"} and few.truncated
    assert links(few) == {("tuned/1", "pruned/1")}
    one = await graph(solo, "pruned/1", limit=1)
    assert names(one) == {"pruned/1"} and one.truncated


async def test_what_one_may_not_read_is_hidden_above_and_absent_below(solo: World) -> None:
    await solo.model("team.fraud")
    await solo.registered(1, "secret", lineage=[dataset("s3://secret-data")])
    await solo.register("team.fraud", lineage=[parent("secret/1"), dataset()])
    await solo.model("other")
    await solo.register("other", lineage=[parent("team.fraud/1")])
    await solo.person("erin", Role.READER, "team.*")

    found = await graph(solo, "team.fraud/1", "erin")
    hidden = next(node for node in found.nodes if node.kind is NodeKind.HIDDEN)
    assert (hidden.ref, hidden.digest, hidden.url, hidden.model_name, hidden.version) == (None,) * 5
    assert links(found) == {("hidden", "team.fraud/1"), (DATA, "team.fraud/1")}
    assert names(await graph(solo, "team.fraud/1")) == {"team.fraud/1", "secret/1", "s3://secret-data", DATA, "other/1"}

    version = await solo.look("erin", versions.get_version, "team.fraud", "1")
    assert version.lineage[0] == LineageEdge(kind=PARENT, ref="", hidden=True)
    assert (await solo.look("rita", versions.get_version, "team.fraud", "1")).lineage[0].ref == "secret/1"


async def test_a_parent_whose_model_took_another_name_is_told_by_that(solo: World) -> None:
    await solo.registered(1, "secret")
    await solo.registered(1, "team.fraud", lineage=[parent("secret/1")])
    await solo.person("erin", Role.READER, "team.*")
    await solo.act("ada", rename_model, "secret", RenameModel(name="team.base"))

    for who in ("erin", "rita"):
        [edge] = (await solo.look(who, versions.get_version, "team.fraud", "1")).lineage
        assert (edge.ref, edge.hidden) == ("team.base/1", False)
        assert names(await graph(solo, "team.fraud/1", who)) == {"team.fraud/1", "team.base/1"}
    assert (await add(solo, "team.fraud/1", parent("team.base/1"))).lineage == [edge]
    assert [one.edge.ref for one in await made_from(solo, PARENT, ref="team.base/1")] == ["team.base/1"]


async def test_the_same_data_with_other_content_is_another_node(solo: World) -> None:
    await solo.model("fraud")
    await solo.register(lineage=[dataset(digest="md5:aa")])
    await solo.register(lineage=[parent("fraud/1"), dataset(digest="md5:bb")])
    found = await graph(solo, "fraud/2")
    assert {node.digest for node in found.nodes if node.kind is NodeKind.DATASET} == {"md5:aa", "md5:bb"}


# ---------------------------------------------------------------------------------------------- the other way round


async def test_the_versions_that_came_of_a_thing_are_found_by_its_name_or_content(solo: World) -> None:
    await family(solo)
    await solo.register("base", lineage=[dataset(digest="md5:aa"), NewLineageEdge(kind=LineageKind.OTHER, ref=DATA)])

    assert [(one.model_name, one.version) for one in await made_from(solo, DATASET, ref=DATA)] == [
        ("base", 2),
        ("tuned", 1),
    ]
    [pinned] = await made_from(solo, DATASET, digest="md5:aa")
    assert (pinned.version, pinned.edge.ref, pinned.created_by) == (2, DATA, "airflow")
    assert await made_from(solo, DATASET, ref="s3://web", digest="md5:aa") == []
    base = await solo.version(1, "base")
    for named in ({"ref": "base/1"}, {"ref": base.digest}, {"digest": base.digest}):
        assert [one.model_name for one in await made_from(solo, PARENT, **named)] == ["pruned", "tuned"]
    with pytest.raises(InvalidInput):
        await made_from(solo, DATASET)
    page = PageRequest(filter="ref = 'x'")
    with pytest.raises(InvalidFilter):
        await solo.look("rita", lineage.list_made_from, DATASET, page, ref=DATA)


async def test_the_list_goes_on_page_by_page(solo: World) -> None:
    await solo.registered(5, "fraud", lineage=[dataset()])
    first = await solo.look("rita", lineage.list_made_from, DATASET, PageRequest(limit=3), ref=DATA)
    rest = PageRequest(limit=3, cursor=first.next_cursor)
    second = await solo.look("rita", lineage.list_made_from, DATASET, rest, ref=DATA)
    assert [one.version for one in (*first.items, *second.items)] == [5, 4, 3, 2, 1]
    assert second.next_cursor is None


async def test_a_guess_at_what_one_may_not_read_is_answered_as_if_it_were_not_there(solo: World) -> None:
    [secret] = await solo.registered(1, "secret")
    await solo.model("team.fraud")
    await solo.register("team.fraud", lineage=[parent("secret/1"), dataset()])
    await solo.register("secret", lineage=[dataset()])
    await solo.person("erin", Role.READER, "team.*")

    assert [one.model_name for one in await made_from(solo, DATASET, "erin", ref=DATA)] == ["team.fraud"]
    for named in ({"digest": secret.digest}, {"ref": secret.digest}):
        assert await made_from(solo, PARENT, "erin", **named) == []
        assert len(await made_from(solo, PARENT, **named)) == 1
    with pytest.raises(ModelNotFound):
        await made_from(solo, PARENT, "erin", ref="secret/1")


# --------------------------------------------------------------------------------------------- deleted versions


async def delete(world: World, version: str) -> None:
    model, _, number = version.rpartition("/")
    await world.act("ada", delete_version, model, number, DeleteVersion(reason="old"))


async def test_a_deleted_parent_is_in_the_graph_as_one_that_nobody_may_read_until_it_is_restored(solo: World) -> None:
    await family(solo)
    before = await graph(solo, "pruned/1", direction=UP)
    await delete(solo, "tuned/1")
    after = await graph(solo, "pruned/1", direction=UP)
    assert names(before) - names(after) == {"tuned/1", DATA}
    assert len(after.nodes) == len(before.nodes) - 1, "its data went, and it stayed"
    assert {node.ref for node in after.nodes} >= {"pruned/1", "base/1", "s3://web"}
    assert names(await graph(solo, "base/1", direction=DOWN)) == {"base/1", "pruned/1", "edge"}
    await solo.act("ada", restore_version, "tuned", "1")
    assert await graph(solo, "pruned/1", direction=UP) == before


async def test_nothing_is_made_of_a_deleted_version_any_more(solo: World) -> None:
    await solo.registered(1, "base")
    await solo.registered(1, "tuned")
    await delete(solo, "base/1")
    with pytest.raises(VersionNotFound):
        await add(solo, "tuned/1", parent("base/1"))
    with pytest.raises(VersionNotFound):
        await solo.register("tuned", lineage=[parent("base/1")])


async def test_a_circle_through_a_deleted_version_is_one(solo: World) -> None:
    """It may come back."""
    await family(solo)
    await delete(solo, "tuned/1")
    with pytest.raises(LineageCycle):
        await add(solo, "base/1", parent("pruned/1"))
    await solo.register("base")
    await delete(solo, "base/1")
    await solo.act("ada", restore_version, "tuned", "1")
    with pytest.raises(LineageCycle):
        await add(solo, "tuned/1", parent("pruned/1"))
