"""All rows of a registry as files, and back: the same files whichever database they come from and go to.

A table is one gzipped file, a JSON array on each line: first the names of the columns, then the rows as they are stored
(see `db.types`). Computed columns are left out: the database makes them anew.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Column, Connection, MetaData, Table, func, insert, select, text
from sqlalchemy.types import TypeDecorator

from registry_service.db.tables import metadata

ROWS_AT_ONCE: Final = 1000


class DumpedTable(msgspec.Struct, frozen=True, kw_only=True):
    """`sha256` in hexadecimal digits, of the file as it is."""

    name: str
    rows: int
    sha256: str


def dump_tables(connection: Connection, directory: Path) -> list[DumpedTable]:
    """Write each table into `directory`, durably; in an order in which references lead to rows that came before."""

    return [_dump(connection, table, directory / _file_of(table.name)) for table in metadata.sorted_tables]


def load_tables(connection: Connection, directory: Path, tables: Sequence[DumpedTable]) -> None:
    """Fill the empty tables of a database from files that were verified."""

    for dumped in tables:
        _load(connection, metadata.tables[dumped.name], directory / _file_of(dumped.name))


def rows_of(directory: Path, table: str) -> Iterator[dict[str, Any]]:
    """The dumped rows of one table, by the names of their columns."""

    with gzip.open(directory / _file_of(table), "rb") as lines:
        names = msgspec.json.decode(next(lines))
        for line in lines:
            yield dict(zip(names, msgspec.json.decode(line), strict=True))


def is_intact(directory: Path, dumped: DumpedTable) -> bool:
    """Whether the file of a table is the one that was written."""

    try:
        with (directory / _file_of(dumped.name)).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == dumped.sha256
    except FileNotFoundError:
        return False


def _file_of(table: str) -> str:
    return f"{table}.jsonl.gz"


def _dump(connection: Connection, table: Table, path: Path) -> DumpedTable:
    raw = _raw(table)
    count = 0
    ordered = select(raw).order_by(*(raw.c[column.name] for column in table.primary_key))
    with path.open("wb") as file:
        # Without a time in it, the same rows are the same file.
        with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, mtime=0) as lines:
            lines.write(msgspec.json.encode([str(column.name) for column in raw.columns]) + b"\n")
            for row in connection.execution_options(yield_per=ROWS_AT_ONCE).execute(ordered):
                lines.write(msgspec.json.encode(list(row)) + b"\n")
                count += 1
        file.flush()
        os.fsync(file.fileno())
    with path.open("rb") as written:
        return DumpedTable(name=str(table.name), rows=count, sha256=hashlib.file_digest(written, "sha256").hexdigest())


def _load(connection: Connection, table: Table, path: Path) -> None:
    raw = _raw(table)
    rows = rows_of(path.parent, table.name)
    while some := list(islice(rows, ROWS_AT_ONCE)):
        connection.execute(insert(raw), some)
    if connection.dialect.name == "postgresql":
        for column in table.primary_key:
            if column is table.autoincrement_column:
                _number_on(connection, table, column)


def _number_on(connection: Connection, table: Table, column: Column[Any]) -> None:
    """Let PostgreSQL go on behind the rows that brought their numbers."""

    last = connection.execute(select(func.max(column))).scalar()
    if last is not None:
        sequence = text("SELECT setval(pg_get_serial_sequence(:table, :column), :last)")
        connection.execute(sequence, {"table": table.name, "column": column.name, "last": last})


def _raw(table: Table) -> Table:
    """The table with the types that are stored."""

    columns: list[Column[Any]] = []
    for column in table.columns:
        if column.computed is None:
            stored = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
            columns.append(Column(column.name, stored))
    return Table(table.name, MetaData(), *columns)
