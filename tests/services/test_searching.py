"""Versions searched by what they have, within a model and across all."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert

from registry_service.db.paging import PageRequest
from registry_service.db.queries.facets import count_facets, count_model_facets
from registry_service.db.queries.models import list_models
from registry_service.db.queries.versions import list_all_versions, list_versions
from registry_service.db.searching import FEW
from registry_service.db.tables import version_metrics, version_tags, versions
from registry_service.domain.entities import LineageKind, ModelVersion
from registry_service.domain.errors import InvalidCursor, InvalidInput
from registry_service.domain.metadata import Metadata
from registry_service.domain.permissions import Role
from registry_service.domain.requests import NewLineageEdge, StartDeployment
from registry_service.services.deployments import start_deployment
from registry_service.services.work import Work
from tests.services.test_paging import forged
from tests.services.world import MINUTE, World

AUC = [0.5, None, 0.9, 0.7, None, 0.9, -1.0]
"""The metric of `fraud`'s versions, by their order."""


def edge(kind: LineageKind, ref: str) -> NewLineageEdge:
    return NewLineageEdge(kind=kind, ref=ref)


def named(found: list[ModelVersion]) -> list[tuple[str, int]]:
    return [(one.model_name, one.number) for one in found]


@pytest.fixture
async def filled(world: World) -> World:
    """`fraud` 1 to 7, one a minute, and then `churn` 1 to 2."""

    await world.model("fraud")
    world.clock.advance(MINUTE)
    await world.model("churn")
    for index, auc in enumerate(AUC):
        number = index + 1
        await world.register(
            "fraud",
            tags={"half": "a" if number <= 4 else "b", **({"rare": "yes"} if number == 2 else {})},
            metadata=Metadata(
                metrics={} if auc is None else {"auc": auc}, framework="torch" if number % 2 else None, score=auc
            ),
            lineage=[
                edge(LineageKind.DAG_RUN, f"train/{number}"),
                edge(LineageKind.DATASET, "s3://day" if number < 3 else "s3://night"),
                edge(LineageKind.DATASET, "s3://both"),
            ],
            aliases=["champion", "best"] if number == 3 else [],
        )
        world.clock.advance(MINUTE)
    for number in (1, 2):
        metadata = Metadata(metrics={"auc": 0.8}, framework="onnx")
        await world.register(
            "churn", tags={"half": "a"}, metadata=metadata, lineage=[edge(LineageKind.DATASET, "s3://both")]
        )
        await world.check(number, model="churn", name="drift", passed=False)
        world.clock.advance(MINUTE)
    await world.check(2, model="churn", name="drift")  # passed later
    await world.check(1, name="evaluation")
    await world.check(3, name="evaluation", passed=False)
    await world.promote(1, "staging")
    await world.promote(1)
    await world.promote(2, "staging", model="churn")
    await world.act("airflow", start_deployment, StartDeployment(model="fraud", version="2", target="eu"))
    return world


WITHIN = [
    ("stage = 'production'", {1}),
    ("stage IN ('staging', 'production')", {1}),
    ("stage != 'production'", {2, 3, 4, 5, 6, 7}),
    ("stage IS NULL", {2, 3, 4, 5, 6, 7}),
    ("alias = 'best' AND alias = 'champion'", {3}),
    ("NOT alias LIKE 'b%'", {1, 2, 4, 5, 6, 7}),
    ("target = 'eu'", {2}),
    ("lineage.dag_run = 'train/4'", {4}),
    ("lineage.dataset = 's3://day'", {1, 2}),
    ("lineage.dataset != 's3://day'", {3, 4, 5, 6, 7}),
    ("'s3://both' = lineage.dataset AND number > 5", {6, 7}),
    ("lineage.code_commit IS NULL AND number = 1", {1}),
    ("lineage.dataset IS NULL", set()),
    ("checks.evaluation = 'passed'", {1}),
    ("checks.evaluation = 'failed' OR stage = 'staging'", {1, 3}),
    ("checks.evaluation != 'passed'", {2, 3, 4, 5, 6, 7}),
    ("checks.drift IS NULL AND tags.half = 'b'", {5, 6, 7}),
    ("model = 'fraud' AND tags.half = 'a' AND lineage.dataset = 's3://night'", {3, 4}),
    ("model = 'churn'", set()),
    ("revoked_at IS NULL AND tags.half = 'a' AND tags.rare = 'yes'", {2}),
]


async def test_versions_of_a_model_are_found_by_what_surrounds_them(filled: World) -> None:
    for text, numbers in WITHIN:
        for order_by in (None, "metrics.auc desc", "created_at", "framework"):
            found = await filled.look_at_all("rita", list_versions, "fraud", limit=2, filter=text, order_by=order_by)
            assert sorted(one.number for one in found) == sorted(numbers), (text, order_by)


ORDERS = [
    ("metrics.auc desc", [6, 3, 4, 1, 7, 5, 2]),
    ("metrics.auc", [7, 1, 4, 3, 6, 2, 5]),
    ("score desc", [6, 3, 4, 1, 7, 5, 2]),
    ("framework", [1, 3, 5, 7, 2, 4, 6]),
    ("framework desc", [7, 5, 3, 1, 6, 4, 2]),
    ("tags.half desc", [7, 6, 5, 4, 3, 2, 1]),
    ("tags.rare", [2, 1, 3, 4, 5, 6, 7]),
    ("metrics.absent desc", [7, 6, 5, 4, 3, 2, 1]),
    ("status", [1, 2, 3, 4, 5, 6, 7]),
    ("created_at desc", [7, 6, 5, 4, 3, 2, 1]),
]


async def test_what_lacks_the_value_comes_last_whichever_way_and_pages_add_up(filled: World) -> None:
    for order_by, numbers in ORDERS:
        for limit in (1, 3, 50):
            for text in (None, "lineage.dataset = 's3://both'"):
                asked: dict[str, Any] = {"order_by": order_by, "limit": limit, "filter": text}
                found = await filled.look_at_all("rita", list_versions, "fraud", **asked)
                assert [one.number for one in found] == numbers, asked


MANY = FEW + 100


@pytest.fixture
async def crowded(world: World) -> World:
    """A model with more versions of one tag than are sorted: version 1, and bare rows."""

    await world.registered(1, tags={"team": "a"}, metrics={"auc": 0.0})
    first = await world.version(1)
    rows: list[dict[str, Any]] = [{"model_id": first.model_id, "number": number} for number in range(2, MANY + 1)]

    def fill(work: Work) -> None:
        bare = {"metadata": {}, "description": "", "people": [], "file_count": 0, "size": 0, "created_by": "airflow"}
        times = {"created_at": work.now}
        work.connection.execute(insert(versions), [{**row, **bare, **times, "digest": first.digest} for row in rows])
        work.connection.execute(insert(version_tags), [{**row, "key": "team", "value": "a"} for row in rows])
        measured = [{**row, "key": "auc", "value": row["number"] % 10 / 10} for row in rows if row["number"] % 3]
        work.connection.execute(insert(version_metrics), measured)

    await world.act("ada", fill)
    return world


async def test_many_hits_are_walked_to_in_the_order_that_is_wanted(crowded: World) -> None:
    for text, first in ((None, 1), ("tags.team = 'a'", 1), ("tags.team = 'a' AND number > 1000", 1001)):
        numbers = range(first, MANY + 1)
        auc = {number: number % 10 / 10 for number in numbers if number % 3} | ({1: 0.0} if first == 1 else {})
        measured = sorted(auc, key=lambda number: (auc[number], number), reverse=True)
        expected = [*measured, *(number for number in reversed(numbers) if number not in auc)]
        asked: dict[str, Any] = {"filter": text, "order_by": "metrics.auc desc"}
        within = await crowded.look_at_all("rita", list_versions, "fraud", **asked)
        across = await crowded.look_at_all("rita", list_all_versions, **asked)
        assert [one.number for one in within] == [one.number for one in across] == expected


async def test_versions_of_all_models_are_found_newest_first_and_whole(filled: World) -> None:
    found = await filled.look_at_all("rita", list_all_versions, limit=4)
    assert named(found) == [("churn", 2), ("churn", 1), *(("fraud", number) for number in range(7, 0, -1))]
    each = [
        *await filled.look_at_all("rita", list_versions, "churn"),
        *await filled.look_at_all("rita", list_versions, "fraud"),
    ]
    assert found == each


ACROSS = [
    ("stage = 'staging'", {("fraud", 1), ("churn", 2)}),
    ("checks.drift = 'failed'", {("churn", 1)}),
    ("checks.drift = 'passed'", {("churn", 2)}),
    ("lineage.dataset = 's3://both' AND model LIKE 'c%'", {("churn", 1), ("churn", 2)}),
    ("alias = 'champion' OR number = 7", {("fraud", 3), ("fraud", 7)}),
    ("framework = 'onnx' AND stage IS NULL", {("churn", 1)}),
    ("model = 'churn'", {("churn", 1), ("churn", 2)}),
    ("model = 'churn' AND checks.drift = 'passed'", {("churn", 2)}),
    ("model = 'fraud' AND (stage = 'staging' OR number = 7)", {("fraud", 1), ("fraud", 7)}),
    ("model = 'churn' AND model = 'fraud'", set()),
    ("model = 'no such'", set()),
    ("NOT model = 'churn' AND number > 6", {("fraud", 7)}),
]


async def test_versions_of_all_models_are_found_by_what_surrounds_them(filled: World) -> None:
    for text, expected in ACROSS:
        for order_by in (None, "metrics.auc", "model", "number desc"):
            found = await filled.look_at_all("rita", list_all_versions, limit=1, filter=text, order_by=order_by)
            assert sorted(named(found)) == sorted(expected), (text, order_by)


async def test_only_what_is_in_sight_is_found_and_deleted_models_are_not(filled: World) -> None:
    await filled.person("otto", Role.READER, "chu*")
    for asked in ({}, {"filter": "tags.half = 'a'"}, {"order_by": "metrics.auc"}, {"filter": "NOT number = 1"}):
        found = await filled.look_at_all("otto", list_all_versions, limit=1, **asked)
        assert {one.model_name for one in found} == {"churn"}
    await filled.person("nobody")
    assert await filled.look_at_all("nobody", list_all_versions) == []


async def test_a_filter_does_not_spell_out_the_name_of_a_parent_out_of_sight(filled: World) -> None:
    with pytest.raises(InvalidInput, match=r"'lineage\.parent_version' is unknown here"):
        await filled.look("rita", list_all_versions, PageRequest(filter="lineage.parent_version LIKE 's%'"))


async def test_what_has_no_one_order_is_refused(filled: World) -> None:
    for order_by in ("stage", "alias desc", "lineage.dataset", "params.depth", "checks.drift", "secret"):
        with pytest.raises(InvalidInput, match="Can't order by"):
            await filled.look("rita", list_all_versions, PageRequest(order_by=order_by))


async def test_a_cursor_over_a_metric_that_was_tampered_with_is_refused(filled: World) -> None:
    page = await filled.look("rita", list_versions, "fraud", PageRequest(limit=1, order_by="metrics.auc"))
    assert page.next_cursor is not None
    for keys in (["x", 1], [True, 1], [None, 1], ["x"], [], [1, 2, 3], [{"at": 1}, 1]):
        asked = PageRequest(limit=1, order_by="metrics.auc", cursor=forged(page.next_cursor, keys))
        with pytest.raises(InvalidCursor):
            await filled.look("rita", list_versions, "fraud", asked)


MODELS = [
    ("stage = 'production'", ["fraud"]),
    ("stage IS NULL", ["empty"]),
    ("alias = 'best'", ["fraud"]),
    ("latest_version.framework = 'onnx'", ["churn"]),
    ("latest_version.framework != 'onnx'", ["empty", "fraud"]),
    ("latest_version.score < 0", ["fraud"]),
    ("latest_version IS NULL", ["empty"]),
]


async def test_models_are_found_by_their_stages_and_their_latest_version(filled: World) -> None:
    await filled.model("empty")
    for text, names in MODELS:
        assert [one.name for one in await filled.look_at_all("rita", list_models, limit=1, filter=text)] == names, text


async def test_models_are_ordered_by_what_they_are_filtered_by(filled: World) -> None:
    await filled.model("empty", tags={"team": "a"})
    for order_by, names in (
        ("latest_version desc", ["fraud", "churn", "empty"]),
        ("latest_version", ["churn", "fraud", "empty"]),
        ("name desc", ["fraud", "empty", "churn"]),
    ):
        found = [one.name for one in await filled.look_at_all("rita", list_models, limit=1, order_by=order_by)]
        assert found == names
    for order_by in ("tags.team", "tags.team desc"):
        found = [one.name for one in await filled.look_at_all("rita", list_models, limit=1, order_by=order_by)]
        assert (found[0], len(found)) == ("empty", 3)


async def test_facets_count_each_value_in_sight(filled: World) -> None:
    await filled.person("otto", Role.READER, "chu*")

    async def counted(by: str, fields: str, where: str | None = None, limit: int = 10) -> list[Any]:
        found = await filled.look(by, count_facets, fields, where, limit=limit)
        assert found.complete
        each = [({one.value: one.count for one in facet.values}, facet.lacking, facet.more) for facet in found.facets]
        return [found.counted, *each]

    assert await counted("rita", "framework,tags.half,stage") == [
        9,
        ({"torch": 4, "onnx": 2}, 3, False),
        ({"a": 6, "b": 3}, 0, False),
        ({"staging": 2, "production": 1}, 7, False),
    ]
    assert await counted("otto", "model,checks.drift") == [
        2,
        ({"churn": 2}, 0, False),
        ({"failed": 1, "passed": 1}, 0, False),
    ]
    assert await counted("rita", "lineage.dataset,status", "model = 'fraud'", 2) == [
        7,
        ({"s3://both": 7, "s3://night": 5}, 0, True),
        ({"ready": 7}, 0, False),
    ]
    assert await counted("rita", "metrics.auc", "tags.rare = 'yes'") == [1, ({}, 1, False)]
    assert await counted("rita", "framework", limit=1) == [9, ({"torch": 4}, 3, True)]
    assert await counted("rita", "framework", limit=2) == [9, ({"torch": 4, "onnx": 2}, 3, False)]


async def test_facets_of_models_count_each_value_in_sight(filled: World) -> None:
    await filled.person("otto", Role.READER, "chu*")

    async def counted(by: str, fields: str, where: str | None = None) -> list[Any]:
        found = await filled.look(by, count_model_facets, fields, where, limit=10)
        return [found.counted, *(({v.value: v.count for v in one.values}, one.lacking) for one in found.facets)]

    await filled.model("empty")
    for fields in ("name", "stage", "tags.team", "latest_version.framework", "owner"):
        count, (values, lacking) = await counted("rita", fields)
        assert count == 3, fields
        assert sum(values.values()) + lacking >= 3, fields
    assert (await counted("rita", "stage"))[1] == ({"staging": 2, "production": 1}, 1)
    assert await counted("rita", "name,latest_version.framework", "latest_version IS NULL") == [
        1,
        ({"empty": 1}, 0),
        ({}, 1),
    ]
    assert (await counted("otto", "name"))[1] == ({"churn": 1}, 0)
    with pytest.raises(InvalidInput):
        await counted("rita", "metrics.auc")


async def test_a_model_whose_latest_version_names_no_framework_lacks_one(world: World) -> None:
    for name, framework in (("said", "onnx"), ("unsaid", None)):
        await world.model(name)
        await world.register(name, metadata=Metadata(framework=framework))
    found = await world.look("rita", count_model_facets, "latest_version.framework", None, limit=10)
    (facet,) = found.facets
    assert ([(one.value, one.count) for one in facet.values], facet.lacking) == ([("onnx", 1)], 1)


async def test_what_edge_users_say_of_a_version_is_found_and_counted(world: World) -> None:
    said = Metadata(
        target_device="CPU",
        target_device_type="edge",
        precision="int8",
        format="openvino",
        category="Detection",
        origin="Geti",
        project_id="42",
        project_name="pier",
        architecture="YOLOX",
        score=0.0,
        metrics={"fps_throughput": 31.5, "latency": 0.0},
        overview={"shape": [1, 3, 640, 640]},
        optimization_capabilities={"is_nncf_supported": False},
        labels=("boat", "buoy"),
    )
    await world.model()
    await world.register(metadata=said)
    await world.register(metadata=Metadata(score=0.5, category="Segmentation"))
    for where in (
        "target_device_type = 'edge' AND target_device = 'CPU'",
        "category = 'Detection' AND origin ILIKE 'geti'",
        "project_id = '42' AND project_name LIKE 'pi%'",
        "score = 0",
        "metrics.latency = 0 AND metrics.fps_throughput > 30",
    ):
        found = await world.look_at_all("rita", list_all_versions, filter=where)
        assert [(one.number, one.metadata) for one in found] == [(1, said)], where
    counted = await world.look("rita", count_facets, "category,origin,target_device_type", None, limit=10)
    assert [{value.value: value.count for value in facet.values} for facet in counted.facets] == [
        {"Detection": 1, "Segmentation": 1},
        {"Geti": 1},
        {"edge": 1},
    ]
    latest = await world.look_at_all("rita", list_models, filter="latest_version.category = 'Segmentation'")
    assert [one.name for one in latest] == ["fraud"]


async def test_facets_of_too_much_are_refused(filled: World) -> None:
    for fields in (",".join(["framework"] * 9), "created_at", "secret", ""):
        with pytest.raises(InvalidInput):
            await filled.look("rita", count_facets, fields, None, limit=10)
