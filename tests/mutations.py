"""Near misses: valid texts and documents with something in them changed, for property tests. Random text alone hardly
ever comes near to what a reader takes."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Final

from hypothesis import strategies as st

# What readers most likely take for something else: digits of other scripts, spaces that aren't ASCII, letters that
# change with their case, a half of a surrogate pair.
TRICKS: Final = "\0\t\n\r\x0b\x1f \"'*,-./:;=@\\_09azAZ\x7f\x85\xa0\xb2\u0130\u0661\u200b\u2028\u212a\uff17\ud800"


@st.composite
def nearly(draw: st.DrawFn, valid: st.SearchStrategy[str], tricks: str = TRICKS) -> str:
    """A valid text after one to three changes; some of them leave it valid, or even as it was."""
    text = draw(valid)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        end = at + draw(st.integers(0, 2))
        middle = draw(st.sampled_from(["", text[at:end] * 2, text[at:end].swapcase(), text[at:end][::-1], *tricks]))
        text = text[:at] + middle + text[end:]
    return text


def near_misses(*valid: str) -> Iterator[str]:
    """These texts, and each of them after every single change: a character left out, repeated, or a trick put before
    it or into its place. For what random changes would meet too seldom."""
    for text in valid:
        yield text
        for at in range(len(text) + 1):
            for rest in {text[at:], text[at + 1 :]}:
                yield from (text[:at] + trick + rest for trick in ("", text[at : at + 1] * 2, *TRICKS))


OTHERS: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1.5, 2**31, 2**53, 2**63, 2**64, 10**400, 1e308, "", "1", "x", "a\0b", "x" * 20_000,
    [], {}, [None], [[]], {"": None}, ["x", "x"], [{}],
)  # fmt: skip
REPEATED: Final = "\x01again"


@st.composite
def nearly_document(draw: st.DrawFn, documents: list[Any]) -> Any:
    """A document after one change in it: something left out, of another type, under another name, or once more. A
    field that comes again does so under its name and REPEATED."""
    document = copy.deepcopy(draw(st.sampled_from(documents)))
    holder, key = draw(st.sampled_from(list(_places(document))))
    value = holder[key]
    match draw(st.sampled_from(["left out", "other", "other", "wrapped", "renamed", "again"])):
        case "left out":
            del holder[key]
        case "other":
            holder[key] = copy.deepcopy(draw(st.sampled_from(OTHERS)))
        case "wrapped":
            holder[key] = draw(st.sampled_from([[value], {"value": value}, str(value)]))
        case _ if isinstance(holder, list):
            holder.append(copy.deepcopy(value))
        case "renamed":
            holder[draw(nearly(st.just(key), "_- xX"))] = holder.pop(key)
        case _:
            holder[key + REPEATED] = value
    return document


def _places(value: Any) -> Any:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(inside):
        yield value, key
        yield from _places(inner)
