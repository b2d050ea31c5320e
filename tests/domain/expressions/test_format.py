from __future__ import annotations

import pytest

from registry_service.domain.expressions import formatted, parse, references, references_current
from tests.domain.expressions.strategies import VOCABULARY


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("name='a' or name=\"it's\"", "name = 'a' OR name = 'it''s'"),
        ("not name = 'a'", "name != 'a'"),
        ('not tags.a in ("x")', "tags.a NOT IN ('x')"),
        ("not (name like 'a%')", "name NOT LIKE 'a%'"),
        ("name ilike 'a%'", "name ILIKE 'a%'"),
        ("not name is null", "name IS NOT NULL"),
        ("not number < 5.0", "NOT number < 5"),
        ("not archived", "NOT archived"),
        ("not (archived and (archived or archived))", "NOT (archived AND (archived OR archived))"),
        ("(archived and archived) or archived", "archived AND archived OR archived"),
        ("(archived or archived) or archived", "(archived OR archived) OR archived"),
        ("archived = TRUE", "archived = true"),
        ("archived != FALSE", "archived != false"),
        ("tags.`a` = 'x'", "tags.a = 'x'"),
        ("tags.\"a b\" = 'x'", "tags.`a b` = 'x'"),
        ("tags.\"a`b\" = 'x'", "tags.`a``b` = 'x'"),
        ("created_at > '2026-03-03'", "created_at > '2026-03-03T00:00:00+00:00'"),
        ("number = 1e-3", "number = 0.001"),
        ("number = (1 + 2) * 3 - (4 - 5) / 6", "number = (1 + 2) * 3 - (4 - 5) / 6"),
        ("number = (1 + 2) + 3", "number = 1 + 2 + 3"),
        ("number = 1 + (2 * 3)", "number = 1 + 2 * 3"),
        ("current.metrics.auc > 0", "current.metrics.auc > 0"),
    ],
)
def test_each_thing_is_said_in_one_way(text: str, spelling: str) -> None:
    assert formatted(parse(text, VOCABULARY)) == spelling


def test_an_expression_knows_what_it_speaks_of() -> None:
    tree = parse(
        "NOT (name = 'a' AND tags.b IN ('x')) OR metrics.auc < current.metrics.auc - 0.1 OR archived", VOCABULARY
    )
    assert [(one.name, one.key, one.current) for one in references(tree)] == [
        ("name", None, False),
        ("tags", "b", False),
        ("metrics", "auc", False),
        ("metrics", "auc", True),
        ("archived", None, False),
    ]
    assert references_current(tree)
    assert not references_current(parse("metrics.auc > 0.1", VOCABULARY))
