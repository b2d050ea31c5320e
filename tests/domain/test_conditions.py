from __future__ import annotations

import pytest

from registry_service.domain.conditions import (
    CONDITIONS,
    applies,
    binds_current,
    cites_current,
    figures,
    holds,
    parse_condition,
)
from registry_service.domain.errors import InvalidFilter
from registry_service.domain.facts import Party
from registry_service.domain.metadata import Metadata, Signature
from registry_service.domain.policies import BUILT_IN
from tests.domain.facts import DIGEST, facts, version

RICH = facts(
    of=version(
        registrant=Party(name="ann"),
        metadata=Metadata(
            metrics={"auc": 0.9, "f1.macro": 0.5},
            params={"country": "de", "depth": 6, "solver": "lbfgs", "warm": True},
            framework="sklearn",
            framework_version="1.7",
            format="onnx",
            precision="fp16",
            architecture="forest",
            task="classification",
            target_device="cpu",
            target_device_type="edge",
            category="detection",
            origin="geti",
            project_id="42",
            project_name="pier",
            score=0.8,
        ),
    )
)


@pytest.mark.parametrize(
    "text",
    [
        "number = 3",
        f"digest = '{DIGEST}'",
        "created_at < '2026-03-02T00:00:00Z'",
        "created_by = 'ann' AND current.created_by = 'airflow'",
        "framework = 'sklearn' AND framework_version LIKE '1.%'",
        "format IN ('onnx', 'openvino')",
        "precision = 'fp16' AND architecture = 'forest'",
        "task = 'classification' AND target_device = 'cpu'",
        "target_device_type = 'edge' AND category = 'detection'",
        "origin = 'geti' AND project_id = '42' AND project_name = 'pier'",
        "score > 0.5",
        "metrics.auc > 0.8 AND metrics.f1.macro = 0.5",
        "params.depth >= 6 AND params.solver = 'lbfgs' AND params.warm = true",
        "params.country = 'de' AND current.params.country IS NULL",
        "current.number = 2",
        "metrics.auc - current.metrics.auc >= 0",
    ],
)
def test_a_condition_speaks_of_all_that_is_known_of_a_version(text: str) -> None:
    assert holds(text, RICH) is True


def test_every_attribute_has_a_value_to_look_at() -> None:
    for name in CONDITIONS.attributes:
        text = f"{name} IS NOT NULL"
        assert (holds(text, RICH) is True) is (name not in {"signature.changed", "signature.compatible"})


def test_a_missing_value_settles_nothing_and_the_rule_applies() -> None:
    for text in ("metrics.recall > 0.5", "current.params.x = 'y'", "signature.changed", "params.none = 'x'"):
        assert holds(text, RICH) is None
        assert applies(text, RICH)
    assert not applies("metrics.auc < 0.1", RICH)


def test_where_nothing_is_current_there_is_nothing_to_compare_with() -> None:
    vacant = facts(vacant=True)
    assert holds("signature.changed", vacant) is None
    assert holds("signature.compatible", vacant) is None
    assert holds("current.number = 2", vacant) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "stage = 'x'",
        "metrics.auc",
        "current.stage = 'x'",
        "current.signature.changed",
        "NOT current.signature.compatible",
    ],
)
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(InvalidFilter):
        parse_condition(text)
    assert holds(text, RICH) is None
    assert applies(text, RICH)
    assert cites_current(text)
    assert figures(text, RICH) == {}


def test_a_comparison_with_the_current_version_is_found_wherever_it_stands() -> None:
    assert cites_current("metrics.auc > 1 OR NOT (score = 1 AND current.score > 0)")
    assert cites_current("NOT signature.changed")
    assert cites_current("signature.compatible")
    assert not cites_current("metrics.current > 1 AND params.`current.x` = 'y'")
    assert not any(binds_current(document) for document in BUILT_IN)


def test_figures_are_those_that_the_condition_names() -> None:
    text = "metrics.auc > current.metrics.auc OR metrics.recall > 0 OR signature.changed"
    assert figures(text, RICH) == {
        "metrics.auc": 0.9,
        "current.metrics.auc": 0.9,
        "metrics.recall": None,
        "signature.changed": None,
    }


@pytest.mark.parametrize(
    ("new", "held"), [({"type": "number"}, True), ({"type": "string"}, False), ({"$ref": "#/x"}, None), (None, None)]
)
def test_a_condition_can_ask_whether_callers_of_the_current_version_can_be_given_the_new_one(
    new: dict[str, str] | None, held: bool | None
) -> None:
    integer = {"type": "integer"}
    asked = facts(
        of=version(metadata=Metadata(signature=Signature(inputs=new, outputs=integer))),
        current=version(number=2, metadata=Metadata(signature=Signature(inputs=integer, outputs=integer))),
    )
    assert holds("signature.compatible", asked) is held
