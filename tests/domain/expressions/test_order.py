from __future__ import annotations

import pytest

from registry_service.domain.errors import InvalidInput
from registry_service.domain.expressions import Reference, Type, parse_names, parse_order
from tests.domain.expressions.strategies import VOCABULARY

AUC = Reference("metrics", Type.NUMBER, "auc")


@pytest.mark.parametrize(
    ("text", "reference", "descending"),
    [
        ("name", Reference("name", Type.TEXT), False),
        (" name  ASC ", Reference("name", Type.TEXT), False),
        ("metrics.auc desc", AUC, True),
        ("metrics.auc DESC", AUC, True),
        ("tags.`a b` desc", Reference("tags", Type.TEXT, "a b"), True),
    ],
)
def test_an_order_is_a_name_and_a_direction(text: str, reference: Reference, descending: bool) -> None:
    assert parse_order(text, VOCABULARY) == (reference, descending)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Give one name"),
        ("'name'", "Give one name"),
        ("name sideways", "Give one name"),
        ("name, number", "Give one name"),
        ("name desc desc", "Give one name"),
        ("secret", "'secret' is unknown here; known are archived"),
        ("metrics", "'metrics' needs a key"),
        ("name %", "means nothing here"),
    ],
)
def test_what_is_no_order_is_refused_with_what_to_write(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match="Can't order by") as refusal:
        parse_order(text, VOCABULARY)
    assert said in refusal.value.message
    assert refusal.value.code == "invalid_input"


def test_names_stand_between_commas() -> None:
    assert parse_names(" name, tags.`a,b` ,metrics.auc", VOCABULARY) == [
        ("name", Reference("name", Type.TEXT)),
        ("tags.`a,b`", Reference("tags", Type.TEXT, "a,b")),
        ("metrics.auc", AUC),
    ]


@pytest.mark.parametrize(
    "text", ["", ",", "name,", "name number", "name name name", "'name'", "name = number", "name;", "secret", "tags"]
)
def test_what_holds_no_names_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_names(text, VOCABULARY)
    assert refusal.value.details["field"] == "fields"
