"""Who fills which place: bipartite matching by augmenting paths.

Rules ask for numbers of people, and each person fills one place in all. Filling rules one after the other leaves some
sets of approvals stuck for ever: an approver who is also an admin takes the approver's place, and the second approver
can't take the admin's (gitlab-org/gitlab#425759). An augmenting path (Berge 1957; Kuhn 1955) lets those seated earlier
move to another place that they may fill as well, and finds the largest number of places that can be filled.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

Place = TypeVar("Place", bound=Hashable)


def match(
    people: Sequence[str], fits: Mapping[str, Sequence[Place]], capacity: Mapping[Place, int]
) -> dict[Place, tuple[str, ...]]:
    """People by place, so that as many places as possible are filled and nobody fills two. Nobody once seated loses
    their seat, so those who come first in `people` are preferred.

    :param people: in order of preference; a name given twice counts once
    :param fits: the places that each may fill
    :param capacity: how many people each place asks for
    """

    seated: dict[Place, list[str]] = {place: [] for place in capacity}
    for person in dict.fromkeys(people):
        _seat(person, fits, capacity, seated)
    return {place: tuple(sorted(names)) for place, names in seated.items()}


def _seat(
    person: str,
    fits: Mapping[str, Sequence[Place]],
    capacity: Mapping[Place, int],
    seated: dict[Place, list[str]],
) -> None:
    """Breadth first, so without recursion: `came` remembers through whom each place was reached."""

    came: dict[Place, str] = {}
    waiting = [person]
    for name in waiting:
        for place in fits[name]:
            if place in came or place not in capacity:
                continue
            came[place] = name
            if len(seated[place]) < capacity[place]:
                _move_up(place, person, came, seated)
                return
            waiting.extend(seated[place])


def _move_up(place: Place, newcomer: str, came: Mapping[Place, str], seated: dict[Place, list[str]]) -> None:
    """Everybody on the path moves one place on; the newcomer gets the one that becomes free."""

    while True:
        name = came[place]
        seated[place].append(name)
        if name == newcomer:
            return
        place = next(other for other, names in seated.items() if name in names and other != place)
        seated[place].remove(name)
