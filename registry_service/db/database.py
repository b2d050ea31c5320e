"""What the rest of the service knows of a database: write a command, view or read what is committed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol, TypeVar

from sqlalchemy import Connection

from registry_service.db.query import Query

T = TypeVar("T")
DialectName = Literal["sqlite", "postgresql"]


class Database(Protocol):
    """A database that is SQLite or PostgreSQL, with the same promises.

    `write`: one command, one transaction, answered after the commit. `view`: several statements on one
    snapshot of what is committed. `read`: one compiled statement. `glance`: the same, of a few rows found by their key.
    An instance belongs to the event loop that started it.
    """

    @property
    def dialect(self) -> DialectName:
        """Which of the two, for the few statements that must differ."""

    @property
    def commits(self) -> int | None:
        """A number that stays the same as long as what is committed does: an answer made of what was read at this
        number is still true when it is asked for again. None: it isn't known, now or ever (others write here too).
        """

    @property
    def writes_in_progress(self) -> int:
        """How many commands were accepted by `write` and aren't answered yet."""

    async def start(self) -> None:
        """Open connections and threads. Raises DatabaseUnavailable, with nothing left open."""

    async def stop(self) -> None:
        """Finish what was accepted, then close. New work is refused from here on."""

    async def check(self) -> None:
        """Return when a read and an (empty) write transaction both work now; else raise Unavailable."""

    async def write(self, command: Callable[[Connection], T], /) -> T:
        """Run `command` in one transaction and return its result after COMMIT.

        An exception from the command undoes what it did and reaches the caller. A command is synchronous, talks to
        nothing but its connection, never commits or rolls back by itself (`begin_nested` is fine), and may be run more
        than once when the database asks for it (deadlock, serialization failure).

        Under READ COMMITTED on PostgreSQL a command that reads in order to write locks what it read (`with_for_update`,
        `locks.lock_key`); on SQLite commands run one after the other.

        Raises Overloaded (too much waits already), StorageFull and DatabaseUnavailable: in these cases nothing was
        acknowledged; only a connection lost during COMMIT leaves open whether it took effect, which an idempotency
        key settles.
        """

    async def view(self, look: Callable[[Connection], T], /) -> T:
        """Run `look`, which may read and not write, on one snapshot of committed data. Never waits for a writer.

        Raises Overloaded (too much waits already, or a statement took too long) and DatabaseUnavailable.
        """

    async def search(self, look: Callable[[Connection], T], /) -> T:
        """`view` for what may go through many rows. However many are asked for, they hold up no other read.

        Raises what `view` raises; Overloaded also where others have waited for `PATIENCE_WITH_SEARCHES_S`.
        """

    async def read(self, query: Query[T], /, **params: object) -> T:
        """Run one statement on committed data and decode its rows: the hot path, beside SQLAlchemy's execution.

        Raises what `view` raises.
        """

    async def glance(self, query: Query[T], /, **params: object) -> T:
        """What `read` gives, of a statement that finds a handful of rows by their keys in small tables, as every
        request asks one: on SQLite it is answered at once, on the event loop, and nothing ends it when it takes long.

        Raises what `view` raises.
        """

    async def hear(self, told: Callable[[int], None], /) -> None:
        """Call `told` with the number of the last event in the log, as any process commits events, until this is
        cancelled. Where no other process can write, nothing is told.

        Raises DatabaseUnavailable when nothing can be heard any more: ask again, and look by yourself meanwhile.
        """
