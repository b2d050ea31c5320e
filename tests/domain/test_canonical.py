from __future__ import annotations

import json
import math
import struct
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


@pytest.mark.parametrize(
    ("bits", "text"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("ffefffffffffffff", "-1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("c340000000000000", "-9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("44b52d02c7e14af7", "1.0000000000000001e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef4f", "999999999999999900000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("41b3de4355555554", "333333333.33333325"),
        ("41b3de4355555555", "333333333.3333333"),
        ("41b3de4355555556", "333333333.3333334"),
        ("41b3de4355555557", "333333333.33333343"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_numbers_come_out_as_the_rfc_lists_them(bits: str, text: str) -> None:
    """RFC 8785, appendix B."""
    assert canonical(struct.unpack(">d", bytes.fromhex(bits))[0]).decode() == text


@given(st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("<d", bits.to_bytes(8, "little"))[0]))
def test_any_double_is_written_as_shortly_as_python_does_and_read_again(number: float) -> None:
    if not math.isfinite(number):
        with pytest.raises(InvalidMetadata):
            canonical(number)
        return
    text = canonical(number).decode()
    assert float(text) == number
    assert significant(text) == significant(repr(number))


def significant(text: str) -> str:
    return text.lower().partition("e")[0].lstrip("-").replace(".", "").strip("0")
