from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_service.domain.canonical import MAX_DEPTH, canonical
from registry_service.domain.errors import InvalidMetadata

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def reordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reordered(inner) for key, inner in reversed(value.items())}
    return [reordered(inner) for inner in value] if isinstance(value, list) else value


def test_the_example_of_the_rfc_comes_out_as_it_says() -> None:
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 1e-27],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    assert canonical(value).decode() == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


@given(JSON)
def test_the_order_of_keys_makes_no_difference(value: Any) -> None:
    assert canonical(reordered(value)) == canonical(value)


@given(JSON)
def test_it_is_json_that_says_the_same(value: Any) -> None:
    # Large doubles are written without an exponent, as JavaScript does.
    assert json.loads(canonical(value), parse_int=float) == value


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ({"metrics": {"auc": math.nan}}, "metrics.auc"),
        ({"score": math.inf}, "score"),
        ({"extra": {"a": [0, {"b": -math.inf}]}}, "extra.a[1].b"),
        ({"params": {"id": 2**53}}, "params.id"),
        ({"params": {"id": -(2**53)}}, "params.id"),
        ({"extra": {"raw": b""}}, "extra.raw"),
        ({"extra": {1: "x"}}, "extra"),
        ({"extra": {"t": "\ud800"}}, "extra.t"),
        ({"extra": {"\ud800": 1}}, "extra"),
        (math.nan, "the value"),
    ],
)
def test_what_has_no_canonical_form_is_refused_by_its_key(value: object, key: str) -> None:
    with pytest.raises(InvalidMetadata) as refusal:
        canonical(value)
    assert refusal.value.details == {"key": key}
    assert refusal.value.message.startswith(key)


def test_the_place_is_told_from_where_the_caller_says() -> None:
    with pytest.raises(InvalidMetadata, match=r"^extra\.a is nan"):
        canonical({"a": math.nan}, at="extra")


def test_integers_are_exact_up_to_the_limit() -> None:
    assert canonical([2**53 - 1, -(2**53) + 1]) == b"[9007199254740991,-9007199254740991]"


def test_depth_has_a_limit() -> None:
    value: list[Any] = []
    for _ in range(MAX_DEPTH):
        value = [value]
    canonical(value)
    with pytest.raises(InvalidMetadata, match="deeper than 32"):
        canonical([value])
