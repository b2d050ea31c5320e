"""What people write: bounded, and kept by both databases as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from registry_service.domain.errors import InvalidInput, TooLarge
from registry_service.domain.names import check_text

MAX_TEXT: Final = 64 * 1024
# In bytes, as all limits here: identities are in an index, and PostgreSQL's index rows end at 2.7 kB.
MAX_LINE: Final = 1024
MAX_PEOPLE: Final = 100


def check_description(text: str, what: str = "The description") -> None:
    """:raises TooLarge: longer than 64 KiB.
    :raises InvalidInput: it holds what no database keeps.
    """

    check_text(text, what, limit=MAX_TEXT)


def check_reason(reason: str, message: str) -> None:
    """For what has to be justified.

    :raises InvalidInput: there is no reason; with this message.
    :raises TooLarge: it is longer than 64 KiB.
    """

    if not reason.strip():
        raise InvalidInput(message, field="reason")
    check_description(reason, "The reason")


def check_line(text: str | None, what: str) -> None:
    """For addresses and names that others give.

    :raises TooLarge: longer than 1 KiB.
    :raises InvalidInput: it holds what no database keeps.
    """

    if text is not None:
        check_text(text, what, limit=MAX_LINE)


def check_people(people: Sequence[str]) -> None:
    """Who is said to have taken part; names, not necessarily of principals.

    :raises TooLarge: more than 100, or one of them is no name any more.
    :raises InvalidInput: one holds what no database keeps.
    """

    if len(people) > MAX_PEOPLE:
        raise TooLarge(f"people names more than {MAX_PEOPLE}. Name those who took part.", people=len(people))
    for name in people:
        check_line(name, "A name in people")
