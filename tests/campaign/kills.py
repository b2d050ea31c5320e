"""Kill the service at each of its failpoints, under load, and start it again.

Eight clients live their whole lives; at a random arrival at a named place in the code, the process is gone. After the
restart, what a client had sent without an answer is sent again, under its key; then all that was ever promised must be
there, exactly once, and nothing by halves.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from registry_service.failpoints import POINTS
from tests.campaign.arming import Rule
from tests.campaign.clients import Client, connected, load
from tests.campaign.frame import Findings, Harness, Run
from tests.campaign.fsck import fsck
from tests.campaign.judge import Judge
from tests.campaign.mutants import shown_at
from tests.campaign.readers import Reader
from tests.campaign.serving import CampaignServer, ServerDied
from tests.fixtures_database import PostgresServer

CLIENTS: Final = 8
REPEATS: Final = 10
SHORT_SAMPLE: Final = 8
# Each start comes by these, and most of them only the first one.
AT_START: Final = frozenset(point for point in POINTS if point.startswith(("migration.", "first_run.")))
# What doesn't happen to a healthy disk: tests/care goes there, and dies there as well.
ON_DAMAGE: Final = frozenset(point for point in POINTS if point.startswith("scrub.")) | {"gc.adopted"}
USUAL: Final = POINTS - ON_DAMAGE
# Every write comes by these.
OFTEN: Final = ("writer.", "events.", "idempotency.", "sweeper.")
ONLY_SQLITE: Final = frozenset({"writer.command_done", "writer.answered"})
REACHED_WITHIN_SECONDS: Final = 30.0
ENOUGH_VIOLATIONS: Final = 20
# The goal is a start from nothing; one of so many restarts is one.
COLD_EVERY: Final = 10


@dataclass
class Tally:
    """What all homes together have come to."""

    kills: Counter[str] = field(default_factory=Counter)
    unreached: set[str] = field(default_factory=set)
    cold: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    acknowledged: int = 0
    read: int = 0
    put_off: int = 0

    @property
    def is_enough(self) -> bool:
        return len(self.violations) >= ENOUGH_VIOLATIONS

    def complain(self, where: str, found: Sequence[str]) -> None:
        self.violations += [f"{where}: {complaint}" for complaint in found]


class Home:
    """One home, its clients, and the deaths that they go through together."""

    def __init__(self, run: Run, tally: Tally, name: str, database_url: str | None = None) -> None:
        self._tally = tally
        self._where = name
        self._chance = run.random(name)
        self.server = CampaignServer(run.directory / name, mutant=run.mutant, database_url=database_url)
        self._clients = [Client(f"{name}-c{number}", Random(self._chance.random())) for number in range(1, CLIENTS + 1)]
        self._judge = Judge(self.server, self._clients, self._chance)
        self._reader = Reader(self.server, self._clients, self._chance)

    def begin(self, point: str | None = None) -> None:
        """Start it for the first time; with a point of the start, let it die there first."""
        if point is not None:
            arrival = self._chance.randint(1, 2) if point.startswith("first_run.") and "token_file" in point else 1
            self.server.launch(Rule(point, "kill", arrival))
            self._count(point, died=self.server.wait_until_dead(REACHED_WITHIN_SECONDS))
        self._start(f"{self._where} at {point or 'its first start'}", cold=False)

    def die(self, point: str, *, cold: bool) -> None:
        """Live until the point is reached, die there, come back, and be judged."""
        rule = Rule(point, "kill", self._chance.randint(1, 40 if point.startswith(OFTEN) else 6))
        where = f"{self._where} at {rule.point}, arrival {rule.arrival}"
        self.server.arm(rule)
        with load(self.server, self._clients), self._reader.reading():
            died = self.server.wait_until_dead(REACHED_WITHIN_SECONDS)
        self._count(point, died=died and self.server.was_killed())
        self._start(where, cold=cold)
        self.judge(where)

    def judge(self, where: str, *, everything: bool = False) -> None:
        # Who has something to complain of left things half done, which may keep all others waiting for ever.
        settles = not any(client.complaints for client in self._clients)
        found = self._judge.after_a_death()
        with connected(self.server) as http:
            for client in self._clients if settles else ():
                client.settle(http)
        found += self._judge.of_promises(everything=everything)
        if everything:
            found += fsck(self.server)
        found += self._reader.complaints
        self._reader.complaints.clear()
        self._tally.complain(where, found)

    def live_for(self, seconds: float) -> None:
        """Without harm."""
        self.server.arm()
        with load(self.server, self._clients), self._reader.reading():
            threading.Event().wait(seconds)

    def look_at_everything(self) -> None:
        self.live_for(0.3)
        self.judge(f"{self._where} at its end", everything=True)

    def stop(self) -> None:
        self.server.stop()
        self._tally.acknowledged += sum(client.ledger.acknowledged for client in self._clients)
        self._tally.put_off += sum(client.put_off for client in self._clients)
        self._tally.read += self._reader.read

    def _count(self, point: str, *, died: bool) -> None:
        if died:
            self._tally.kills[point] += 1
        else:
            self._tally.unreached.add(point)
        self.server.kill()

    def _start(self, where: str, *, cold: bool) -> None:
        try:
            seconds = self.server.start(cold=cold)
        except ServerDied as death:
            raise ServerDied(f"{where}: it doesn't start any more:\n{death}") from death
        (self._tally.cold if cold else self._tally.warm).append(seconds)


def run_kills(run: Run) -> Findings:
    tally = Tally()
    if run.mutant is not None and run.is_short:
        points = [point for point in shown_at(run.mutant) if point in POINTS for _ in range(4)]
        _go_through(run, tally, "mutant", [(None, points)])
    elif run.is_short:
        sample = run.random("points").sample(sorted(USUAL - AT_START), SHORT_SAMPLE - 1)
        first = run.random("start").choice(sorted(AT_START))
        _go_through(run, tally, "short", [(first, sample)])
    else:
        _go_through(run, tally, "sqlite", _plan(run.random("plan"), USUAL, REPEATS))
        with _postgres(run) as server:
            _go_through(run, tally, "postgres", _plan(run.random("pg"), USUAL - ONLY_SQLITE, 2), server)
    return _findings(tally)


Plan = list[tuple[str | None, list[str]]]


def _plan(chance: Random, points: frozenset[str], repeats: int) -> Plan:
    """Homes, each with a point to die at during its first start, and points to die at later. In each of the rounds
    every point has its turn."""
    plan: Plan = []
    for _ in range(repeats):
        starts, later = sorted(AT_START & points), sorted(points - AT_START)
        chance.shuffle(starts)
        chance.shuffle(later)
        plan += [(start, later[number :: len(starts)]) for number, start in enumerate(starts)]
    return plan


def _go_through(run: Run, tally: Tally, name: str, plan: Plan, postgres: _Databases | None = None) -> None:
    for number, (first, points) in enumerate(plan, start=1):
        url = None if postgres is None else postgres.create()
        home = Home(run, tally, f"{name}-{number}", url)
        done = f"{tally.kills.total()} kills at {len(tally.kills)} points, {len(tally.violations)} violations"
        run.say(f"{done}; home {number} of {len(plan)} on {'SQLite' if url is None else 'PostgreSQL'}")
        try:
            home.begin(first)
            for death, point in enumerate(points):
                home.die(point, cold=death % COLD_EVERY == 1)
                if tally.is_enough or (run.mutant is not None and tally.violations):
                    run.say("enough was found")
                    return
            home.look_at_everything()
        finally:
            home.stop()


class _Databases:
    """Fresh databases of one PostgreSQL server."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    def create(self) -> str:
        return self._server.url(asyncio.run(self._server.create()))


@contextmanager
def _postgres(run: Run) -> Iterator[_Databases]:
    # Not below the run's directory, which is private: started by root, the server runs as somebody else.
    directory = Path(tempfile.mkdtemp(prefix="campaign-postgres-"))
    server = PostgresServer(directory)
    try:
        yield _Databases(server)
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


def _findings(tally: Tally) -> Findings:
    figures: dict[str, int | float | str] = {
        "points": len(tally.kills),
        "kills": tally.kills.total(),
        "writes acknowledged": tally.acknowledged,
        "writes put off (503, 507)": tally.put_off,
        "files read under load": tally.read,
    }
    for name, starts in (("cold", tally.cold), ("warm", tally.warm)):
        if starts:
            figures[f"ready after a {name} restart, seconds, median"] = round(sorted(starts)[len(starts) // 2], 2)
            figures[f"ready after a {name} restart, seconds, longest"] = round(max(starts), 2)
    violations = list(tally.violations)
    violations += [f"{point} was not reached, so nothing was tried there" for point in sorted(tally.unreached)]
    return Findings(figures, violations)


HARNESS = Harness(
    name="kills",
    promise="kill -9 at 40 failpoints and more, 10 times each, under load: no acknowledged write is lost, no version"
    " is visible without verified bytes, no promotion is half done; ready in 3 s",
    run=run_kills,
    mutants=(
        "answer_before_commit",
        "answer_in_second_transaction",
        "events_in_second_transaction",
        "half_promotion",
        "row_before_bytes",
    ),
)
