"""When a search is refused because others are searching: before it waits, or when it has waited too long. An answer
that comes when nobody waits for it any more only keeps others waiting."""

from __future__ import annotations

from typing import Final

from registry_service.domain.errors import Overloaded

PATIENCE_WITH_SEARCHES_S: Final = 2.0
"""Searches that have waited for so long show that more are asked for than can be answered: further ones are refused."""

LONGEST_WAIT_S: Final = 10.0
"""A search that has waited for so long isn't begun."""

_MESSAGE: Final = "More is asked for than can be searched at a time. Try again in a few seconds."


def refuse_impatiently(waited: float) -> None:
    """:param waited: for how many seconds the oldest search that waits does so
    :raises Overloaded: for longer than anybody should.
    """

    if waited > PATIENCE_WITH_SEARCHES_S:
        raise Overloaded(_MESSAGE)


def refuse_belatedly(waited: float, longest: float = LONGEST_WAIT_S) -> None:
    """:param waited: for how many seconds the search whose turn has come did
    :raises Overloaded: too long.
    """

    if waited > longest:
        raise Overloaded(_MESSAGE)
