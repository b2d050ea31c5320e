from __future__ import annotations

from datetime import UTC, datetime

import pytest

from registry_service.cli.options import scalar
from registry_service.cli.text import cell, document, facts, joined, printable, section, table


def test_a_table_is_aligned_and_says_when_it_is_empty() -> None:
    assert table(["name", "n"], [("a", 1), ("long name", None)], empty="None.") == (
        "NAME       N\na          1\nlong name  -"
    )
    assert table(["name"], [], empty="None.") == "None."


def test_what_is_none_is_no_fact() -> None:
    assert facts({"name": "churn", "latest version": 0, "owner": None}) == "name            churn\nlatest version  0"
    assert section("files", "a\nb") == "\nfiles:\n  a\n  b"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("a\rb", r"a\x0db"),
        ("a\u202egpj.exe", r"a\x202egpj.exe"),
        ("naïve ok", "naïve ok"),
        ("two\nlines", "two\nlines"),
        ("\x9b31m", r"\x9b31m"),
    ],
)
def test_text_of_others_cannot_move_the_cursor(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_cell_is_one_line() -> None:
    assert cell("two\nlines") == "two lines"
    assert [cell(value) for value in (None, True, False, 7, 0.5)] == ["-", "yes", "no", "7", "0.5"]


def test_a_time_has_its_zone() -> None:
    shown = cell(datetime(2026, 3, 3, 12, 0, 1, 999, tzinfo=UTC))
    assert datetime.fromisoformat(shown) == datetime(2026, 3, 3, 12, 0, 1, tzinfo=UTC)


def test_lists_and_mappings_go_on_one_line() -> None:
    assert joined(["a", 1]) == "a, 1" and joined({"k": 1}) == "k=1" and joined([]) is None and joined({}) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("7", 7), ("0.5", 0.5), ("true", True), ("x", "x"), ("", ""), ('"7"', "7"), ("null", "null"), ("[1]", "[1]")],
)
def test_a_parameter_is_what_it_looks_like(text: str, value: object) -> None:
    assert scalar(text) == value and type(scalar(text)) is type(value)


def test_a_section_can_not_move_the_cursor_or_turn_the_text() -> None:
    shown = section("description", "fine\n\x1b[2J\u202ereversed\r\x9bm")
    assert shown == "\ndescription:\n  fine\n  \\x1b[2J\\x202ereversed\\x0d\\x9bm"


def test_a_document_is_one_line_of_json_cut_where_it_is_long() -> None:
    assert document(None) is document({}) is None
    assert document({"country": "AT", "classes": [1, 2]}) == '{"country":"AT","classes":[1,2]}'
    assert str(document({"x": "y" * 1000})).endswith("y… (--json shows all)")
