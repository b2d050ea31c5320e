from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider.exceptions import ModelRegistryRefused
from airflow_provider.references import Selection, promotion_id, promotion_reference, selection
from tests.provider.values import DIGEST, a_promotion

VERSION = {"model_name": "fraud detector", "version": 7, "digest": DIGEST, "url": "http://registry/x"}


@pytest.mark.parametrize(
    ("given", "selected"),
    [
        ("fraud detector/7", Selection("fraud detector", "7")),
        ("fraud/latest", Selection("fraud", "latest")),
        ("fraud@production", Selection("fraud", "@production")),
        (f"fraud/{DIGEST}", Selection("fraud", DIGEST, DIGEST)),
        (VERSION, Selection("fraud detector", "7", DIGEST, "http://registry/x")),
        (json.dumps(VERSION), Selection("fraud detector", "7", DIGEST, "http://registry/x")),
        (promotion_reference(a_promotion()), Selection("churn", "7", DIGEST, a_promotion().url)),
    ],
)
def test_a_version_is_named_in_words_or_by_what_a_task_returned(given: Any, selected: Selection) -> None:
    assert selection(given) == selected


@pytest.mark.parametrize("given", [None, "", "fraud", "@production", "fraud/", "/7", 7, {"version": 7}, "{broken"])
def test_what_names_no_version_is_refused_with_the_forms_that_do(given: Any) -> None:
    with pytest.raises(ModelRegistryRefused, match="model@production"):
        selection(given)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("0198-ab", "0198-ab"),
        (promotion_reference(a_promotion()), "promotion-1"),
        (None, None),
        ("None", None),
        ("", None),
    ],
)
def test_a_promotion_is_its_id_or_what_a_task_returned_and_may_be_missing(given: Any, found: str | None) -> None:
    assert promotion_id(given) == found


def test_a_version_is_not_taken_for_a_promotion() -> None:
    with pytest.raises(ModelRegistryRefused):
        promotion_id(VERSION)


def test_what_tasks_hand_on_is_plain_json() -> None:
    reference = promotion_reference(a_promotion())
    assert json.loads(json.dumps(reference)) == {
        "promotion": "promotion-1",
        "model_name": "churn",
        "version": 7,
        "digest": DIGEST,
        "stage": "production",
        "url": "http://registry/promotions/promotion-1",
    }
