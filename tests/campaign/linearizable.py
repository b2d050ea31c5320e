"""Is there one order of all that was done to a model that explains every answer?

Each change of a model counts its revision up, so that the order of changes is known: it is in the event log. What is
left to decide, and is decided exactly:

1. Does each transaction of the log belong to one request, and is it what the oracle says that this request must bring
   about in the state before? Nothing that was refused may have one, nothing acknowledged may lack its own.
2. Can each request be put at a point of this order where its answer is right, so that whatever was over before
   something else began also comes before it? A change has its only point. Everything else takes the earliest point
   that is left to it: where that fails, no other choice works either, since an earlier point never narrows others.

After Herlihy & Wing, *Linearizability: A Correctness Condition for Concurrent Objects* (1990). Requests without an
answer took place once, at any time after they were sent, or not at all.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Final

from tests.campaign.oracle import READS, Act, Existing, Moved, Promotion, Refused, Ruling, Stage, State, rule

# What kind of act the first telling event of a transaction is of.
ACT_OF: Final[Mapping[str, str]] = {
    "version.registered": "register",
    "promotion.requested": "request",
    "review.given": "review",
    "review.withdrawn": "withdraw",
    "promotion.leased": "lease",
    "promotion.lease_released": "release",
    "promotion.applied": "apply",
    "promotion.failed": "fail",
    "promotion.cancelled": "cancel",
    "promotion.rolled_back": "roll_back",
    "stage.held": "hold",
    "stage.released": "let_go",
    "stage.failure_cleared": "clear",
    "stage.vacated": "vacate",
    "version.revoked": "revoke",
}
_KIND_OF: Final[Mapping[str, str]] = {"promotion": "promotion", "review": "promotion", "stage": "stage"}
ENOUGH: Final = 10


@dataclass(frozen=True)
class Operation:
    """One request of a client, from when it was first sent to when it was answered; `ended` None: it never was.
    `answer` are the facts of an acknowledgement, `refusal` is the code of a refusal; both None: unknown."""

    client: str
    act: Act
    began: float
    ended: float | None
    answer: Mapping[str, Any] | None = None
    refusal: str | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        return self.client, self.act.kind, self.act.marker

    def __str__(self) -> str:
        said = f"refused ({self.refusal})" if self.refusal else f"answered {dict(self.answer)}" if self.answer else "?"
        return f"{self.client}: {self.act} [{self.act.marker}] {said}"


@dataclass(frozen=True)
class Logged:
    """An event. Those of one transaction have the same `transaction`."""

    revision: int
    kind: str
    subject: str
    actor: str
    marker: str
    transaction: str


@dataclass(frozen=True)
class Record:
    """An entry of a stage's history."""

    stage: str
    change: str
    version: int | None
    previous: int | None
    promotion: str | None
    revision: int


@dataclass
class History:
    """All that is known of one model: what clients did and saw, its log, and what its stages remember."""

    model: str
    policy: str
    stages: Sequence[str]
    operations: list[Operation]
    log: list[Logged]
    records: list[Record]


@dataclass
class _Transaction:
    events: list[Logged]
    told: Logged
    operation: int | None = None
    subject: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.told.actor, ACT_OF.get(self.told.kind, self.told.kind), self.told.marker

    @property
    def first(self) -> int:
        return self.events[0].revision

    @property
    def last(self) -> int:
        return self.events[-1].revision

    def __str__(self) -> str:
        kinds = ", ".join(event.kind for event in self.events)
        return f"revisions {self.first} to {self.last} ({kinds}) by {self.told.actor} [{self.told.marker}]"


@dataclass
class _Verdict:
    model: str
    found: list[str] = field(default_factory=list)

    def complain(self, what: str) -> None:
        self.found.append(f"{self.model}: {what}")


def check(history: History) -> list[str]:
    """What is wrong with it, in words; nothing: it is linearisable, and explained by the oracle to the last event."""

    verdict = _Verdict(history.model)
    for earlier, later in zip(history.log, history.log[1:], strict=False):
        if later.revision != earlier.revision + 1:
            verdict.complain(f"revision {later.revision} follows {earlier.revision} in the log")
    if verdict.found:
        return verdict.found[:ENOUGH]
    transactions = _transactions(history.log)
    _attribute(history, transactions, verdict)
    states = _replay(history, transactions, verdict)
    # What can't be replayed leaves nothing to hold answers against.
    if states is not None:
        _place(history, transactions, states, verdict)
    return verdict.found[:ENOUGH]


def _transactions(log: Sequence[Logged]) -> list[_Transaction]:
    """Those after the one that made the model."""
    found = []
    for _, group in groupby(log, key=lambda event: event.transaction):
        events = list(group)
        telling = [event for event in events if event.kind == "promotion.rolled_back"]
        found.append(_Transaction(events, (telling or events)[0]))
    return found[1:]


def _attribute(history: History, transactions: Sequence[_Transaction], verdict: _Verdict) -> None:
    """Say which request made which transaction: of those that may have, the one that was sent first.

    Who asks again for what their own unanswered request did is told how it is. Were the transaction given to that
    second request, it would have to come after whatever was over when that began; so the first is the easier to place.
    """

    askers: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for index, operation in sorted(enumerate(history.operations), key=lambda pair: pair[1].began):
        askers[operation.key].append(index)
    free = set(range(len(history.operations)))
    for transaction in transactions:
        possible = [
            index
            for index in askers[transaction.key]
            if index in free and _may_have_made(history.operations[index], transaction)
        ]
        if transaction.key[1] == "withdraw":  # asked for again it would be refused, so who was told did it
            possible.sort(key=lambda index: history.operations[index].answer is None)
        if possible:
            transaction.operation = possible[0]
            free.discard(possible[0])
            continue
        asked = [str(history.operations[index]) for index in askers[transaction.key]]
        known = f"; asked for it were: {'; '.join(asked[:3])}" if asked else ""
        verdict.complain(f"{transaction} is an effect that nobody was told of{known}")


def _may_have_made(operation: Operation, transaction: _Transaction) -> bool:
    if operation.answer is not None:
        return bool(transaction.first <= operation.answer.get("revision", 0) <= transaction.last)
    return operation.refusal is None


def _replay(history: History, transactions: Sequence[_Transaction], verdict: _Verdict) -> list[State] | None:
    """The state after each transaction, beginning with that in which the model was made."""

    made = [event for event in history.log if event.kind == "model.created"]
    if [event.revision for event in made] != [1] or len({event.transaction for event in history.log[:1]}) != 1:
        verdict.complain("the log doesn't begin with the model")
        return None
    states = [State(history.policy, {name: Stage(name, revision=1) for name in history.stages}, revision=1)]
    records: list[Record] = []
    remembered = {record.revision: record for record in history.records}
    for transaction in transactions:
        if transaction.operation is None:
            return None
        operation = history.operations[transaction.operation]
        ruling = rule(states[-1], operation.act, client=operation.client, new=transaction.told.subject)
        if not isinstance(ruling, Moved):
            verdict.complain(f"{transaction} is the effect of {operation}, of which {ruling} was right")
            return None
        expected, logged = Counter(ruling.events), Counter((e.kind, e.subject) for e in transaction.events)
        if expected != logged:
            verdict.complain(
                f"{transaction} is the effect of {operation}; missing: {dict(expected - logged)}, too much:"
                f" {dict(logged - expected)}"
            )
            return None
        transaction.subject = ruling.subject
        states.append(committed(ruling, transaction.events))
        moved = [e for e in transaction.events if e.kind in {"stage.moved", "stage.vacated"}]
        for record, event in zip(ruling.records, moved, strict=True):
            told = Record(*record, revision=event.revision)
            records.append(told)
            # At once: what follows from a pointer that went elsewhere would be complained of in its place.
            if (present := remembered.get(event.revision)) != told:
                verdict.complain(f"{transaction} of {operation}: a stage's history has {present}, and {told} was right")
                return None
    if len(records) != len(history.records):
        verdict.complain(f"the stages' history has {len(history.records)} entries, and {len(records)} are right")
    return states


def committed(ruling: Moved, events: Sequence[Logged]) -> State:
    """The state after an effect, with the revision of everything that its events are about."""

    state = ruling.state
    state.revision = events[-1].revision
    latest = {(_KIND_OF.get(e.kind.partition(".")[0]), e.subject): e.revision for e in events}
    for (kind, subject), revision in latest.items():
        if kind == "promotion" and subject in state.open:
            state.open[subject] = replace(state.open[subject], revision=revision)
        elif kind == "stage":
            state.stages[subject] = replace(state.stages[subject], revision=revision)
    for promotion in ruling.closed:
        final = replace(promotion, revision=latest["promotion", promotion.id])
        state.over[promotion.id] = (state.revision, final)
    return state


def _place(history: History, transactions: Sequence[_Transaction], states: Sequence[State], verdict: _Verdict) -> None:
    """Give each request its point, as an index of `states`: 0 is before every transaction."""

    own = {t.operation: point for point, t in enumerate(transactions, start=1) if t.operation is not None}
    ceiling = _ceilings(history.operations, own, len(states) - 1)
    over: list[tuple[float, int]] = []
    floor = 0
    for index, operation in sorted(enumerate(history.operations), key=lambda pair: pair[1].began):
        while over and over[0][0] < operation.began:
            floor = max(floor, heapq.heappop(over)[1])
        point = own.get(index)
        if point is not None:
            if point < floor:
                verdict.complain(
                    f"{operation} took place at revision {states[point].revision}, and began after something was over"
                    f" that happened at revision {states[floor].revision}"
                )
            made = transactions[point - 1]
            if operation.answer is not None and not _says(states[point], operation, made.subject):
                verdict.complain(f"{operation} is not what its effect, {made}, brought about")
        elif operation.ended is None:
            continue
        else:
            last = ceiling(operation.ended)
            point = next((p for p in range(floor, last + 1) if _is_right(states[p], operation)), None)
            if point is None:
                first, last = states[floor].revision, states[max(floor, last)].revision
                verdict.complain(f"{operation} is right at no revision from {first} to {last}, where it belongs")
                continue
        if operation.ended is not None:
            heapq.heappush(over, (operation.ended, point))


def _ceilings(operations: Sequence[Operation], own: Mapping[int, int], last: int) -> Callable[[float], int]:
    """For a time: the last point before all changes that were asked for later."""

    asked = sorted((operations[index].began, point) for index, point in own.items())
    lowest = [last + 1] * (len(asked) + 1)
    for position in range(len(asked) - 1, -1, -1):
        lowest[position] = min(lowest[position + 1], asked[position][1])
    times = [began for began, _ in asked]
    return lambda ended: lowest[bisect_right(times, ended)] - 1


def _is_right(state: State, operation: Operation) -> bool:
    """Whether a request that changed nothing could be answered so in this state."""

    if operation.act.kind in READS:
        return _reads(state, operation)
    ruling: Ruling = rule(state, operation.act, client=operation.client)
    if operation.refusal is not None:
        return ruling == Refused(operation.refusal)
    return isinstance(ruling, Existing) and _says(state, operation, ruling.subject)


def _says(state: State, operation: Operation, subject: str) -> bool:
    """Whether an acknowledged write was answered with its subject as it is in this state."""

    answer = operation.answer
    assert answer is not None
    if operation.act.kind in {"register", "revoke"}:
        return _says_version(state, answer, operation.act)
    if operation.act.kind in {"hold", "let_go", "clear", "vacate"}:
        return _agrees(answer, facts_of_stage(state, subject))
    promotion = state.find(subject)
    return promotion is not None and _agrees(answer, facts_of_promotion(state, promotion))


def _says_version(state: State, answer: Mapping[str, Any], act: Act) -> bool:
    number = state.versions if act.kind == "register" else act.version
    wanted = {"number": number, "revoked": act.kind == "revoke", "revision": state.revision}
    return _agrees(answer, wanted)


def _reads(state: State, operation: Operation) -> bool:  # noqa: PLR0911 - one for each kind of read
    act, answer = operation.act, operation.answer
    if act.kind == "read_promotion":
        promotion = state.find(act.promotion)
        if promotion is None:
            return operation.refusal == "promotion_not_found"
        return answer is not None and _agrees(answer, facts_of_promotion(state, promotion))
    if act.kind == "read_current":
        current = state.stages[act.stage].version
        if current is None:
            return operation.refusal == "stage_vacant"
        return answer is not None and _agrees(answer, {"number": current, "revision": state.revision})
    if answer is None:
        return False
    if act.kind == "read_stage":
        return _agrees(answer, facts_of_stage(state, act.stage))
    currents = {name: stage.version for name, stage in state.stages.items()}
    return _agrees(answer, {"stages": currents, "latest": state.versions or None, "revision": state.revision})


def _agrees(answer: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    return all(answer.get(name) == value for name, value in facts.items())


def facts_of_promotion(state: State, promotion: Promotion) -> dict[str, Any]:
    return {
        "id": promotion.id,
        "stage": promotion.stage,
        "version": promotion.version,
        "phase": promotion.phase,
        "replaces": promotion.replaces,
        "holder": promotion.holder,
        "is_current": state.is_live(promotion),
        "revision": promotion.revision,
    }


def facts_of_stage(state: State, name: str) -> dict[str, Any]:
    stage = state.stages[name]
    return {
        "name": name,
        "version": stage.version,
        "promotion": stage.promotion,
        "held": stage.held,
        "failed": sorted(stage.failed),
        "revision": stage.revision,
    }
