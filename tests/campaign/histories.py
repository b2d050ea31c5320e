"""Clients that fight for the same models, while the service is killed under them: is what they were answered the story
of one registry, in one order? On each of the two databases, as each has its own way of putting writes into an order.

Each client asks for this and that, good sense or not, and writes down when it asked, when it was answered, and what.
`linearizable.check` judges the history of each model afterwards, with the event log and what stages remember.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import httpx

from registry_service.client import (
    AttachPolicy,
    CreateGrant,
    CreateModel,
    CreatePrincipal,
    CreateToken,
    PrincipalKind,
    RegistryClient,
)
from tests.campaign.clients import TRY_AGAIN
from tests.campaign.facts import rows_of
from tests.campaign.frame import Findings, Harness, Run
from tests.campaign.killable_postgres import killable_postgres
from tests.campaign.life import API
from tests.campaign.linearizable import History, Logged, Operation, Record, check
from tests.campaign.oracle import Act
from tests.campaign.serving import CampaignServer

CLIENTS: Final = 16
STAGES: Final = ("staging", "production")
# So many models are fought for at a time, by all clients.
IN_DISPUTE: Final = 4
ENOUGH_VIOLATIONS: Final = 20

WEIGHTS: Final[Mapping[str, int]] = {
    "register": 6,
    "request": 16,
    "review": 14,
    "withdraw": 4,
    "lease": 8,
    "release": 4,
    "apply": 20,
    "fail": 2,
    "cancel": 2,
    "roll_back": 6,
    "hold": 1,
    "let_go": 3,
    "clear": 2,
    "vacate": 1,
    "revoke": 1,
    "read_promotion": 6,
    "read_stage": 6,
    "read_current": 6,
    "read_model": 4,
}


@dataclass
class Rumour:
    """What goes round of a model among clients: good enough to ask for something that may be possible."""

    name: str
    policy: str
    versions: int = 0
    promotions: deque[str] = field(default_factory=lambda: deque(maxlen=5))
    digests: dict[str, str] = field(default_factory=dict)
    holders: dict[str, str] = field(default_factory=dict)
    current: dict[str, int] = field(default_factory=dict)


@dataclass
class Contest:
    """What clients share: the server, the models, and the signal to stop for good."""

    server: CampaignServer
    models: list[Rumour]
    operations: int
    stop: threading.Event = field(default_factory=threading.Event)
    complaints: list[str] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return self.stop.is_set() or len(self.complaints) >= ENOUGH_VIOLATIONS


class Contestant:
    """A client with a name of its own in every event."""

    def __init__(self, name: str, token: str, contest: Contest, chance: Random) -> None:
        self.name = name
        self.history: dict[str, list[Operation]] = defaultdict(list)
        self.done = 0
        self.tally: Counter[str] = Counter()
        self._token = token
        self._contest = contest
        self._chance = chance
        self._markers = (f"{name}-{number}" for number in itertools.count(1))

    def live(self) -> None:
        with self._contest.server.http(self._token) as http:
            while self.done < self._contest.operations and not self._contest.is_over:
                model = self._disputed()
                act = self._think_of(model)
                if act is not None:
                    self._ask(http, model, act)
                    self.done += 1

    def _disputed(self) -> Rumour:
        """All clients are at about the same share of their operations, and hence at the same models."""
        models = self._contest.models
        groups = max(1, len(models) // IN_DISPUTE)
        group = min(groups - 1, self.done * groups // self._contest.operations)
        return self._chance.choice(models[group * IN_DISPUTE : (group + 1) * IN_DISPUTE])

    def _think_of(self, model: Rumour) -> Act | None:  # noqa: PLR0911 - one for each kind of act
        (kind,) = self._chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
        stage = self._chance.choice(STAGES)
        marker = next(self._markers)
        match kind:
            case "register" | "read_model":
                return Act(kind, marker)
            case "request":
                newest = model.versions
                return Act(kind, marker, stage=stage, version=self._chance.randint(max(1, newest - 3), newest))
            case "revoke":
                return Act(kind, marker, version=self._chance.randint(max(1, model.versions - 5), model.versions))
            case "hold" | "read_stage" | "read_current":
                return Act(kind, marker, stage=stage)
            case "let_go":
                return Act(kind, stage, stage=stage)
            case "roll_back" | "vacate":
                return Act(kind, marker, stage=stage, version=model.current.get(stage, 1))
            case "clear":
                return Act(kind, marker, stage=stage, version=self._chance.randint(1, model.versions))
        if not model.promotions:
            return None
        return self._about(kind, model, self._chance.choice(list(model.promotions)), marker)

    def _about(self, kind: str, model: Rumour, promotion: str, marker: str) -> Act | None:  # noqa: PLR0911 - one for each kind of act
        holder = model.holders.get(promotion)
        match kind:
            case "review":
                if model.policy == "open":
                    return None  # nobody need review
                verdict = "reject" if self._chance.random() < 0.1 else "approve"
                return Act(kind, marker, promotion=promotion, verdict=verdict)
            case "withdraw":
                return Act(kind, promotion, promotion=promotion)
            case "lease":
                return Act(kind, marker, promotion=promotion, holder=marker)
            case "release":
                named = holder or "nobody"
                return Act(kind, f"{promotion} {named}", promotion=promotion, holder=named)
            case "fail":
                return Act(kind, marker, promotion=promotion, holder=holder or "nobody")
            case "apply":
                named_or_not = holder if self._chance.random() < 0.8 else None
                return Act(kind, promotion, promotion=promotion, holder=named_or_not)
        return Act(kind, marker, promotion=promotion)

    def _ask(self, http: httpx.Client, model: Rumour, act: Act) -> None:
        """Send until there is an answer; or, once something was sent and no answer came, perhaps leave it at that."""

        method, path, body = _request(model, act, self.name)
        headers = {} if method == "GET" else {"Idempotency-Key": f"{self.name}-{self.done}"}
        began = time.monotonic()
        while not self._contest.is_over:
            try:
                response = http.request(method, path, json=body, headers=headers)
            except httpx.ConnectError:
                time.sleep(0.05)
                continue
            except httpx.TransportError:
                if self._chance.random() < 0.5:
                    self._note(model, act, began, None)
                    return
                continue
            if response.status_code not in TRY_AGAIN:
                self._note(model, act, began, response)
                return
            self.tally["put off"] += 1
            time.sleep(0.02)

    def _note(self, model: Rumour, act: Act, began: float, response: httpx.Response | None) -> None:
        if response is None:
            self.tally["unknown"] += 1
            self.history[model.name].append(Operation(self.name, act, began, None))
            return
        ended = time.monotonic()
        if response.is_success:
            self.tally["read" if act.kind.startswith("read") else "acknowledged"] += 1
            answer = _facts(act.kind, response.json())
            self.history[model.name].append(Operation(self.name, act, began, ended, answer=answer))
            _hear(model, act, answer, response.json())
        elif response.status_code in {403, 404, 409}:
            self.tally["refused"] += 1
            code = response.json()["code"]
            self.history[model.name].append(Operation(self.name, act, began, ended, refusal=code))
        else:
            self._contest.complaints.append(
                f"{self.name}: {act} was answered {response.status_code}: {response.text[:200]}"
            )


def _request(model: Rumour, act: Act, client: str) -> tuple[str, str, dict[str, Any] | None]:
    base, stage = f"{API}/models/{model.name}", f"{API}/models/{model.name}/stages/{act.stage}"
    promotion = f"{API}/promotions/{act.promotion}"
    reads = {
        "read_promotion": promotion,
        "read_stage": stage,
        "read_current": f"{base}/versions/@{act.stage}",
        "read_model": base,
    }
    if act.kind in reads:
        return "GET", reads[act.kind], None
    because = {"reason": act.marker}
    review = {"verdict": act.verdict, "digest": model.digests.get(act.promotion), "comment": act.marker}
    asked = {"model": model.name, "version": str(act.version), "stage": act.stage, **because}
    version = {"files": [], "metadata": {"params": {"by": act.marker}}, "identity": act.marker}
    writes: dict[str, tuple[str, dict[str, Any]]] = {
        "register": (f"{base}/versions", version),
        "request": (f"{API}/promotions", asked),
        "review": (f"{promotion}/reviews", review),
        "withdraw": (f"{promotion}/reviews/withdraw", {}),
        "lease": (f"{promotion}/lease", {"holder": act.holder}),
        "release": (f"{promotion}/release", {"holder": act.holder}),
        "apply": (f"{promotion}/apply", {"holder": act.holder}),
        "fail": (f"{promotion}/fail", {"holder": act.holder, **because}),
        "cancel": (f"{promotion}/cancel", because),
        "roll_back": (f"{stage}/rollback", {"from_version": act.version, **because}),
        "hold": (f"{stage}/hold", because),
        "let_go": (f"{stage}/release", {}),
        "clear": (f"{stage}/clear-failure", {"version": act.version, **because}),
        "vacate": (f"{stage}/vacate", {"from_version": act.version, **because}),
        "revoke": (f"{base}/versions/{act.version}/revoke", because),
    }
    return "POST", *writes[act.kind]


def _facts(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """What the checker asks an answer for, by the names that it has there."""

    if kind in {"register", "revoke", "read_current"}:
        return {"number": body["number"], "revoked": body["revoked"] is not None, "revision": body["revision"]}
    if kind == "read_model":
        return {"stages": body["stages"], "latest": body["latest_version"], "revision": body["revision"]}
    if "promotion_id" in body:
        kept = {name: body[name] for name in ("name", "version", "failed", "revision")}
        return {**kept, "promotion": body["promotion_id"], "held": body["hold"] is not None}
    kept = {name: body[name] for name in ("id", "stage", "version", "phase", "replaces", "is_current", "revision")}
    return {**kept, "holder": body["lease"]["holder"] if body["lease"] else None}


def _hear(model: Rumour, act: Act, answer: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    if act.kind == "register":
        model.versions = max(model.versions, answer["number"])
    elif "promotion" in answer:
        model.current[answer["name"]] = answer["version"] or 1
    elif "phase" in answer:
        if answer["id"] not in model.promotions:
            model.promotions.append(answer["id"])
        model.digests[answer["id"]] = body["digest"]
        if answer["holder"]:
            model.holders[answer["id"]] = answer["holder"]
        if answer["is_current"]:
            model.current[answer["stage"]] = answer["version"]


# -------------------------------------------------------------------------------------------------- the whole contest


def run_histories(run: Run) -> Findings:
    return _contested(run, CampaignServer(run.directory / "home", mutant=run.mutant))


def run_on_postgres(run: Run) -> Findings:
    with killable_postgres() as postgres:
        url = postgres.create("histories")
        return _contested(run, CampaignServer(run.directory / "home", mutant=run.mutant, database_url=url))


def _contested(run: Run, server: CampaignServer) -> Findings:
    contest_of = (4, 40) if run.is_short else (20, 1000)
    kills = 0
    try:
        server.start()
        contest, contestants, setup = _prepare(run, server, *contest_of)
        threads = [threading.Thread(target=one.live, name=one.name, daemon=True) for one in contestants]
        for thread in threads:
            thread.start()
        try:
            kills = _kill_now_and_then(run, contest, contestants, threads)
        finally:
            contest.stop.set()
            for thread in threads:
                thread.join(60)
        assert not any(thread.is_alive() for thread in threads), "a client doesn't end"
        findings = _judge(run, contest, contestants, setup)
    finally:
        server.stop()
    findings.figures["kills"] = kills
    return findings


def _prepare(
    run: Run, server: CampaignServer, models: int, operations: int
) -> tuple[Contest, list[Contestant], dict[str, list[Operation]]]:
    """People who may do anything, and models of which half are `open` and half `solo`, with two versions each."""

    rumours = [Rumour(f"model-{number}", "open" if number % 2 else "solo") for number in range(models)]
    contest = Contest(server, rumours, operations)
    contestants = []
    with RegistryClient(server.url, server.token("person")) as ada:
        for number in range(1, CLIENTS + 1):
            name = f"client-{number}"
            ada.create_principal(CreatePrincipal(name=name, kind=PrincipalKind.PERSON))
            ada.create_grant(CreateGrant(role="admin", principal=name))
            token = ada.create_token(CreateToken(name="contest", principal=name)).token
            contestants.append(Contestant(name, token, contest, run.random(name)))
        for rumour in rumours:
            if rumour.policy == "open":
                ada.attach_policy(AttachPolicy(policy="open", model_pattern=rumour.name))
            ada.create_model(CreateModel(name=rumour.name, stages=list(STAGES)))
    setup: dict[str, list[Operation]] = {}
    first = Contestant("ada", server.token("person"), contest, run.random("setup"))
    with server.http(server.token("person")) as http:
        for rumour, number in itertools.product(rumours, range(2)):
            first._ask(http, rumour, Act("register", f"first-{number}"))
            first.done += 1
    setup |= first.history
    return contest, contestants, setup


def _kill_now_and_then(
    run: Run, contest: Contest, contestants: list[Contestant], threads: list[threading.Thread]
) -> int:
    # However slow a start is, clients get on between two of them.
    chance, kills, at_least = run.random("kills"), 0, contest.operations * CLIENTS // (4 if run.is_short else 100)

    def done() -> int:
        return sum(one.done for one in contestants)

    while any(thread.is_alive() for thread in threads) and not contest.is_over:
        until, enough = time.monotonic() + chance.uniform(0.3, 1.5 if run.is_short else 6.0), done() + at_least
        while (time.monotonic() < until or done() < enough) and any(thread.is_alive() for thread in threads):
            time.sleep(0.01)
        contest.server.kill()
        contest.server.start()
        kills += 1
        if kills % 10 == 0:
            run.say(f"{kills} kills, {done()} operations")
    return kills


def _judge(run: Run, contest: Contest, contestants: list[Contestant], setup: dict[str, list[Operation]]) -> Findings:
    rows = rows_of(contest.server.database_url)
    tally: Counter[str] = Counter()
    for one in contestants:
        tally += one.tally
    found = list(contest.complaints)
    logs, records = _logs(rows), _records(rows)
    for rumour in contest.models:
        operations = [operation for one in contestants for operation in one.history[rumour.name]]
        history = History(
            rumour.name,
            rumour.policy,
            STAGES,
            setup[rumour.name] + operations,
            logs[rumour.name],
            records[rumour.name],
        )
        found += check(history)
    moved = sum(len(of_model) for of_model in records.values())
    figures: dict[str, int | float | str] = {
        "operations": sum(one.done for one in contestants),
        **{name: tally[name] for name in ("acknowledged", "read", "refused", "unknown", "put off")},
        "revisions": sum(len(log) for log in logs.values()),
        "times a stage moved": moved,
    }
    if not found and (moved < len(contest.models) or not tally["refused"]):
        raise AssertionError(f"nothing was tried: {figures}")
    return Findings(figures, found[:ENOUGH_VIOLATIONS])


def _logs(rows: Callable[[str], list[Any]]) -> dict[str, list[Logged]]:
    logs: dict[str, list[Logged]] = defaultdict(list)
    told = rows("SELECT model_name, revision, kind, subject, actor, at, data FROM events ORDER BY seq")
    for model, revision, kind, subject, actor, at, data in told:
        if model is not None:
            facts = json.loads(data)
            marker = _marker(kind, subject, facts)
            logs[model].append(Logged(revision, kind, subject or model, actor, marker, f"{actor} {at}"))
    return logs


def _marker(kind: str, subject: str | None, facts: Mapping[str, Any]) -> str:
    """What the act behind an event has as its marker."""
    match kind:
        case "promotion.leased":
            return str(facts["holder"])
        case "promotion.lease_released":
            return f"{subject} {facts['holder']}"
        case "review.given":
            return str(facts["comment"])
        case "version.registered":
            return str(facts["identity"])
        case "promotion.applied" | "review.withdrawn" | "stage.released":
            return str(subject)
    return str(facts.get("reason"))


def _records(rows: Callable[[str], list[Any]]) -> dict[str, list[Record]]:
    records: dict[str, list[Record]] = defaultdict(list)
    for model, *entry in rows(
        "SELECT m.name, h.stage, h.change, h.number, h.previous, h.promotion_id, h.revision"
        " FROM stage_history h JOIN models m ON m.id = h.model_id ORDER BY h.id"
    ):
        records[model].append(Record(*entry))
    return records


PROMISE: Final = (
    "20 models, 16 clients with 1,000 operations each, and kills: every answer is explained by one order of"
    " changes, that of the revisions, in real time"
)

HARNESS = Harness(
    name="histories",
    promise=PROMISE,
    run=run_histories,
    mutants=("answer_before_commit", "apply_without_compare_and_set", "cached_hot_read", "revision_not_counted"),
)

ON_POSTGRES = Harness(
    name="histories_postgres",
    promise=f"on PostgreSQL: {PROMISE}",
    run=run_on_postgres,
    mutants=("revision_not_counted",),
)
