from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from registry_service.domain.comparing import MAX_PATHS, Compared, NamedVersion, compare, parse_versions
from registry_service.domain.entities import (
    Check,
    CheckStatus,
    ComparedValue,
    Comparison,
    FileChange,
    ManifestFile,
    ModelVersion,
    Replaceability,
    VersionStatus,
)
from registry_service.domain.errors import InvalidInput
from registry_service.domain.metadata import Direction, Metadata, Signature

AT = datetime(2026, 3, 3, tzinfo=UTC)
DOWN = Direction.LOWER_IS_BETTER


def version(number: int = 1, files: dict[str, str] | None = None, **metadata: Any) -> Compared:
    described = ModelVersion(
        model_id="m",
        model_name="fraud",
        number=number,
        digest="sha256:0",
        status=VersionStatus.READY,
        metadata=Metadata(**metadata),
        description="",
        tags={},
        aliases=[],
        lineage=[],
        stages=["production"] if number == 1 else [],
        file_count=1,
        size=1,
        identity=None,
        source_uri=None,
        created_at=AT,
        created_by="ada",
        revoked=None,
        revision=1,
        url=f"https://registry.test/{number}",
    )
    listed = None if files is None else [ManifestFile(path=path, digest=d, size=1) for path, d in files.items()]
    return Compared(described, [], listed)


def values(found: list[ComparedValue]) -> dict[str, list[Any]]:
    return {value.name: value.values for value in found}


def test_the_best_of_a_metric_depends_on_its_direction() -> None:
    found = compare(
        [
            version(1, metrics={"auc": 0.9, "loss": 0.5, "f1": 0.1}, directions={"loss": DOWN}),
            version(2, metrics={"auc": 0.91, "loss": 0.4}),
            version(3, metrics={"auc": 0.91, "loss": 0.6, "new": 1.0}),
        ]
    )
    auc, f1, loss, new = found.metrics
    assert (auc.name, auc.direction, auc.best) == ("auc", Direction.HIGHER_IS_BETTER, [1, 2])
    assert auc.differences == [0.0, 0.01, 0.01], "as people read the figures"
    assert (loss.direction, loss.best, loss.differences) == (DOWN, [1], [0.0, -0.1, 0.1])
    assert (f1.values, f1.best, f1.differences) == ([0.1, None, None], [0], [0.0, None, None])
    assert (new.values, new.best, new.differences) == ([None, None, 1.0], [2], [None, None, None])


def test_where_versions_do_not_agree_on_the_direction_none_is_best() -> None:
    up = {"loss": Direction.HIGHER_IS_BETTER}
    found = compare([version(1, metrics={"loss": 1.0}, directions={"loss": DOWN}), version(2, directions=up)])
    assert (found.metrics[0].direction, found.metrics[0].best) == (None, [])


def test_only_what_differs_is_shown_unless_everything_is_asked_for() -> None:
    sides = [
        version(1, params={"depth": 6, "warm": True, "solver": "x"}, framework="torch", extra={"team": "a", "n": [1]}),
        version(2, params={"depth": 6, "warm": 1}, framework="torch", extra={"team": "b", "n": [1]}, labels=("eu",)),
    ]
    found = compare(sides)
    assert values(found.params) == {"solver": ["x", None], "warm": [True, 1]}, "true is not 1"
    assert values(found.fields) == {"extra.team": ["a", "b"], "labels": [None, ("eu",)]}
    whole = compare(sides, everything=True)
    assert [(value.name, value.differs) for value in whole.params] == [
        ("depth", False),
        ("solver", True),
        ("warm", True),
    ]
    assert values(whole.fields)["framework"] == ["torch", "torch"]


def test_files_are_compared_by_their_digests() -> None:
    sides = [
        version(1, {"a": "1", "b": "1", "c": "1"}),
        version(2, {"a": "1", "b": "2", "d": "1"}),
        version(3, {"a": "1", "b": "1", "c": "1"}),
    ]
    found = compare(sides).files
    assert found is not None
    same, changed, added, removed = FileChange.SAME, FileChange.CHANGED, FileChange.ADDED, FileChange.REMOVED
    assert {file.path: file.changes for file in found.items} == {
        "b": [same, changed, same],
        "c": [same, removed, same],
        "d": [FileChange.ABSENT, added, FileChange.ABSENT],
    }
    assert found.items[2].digests == [None, "1", None]
    assert found.counts == [
        {same: 3, changed: 0, added: 0, removed: 0},
        {same: 1, changed: 1, added: 1, removed: 1},
        {same: 3, changed: 0, added: 0, removed: 0},
    ]
    whole = compare(sides, everything=True).files
    assert whole is not None
    assert [file.path for file in whole.items] == ["a", "b", "c", "d"]


def test_of_very_many_files_some_are_shown_and_all_are_counted() -> None:
    many = {f"{n:05}": "1" for n in range(MAX_PATHS + 7)}
    found = compare([version(1, many), version(2, {})]).files
    assert found is not None
    assert (len(found.items), found.left_out, found.counts[1][FileChange.REMOVED]) == (MAX_PATHS, 7, MAX_PATHS + 7)
    assert compare([version(1, {}), version(2)]).files is None


def test_each_version_says_whether_it_can_replace_the_first() -> None:
    number, text = ({"type": kind} for kind in ("number", "string"))
    sides = [version(n, signature=Signature(inputs=one, outputs=text)) for n, one in enumerate([number, text, number])]
    assert [one.verdict for one in compare([*sides, version(4)]).replaceable] == [
        Replaceability.COMPATIBLE,
        Replaceability.INCOMPATIBLE,
        Replaceability.COMPATIBLE,
        Replaceability.UNKNOWN,
    ]


def test_a_notebook_shows_a_table_in_which_all_that_was_written_is_escaped() -> None:
    sides = [
        version(1, {"<b>.bin": "1"}, metrics={"<i>auc": 0.5}, params={"p": "<script>alert(1)</script>"}),
        version(2, metrics={"<i>auc": 0.6}, params={"p": 3}, extra={"x&y": "<a>"}),
    ]
    check = Check(
        id=1, model_name="fraud", version=1, digest="sha256:0", name="<u>", status=CheckStatus.PASSED, summary="",
        evidence={}, url=None, reported_by="ada", reported_at=AT, revision=1,
    )  # fmt: skip
    found = compare([sides[0]._replace(checks=[check]), sides[1]._replace(files=[])], everything=True)
    shown = found._repr_html_()
    assert "<th>fraud 1</th><th>fraud 2</th>" in shown
    assert "<th>&lt;i&gt;auc</th><td>0.5</td><td><b>0.6 (+0.1)</b></td>" in shown
    assert "&lt;script&gt;" in shown and "<script" not in shown
    assert "<th>extra.x&amp;y</th><td></td><td>&lt;a&gt;</td>" in shown
    assert "<th>file &lt;b&gt;.bin</th><td>same</td><td>removed</td>" in shown
    assert "&lt;u&gt; passed" in shown and "<td>production</td><td></td>" in shown
    assert "file" not in compare([sides[1], sides[1]])._repr_html_()
    assert msgspec.json.decode(msgspec.json.encode(found), type=Comparison) == found


def test_versions_are_named_by_model_and_selector() -> None:
    assert parse_versions("fraud/7, team a.x/@production") == [
        NamedVersion("fraud", "7"),
        NamedVersion("team a.x", "@production"),
    ]
    assert len(parse_versions(",".join(["m/1"] * 20))) == 20


@pytest.mark.parametrize("text", ["", "m/1", "m/1,", "m/1,m", "m/1,/2", "m/1,m/", ",".join(["m/1"] * 21)])
def test_what_names_no_versions_or_too_many_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_versions(text)
