from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_service.domain.errors import InvalidSelector
from registry_service.domain.selectors import ByDigest, ByNumber, ByPointer, Latest, Selector, parse_selector

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "selector"),
    [
        ("7", ByNumber(7)),
        ("2147483647", ByNumber(2**31 - 1)),
        ("latest", Latest()),
        ("@champion", ByPointer("champion")),
        ("@production", ByPointer("production")),
        (DIGEST, ByDigest(DIGEST)),
    ],
)
def test_selectors_are_read_and_written_alike(text: str, selector: Selector) -> None:
    assert parse_selector(text) == selector
    assert str(selector) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "-1",
        "007",
        "7 ",
        " 7",
        "1.0",
        "v7",
        "2147483648",
        "9" * 5000,
        "\u0667",
        "\uff17",
        "Latest",
        "champion",
        "@",
        "@latest",
        "@7",
        "@v7",
        "@a b",
        "@../x",
        "@ü",
        "sha256:",
        DIGEST[:-1],
        DIGEST.upper(),
        "md5:x",
        "a\ud800",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidSelector) as refusal:
        parse_selector(text)
    assert len(refusal.value.message) < 400


@given(st.text())
def test_a_selector_or_a_refusal(text: str) -> None:
    with contextlib.suppress(InvalidSelector):
        assert str(parse_selector(text)) == text
