from __future__ import annotations

import pytest

from registry_service.domain.entities import LineageKind
from registry_service.domain.errors import InvalidInput, LineageCycle, RegistryError, TooLarge
from registry_service.domain.lineage import (
    MAX_EDGES,
    MAX_REF,
    VersionReference,
    check_lineage,
    parse_parent,
    parse_version_reference,
    refuse_cycle,
)
from registry_service.domain.requests import NewLineageEdge


def edge(
    ref: str = "s3://data/train.parquet", kind: LineageKind = LineageKind.DATASET, **more: object
) -> NewLineageEdge:
    return NewLineageEdge(kind=kind, ref=ref, **more)  # type: ignore[arg-type]  # the tests give wrong values


def test_edges_of_every_kind_are_accepted() -> None:
    check_lineage([])
    check_lineage(
        [
            edge("fraud/2026-03-03", LineageKind.DAG_RUN, url="https://airflow.example/run?id=1"),
            edge("fraud/run/train", LineageKind.TASK, details={"map_index": "3", "note": ""}),
            edge("0c1d2e", LineageKind.CODE_COMMIT, digest="sha1:0c1d2e"),
            edge(digest=f"sha256:{'a' * 64}"),
            edge("fraud detector/12", LineageKind.PARENT_VERSION),
            edge("anything at all", LineageKind.OTHER),
        ]
    )


@pytest.mark.parametrize(
    "ref", ["", "fraud", "fraud/", "/3", "fraud/0", "fraud/03", "fraud/-1", "fraud/latest", "a/b/3", "fraud/٣"]
)
def test_a_parent_is_named_by_model_and_number(ref: str) -> None:
    with pytest.raises(InvalidInput):
        parse_version_reference(ref)
    with pytest.raises(InvalidInput):
        check_lineage([edge(ref, LineageKind.PARENT_VERSION)])


def test_a_parent_may_be_named_by_its_content() -> None:
    digest = f"sha256:{'a' * 64}"
    assert parse_parent(digest) == digest
    assert parse_parent("fraud/3") == VersionReference("fraud", 3)
    check_lineage([edge(digest, LineageKind.PARENT_VERSION)])
    with pytest.raises(InvalidInput):
        parse_parent("sha256:a")


def test_a_version_comes_neither_from_itself_nor_from_what_was_made_of_it() -> None:
    me, child, other = (VersionReference("fraud", number) for number in (1, 2, 3))
    refuse_cycle(me, [other], {me, child})
    refuse_cycle(me, [], {me, child})
    for parent in (me, child):
        with pytest.raises(LineageCycle, match=str(parent)):
            refuse_cycle(me, [other, parent], {child})


def test_a_parent_reference_is_read_from_the_right() -> None:
    assert parse_version_reference("team-a.fraud/12") == VersionReference("team-a.fraud", 12)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (edge(""), InvalidInput),
        (edge("  "), InvalidInput),
        (edge("a\x00b"), InvalidInput),
        (edge("a\nb"), InvalidInput),
        (edge("x" * (MAX_REF + 1)), TooLarge),
        (edge("\u754c" * (MAX_REF // 3 + 1)), TooLarge),
        (edge("a\ud800b"), InvalidInput),
        (edge(digest="abc"), InvalidInput),
        (edge(digest="sha512:" + "a" * 128), InvalidInput),
        (edge("https://user:pw@host/x"), InvalidInput),
        (edge("user:pw@//user:pw@host/1", LineageKind.PARENT_VERSION), InvalidInput),
        (edge(url="https://user:pw@host/x"), InvalidInput),
        (edge(details={"remote": "https://user:pw@host/x"}), InvalidInput),
        (edge(url="javascript:alert(1)"), InvalidInput),
        (edge(url="javascript://host/%0aalert(1)"), InvalidInput),
        (edge(url="https:///nowhere"), InvalidInput),
        (edge(url="http://[::1"), InvalidInput),
        (edge(url="https://x/" + "y" * 2048), TooLarge),
        (edge(details={str(n): "" for n in range(65)}), TooLarge),
        (edge(details={"": "x"}), InvalidInput),
        (edge(details={"k": "x" * 4097}), TooLarge),
        (edge(details={"k": "a\0b"}), InvalidInput),
        (edge(details={"k": "a\ud800b"}), InvalidInput),
        (edge(details={"a\ud800b": ""}), InvalidInput),
    ],
)
def test_a_malformed_edge_is_refused_by_its_place(wrong: NewLineageEdge, error: type[RegistryError]) -> None:
    with pytest.raises(error) as refusal:
        check_lineage([edge("fine"), wrong])
    assert refusal.value.message.startswith("lineage[1]")


def test_a_secret_in_an_edge_is_not_repeated() -> None:
    secret = "https://user:hunter2@host/x"
    for wrong in (
        edge(secret),
        edge(secret, LineageKind.PARENT_VERSION),
        edge(url=secret),
        edge(details={"remote": secret}),
    ):
        with pytest.raises(InvalidInput, match="carries a password") as refusal:
            check_lineage([wrong])
        assert "hunter2" not in refusal.value.message + repr(refusal.value.details)


def test_an_edge_is_said_once() -> None:
    check_lineage([edge("x"), edge("x", LineageKind.OTHER)])
    with pytest.raises(InvalidInput, match=r"lineage\[1\] says the same as lineage\[0\]"):
        check_lineage([edge("x"), edge("x")])


def test_there_is_a_limit_of_edges() -> None:
    check_lineage([edge(f"x{n}") for n in range(MAX_EDGES)])
    with pytest.raises(TooLarge):
        check_lineage([edge(f"x{n}") for n in range(MAX_EDGES + 1)])
