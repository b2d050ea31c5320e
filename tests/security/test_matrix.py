"""Role by route by model, compared with the table that reviewers have read: cases Z02, Z08, Z11, Z12 and N01."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from registry_service.domain.permissions import ALLOWED, Action, Role
from registry_service.web.authentication import PUBLIC
from tests.security.matrix import COLUMNS, NOBODY, as_csv, matrix, rows

KEPT = Path(__file__).with_name("matrix.csv")
ANEW = "look at what differs, then: python -m tests.security.matrix tests/security/matrix.csv"


def kept() -> dict[tuple[str, str, str], dict[str, str]]:
    with KEPT.open(newline="") as file:
        return {(row.pop("method"), row.pop("route"), row.pop("action")): row for row in csv.DictReader(file)}


def test_every_route_has_a_row_and_no_row_is_left_over() -> None:
    assert set(kept()) == set(rows()), ANEW
    assert all(tuple(row) == COLUMNS for row in kept().values())


@pytest.mark.slow
def test_a_real_service_answers_each_role_as_the_table_says() -> None:
    found = matrix()
    table = kept()
    differ = [
        f"{method} {route}, {column}: {verdict}, not {table[method, route, action][column]}"
        for (method, route, action), columns in found.items()
        for column, verdict in columns.items()
        if table[method, route, action][column] != verdict
    ]
    assert differ == [], ANEW
    assert as_csv(found) == KEPT.read_text(), ANEW


def test_the_table_gives_no_role_more_than_its_actions() -> None:
    for (_, _, action), row in kept().items():
        for role in Role:
            if action in {*Action} and action not in ALLOWED[role]:
                assert {row[f"{role}, own"], row[f"{role}, other"]} <= {"no", "."}, (action, role)
            assert row[f"{role}, other"] in {"no", "hidden", "."}, (action, role)
        assert row[NOBODY] == ("yes" if action == PUBLIC else "who?")


def test_no_cell_is_anything_else_than_a_verdict() -> None:
    assert {cell for row in kept().values() for cell in row.values()} == {"yes", "no", "hidden", "who?", "."}
