"""Let each write, sync and rename of one registration and one promotion fail, and kill the service at each.

strace counts the calls of the two threads that write (the database's writer, the artifact store's worker) in a dry
run, and in that run the order is judged as well: bytes are synced before they get their name, the name before a row
speaks of them, the log before anybody is answered. Then comes one run for each call and each fault.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from tests.campaign.clients import TRY_AGAIN, Client, connected, load, send
from tests.campaign.frame import Findings, Harness, Run
from tests.campaign.fsck import fsck
from tests.campaign.judge import Judge
from tests.campaign.ledger import Ledger
from tests.campaign.life import Life, Steps
from tests.campaign.mutants import shown_at
from tests.campaign.serving import CampaignServer
from tests.campaign.tracing import Call, CannotTrace, Fault, calls_in, count, require_strace, traced

WRITER: Final = "sqlite-writer"
STORE: Final = "artifacts_0"
ACTIONS: Final = ("ENOSPC", "EIO", "KILL")
OPERATIONS: Final = ("registration", "promotion")
SHORT_POINTS: Final = 15
# So many faults of one home; looking at everything gets slower.
FAULTS_OF_A_HOME: Final = 100
FULL_DISKS: Final = 20
FULL_DISKS_SHORT: Final = 3
# A fault befalls one call; whoever is still put off after so many attempts is put off for good.
ATTEMPTS: Final = 25
ENOUGH_VIOLATIONS: Final = 20


@dataclass(frozen=True)
class Point:
    operation: str
    thread: str
    fault: Fault

    def __str__(self) -> str:
        return f"{self.operation}, {self.fault.call} {self.fault.number} of {self.thread}, {self.fault.action}"


@dataclass
class Operator:
    """Does one thing after the other, sends again what was put off or cut, and notes how it was answered."""

    ledger: Ledger = field(default_factory=Ledger)
    complaints: list[str] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    cuts: int = 0

    def do(self, server: CampaignServer, steps: Steps, restart: Callable[[], None]) -> None:
        self.refusals, self.cuts = [], 0
        step = next(steps)
        while True:
            with connected(server) as http:
                try:
                    response = send(http[step.who], step)
                except httpx.TransportError:
                    self.cuts += 1
                    restart()
                    continue
            if response.status_code in TRY_AGAIN and len(self.refusals) < ATTEMPTS:
                self.refusals.append(response.status_code)
                continue
            if not response.is_success:
                self.complaints.append(f"{step} was answered {response.status_code}: {response.text[:300]}")
                return
            if step.key is not None:
                self.ledger.last_answers = [*self.ledger.last_answers, (step, response.content)][-4:]
            self.ledger.acknowledged += 1
            try:
                step = steps.send(response.json() if response.content else None)
            except StopIteration:
                return


class Bench:
    """One home at which faults are tried out, one after the other."""

    def __init__(self, run: Run, name: str) -> None:
        self.server = CampaignServer(run.directory / name, mutant=run.mutant, steady=True)
        self.operator = Operator()
        self._life = Life(name, self.operator.ledger, run.random(name))
        self._judge = Judge(self.server, [self.operator], run.random(name, "judge"))
        self._log = run.directory / f"{name}.strace"
        self._models = 0
        self.server.start()

    def dry(self, operation: str, thread: str) -> list[Call]:
        """The calls that an operation makes on a thread."""
        steps = self._prepared(operation)
        with traced(self.server.threads()[thread], self._log):
            self.operator.do(self.server, steps, self._must_not_die)
        return calls_in(self._log)

    def try_out(self, point: Point) -> tuple[bool, list[str]]:
        """Whether the fault happened, and what is wrong then."""
        steps = self._prepared(point.operation)
        with traced(self.server.threads()[point.thread], self._log, point.fault):
            self.operator.do(self.server, steps, self._restart)
        calls = calls_in(self._log)
        injected = [call for call in calls if call.injected]
        found: list[str] = []
        if point.fault.action == "KILL":
            happened = self.operator.cuts > 0
        else:
            happened = bool(injected)
            if self.operator.cuts:
                found.append("the service died of it")
            found += self._wrong_answers(point, calls)
        return happened, found + self.judged()

    def judged(self) -> list[str]:
        return self._judge.after_a_death() + self._judge.of_promises()

    def _wrong_answers(self, point: Point, calls: Sequence[Call]) -> list[str]:
        """A call that failed is told of as what it is, unless what it does is done again later."""
        at = next((number for number, call in enumerate(calls) if call.injected), None)
        if at is None or not is_promised(calls[at], calls[:at]):
            return []
        due = due_statuses(point.fault)
        if due.isdisjoint(self.operator.refusals):
            told = f"refusals: {self.operator.refusals or 'none'}, due: {sorted(due)}"
            return [f"{calls[at].name} of {calls[at].path} failed, and the client was told otherwise ({told})"]
        return []

    def _prepared(self, operation: str) -> Steps:
        self._models += 1
        model = f"model-{self._models}"
        self.operator.do(self.server, self._life.model(model), self._must_not_die)
        if operation == "registration":
            return self._life.registration(model)
        self.operator.do(self.server, self._life.registration(model), self._must_not_die)
        return self._life.promotion(model)

    def _restart(self) -> None:
        assert self.server.wait_until_dead(20), "a connection was cut and the service lives"
        self.server.kill()
        self.server.start()

    def _must_not_die(self) -> None:
        raise AssertionError(f"the service died without harm:\n{self.server.tail()}")


def due_statuses(fault: Fault) -> frozenset[int]:
    """How a request is to be answered that met the fault. Why a sync of its log failed, SQLite tells nobody."""
    if fault.action == "ENOSPC":
        return frozenset({503, 507}) if fault.call == "fdatasync" else frozenset({507})
    return frozenset({503})


def is_promised(call: Call, before: Sequence[Call]) -> bool:
    """Whether somebody is told of success because of this call. The database's own file is written after the log is
    safe, and again if that fails, and its temporary files are for this moment only; what can't be removed is found
    again by the collection.

    :param before: the calls of the same thread until then
    """
    return call.name != "unlink" and not is_made_again(call) and not _begins_a_checkpoint(call, before)


def _begins_a_checkpoint(call: Call, before: Sequence[Call]) -> bool:
    """Behind the commit that has filled the log, SQLite syncs it once more before it writes the database's file from it
    (`walCheckpoint` in wal.c); whether that succeeds is no matter of the commit."""
    last = next((one for one in reversed(before) if one.path == call.path), None)
    return call.name == "fdatasync" and last is not None and last.name == "fdatasync" and not last.injected


def is_made_again(call: Call) -> bool:
    return call.path.endswith("registry.db") or "/etilqs_" in call.path


def out_of_order(calls: Sequence[Call]) -> list[str]:
    """Where a loss of power between two calls would lose what was promised after them."""
    found: list[str] = []
    unsynced: set[str] = set()
    names_at_risk: set[str] = set()
    renamed = 0
    for call in calls:
        match call.name:
            case "writev" | "pwritev" | "pwrite64" if not is_made_again(call):
                unsynced.add(call.path)
            case "fsync" | "fdatasync":
                unsynced.discard(call.path)
                names_at_risk.discard(call.path)
            case "rename":
                renamed += 1
                if call.path in unsynced:
                    found.append(f"{call.path} got its name before its bytes were synced")
                names_at_risk.add(str(Path(call.to or "").parent))
            case _:
                pass
    found += [f"{path} was written and not synced before the answer" for path in sorted(unsynced)]
    return found + [f"{path} has a new name that was not synced before the answer" for path in sorted(names_at_risk)]


def run_system_calls(run: Run) -> Findings:
    try:
        require_strace()
    except CannotTrace as reason:
        return Findings(skipped=str(reason))
    violations: list[str] = []
    tried: Counter[str] = Counter()
    missed = 0
    points, disorder = _survey(run)
    violations += disorder
    chosen = _chosen(run, points)
    run.say(f"{len(points)} points, {len(chosen)} of them are tried")
    for start in range(0, len(chosen), FAULTS_OF_A_HOME):
        if _is_enough(run, violations):
            break
        bench = Bench(run, f"home-{start // FAULTS_OF_A_HOME + 1}")
        run.say(f"{start} of {len(chosen)} are tried, {len(violations)} violations")
        try:
            for point in chosen[start : start + FAULTS_OF_A_HOME]:
                happened, found = bench.try_out(point)
                tried[point.fault.action] += happened
                missed += not happened
                violations += [f"{point}: {complaint}" for complaint in found]
                if _is_enough(run, violations):
                    break
            violations += [f"after all faults of a home: {complaint}" for complaint in fsck(bench.server)]
        finally:
            bench.server.stop()
    full = 0
    if not _is_enough(run, violations):
        full, found = _full_disks(run)
        violations += found
    return Findings(
        {
            "points": len(points),
            **{f"faults of {action}": tried[action] for action in ACTIONS},
            "calls that a run did not come to": missed,
            "disks full under load": full,
        },
        violations,
    )


def _is_enough(run: Run, violations: list[str]) -> bool:
    return len(violations) >= ENOUGH_VIOLATIONS or (run.mutant is not None and bool(violations))


def _survey(run: Run) -> tuple[list[Point], list[str]]:
    """Every call of every operation, with every fault; and what is wrong with their order."""
    bench = Bench(run, "survey")
    points: list[Point] = []
    disorder: list[str] = []
    try:
        for operation in OPERATIONS:
            for thread in (STORE, WRITER):
                calls = bench.dry(operation, thread)
                disorder += [f"{operation}: {complaint}" for complaint in out_of_order(calls)]
                points += [
                    Point(operation, thread, Fault(call, action, number))
                    for call, times in count(calls).items()
                    for number in range(1, times + 1)
                    for action in ACTIONS
                ]
        disorder += bench.judged()
    finally:
        bench.server.stop()
    return points, disorder


def _chosen(run: Run, points: list[Point]) -> list[Point]:
    """All of them; or each k-th, beginning somewhere; or those at which a planted bug shows."""
    if not run.is_short:
        return points
    if run.mutant is not None:
        telling = [one for one in points if one.fault.call in shown_at(run.mutant)]
        run.random("choice").shuffle(telling)
        return telling[:SHORT_POINTS]
    # One kind of call after the other, so that no kind is left out for being rare.
    ordered = sorted(points, key=lambda point: (point.fault.call, point.operation, point.fault.action, str(point)))
    step = max(1, len(ordered) // SHORT_POINTS)
    return ordered[run.random("choice").randrange(step) :: step]


def _full_disks(run: Run) -> tuple[int, list[str]]:
    """The disk is full in the middle of what several clients do at once: their writes share a transaction, all of
    which may be gone by an error of one."""
    # Whether the error comes where a whole group can be lost is chance: a planted bug is looked for until it is seen.
    times = FULL_DISKS_SHORT if run.is_short and run.mutant is None else FULL_DISKS
    chance = run.random("full disks")
    server = CampaignServer(run.directory / "full", mutant=run.mutant, steady=True)
    clients = [Client(f"full-c{number}", run.random("full", number)) for number in range(8)]
    judge = Judge(server, clients, chance)
    log = run.directory / "full.strace"
    found: list[str] = []
    full = 0
    server.start()
    try:
        for _ in range(times):
            fault = Fault("pwrite64", "ENOSPC", chance.randint(1, 150))
            with traced(server.threads()[WRITER], log, fault), load(server, clients):
                server.wait_until_dead(1.5)
            full += any(call.injected for call in calls_in(log))
            with connected(server) as http:
                for client in clients:
                    client.settle(http)
            found += [f"{fault.injection} under load: {complaint}" for complaint in judge.of_promises()]
            if found:
                break
    finally:
        server.stop()
        shutil.rmtree(server.home, ignore_errors=True)
    return full, found


HARNESS = Harness(
    name="system_calls",
    promise="ENOSPC, EIO and kill at every write, sync and rename of one registration and one promotion: the client is"
    " told 507 or 503 or is cut off, never a false success; the service goes on by itself",
    run=run_system_calls,
    mutants=(
        "answer_before_commit",
        "artifact_not_synced",
        "error_swallowed",
        "full_disk_ignored",
        "renamed_before_synced",
    ),
)
