"""Model cards (Mitchell et al., "Model Cards for Model Reporting", 2019) in the form that the field gives them:
Markdown that may begin with front matter in YAML, between two lines of `---`.

    ---
    license: apache-2.0
    tags: [fraud, tabular]
    ---
    # What it is for

Reading YAML is not for here: this is about where it stands, what its well-known fields hold, and what changed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from registry_service.domain.entities.card import CardChange, CardChanges, CardFieldChange, CardSectionChange
from registry_service.domain.errors import InvalidCard, TooLarge
from registry_service.domain.names import check_text

MAX_CARD_BYTES: Final = 256 * 1024
MAX_FRONT_MATTER_BYTES: Final = 16 * 1024
MAX_CHANGES: Final = 100
MAX_HEADING: Final = 200

_BEGIN: Final = re.compile(r"\ufeff?---[ \t]*\r?\n")
_END: Final = re.compile(r"^---[ \t]*(?:\r?\n|\Z)", re.MULTILINE)
# CommonMark 0.31, sections 4.2 and 4.5. Headings in HTML or underlined ones part nothing here.
# Nothing in them can match a run of characters in two ways: a line may be as long as a card, and is read while nobody
# else is answered.
_HEADING: Final = re.compile(r" {0,3}#{1,6}(?:[ \t](.*))?")
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")

# Text, or several.
NAMING_FIELDS: Final = ("base_model", "datasets", "language", "license", "metrics", "tags")
TEXT_FIELDS: Final = ("intended_use", "library_name", "license_link", "license_name", "limitations", "pipeline_tag")


class Parts(NamedTuple):
    """`front_matter` is the YAML; None where the text has none."""

    front_matter: str | None
    body: str


def check_card(text: str) -> Parts:
    """Whether the text can be a card, and what it is made of.

    :raises TooLarge: more than 256 KiB, or front matter of more than 16 KiB.
    :raises InvalidInput: it holds NUL or half of a surrogate pair.
    :raises InvalidCard: it is empty, or its front matter doesn't end.
    """

    check_text(text, "The card", limit=MAX_CARD_BYTES)
    if not text.strip():
        raise InvalidCard("The card is empty. Write what the model is for, and what it isn't.")
    parts = parts_of(text)
    if parts.front_matter is not None:
        size = len(parts.front_matter.encode())
        if size > MAX_FRONT_MATTER_BYTES:
            raise TooLarge(
                f"The front matter has {size} bytes; {MAX_FRONT_MATTER_BYTES} are the limit. Move text below it.",
                size=size,
            )
    return parts


def parts_of(text: str) -> Parts:
    """:raises InvalidCard: the front matter doesn't end."""

    begin = _BEGIN.match(text)
    if begin is None:
        return Parts(None, text)
    end = _END.search(text, begin.end())
    if end is None:
        raise InvalidCard(
            "The first line, ---, begins front matter, and no line --- ends it. Add one, or begin with another line.",
            line=1,
        )
    return Parts(text[begin.end() : end.start()], text[end.end() :])


def check_front_matter(fields: Mapping[str, Any]) -> None:
    """Whether the well-known fields hold what they are known to; of others, nothing is asked.

    :raises InvalidCard: one of them doesn't; `details["field"]` says which.
    """

    for name in NAMING_FIELDS:
        value = fields.get(name)
        if not (value is None or isinstance(value, str) or _is_texts(value)):
            raise InvalidCard(
                f"'{name}' of the front matter is a text or a list of texts. Quote what reads as a number or a truth"
                " value.",
                field=name,
            )
    for name in TEXT_FIELDS:
        if not isinstance(fields.get(name), str | None):
            raise InvalidCard(f"'{name}' of the front matter is a text. Quote it, or write it below.", field=name)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


class Card(NamedTuple):
    """What can be compared of a card."""

    front_matter: Mapping[str, Any]
    text: str


def compare_cards(before: Card, after: Card) -> CardChanges:
    """What `after` says differently: fields of the front matter, and sections by their headings. Of several sections
    with one heading, the first is compared with the first."""

    old, new = _sections(before.text), _sections(after.text)
    fields = [
        CardFieldChange(
            name=name, change=change, before=before.front_matter.get(name), after=after.front_matter.get(name)
        )
        for name, change in _changes(before.front_matter, after.front_matter)
    ]
    sections = [CardSectionChange(heading=heading, change=change) for (heading, _), change in _changes(old, new)]
    return CardChanges(
        fields=fields[:MAX_CHANGES],
        sections=sections[:MAX_CHANGES],
        complete=max(len(fields), len(sections)) <= MAX_CHANGES,
    )


def _changes(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> Iterator[tuple[Any, CardChange]]:
    """In the order of the new one, then what is gone."""

    for key, value in new.items():
        if key not in old:
            yield key, CardChange.ADDED
        elif not _same(old[key], value):
            yield key, CardChange.CHANGED
    for key in old:
        if key not in new:
            yield key, CardChange.REMOVED


def _same(one: object, other: object) -> bool:
    # To Python, True is 1.
    return one == other and repr(one) == repr(other)


def _sections(text: str) -> dict[tuple[str, int], str]:
    """By heading and its count so far: the lines below it, however they end."""

    met: Counter[str] = Counter()
    found: dict[tuple[str, int], list[str]] = {}
    lines = found[("", 0)] = []
    fence = ""
    for line in parts_of(text).body.splitlines():
        fenced = _FENCE.fullmatch(line)
        if fenced is not None and not fence:
            fence = fenced[1]
        elif fenced is not None and fenced[1].startswith(fence) and not fenced[2].strip():
            fence = ""
        heading = None if fence else _HEADING.fullmatch(line)
        if heading is None:
            lines.append(line.rstrip())
            continue
        name = _without_closing(heading[1] or "")[:MAX_HEADING]
        met[name] += 1
        lines = found[name, met[name]] = []
    return {key: "\n".join(lines).strip() for key, lines in found.items() if key[1] or any(lines)}


def _without_closing(heading: str) -> str:
    """The text of a heading without the signs that may close it: they stand behind a space, or alone."""

    text = heading.strip()
    opened = text.rstrip("#")
    return opened.rstrip() if not opened or opened[-1] in " \t" else text
