from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_service.domain.expressions.patterns import Wildcard, fold_ascii, is_like, symbols
from tests.domain.expressions.strategies import PATTERNS


@pytest.mark.parametrize(
    ("text", "pattern", "fits"),
    [
        ("", "", True),
        ("", "%", True),
        ("", "_", False),
        ("abc", "abc", True),
        ("abc", "ab", False),
        ("abc", "a%", True),
        ("abc", "%c", True),
        ("abc", "%b%", True),
        ("abc", "a_c", True),
        ("abc", "a_", False),
        ("aXbXc", "a%b%c", True),
        ("abab", "%ab", True),
        ("a%c", r"a\%c", True),
        ("abc", r"a\%c", False),
        ("a_c", r"a\_c", True),
        ("abc", r"a\_c", False),
        ("a\\c", r"a\\c", True),
        ("a\nb", "a_b", True),
        ("ABC", "abc", False),
        ("größe", "gr__e", True),
        ("a.c", "abc", False),
        ("[a]", "[a]", True),
    ],
)
def test_patterns(text: str, pattern: str, fits: bool) -> None:
    assert is_like(text, pattern, ignore_case=False) is fits


def test_only_ascii_letters_lose_their_case() -> None:
    assert is_like("ABC-x", "abC-%", ignore_case=True)
    assert not is_like("GRÖSSE", "größe", ignore_case=True)
    assert not is_like("Ö", "ö", ignore_case=True)
    assert not is_like("\u212a", "k", ignore_case=True), "the Kelvin sign is no ASCII letter"
    assert fold_ascii("ABCÄ[`") == "abcÄ[`"


def test_a_backslash_takes_the_meaning_of_what_follows() -> None:
    assert symbols(r"\%%\_\\") == ["%", Wildcard.ANY, "_", "\\"]
    for broken in ["\\", "a\\", r"\a", "%\\"]:
        with pytest.raises(ValueError, match="backslash"):
            symbols(broken)


@settings(max_examples=300)
@given(st.text("aAb%_\\*?[ß", max_size=6), PATTERNS, st.booleans())
def test_they_mean_what_the_regular_expression_means(text: str, pattern: str, ignore_case: bool) -> None:
    meaning = {Wildcard.ANY: ".*", Wildcard.ONE: "."}
    regex = "".join(re.escape(one) if isinstance(one, str) else meaning[one] for one in symbols(pattern))
    flags = re.DOTALL | (re.IGNORECASE | re.ASCII if ignore_case else 0)
    # ASCII alone leaves the case of other letters to `re`; fold both instead.
    wanted = re.fullmatch(fold_ascii(regex) if ignore_case else regex, fold_ascii(text) if ignore_case else text, flags)
    assert is_like(text, pattern, ignore_case=ignore_case) is (wanted is not None)


def test_a_hostile_pattern_costs_no_more_than_its_length_times_the_text() -> None:
    began = time.process_time()
    assert not is_like("a" * 2000, "%a" * 500 + "b", ignore_case=False)
    assert time.process_time() - began < 5


@pytest.mark.parametrize("end", ["b%", "_b%", "%b"])
def test_a_long_pattern_that_nearly_fits_everywhere_takes_no_seconds(end: str) -> None:
    began = time.process_time()
    assert not is_like("a" * 6_000, "%" + "a" * 3_000 + end, ignore_case=False)
    assert time.process_time() - began < 1
