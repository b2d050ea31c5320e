"""How versions are searched: by what finds few of them.

A filter may demand a value that an index knows all rows of: a tag, a stage, an alias, where a version comes from, the
outcome of a check. To go through the versions in their order until a page is full takes as long as hits are rare; to
find all hits by the index and sort them, as long as they are many. So it is counted, up to a limit, how many rows each
such value has, and both ways stay short.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, FromClause, Select, and_, func, literal, select

from registry_service.db.filterable import LISTS, Condition, Rows
from registry_service.db.filters import compiled
from registry_service.db.orders import AnyOrder
from registry_service.db.paging import PageRequest
from registry_service.db.tables import models, versions
from registry_service.domain.expressions import Expression, Reference, parse, parse_order
from registry_service.domain.expressions.tree import And, Comparison, Literal, Operator

FEW: Final = 1_000
"""Rows that are sorted rather than walked to."""

MAX_COUNTED: Final = 4
"""Values of one filter whose rows are counted."""


class Demand(NamedTuple):
    """A value that every row which the filter finds has for sure."""

    values: Rows
    key: str | None
    value: str


def searched(
    connection: Connection, statement: Select[Any], page: PageRequest, *, model_id: str | None
) -> tuple[Select[Any], AnyOrder]:
    """The rows of `statement` (versions joined with their models, of one model or of all) that the page's filter finds,
    and the order to read them in.

    :raises InvalidFilter, InvalidInput: the filter is none of versions, or the order.
    """

    if model_id is None:
        order = AnyOrder("versions", (versions.c.model_id, versions.c.number), "created_at desc")
    else:
        order = AnyOrder("versions", (versions.c.number,), "number desc", fixed={"model_id": model_id})
    if not page.filter:
        return statement, order
    filterable = LISTS["versions"]
    tree = parse(page.filter, filterable.vocabulary, now=page.now)
    statement = statement.where(compiled(tree, filterable))
    name = demanded_model(tree) if model_id is None else None
    if name is not None:
        # Known by its id, the versions of one model are found without going through those of all.
        model_id = connection.execute(select(models.c.id).where(models.c.name == name)).scalar_one_or_none() or ""
        statement = statement.where(versions.c.model_id == model_id)
    wanted = parse_order(page.order_by or order.default, filterable.vocabulary).reference
    demand = _narrowest(connection, list(demanded(tree))[:MAX_COUNTED], wanted, model_id)
    if demand is None:
        return statement, order
    rows = demand.values.table.alias()
    statement = statement.join(rows, and_(*_conditions(demand, rows, model_id), *demand.values.belonging(rows)))
    stand_for = {column: rows.c[name] for name, column in demand.values.belongs.items()}
    return statement, AnyOrder(order.of, order.tie_breakers, order.default, found_by=stand_for)


def demanded(tree: Expression) -> Iterator[Demand]:
    """What a filter demands for sure and an index finds."""

    filterable = LISTS["versions"]
    for reference, wanted in _equal_for_sure(tree):
        values = (filterable.attributes if reference.key is None else filterable.spaces)[reference.name]
        if isinstance(values, Rows) and values.equals is not None:
            yield Demand(values, reference.key, wanted)


def demanded_model(tree: Expression) -> str | None:
    """The name of the model that all which a filter finds is of, None where it may be of any."""
    return next((wanted for reference, wanted in _equal_for_sure(tree) if reference.name == "model"), None)


def _equal_for_sure(tree: Expression) -> Iterator[tuple[Reference, str]]:
    for term in tree.terms if isinstance(tree, And) else [tree]:
        if not isinstance(term, Comparison) or term.operator is not Operator.EQUAL:
            continue
        for reference, other in ((term.left, term.right), (term.right, term.left)):
            if isinstance(reference, Reference) and isinstance(other, Literal) and isinstance(other.value, str):
                yield reference, other.value


def _narrowest(connection: Connection, demands: list[Demand], wanted: Reference, model_id: str | None) -> Demand | None:
    """The demand to find by; None where it is better to go through the versions in the order that is wanted."""

    # Within a model, the indexes have the rows of a value in the order of the versions' numbers.
    in_order = model_id is not None and wanted.name == "number"
    if in_order and len(demands) == 1:
        return demands[0]
    counted = [(_count(connection, demand, model_id), index) for index, demand in enumerate(demands)]
    if not counted:
        return None
    count, index = min(counted)
    walkable = wanted.name in {"created_at", "metrics"}
    return None if walkable and count >= FEW else demands[index]


def _count(connection: Connection, demand: Demand, model_id: str | None) -> int:
    rows = demand.values.table.alias()
    some = select(literal(1)).select_from(rows).where(*_conditions(demand, rows, model_id)).limit(FEW).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one()


def _conditions(demand: Demand, rows: FromClause, model_id: str | None) -> list[Condition]:
    values = demand.values
    assert values.equals is not None
    found = [*values.chosen(rows, demand.key), values.equals(rows, demand.value)]
    if model_id is not None:
        found.append(rows.c.model_id == model_id)
    return found
