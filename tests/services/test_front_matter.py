"""Front matter, by either of PyYAML's parsers."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from registry_service.domain.errors import InvalidCard
from registry_service.services.front_matter import LOADER, read_front_matter

LOADERS = [yaml.SafeLoader, *([LOADER] if LOADER is not yaml.SafeLoader else [])]
loaders = pytest.mark.parametrize("loader", LOADERS)

CARD = """
# A card as they are found in the field.
license: apache-2.0
language:
- no
- en
tags: [fraud, tabular]
date: 2026-03-03
version: 1.10
ratio: .5
count: 0x1F
mode: 0o17
on: off
1: one
empty:
quoted: "true"
folded: >
  two
  lines
model-index:
- name: fraud
  results:
  - task: {type: tabular-classification}
    metrics: [{type: auc, value: 0.93, verified: true}]
"""


@loaders
def test_values_are_those_of_the_core_schema(loader: Any) -> None:
    found = read_front_matter(CARD, loader=loader)
    assert found == {
        "license": "apache-2.0",
        "language": ["no", "en"],
        "tags": ["fraud", "tabular"],
        "date": "2026-03-03",
        "version": 1.1,
        "ratio": 0.5,
        "count": 31,
        "mode": 15,
        "on": "off",
        "1": "one",
        "empty": None,
        "quoted": "true",
        "folded": "two lines\n",
        "model-index": [
            {
                "name": "fraud",
                "results": [
                    {
                        "task": {"type": "tabular-classification"},
                        "metrics": [{"type": "auc", "value": 0.93, "verified": True}],
                    }
                ],
            }
        ],
    }


@loaders
def test_numbers_that_json_does_not_keep_stay_text(loader: Any) -> None:
    found = read_front_matter(
        "a: 9007199254740993\nb: .inf\nc: -.inf\nd: .nan\ne: 1e999\nf: -9007199254740991\ng: 1_000\n"
        "h: 0xFFFFFFFFFFFFFFFF",
        loader=loader,
    )
    assert found == {
        "a": "9007199254740993",
        "b": ".inf",
        "c": "-.inf",
        "d": ".nan",
        "e": "1e999",
        "f": -9007199254740991,
        "g": "1_000",
        "h": "0xFFFFFFFFFFFFFFFF",
    }


@loaders
def test_nothing_said_is_no_fields(loader: Any) -> None:
    for text in ("", "\n\n", "# only a comment\n"):
        assert read_front_matter(text, loader=loader) == {}


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + at)}: &{chr(98 + at)} [{','.join([f'*{chr(97 + at)}'] * 9)}]\n" for at in range(20)
)
REFUSED = {
    "an anchor": ("a: 1\nb: &b 2", r"anchor or alias .* \(line 3\)"),
    "an alias": ("a: *b", "anchor or alias"),
    "a merge": ("<<: *b", "anchor or alias"),
    "billions of laughs": (BOMB, r"anchor or alias .* \(line 2\)"),
    "a cycle": ("a: &a [*a]", "anchor or alias"),
    "a tag": ("a: !!str 1", r"tag .* \(line 2\)"),
    "a tag of one's own": ("a: !x 1", "tag"),
    "code": ("a: !!python/object/apply:os.system ['true']", "tag"),
    "a list with a tag": ("a: !!set {b, c}", "tag"),
    "a key with a tag": ("!!str a: 1", "key"),
    "a key with an anchor": ("&a a: 1", "key"),
    "a list as a key": ("? [a]\n: 1", "key"),
    "a key twice": ("a: 1\nb: 2\na: 3", r"'a' twice.*\(line 4\)"),
    "a key twice within": ("a:\n  - {b: 1, b: 2}", "'b' twice"),
    "depth": ("a: " + "[" * 12 + "]" * 12, "deeper than 12"),
    "depth without end": ("a: " + "[" * 5000, "deeper than 12"),
    "depth of lists": ("a:\n" + "- " * 5000, "deeper than 12"),
    "depth of questions": ("? " * 5000, "key"),
    "two documents": ("a: 1\n...\nb: 2", "several documents|is no YAML"),
    "a list": ("- a", "isn't fields"),
    "a text": ("just a text", "isn't fields"),
    "a number": ("7", "isn't fields"),
    "a list left open": ("a: [1\n", r"is no YAML.*\(line \d\)"),
    "a tabulator": ("a:\n\tb: 1", r"is no YAML.*\(line 3\)"),
    "a directive": ("%YAML 9.9\n", "is no YAML"),
    "a character that is none": ("a: \x07", "character"),
    "NUL by an escape": ('a: "b\\0"', r"NUL.*\(line 2\)"),
    "NUL in a key": ('"\\0": 1', "NUL"),
    "half of a character": ('a: "\\ud800"', "surrogate|is no YAML"),
    "a key of half a character": ('"\\uDC00": 1', "surrogate|is no YAML"),
    "a quote left open": ("a: 'b", "is no YAML"),
}


@loaders
@pytest.mark.parametrize("what", REFUSED)
def test_what_grows_acts_or_is_none_is_refused(what: str, loader: Any) -> None:
    text, message = REFUSED[what]
    began = time.monotonic()
    with pytest.raises(InvalidCard, match=message):
        read_front_matter(text, loader=loader)
    assert time.monotonic() - began < 1


# What PyYAML takes for the ends of lines, as YAML 1.1 does, is no text on one line.
ONE_LINE = st.characters(codec="utf-8", exclude_characters="\x85\u2028\u2029")


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=5),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-(2**53) + 1, 2**53 - 1)
            | st.text(ONE_LINE, max_size=5)
            | st.floats(0, 1),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(ONE_LINE, max_size=3), inner, max_size=3)
            ),
            max_leaves=8,
        ),
        max_size=4,
    )
)
def test_json_is_read_as_itself(fields: dict[str, Any]) -> None:
    # All JSON is YAML, but for the escapes of its characters beyond the first plane and the length of a key.
    text = json.dumps(fields, ensure_ascii=False)
    for loader in LOADERS:
        try:
            found = read_front_matter(text, loader=loader)
        except InvalidCard:
            continue
        assert found == fields


@given(st.text(st.sampled_from("ab:-[]{}&*!,'\"|>#%?~.0 \n\t"), max_size=40))
def test_both_parsers_agree_on_what_can_be_told_in_json(text: str) -> None:
    answers = []
    for loader in LOADERS:
        try:
            answers.append(json.dumps(read_front_matter(text, loader=loader)))
        except InvalidCard:
            answers.append("refused")
    assert len({answer for answer in answers if answer != "refused"}) <= 1
