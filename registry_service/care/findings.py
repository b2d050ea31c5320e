"""What a check of the registry looks at, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Connection, Executable, Row, text


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that isn't as it must be; or with `note` only worth knowing. `code` is that of the check. `digest`
    names the artifact where the finding is about one."""

    code: str
    message: str
    note: bool = False
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """One snapshot of the database, and what the store held shortly before it was taken: sizes in bytes by digest, and
    of those that were read whole and have another digest now, that one."""

    connection: Connection
    stored: Mapping[str, int] = field(default_factory=dict)
    altered: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_sqlite(self) -> bool:
        return self.connection.dialect.name == "sqlite"

    def rows(self, statement: Executable) -> Iterator[Row[Any]]:
        """The rows one by one: a log may be longer than memory."""
        yield from self.connection.execution_options(yield_per=1000).execute(statement)

    def pragma(self, name: str) -> list[Row[Any]]:
        return list(self.connection.execute(text(f"PRAGMA {name}")))


Said = str | tuple[str, str]
"""What is wrong, with the digest of the artifact where it is about one."""


@dataclass(frozen=True, slots=True)
class Check:
    """One invariant. `sentence` says what holds in a registry that is sound; `find` yields what contradicts it."""

    code: str
    sentence: str
    find: Callable[[Look], Iterable[Said]]
    note: bool = False

    def run(self, look: Look) -> Iterator[Finding]:
        for said in self.find(look):
            message, digest = (said, None) if isinstance(said, str) else said
            yield Finding(code=self.code, message=message, note=self.note, digest=digest)
