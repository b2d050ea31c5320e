from __future__ import annotations

import time

import pytest

from registry_service.domain.errors import InvalidInput
from registry_service.domain.words import (
    MAX_OF_CARD,
    MAX_WORD,
    MAX_WORDS,
    plain_description,
    plain_tags,
    wanted_words,
    words,
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("Fraud-Detector_v2.eu", ["fraud", "detector", "v2", "eu"]),
        ("'; DROP TABLE texts; --", ["drop", "table", "texts"]),
        ("Straße ﬁn É e\u0301", ["strasse", "fin", "é", "é"]),
        ('a"b*c:d(e)^f', ["a", "b", "c", "d", "e", "f"]),
        ("x" * 100, ["x" * MAX_WORD]),
    ],
)
def test_words_are_letters_and_digits_whatever_their_case(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_tags_are_found_by_keys_and_values() -> None:
    assert plain_tags({"team": "Risk-EU", "a": ""}) == "a team risk eu"


@pytest.mark.parametrize("text", ["", "  ", "*", '"', "- - -", "a " * (MAX_WORDS + 1)])
def test_what_holds_no_word_or_too_many_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="Give 1 to 16"):
        wanted_words(text)


def test_as_many_words_as_allowed_may_be_looked_for() -> None:
    assert wanted_words("a " * MAX_WORDS) == ["a"] * MAX_WORDS


def test_a_long_card_is_kept_by_its_first_words_whole() -> None:
    assert plain_description("Finds fraud.", "# Card\nOf *payments*") == "finds fraud card of payments"
    assert plain_description("", "") == ""
    long = plain_description("first", "word " * MAX_OF_CARD)
    assert long.startswith("first word word") and long.endswith(" word")
    assert len(long) <= len("first ") + MAX_OF_CARD


@pytest.mark.parametrize("marks", ["\u0301\u0323", "\u0301\uff9e"], ids=["accents", "accents that look like none"])
def test_accents_without_end_are_read_in_no_time(marks: str) -> None:
    began = time.monotonic()
    assert words("a" + marks * 40_000 + " end")[-1] == "end"
    assert time.monotonic() - began < 2


def test_a_word_is_one_however_long_and_however_it_is_composed() -> None:
    assert words("x" * 1_000) == ["x" * MAX_WORD]
    assert words("Ver\u0308nderung\u00a0\u2163 e\u0301") == words("ver\u0308nderung iv \u00e9")
