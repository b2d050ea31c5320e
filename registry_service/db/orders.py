"""Orders by whatever a list may be filtered by: attributes, tags, metrics. What lacks the value comes last, whichever
way the order goes, as a part of its own: so both are found by an index where there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, Select, String, and_, select, true

from registry_service.db.filterable import LISTS, Attribute, Rows
from registry_service.db.paging import Part
from registry_service.db.text import by_code_point
from registry_service.domain.errors import InvalidInput
from registry_service.domain.expressions import Reference, Type, parse_order


@dataclass(frozen=True, slots=True)
class AnyOrder:
    """
    `of` is the list's name. `tie_breakers` are the key that makes an order total.
    `found_by` are rows, already in the statement, by which the list's own are found: their columns, by the list's that
    they equal, order as an index on them does. Few are found so, and the values of others are looked up for each.
    `fixed` are columns of the list that have one value throughout.
    """

    of: str
    tie_breakers: Sequence[ColumnElement[Any]]
    default: str
    found_by: Mapping[ColumnElement[Any], ColumnElement[Any]] | None = None
    fixed: Mapping[str, object] = field(default_factory=dict)

    def parts(self, statement: Select[Any], order_by: str | None) -> tuple[list[Part], bool]:
        filterable = LISTS[self.of]
        reference, descending = parse_order(order_by or self.default, filterable.vocabulary)
        ties = [self._at(column) for column in self.tie_breakers]
        values = (filterable.attributes if reference.key is None else filterable.spaces)[reference.name]
        if isinstance(values, Attribute):
            column = self._at(values.column)
            keys = [_comparable(column), *(key for key in ties if key is not column)]
            if isinstance(column, Column) and not column.nullable:
                return [Part(statement, keys)], descending
        elif values.key is None or values.only is not None or values.type is Type.MIXED:
            raise InvalidInput(
                f"Can't order by '{reference.name}', of which there may be several or no one order. Order by an"
                " attribute that has one value, by metrics.x or by tags.x.",
                field="order_by",
            )
        elif self.found_by is None:
            return self._by_rows(statement, values, reference), descending
        else:
            rows = values.table.alias()
            column = select(rows.c[values.value]).where(*values.conditions(rows, reference.key)).scalar_subquery()
            keys = [_comparable(column), *ties]
        return [
            Part(statement.where(column.is_not(None)), keys),
            Part(statement.where(column.is_(None)), ties),
        ], descending

    def _by_rows(self, statement: Select[Any], values: Rows, reference: Reference) -> list[Part]:
        """Through the rows that have the values, in the order of an index on them; then what has none."""

        rows = values.table.alias()
        fixed = [rows.c[name] == value for name, value in self.fixed.items()]
        found = statement.join(rows, and_(*values.conditions(rows, reference.key), *fixed))
        stand_for = _standing_for(values, rows)
        ties = [stand_for[column] for column in self.tie_breakers]
        lacking = statement.where(~values.some(values.table.alias(), reference.key, true()))
        return [Part(found, [_comparable(rows.c[values.value]), *ties]), Part(lacking, self.tie_breakers)]

    def _at(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return column if self.found_by is None else self.found_by.get(column, column)


def _standing_for(values: Rows, rows: FromClause) -> dict[ColumnElement[Any], ColumnElement[Any]]:
    """The columns of `rows`, an alias of the values' table, by the list's columns that they equal."""

    return {column: rows.c[name] for name, column in values.belongs.items()}


def _comparable(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return by_code_point(column) if isinstance(column.type, String) else column
