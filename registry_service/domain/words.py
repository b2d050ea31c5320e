"""Words of texts and of what is looked for in them: the same on both databases, whose own ideas of a word differ."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from registry_service.domain.errors import InvalidInput

MAX_WORDS: Final = 16
"""Words that one may look for at once."""

MAX_WORD: Final = 64
"""Characters of a word by which it is found."""

MAX_OF_CARD: Final = 64 * 1024
"""Characters of a card's words by which its model is found: PostgreSQL keeps a megabyte of each text at most."""


# To compose a run of accents takes as long as the square of its length, so it is done in pieces, cut behind a space.
# Where there is none in so many characters, the cut may keep an accent from its letter.
_PIECE: Final = re.compile(r"(?s:.{1,256}(?:\s|\Z)|.{1,256})")


def words(text: str) -> list[str]:
    """Runs of letters and digits, without regard to case and to how a character is composed; the rest divides them."""

    plain = "".join(map(_folded, _PIECE.findall(text)))
    divided = "".join(character if character.isalnum() else " " for character in plain)
    return [word[:MAX_WORD] for word in divided.split()]


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def plain(text: str) -> str:
    """The words of a text, as it is kept to be found."""
    return " ".join(words(text))


def plain_description(description: str, card: str) -> str:
    """The words of a description, and behind them those that a card begins with."""

    of_card = plain(card)
    if len(of_card) > MAX_OF_CARD:
        of_card = of_card[:MAX_OF_CARD].rpartition(" ")[0]
    return f"{plain(description)} {of_card}".strip()


def plain_tags(tags: Mapping[str, str]) -> str:
    """The words of keys and values."""
    return plain(" ".join(f"{key} {value}" for key, value in sorted(tags.items())))


def wanted_words(text: str) -> list[str]:
    """What somebody looks for: all of these words, the last one perhaps not to its end.

    :raises InvalidInput: there is none, or there are too many.
    """

    found = words(text)
    if not 1 <= len(found) <= MAX_WORDS:
        raise InvalidInput(
            f"'{text[:80]}' has {len(found)} words. Give 1 to {MAX_WORDS} to look for, made of letters and digits.",
            field="q",
        )
    return found
