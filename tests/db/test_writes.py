from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from sqlalchemy import URL, Connection, create_engine, insert, text
from sqlalchemy.exc import IntegrityError

from registry_service.db.database import Database
from registry_service.db.locks import lock_event_log, lock_key
from registry_service.db.query import first
from registry_service.db.sqlite import SqliteDatabase
from registry_service.db.sqlite_writer import QUEUE_LIMIT
from registry_service.domain.errors import DatabaseUnavailable, NotFound, Overloaded
from tests.db.counters import (
    Command,
    add,
    counters,
    fail_after_adding,
    increment,
    lost_updates,
    make_counters,
    names_of,
    value_of,
)


async def test_twenty_concurrent_read_modify_writes_lose_none(empty_database: Database) -> None:
    await make_counters(empty_database, "hits")
    assert await lost_updates(empty_database, empty_database.write, increment("hits"), "hits") == 0


async def test_the_same_harness_sees_updates_lost_where_transactions_begin_late(tmp_path: Path) -> None:
    """The planted fault: connections as the driver makes them by default, which begin before the first change only."""
    database = SqliteDatabase(tmp_path / "registry.db")
    await database.start()
    await make_counters(database, "hits")
    careless = create_engine(URL.create("sqlite", database=str(database.path)), connect_args={"timeout": 30})

    def on_a_connection_of_its_own(command: Command[int]) -> int:
        with careless.begin() as connection:
            return command(connection)

    async def write(command: Command[int]) -> int:
        return await asyncio.to_thread(on_a_connection_of_its_own, command)

    assert await lost_updates(database, write, increment("hits"), "hits") > 0
    careless.dispose()
    await database.stop()


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
@pytest.mark.postgres
async def test_the_same_harness_sees_updates_lost_where_rows_are_not_locked(empty_database: Database) -> None:
    await make_counters(empty_database, "hits")
    unlocked = increment("hits", locking=False)
    assert await lost_updates(empty_database, empty_database.write, unlocked, "hits") > 0


async def test_a_key_is_locked_before_there_is_a_row(empty_database: Database) -> None:
    """Twenty callers with one key, each doing its work only where nobody did it before."""
    await make_counters(empty_database)

    def once(connection: Connection) -> bool:
        lock_key(connection, "principal:key")
        if connection.execute(text("SELECT count(*) FROM counters")).scalar_one():
            return False
        connection.execute(insert(counters).values(name="only", value=1))
        return True

    assert sorted(await asyncio.gather(*(empty_database.write(once) for _ in range(20)))) == [False] * 19 + [True]


async def test_what_a_failing_command_did_is_undone_and_its_neighbours_stay(empty_database: Database) -> None:
    await make_counters(empty_database)
    commands = [fail_after_adding(f"bad-{n}") if n % 3 == 0 else add(f"good-{n}") for n in range(60)]
    answers = await asyncio.gather(*(empty_database.write(command) for command in commands), return_exceptions=True)
    good = {f"good-{n}" for n in range(60) if n % 3}
    assert {answer for answer in answers if isinstance(answer, str)} == good
    assert sum(isinstance(answer, LookupError) for answer in answers) == 20
    assert await empty_database.view(names_of) == good


async def test_a_refusal_of_the_domain_reaches_the_caller_as_it_is(empty_database: Database) -> None:
    refusal = NotFound("It isn't there.")

    def command(_connection: Connection) -> None:
        raise refusal

    with pytest.raises(NotFound) as caught:
        await empty_database.write(command)
    assert caught.value is refusal


async def test_a_broken_constraint_is_the_callers_and_no_ones_else(empty_database: Database) -> None:
    await make_counters(empty_database, "taken")
    with pytest.raises(IntegrityError):
        await empty_database.write(add("taken"))
    assert await empty_database.write(add("free")) == "free"


async def test_a_nested_transaction_may_fail_by_itself(empty_database: Database) -> None:
    await make_counters(empty_database, "taken")

    def command(connection: Connection) -> None:
        with pytest.raises(IntegrityError), connection.begin_nested():
            connection.execute(insert(counters).values(name="taken", value=1))
        connection.execute(insert(counters).values(name="free", value=1))

    await empty_database.write(command)
    assert await empty_database.view(names_of) == {"taken", "free"}


async def test_thirty_two_clients_wait_for_each_other_without_an_error(empty_database: Database) -> None:
    await make_counters(empty_database, *(f"c{n}" for n in range(4)))

    def quick(name: str) -> Command[None]:
        return lambda connection: connection.execute(
            text("UPDATE counters SET value = value + 1 WHERE name = :name"), {"name": name}
        ).close()

    async def client(number: int) -> None:
        for _ in range(25):
            await empty_database.write(quick(f"c{number % 4}"))

    await asyncio.gather(*(client(number) for number in range(32)))
    for name in ("c0", "c1", "c2", "c3"):
        assert await empty_database.view(value_of(name)) == 200


async def test_a_reader_answers_while_a_writer_is_busy_and_sees_only_what_is_committed(
    empty_database: Database,
) -> None:
    await make_counters(empty_database, "hits")
    written, go_on = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        lock_event_log(connection)
        connection.execute(text("UPDATE counters SET value = 1"))
        written.set()
        if connection.dialect.name == "sqlite":
            assert go_on.wait(10)
        else:  # a command shares the event loop's thread here, so the server has to do the waiting
            connection.exec_driver_sql("SELECT pg_sleep(0.3)")

    writing = asyncio.ensure_future(empty_database.write(slow))
    assert await asyncio.to_thread(written.wait, 10)
    assert await asyncio.wait_for(empty_database.view(value_of("hits")), 1) == 0
    assert not writing.done()
    go_on.set()
    await writing
    assert await empty_database.view(value_of("hits")) == 1


async def test_a_view_is_one_snapshot(empty_database: Database) -> None:
    await make_counters(empty_database, "before")
    looked, go_on = threading.Event(), threading.Event()

    def twice(connection: Connection) -> tuple[set[str], set[str]]:
        before = names_of(connection)
        looked.set()
        if connection.dialect.name == "sqlite":
            assert go_on.wait(10)
        else:
            connection.exec_driver_sql("SELECT pg_sleep(0.3)")
        return before, names_of(connection)

    looking = asyncio.ensure_future(empty_database.view(twice))
    assert await asyncio.to_thread(looked.wait, 10)
    await empty_database.write(add("after"))
    assert not looking.done()
    go_on.set()
    assert await looking == ({"before"}, {"before"})
    assert await empty_database.view(names_of) == {"before", "after"}


async def test_a_view_cannot_write(empty_database: Database) -> None:
    await make_counters(empty_database, "hits")
    with pytest.raises(Exception, match=r"read.?only"):
        await empty_database.view(add("sneaked in"))
    assert await empty_database.view(names_of) == {"hits"}


async def test_a_command_taken_back_before_its_turn_never_runs(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "registry.db")
    await database.start()
    await make_counters(database)
    go_on = threading.Event()
    blocking = asyncio.ensure_future(database.write(lambda _connection: go_on.wait(10)))
    waiting = asyncio.ensure_future(database.write(add("taken back")))
    await asyncio.sleep(0.01)
    waiting.cancel()
    go_on.set()
    await blocking
    await database.write(add("after"))
    assert await database.view(names_of) == {"after"}
    await database.stop()


async def test_more_work_than_can_wait_is_refused_at_once_and_nothing_accepted_is_lost(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "registry.db", readers=1)
    await database.start()
    await make_counters(database, "hits")
    one = first(text("SELECT 1"), lambda row: int(row[0]))
    held, go_on = threading.Barrier(3, timeout=10), threading.Event()

    def hold(_connection: Connection) -> bool:
        held.wait()
        return go_on.wait(10)

    holding = [asyncio.ensure_future(database.write(hold)), asyncio.ensure_future(database.view(hold))]
    await asyncio.to_thread(held.wait)
    writes = [asyncio.ensure_future(database.write(lambda _connection: 1)) for _ in range(QUEUE_LIMIT)]
    reads = [asyncio.ensure_future(database.read(one)) for _ in range(QUEUE_LIMIT)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded, match="writes are waiting"):
        await database.write(add("too much"))
    with pytest.raises(Overloaded, match="reads are waiting"):
        await database.read(one)
    go_on.set()
    assert await asyncio.gather(*holding) == [True, True]
    assert set(await asyncio.gather(*writes, *reads)) == {1}
    await database.stop()


async def test_an_exception_that_no_future_takes_still_answers(tmp_path: Path) -> None:
    def command(_connection: Connection) -> str:
        return next(iter([]))

    database = SqliteDatabase(tmp_path / "registry.db")
    await database.start()
    with pytest.raises(RuntimeError, match="StopIteration"):
        await asyncio.wait_for(database.write(command), 5)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await asyncio.wait_for(database.view(command), 5)
    await database.stop()


async def test_stopping_finishes_what_was_accepted_and_refuses_the_rest(empty_database: Database) -> None:
    await make_counters(empty_database)
    accepted = [asyncio.ensure_future(empty_database.write(add(f"n{n}"))) for n in range(100)]
    await asyncio.sleep(0)  # each is submitted
    await empty_database.stop()
    assert [await answer for answer in accepted] == [f"n{n}" for n in range(100)]
    with pytest.raises(DatabaseUnavailable):
        await empty_database.write(add("late"))
    with pytest.raises(DatabaseUnavailable):
        await empty_database.view(names_of)
    await empty_database.start()
    assert len(await empty_database.view(names_of)) == 100
