from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from registry_service.domain.matching import match

PEOPLE = ("ann", "ben", "cyd", "dan", "eve")
PLACES = ("one", "two", "three")

fitting = st.dictionaries(
    st.sampled_from(PEOPLE), st.lists(st.sampled_from(PLACES), unique=True, max_size=3), min_size=0, max_size=5
)
capacities = st.fixed_dictionaries({place: st.integers(0, 3) for place in PLACES})


def most_by_trying_all(fits: dict[str, list[str]], capacity: dict[str, int]) -> int:
    """Every way to seat everybody or leave them standing."""

    best = 0
    for choice in itertools.product(*[[None, *places] for places in fits.values()]):
        taken = {place: choice.count(place) for place in capacity}
        if all(taken[place] <= capacity[place] for place in capacity):
            best = max(best, sum(taken.values()))
    return best


@given(fitting, capacities)
def test_as_many_places_are_filled_as_by_trying_all(fits: dict[str, list[str]], capacity: dict[str, int]) -> None:
    seated = match(list(fits), fits, capacity)
    assert sum(len(names) for names in seated.values()) == most_by_trying_all(fits, capacity)


@given(fitting, capacities)
def test_nobody_sits_twice_or_where_they_do_not_fit_and_no_place_overflows(
    fits: dict[str, list[str]], capacity: dict[str, int]
) -> None:
    seated = match(list(fits), fits, capacity)
    names = [name for people in seated.values() for name in people]
    assert len(names) == len(set(names))
    assert all(place in fits[name] for place, people in seated.items() for name in people)
    assert all(len(people) <= capacity[place] for place, people in seated.items())


@given(fitting, capacities, st.data())
def test_who_comes_first_keeps_a_seat(
    fits: dict[str, list[str]], capacity: dict[str, int], data: st.DataObject
) -> None:
    people = list(fits)
    first = people[: data.draw(st.integers(0, len(people)))]
    before = {name for names in match(first, fits, capacity).values() for name in names}
    after = {name for names in match(people, fits, capacity).values() for name in names}
    assert before <= after


def test_an_approver_who_is_also_admin_makes_room_for_another_approver() -> None:
    """gitlab-org/gitlab#425759: filled one rule after the other, this set of approvals is stuck for ever."""

    fits = {"ann": ["approver", "admin"], "ben": ["approver"]}
    assert match(["ann", "ben"], fits, {"approver": 1, "admin": 1}) == {"approver": ("ben",), "admin": ("ann",)}


def test_a_chain_of_three_moves_up() -> None:
    fits = {"ann": ["a", "b"], "ben": ["b", "c"], "cyd": ["a"], "dan": ["b"]}
    seated = match(["ann", "ben", "cyd", "dan"], fits, {"a": 1, "b": 1, "c": 1})
    assert sum(map(len, seated.values())) == 3
    seated = match(["cyd", "ann", "ben"], fits, {"a": 1, "b": 1, "c": 1})
    assert seated == {"a": ("cyd",), "b": ("ann",), "c": ("ben",)}


def test_a_name_given_twice_fills_one_place() -> None:
    assert match(["ann", "ann"], {"ann": ["a"]}, {"a": 2}) == {"a": ("ann",)}


def test_places_that_nobody_asks_for_are_left_alone() -> None:
    assert match(["ann"], {"ann": ["elsewhere"]}, {"a": 1}) == {"a": ()}
