from __future__ import annotations

import sys
from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_service.domain.errors import InvalidFilter
from registry_service.domain.expressions import Expression, Reference, Type, Vocabulary, formatted, parse
from registry_service.domain.expressions.lexer import MAX_BYTES
from registry_service.domain.expressions.parser import MAX_NESTING, MAX_TERMS
from registry_service.domain.expressions.tree import (
    And,
    Arithmetic,
    ArithmeticOperator,
    Comparison,
    In,
    IsNull,
    Like,
    Literal,
    Not,
    Operator,
    Or,
    Truth,
)
from tests.domain.expressions.strategies import EXPRESSIONS, VOCABULARY

NAME = Reference("name", Type.TEXT)
NUMBER = Reference("number", Type.NUMBER)
AUC = Reference("metrics", Type.NUMBER, "auc")
CURRENT_AUC = Reference("metrics", Type.NUMBER, "auc", current=True)
ARCHIVED = Reference("archived", Type.BOOLEAN)
CREATED = Reference("created_at", Type.TIME)


def tag(key: str) -> Reference:
    return Reference("tags", Type.TEXT, key)


def param(type_: Type) -> Reference:
    return Reference("params", type_, "x")


def equal(reference: Reference, value: str | float | bool | datetime) -> Comparison:
    return Comparison(Operator.EQUAL, reference, Literal(value))


A, B, C = equal(NAME, "a"), equal(NAME, "b"), equal(NAME, "c")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("name = 'a'", A),
        ("name='a'", A),
        ('\tname\n=\r"a" ', A),
        ("'a' = name", Comparison(Operator.EQUAL, Literal("a"), NAME)),
        ("name = 'it''s'", equal(NAME, "it's")),
        ('name = "a""b\'"', equal(NAME, "a\"b'")),
        ("name = ''", equal(NAME, "")),
        ("name != 'a'", Not(A)),
        ("number = -1.5", equal(NUMBER, -1.5)),
        ("number = - 2", equal(NUMBER, -2.0)),
        ("number = .5", equal(NUMBER, 0.5)),
        ("number = 5.", equal(NUMBER, 5.0)),
        ("number >= 1e-3", Comparison(Operator.GREATER_OR_EQUAL, NUMBER, Literal(0.001))),
        ("number <= 1E+3", Comparison(Operator.LESS_OR_EQUAL, NUMBER, Literal(1000.0))),
        ("number < 1", Comparison(Operator.LESS, NUMBER, Literal(1.0))),
        ("1 > number", Comparison(Operator.GREATER, Literal(1.0), NUMBER)),
        ("archived", Truth(ARCHIVED)),
        ("(archived)", Truth(ARCHIVED)),
        ("signature.changed", Truth(Reference("signature.changed", Type.BOOLEAN))),
        ("archived = TRUE", equal(ARCHIVED, value=True)),
        ("archived != false", Not(equal(ARCHIVED, value=False))),
        ("tags.a.b = 'x'", equal(tag("a.b"), "x")),
        ("tags.`a b``c` = 'x'", equal(tag("a b`c"), "x")),
        ('tags."a`b""" = \'x\'', equal(tag('a`b"'), "x")),
        ("tags.in = 'x'", equal(tag("in"), "x")),
        ("tags.1 = 'x'", equal(tag("1"), "x")),
        ("current.tags.`a` = 'x'", equal(Reference("tags", Type.TEXT, "a", current=True), "x")),
        ("metrics.auc < current.metrics.auc", Comparison(Operator.LESS, AUC, CURRENT_AUC)),
        (
            "metrics.auc < current.metrics.auc - 0.005",
            Comparison(Operator.LESS, AUC, Arithmetic(ArithmeticOperator.SUBTRACT, CURRENT_AUC, Literal(0.005))),
        ),
        ("name IN ('a')", In(NAME, ("a",))),
        ("name not in ('a', 'b')", Not(In(NAME, ("a", "b")))),
        ("number in (1,-2)", In(NUMBER, (1.0, -2.0))),
        ("archived IN (true)", In(ARCHIVED, (True,))),
        ("name LIKE 'a%'", Like(NAME, "a%")),
        ("name ILIKE 'a\\%'", Like(NAME, "a\\%", ignore_case=True)),
        ("name NOT LIKE 'a'", Not(Like(NAME, "a"))),
        ("params.x LIKE 'a'", Like(param(Type.TEXT), "a")),
        ("tags.a IS NULL", IsNull(tag("a"))),
        ("tags.a is not null", Not(IsNull(tag("a")))),
        ("params.x IS NULL", IsNull(param(Type.MIXED))),
        ("created_at > '2026-03-03'", Comparison(Operator.GREATER, CREATED, Literal(datetime(2026, 3, 3, tzinfo=UTC)))),
        ("created_at = '2026-03-03T02:00:00+02:00'", equal(CREATED, datetime(2026, 3, 3, tzinfo=UTC))),
        (
            "'2026-03-03T00:00Z' = created_at",
            Comparison(Operator.EQUAL, Literal(datetime(2026, 3, 3, tzinfo=UTC)), CREATED),
        ),
        ("created_at IN ('2026-03-03')", In(CREATED, (datetime(2026, 3, 3, tzinfo=UTC),))),
        (
            "created_at = current.created_at",
            Comparison(Operator.EQUAL, CREATED, Reference("created_at", Type.TIME, None, current=True)),
        ),
    ],
)
def test_what_can_be_said(text: str, tree: Expression) -> None:
    assert parse(text, VOCABULARY) == tree


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("params.x = 'a'", Type.TEXT),
        ("'a' = params.x", Type.TEXT),
        ("params.x = 1", Type.NUMBER),
        ("1 < params.x", Type.NUMBER),
        ("params.x = true", Type.BOOLEAN),
        ("params.x", Type.BOOLEAN),
        ("params.x = name", Type.TEXT),
        ("params.x = metrics.a", Type.NUMBER),
        ("params.x = metrics.a + 1", Type.NUMBER),
        ("params.x + 1 = metrics.a", Type.NUMBER),
        ("params.x = params.x", Type.TEXT),
        ("params.x IN ('a', 'b')", Type.TEXT),
        ("params.x IN (1, 2)", Type.NUMBER),
    ],
)
def test_a_param_is_read_as_what_it_is_compared_with(text: str, type_: Type) -> None:
    assert f"'params', type={type_!r}" in repr(parse(text, VOCABULARY))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("name='a' OR name='b' AND name='c'", Or((A, And((B, C))))),
        ("(name='a' OR name='b') AND name='c'", And((Or((A, B)), C))),
        ("NOT name='a' AND name='b'", And((Not(A), B))),
        ("NOT (name='a' AND name='b')", Not(And((A, B)))),
        ("not not name='a'", Not(Not(A))),
        ("name='a' and name='b' and name='c'", And((A, B, C))),
        ("name='a' or name='b' or name='c'", Or((A, B, C))),
        ("((name='a'))", A),
    ],
)
def test_or_binds_loosest_then_and_then_not(text: str, tree: Expression) -> None:
    assert parse(text, VOCABULARY) == tree


def test_arithmetic_groups_from_the_left_and_products_first() -> None:
    one, two, three = Literal(1.0), Literal(2.0), Literal(3.0)
    add, subtract, multiply, divide = ArithmeticOperator
    for text, tree in {
        "1 - 2 - 3": Arithmetic(subtract, Arithmetic(subtract, one, two), three),
        "1 - (2 - 3)": Arithmetic(subtract, one, Arithmetic(subtract, two, three)),
        "1 + 2 * 3": Arithmetic(add, one, Arithmetic(multiply, two, three)),
        "(1 + 2) / 3": Arithmetic(divide, Arithmetic(add, one, two), three),
        "1 / 2 * 3": Arithmetic(multiply, Arithmetic(divide, one, two), three),
        "1 - -2": Arithmetic(subtract, one, Literal(-2.0)),
    }.items():
        assert parse(f"number = {text}", VOCABULARY) == Comparison(Operator.EQUAL, NUMBER, tree)


def test_minus_zero_is_zero() -> None:
    assert "-0" not in repr(parse("number = -0.0", VOCABULARY))


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("", 1, "expected a value, found the end"),
        ("  ", 3, "expected a value, found the end"),
        ("nmae = 'a'", 1, "'nmae' is unknown here; known are archived, created_at, name"),
        ("name = 'a' AND metric.auc > 1", 16, "'metric.auc' is unknown"),
        ("current.x = 1", 1, "'x' is unknown"),
        ("current = 1", 1, "'current' is unknown"),
        ("tags = 'a'", 1, "needs a key, such as tags.x"),
        ("name.`x` = 'a'", 1, "is unknown"),
        ("tags.a.`b` = 'a'", 1, "follows its space directly"),
        ("tags. = 'a'", 5, "a dot stands between"),
        ("name = 5", 8, "text can't be compared with a number"),
        ("5 = name", 5, "a number can't be compared with text"),
        ("number = 'a'", 10, "a number can't be compared with text"),
        ("number = true", 10, "a number can't be compared with true or false"),
        ("created_at > name", 14, "a time can't be compared with text"),
        ("created_at > 'soon'", 14, "expected a time such as"),
        ("created_at > 5", 14, "expected a time such as"),
        ("created_at > '0001-01-01T00:00+10:00'", 14, "expected a time such as"),
        ("params.x < created_at", 12, "text or a number can't be compared with a time"),
        ("created_at > params.x", 14, "a time can't be compared with text or a number"),
        ("archived < true", 10, "have no order"),
        ("1 = 1", 1, "needs a name on one side"),
        ("1 + 1 = 2", 3, "needs a name on one side"),
        ("'a'", 4, "expected a comparison"),
        ("name", 5, "expected a comparison such as = or IN, found the end"),
        ("name AND archived", 6, "expected a comparison such as = or IN, found 'AND'"),
        ("archived AND name", 18, "expected a comparison"),
        ("name OR archived", 6, "expected a comparison"),
        ("NOT number", 11, "expected a comparison"),
        ("name =", 7, "expected a value, found the end"),
        ("name = = 'a'", 8, "expected a value, found '='"),
        ("name == 'a'", 7, "expected a value, found '='"),
        ("name = (name = 'a')", 19, "expected a value, found a condition"),
        ("(name = 'a'", 12, "expected ), found the end"),
        ("name = 'a')", 11, "expected AND, OR or the end, found ')'"),
        ("name = 'a' name = 'b'", 12, "expected AND, OR or the end"),
        ("name IN 'a'", 9, "expected (, found 'a'"),
        ("name IN ()", 10, "expected a value, found ')'"),
        ("name IN ('a',)", 14, "expected a value"),
        ("name IN ('a' 'b')", 14, "expected ), found 'b'"),
        ("name IN ('a', 5)", 15, "text can't be compared with a number"),
        ("params.x IN (5, 'a')", 17, "a number can't be compared with text"),
        ("name IN (name)", 10, "expected a value, found 'name'"),
        ("5 IN (5)", 1, "'IN' tests a name"),
        ("number + 1 IS NULL", 8, "'IS' tests a name"),
        ("name IS 'a'", 9, "expected NULL"),
        ("name NOT NULL", 10, "expected IN, LIKE or ILIKE after NOT, found 'NULL'"),
        ("name LIKE name", 11, "expected a pattern in quotes after 'LIKE', found 'name'"),
        ("name LIKE", 10, "expected a pattern in quotes"),
        ("number LIKE '1'", 1, "'LIKE' tests text, and this is a number"),
        ("created_at ILIKE '2026%'", 1, "'ILIKE' tests text, and this is a time"),
        (r"name LIKE 'a\b'", 11, "a backslash in a pattern stands before"),
        ("name LIKE 'a\\'", 11, "a backslash in a pattern stands before"),
        ("name + 1 = 2", 1, "'+' computes with numbers, and this is text"),
        ("number * archived = 2", 10, "'*' computes with numbers, and this is true or false"),
        ("(archived AND archived) + 1 = 2", 25, "computes with numbers, not with conditions"),
        ("1 / (name = 'a') = 2", 3, "computes with numbers, not with conditions"),
        ("number = 1e999", 10, "too large"),
        ("number = 7a", 10, "this is no number"),
        ("number = 1.2.3", 10, "this is no number"),
        ("number = --1", 11, "expected a value, found '-'"),
        ("name = 'a", 8, "is never closed"),
        ('name = "a', 8, "is never closed"),
        ("tags.`a = 'x'", 5, "a dot stands between"),
        ("name ! 'a'", 6, "'!' means nothing here"),
        ("name = 'a'; DROP TABLE models", 11, "';' means nothing here"),
        ("größe = 1", 3, "means nothing here"),
        ("name = 'a\0'", 10, "NUL"),
        ("name = '\ud800'", 9, "surrogate"),
        ("a" * (MAX_BYTES + 1), MAX_BYTES + 1, "4096 are the limit"),
    ],
)
def test_a_refusal_says_where_and_what(text: str, column: int, says: str) -> None:
    with pytest.raises(InvalidFilter) as refusal:
        parse(text, VOCABULARY)
    assert says in refusal.value.message
    assert refusal.value.details == {"column": column}
    assert refusal.value.message.startswith(f"At column {column}: ")


def test_each_place_has_its_own_vocabulary() -> None:
    plain = Vocabulary(attributes={"name": Type.TEXT, "size": Type.NUMBER})
    with pytest.raises(InvalidFilter, match="lists don't compute; leave '\\+' out"):
        parse("size + 1 = 2", plain)
    with pytest.raises(InvalidFilter, match=r"'current\.name' is unknown here; known are name, size\.$"):
        parse("current.name = 'a'", plain)


@pytest.mark.parametrize("opening", ["(", "NOT "])
def test_nesting_has_a_limit(opening: str) -> None:
    closing = ")" if opening == "(" else ""
    parse(opening * MAX_NESTING + "archived" + closing * MAX_NESTING, VOCABULARY)
    with pytest.raises(InvalidFilter, match="nested deeper than 20"):
        parse(opening * (MAX_NESTING + 1) + "archived" + closing * (MAX_NESTING + 1), VOCABULARY)


def test_nesting_is_counted_where_it_is_not_where_it_was() -> None:
    parse(" AND ".join(["(NOT (archived))"] * 30), VOCABULARY)


@pytest.mark.parametrize(
    ("term", "glue"), [("archived", " OR "), ("name='a'", " AND "), ("name IS NULL", " OR "), ("params.x", " AND ")]
)
def test_terms_have_a_limit(term: str, glue: str) -> None:
    parse(glue.join([term] * MAX_TERMS), VOCABULARY)
    with pytest.raises(InvalidFilter, match="more than 100"):
        parse(glue.join([term] * (MAX_TERMS + 1)), VOCABULARY)


def test_operations_count_as_terms() -> None:
    parse("number = 1" + " + 1" * (MAX_TERMS - 1), VOCABULARY)
    with pytest.raises(InvalidFilter, match="more than 100"):
        parse("number = 1" + " + 1" * MAX_TERMS, VOCABULARY)


@pytest.mark.parametrize(
    "hostile", ["(" * 4000, "NOT " * 1000, "'" * 4001, "`" * 4000, "1+" * 2000, 'tags."' + "a" * 4000]
)
def test_hostile_texts_are_refused_in_steps_of_their_length(hostile: str) -> None:
    steps = Counter[str]()
    sys.setprofile(lambda _, event, __: steps.update([event]))
    try:
        with pytest.raises(InvalidFilter):
            parse(hostile, VOCABULARY)
    finally:
        sys.setprofile(None)
    assert 0 < steps["call"] + steps["c_call"] < 10 * len(hostile)


WORDS = st.sampled_from(
    [
        *"()=<>+-*/,.!'\"`\\ é\0",
        "!=",
        "<=",
        "NOT",
        "AND",
        "or",
        "IN",
        "like",
        "IS",
        "NULL",
        "true",
        "name",
        "archived",
        "created_at",
        "tags.a",
        "tags.`a`",
        "params.x",
        "current.metrics.b",
        "1",
        "-0.5",
        "'a'",
        "'2026-03-03'",
    ]
)


@settings(max_examples=500)
@given(st.text() | st.lists(WORDS).map(" ".join) | st.lists(WORDS).map("".join))
def test_any_text_is_an_expression_or_refused_at_a_column(text: str) -> None:
    try:
        tree = parse(text, VOCABULARY)
    except InvalidFilter as refusal:
        column = refusal.details["column"]
    else:
        column = 1
        assert parse(formatted(tree), VOCABULARY) == tree
    assert 1 <= column <= len(text) + 1


@settings(max_examples=300)
@given(EXPRESSIONS)
def test_what_is_written_is_read_again(tree: Expression) -> None:
    assert parse(formatted(tree), VOCABULARY) == tree
