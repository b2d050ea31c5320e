"""The checker of histories accepts what a right registry may have answered, and rejects each kind of wrong history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from tests.campaign.linearizable import (
    History,
    Logged,
    Operation,
    Record,
    check,
    committed,
    facts_of_promotion,
    facts_of_stage,
)
from tests.campaign.oracle import READS, Act, Existing, Moved, Refused, Stage, State, rule

STAGES = ("staging", "production")
KINDS = (
    *("register", "request", "request", "request", "review", "review", "withdraw", "lease", "release", "apply"),
    *("apply", "apply", "fail", "cancel", "roll_back", "roll_back", "hold", "let_go", "let_go", "clear", "vacate"),
    *("revoke", "read_promotion", "read_stage", "read_current", "read_model"),
)


class Registry:
    """A right one: acts take place one after the other, each at a time somewhere between question and answer."""

    def __init__(self, policy: str, chance: Random) -> None:
        self.chance = chance
        self.clock = 0.0
        self.states = [State(policy, {name: Stage(name, revision=1) for name in STAGES}, revision=1)]
        made = Logged(1, "model.created", "churn", "ada", "", "made")
        self.history = History("churn", policy, STAGES, [], [made], [])
        self.promotions: list[str] = []

    @property
    def state(self) -> State:
        return self.states[-1]

    def happens(self, kind: str) -> Operation:
        """The next act: a moment later than the last one, while others are still under way."""

        self.clock += 1.0
        client = f"client-{self.chance.randint(1, 4)}"
        act = self.act(kind, f"{client}-{self.clock:g}")
        answer, refusal = self.read(act) if kind in READS else self.write(client, act)
        began, ended = self.clock - self.chance.uniform(0, 3), self.clock + self.chance.uniform(0, 3)
        operation = Operation(client, act, began, ended, answer, refusal)
        if kind not in READS and self.chance.random() < 0.1:
            operation = replace(operation, ended=None, answer=None, refusal=None)
        self.history.operations.append(operation)
        return operation

    def act(self, kind: str, marker: str) -> Act:
        chance, state = self.chance, self.state
        stage = chance.choice(STAGES)
        promotion = chance.choice(self.promotions[-4:] or ["none"])
        found = state.find(promotion)
        held = found.holder if found else None
        holder = held or "nobody"
        current = state.stages[stage].version or 1
        some = chance.randint(1, max(1, state.versions))
        of_promotion = {
            "review": Act(kind, marker, promotion=promotion, verdict=chance.choice(["approve", "approve", "reject"])),
            "withdraw": Act(kind, promotion, promotion=promotion),
            "lease": Act(kind, marker, promotion=promotion, holder=marker),
            "release": Act(kind, f"{promotion} {holder}", promotion=promotion, holder=holder),
            "apply": Act(kind, promotion, promotion=promotion, holder=chance.choice([held, None])),
            "fail": Act(kind, marker, promotion=promotion, holder=holder),
        }
        of_stage = {
            "let_go": Act(kind, stage, stage=stage),
            "roll_back": Act(kind, marker, stage=stage, version=chance.choice([current, current, some])),
            "vacate": Act(kind, marker, stage=stage, version=current),
        }
        other = Act(kind, marker, promotion=promotion, stage=stage, version=some)
        return of_promotion.get(kind) or of_stage.get(kind) or other

    def write(self, client: str, act: Act) -> tuple[dict[str, Any] | None, str | None]:
        new = f"p{self.clock:g}"
        before = self.state
        ruling = rule(before, act, client=client, new=new)
        if isinstance(ruling, Refused):
            return None, ruling.code
        if isinstance(ruling, Existing):
            return self.told(act, ruling.subject), None
        revision = before.revision
        first = ruling.events[0]
        telling = next((event for event in ruling.events if event[0] == "promotion.rolled_back"), first)
        events = []
        for event in ruling.events:
            revision += 1
            marker = act.marker if event == telling else ""
            events.append(Logged(revision, *event, client, marker, f"{client} {self.clock}"))
        if act.kind == "request":  # in the log the request comes first, then what it supersedes
            events.sort(key=lambda event: event.kind != "promotion.requested")
            events = [
                replace(event, revision=before.revision + 1 + place, marker="" if place else act.marker)
                for place, event in enumerate(events)
            ]
        moves = [event.revision for event in events if event.kind in {"stage.moved", "stage.vacated"}]
        self.history.records += [Record(*record, at) for record, at in zip(ruling.records, moves, strict=True)]
        self.history.log += events
        self.states.append(committed(ruling, events))
        if act.kind in {"request", "roll_back"}:
            self.promotions.append(new)
        return self.told(act, ruling.subject), None

    def told(self, act: Act, subject: str) -> dict[str, Any]:
        state = self.state
        if act.kind == "register":
            return {"number": state.versions, "revoked": False, "revision": state.revision}
        if act.kind == "revoke":
            return {"number": act.version, "revoked": True, "revision": state.revision}
        if subject in STAGES:
            return facts_of_stage(state, subject)
        found = state.find(subject)
        assert found is not None
        return facts_of_promotion(state, found)

    def read(self, act: Act) -> tuple[dict[str, Any] | None, str | None]:
        state = self.state
        found = state.find(act.promotion)
        current = state.stages[act.stage].version
        match act.kind:
            case "read_promotion":
                return (None, "promotion_not_found") if found is None else (facts_of_promotion(state, found), None)
            case "read_stage":
                return facts_of_stage(state, act.stage), None
            case "read_current":
                if current is None:
                    return None, "stage_vacant"
                return {"number": current, "revoked": False, "revision": state.revision}, None
        stages = {name: stage.version for name, stage in state.stages.items()}
        return {"stages": stages, "latest": state.versions or None, "revision": state.revision}, None


def story(policy: str, kinds: list[str], seed: int) -> Registry:
    registry = Registry(policy, Random(seed))
    for kind in ["register", "register", "register", *kinds]:
        registry.happens(kind)
    return registry


def any_story(policy: str, seed: int) -> Registry:
    return story(policy, Random(seed).choices(KINDS, k=120), seed)


stories = st.builds(any_story, st.sampled_from(["open", "solo"]), st.integers(0, 2**32))
searching = settings(
    deadline=None,
    max_examples=25,
    derandomize=True,
    phases=[Phase.generate],  # a seed has no simpler one
    suppress_health_check=list(HealthCheck),
)


@searching
@given(stories)
def test_what_a_right_registry_answers_is_accepted(registry: Registry) -> None:
    assert check(registry.history) == []


def transaction_of(registry: Registry, place: int) -> str:
    return f"{registry.history.operations[place].client} {place + 1:.1f}"


def acknowledged(registry: Registry, *kinds: str) -> list[int]:
    """Operations that had an effect and were answered, by their place in the history."""
    logged = {event.transaction for event in registry.history.log}
    return [
        place
        for place, operation in enumerate(registry.history.operations)
        if operation.answer is not None
        and (not kinds or operation.act.kind in kinds)
        and transaction_of(registry, place) in logged
    ]


Plant = Callable[[Registry, Random], bool]


def lost_update(registry: Registry, chance: Random) -> bool:
    """The last thing that was acknowledged is nowhere."""
    history = registry.history
    lost = history.log[-1].transaction
    if lost not in {transaction_of(registry, place) for place in acknowledged(registry)}:
        return False
    revisions = {event.revision for event in history.log if event.transaction == lost}
    history.log = [event for event in history.log if event.transaction != lost]
    history.records = [record for record in history.records if record.revision not in revisions]
    return True


def overwritten(registry: Registry, chance: Random) -> bool:
    """Two promotions were applied over the same version: the second didn't see the first."""
    applied = [record for record in registry.history.records if record.previous is not None]
    if not applied:
        return False
    place = registry.history.records.index(chance.choice(applied))
    registry.history.records[place] = replace(registry.history.records[place], previous=None)
    return True


def answered_over_another(registry: Registry, chance: Random) -> bool:
    """An apply was answered as having replaced another version than it did."""
    return amend(registry, chance, ("apply",), lambda answer: {**answer, "replaces": 99})


def stale_read(registry: Registry, chance: Random) -> bool:
    """Somebody reads the model as it was before a change that was over when they asked."""
    before = {"stages": dict.fromkeys(STAGES), "latest": None, "revision": 1}
    late = registry.clock + 10
    registry.history.operations.append(Operation("reader", Act("read_model", "r"), late, late + 1, before))
    return True


def stale_refusal(registry: Registry, chance: Random) -> bool:
    """A request is refused for a reason that had gone before it was sent."""
    late = registry.clock + 10
    act = Act("read_current", "r", stage="production")
    if registry.state.stages["production"].version is None:
        return False
    registry.history.operations.append(Operation("reader", act, late, late + 1, refusal="stage_vacant"))
    return True


def two_currents(registry: Registry, chance: Random) -> bool:
    """Another promotion to a stage is shown as current beside the one that is."""
    state = registry.state
    shown = [found for _, found in state.over.values() if found.phase == "APPLIED" and not state.is_live(found)]
    if not shown:
        return False
    facts = facts_of_promotion(state, chance.choice(shown)) | {"is_current": True}
    late = registry.clock + 10
    act = Act("read_promotion", "r", promotion=facts["id"])
    registry.history.operations.append(Operation("reader", act, late, late + 1, facts))
    return True


def revision_going_back(registry: Registry, chance: Random) -> bool:
    """A reader sees the newest revision and then an older one."""
    state = registry.states[-2]
    late = registry.clock + 10
    for number, seen in enumerate((registry.state, state)):
        stages = {name: stage.version for name, stage in seen.stages.items()}
        facts = {"stages": stages, "latest": seen.versions, "revision": seen.revision}
        began = late + 2 * number
        registry.history.operations.append(Operation("reader", Act("read_model", "r"), began, began + 1, facts))
    return True


def revision_not_counted(registry: Registry, chance: Random) -> bool:
    """Two events have one revision."""
    place = chance.randrange(1, len(registry.history.log))
    registry.history.log[place] = replace(registry.history.log[place], revision=place)
    return True


def effect_of_a_refused_operation(registry: Registry, chance: Random) -> bool:
    """What had an effect was answered with a refusal."""
    place = chance.choice(acknowledged(registry))
    operation = registry.history.operations[place]
    registry.history.operations[place] = replace(operation, answer=None, refusal="not_approved")
    return True


def doubled_effect(registry: Registry, chance: Random) -> bool:
    """One request left its effect twice."""
    places = acknowledged(registry, "hold", "register")
    operation = registry.history.operations[chance.choice(places)]
    kind = {"hold": "stage.held", "register": "version.registered"}[operation.act.kind]
    last = registry.history.log[-1].revision
    subject = operation.act.stage if kind == "stage.held" else str(registry.state.versions + 1)
    again = Logged(last + 1, kind, subject, operation.client, operation.act.marker, "again")
    registry.history.log.append(again)
    return True


def reordered_in_time(registry: Registry, chance: Random) -> bool:
    """Of two changes, the one that was over before the other began comes after it."""
    places = acknowledged(registry)
    earlier, later = places[0], places[-1]
    operations = registry.history.operations
    if earlier == later:
        return False
    late = registry.clock + 10
    operations[earlier] = replace(operations[earlier], began=late, ended=late + 1)
    return True


def half_a_promotion_is_seen(registry: Registry, chance: Random) -> bool:
    """Somebody sees a promotion that is applied, and the stage that hasn't moved yet."""
    moves = [event for event in registry.history.log if event.kind == "stage.moved"]
    if not moves:
        return False
    revision = chance.choice(moves).revision
    before = next(state for state in reversed(registry.states) if state.revision < revision)
    stages = {name: stage.version for name, stage in before.stages.items()}
    seen = {"stages": stages, "latest": before.versions, "revision": revision - 1}
    if before.revision == revision - 1:
        return False
    registry.history.operations.append(Operation("reader", Act("read_model", "r"), 0, registry.clock + 10, seen))
    return True


def event_without_a_cause(registry: Registry, chance: Random) -> bool:
    """Something happened that nobody asked for."""
    last = registry.history.log[-1].revision
    registry.history.log.append(Logged(last + 1, "stage.held", "staging", "nobody", "why", "alone"))
    return True


def rollback_to_the_wrong_version(registry: Registry, chance: Random) -> bool:
    """A rollback restored another version than the last good one."""
    back = [record for record in registry.history.records if record.change == "rolled_back"]
    if not back:
        return False
    place = registry.history.records.index(chance.choice(back))
    record = registry.history.records[place]
    registry.history.records[place] = replace(record, version=(record.version or 0) + 1)
    return True


def history_forgets(registry: Registry, chance: Random) -> bool:
    """A stage doesn't remember what was current in it."""
    if not registry.history.records:
        return False
    registry.history.records.pop()
    return True


def amend(registry: Registry, chance: Random, kinds: tuple[str, ...], change: Callable[[Any], Any]) -> bool:
    places = acknowledged(registry, *kinds)
    if not places:
        return False
    place = chance.choice(places)
    operation = registry.history.operations[place]
    registry.history.operations[place] = replace(operation, answer=change(operation.answer))
    return True


WRONG: tuple[Plant, ...] = (
    lost_update,
    overwritten,
    answered_over_another,
    stale_read,
    stale_refusal,
    two_currents,
    revision_going_back,
    revision_not_counted,
    effect_of_a_refused_operation,
    doubled_effect,
    reordered_in_time,
    half_a_promotion_is_seen,
    event_without_a_cause,
    rollback_to_the_wrong_version,
    history_forgets,
)


@pytest.mark.parametrize("plant", [pytest.param(one, id=one.__name__) for one in WRONG])
def test_a_wrong_history_is_rejected(plant: Plant) -> None:
    @searching
    @given(stories, st.integers(0, 10**6))
    def search(registry: Registry, seed: int) -> None:
        assume(plant(registry, Random(seed)))
        assert check(registry.history), plant.__doc__

    search()


def test_what_was_never_answered_took_place_once_or_not_at_all() -> None:
    registry = story("open", ["hold"], 1)
    operations = registry.history.operations
    unknown = replace(operations[-1], ended=None, answer=None, refusal=None)
    operations[-1] = unknown
    assert check(registry.history) == []
    without_effect = story("open", [], 1)
    without_effect.history.operations.append(unknown)
    assert check(without_effect.history) == []


def test_a_complaint_names_the_request_and_what_would_have_been_right() -> None:
    registry = story("open", ["hold"], 1)
    late = registry.clock + 10
    act = Act("read_stage", "r", stage=registry.history.operations[-1].act.stage)
    facts = facts_of_stage(registry.states[-2], act.stage)
    registry.history.operations.append(Operation("reader", act, late, late + 1, facts))
    (complaint,) = check(registry.history)
    assert "churn: reader: read_stage" in complaint and "is right at no revision from 5 to 5" in complaint


def test_the_oracle_moves_a_stage_only_for_what_is_moved() -> None:
    ruling = rule(story("solo", [], 1).state, Act("request", "m", stage="staging", version=2), new="p")
    assert isinstance(ruling, Moved)
    assert ruling.records == [] and ruling.state.open["p"].phase == "PENDING"
