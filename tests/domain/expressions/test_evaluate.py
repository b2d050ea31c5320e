from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_service.domain.expressions import Expression, Reference, Scalar, Type, applies, evaluate, matches, parse
from registry_service.domain.expressions.evaluate import read_as
from registry_service.domain.expressions.tree import And, Not, Or
from tests.domain.expressions.strategies import EXPRESSIONS, LOOKUPS, VOCABULARY, Lookup

VALUES: dict[str, Scalar] = {
    "name": "fraud",
    "number": 7,
    "created_at": datetime(2026, 3, 3, tzinfo=UTC),
    "archived": True,
    "tags.team": "a",
    "metrics.auc": 0.9,
    "metrics.zero": 0.0,
    "metrics.huge": 1e308,
    "params.lr": 0.1,
    "params.opt": "adam",
    "params.n": 3,
    "params.deep": True,
    "params.said": "true",
    "current.metrics.auc": 0.91,
}


def values(reference: Reference) -> Scalar | None:
    name = reference.name if reference.key is None else f"{reference.name}.{reference.key}"
    return VALUES.get(f"current.{name}" if reference.current else name)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("name = 'fraud'", True),
        ("name != 'fraud'", False),
        ("name < 'g'", True),
        ("name < 'Z'", False),
        ("name LIKE 'fr%'", True),
        ("name LIKE 'FR%'", False),
        ("name ILIKE 'FR%'", True),
        ("name NOT LIKE 'fr%'", False),
        ("name IN ('a', 'fraud')", True),
        ("name NOT IN ('a', 'fraud')", False),
        ("number = 7", True),
        ("number IN (7)", True),
        ("number >= 7 AND number <= 7 AND NOT number > 7 AND NOT number < 7", True),
        ("created_at = '2026-03-03'", True),
        ("created_at < '2026-03-03T00:00:00.000001Z'", True),
        ("archived", True),
        ("archived = false", False),
        ("tags.team = 'a'", True),
        ("tags.none = 'a'", None),
        ("tags.none != 'a'", None),
        ("tags.none IN ('a')", None),
        ("tags.none LIKE 'a'", None),
        ("tags.none IS NULL", True),
        ("tags.none IS NOT NULL", False),
        ("tags.team IS NULL", False),
        ("tags.none = tags.team", None),
        ("signature.changed", None),
        ("params.lr = 0.1", True),
        ("params.lr = '0.1'", True),
        ("params.lr LIKE '0.%'", True),
        ("params.opt = 'adam'", True),
        ("params.opt = 1", None),
        ("params.opt", None),
        ("params.n = 3 AND params.n = '3'", True),
        ("params.deep", True),
        ("params.deep = true AND params.deep = 'true'", True),
        ("params.deep = 1", None),
        ("params.said", True),
        ("params.n = params.n", True),
        ("metrics.auc < current.metrics.auc - 0.005", True),
        ("metrics.auc < current.metrics.auc - 0.05", False),
        ("metrics.auc < current.metrics.none - 0.05", None),
        ("number * 2 - 1 = 13 AND number + 1 = 8", True),
        ("number / 2 = 3.5", True),
        ("number / metrics.zero = 1", None),
        ("metrics.huge * 10 > 1", None),
        ("tags.none = 'a' AND archived", None),
        ("tags.none = 'a' AND NOT archived", False),
        ("tags.none = 'a' OR archived", True),
        ("tags.none = 'a' OR NOT archived", None),
    ],
)
def test_what_an_expression_says(text: str, answer: bool | None) -> None:
    assert evaluate(parse(text, VOCABULARY), values) is answer


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("tags.none = 'a'", False),
        ("tags.none != 'a'", True),
        ("NOT tags.none = 'a'", True),
        ("NOT tags.none != 'a'", False),
        ("tags.none NOT IN ('a')", True),
        ("tags.none NOT LIKE 'a'", True),
        ("NOT metrics.none > 0.5", True),
        ("NOT (tags.none = 'a' AND archived)", True),
        ("tags.none = 'a' OR archived", True),
        ("tags.none != 'a' AND archived", True),
    ],
)
def test_a_filter_finds_by_not_what_lacks_the_key(text: str, found: bool) -> None:
    assert matches(parse(text, VOCABULARY), values) is found


@pytest.mark.parametrize(
    ("text", "it_applies"),
    [
        ("metrics.none < 0.5", True),
        ("NOT metrics.none < 0.5", True),
        ("signature.changed", True),
        ("metrics.auc < 0.5", False),
        ("metrics.auc < 0.5 AND metrics.none < 0.5", False),
        ("metrics.auc > 0.5", True),
        ("number / metrics.zero < 1", True),
    ],
)
def test_a_rule_applies_unless_its_condition_is_surely_false(text: str, it_applies: bool) -> None:
    assert applies(parse(text, VOCABULARY), values) is it_applies


@pytest.mark.parametrize(
    ("type_", "value", "reading"),
    [
        (Type.TEXT, None, None),
        (Type.TIME, "2026", None),
        (Type.NUMBER, "1", None),
        (Type.NUMBER, True, None),
        (Type.NUMBER, 3, 3.0),
        (Type.BOOLEAN, "false", False),
        (Type.BOOLEAN, 1, None),
        (Type.BOOLEAN, "yes", None),
        (Type.TEXT, 3, "3"),
        (Type.TEXT, 0.5, "0.5"),
        (Type.TEXT, False, "false"),
        (Type.MIXED, "a", "a"),
    ],
)
def test_a_value_of_another_type_counts_as_missing(type_: Type, value: Scalar | None, reading: Scalar | None) -> None:
    assert read_as(type_, value) == reading


@given(EXPRESSIONS, LOOKUPS)
def test_a_filter_and_its_not_share_everything_between_them(tree: Expression, lookup: Lookup) -> None:
    assert matches(Not(tree), lookup) is not matches(tree, lookup)


@given(EXPRESSIONS, LOOKUPS)
def test_where_nothing_is_missing_all_three_agree(tree: Expression, lookup: Lookup) -> None:
    answer = evaluate(tree, lookup)
    if answer is True:
        assert applies(tree, lookup)
    if answer is False:
        assert not applies(tree, lookup)
    if answer is None:
        assert applies(tree, lookup)
        assert applies(Not(tree), lookup)


@given(EXPRESSIONS, EXPRESSIONS, EXPRESSIONS, LOOKUPS)
def test_the_laws_of_three_valued_logic_hold(a: Expression, b: Expression, c: Expression, lookup: Lookup) -> None:
    def same(left: Expression, right: Expression) -> None:
        assert evaluate(left, lookup) is evaluate(right, lookup)
        assert matches(left, lookup) is matches(right, lookup)

    same(Not(Not(a)), a)
    same(And((a, a)), a)
    same(Or((a, a)), a)
    same(And((a, b)), And((b, a)))
    same(Or((a, b)), Or((b, a)))
    same(And((a, And((b, c)))), And((a, b, c)))
    same(Not(And((a, b))), Or((Not(a), Not(b))))
    same(Not(Or((a, b))), And((Not(a), Not(b))))
    same(And((a, Or((b, c)))), Or((And((a, b)), And((a, c)))))
    same(Or((a, And((a, b)))), a)


@given(EXPRESSIONS, LOOKUPS, st.data())
def test_a_settled_answer_stays_when_what_was_missing_comes(
    tree: Expression, lookup: Lookup, data: st.DataObject
) -> None:
    """Kleene's logic is monotone: this is what makes it safe to judge with gaps. IS NULL alone looks at the gap."""

    later = data.draw(LOOKUPS)

    def filled(reference: Reference) -> Scalar | None:
        present = lookup(reference)
        return later(reference) if present is None else present

    answer = evaluate(tree, lookup)
    if answer is not None and "IsNull" not in repr(tree):
        assert evaluate(tree, filled) is answer
