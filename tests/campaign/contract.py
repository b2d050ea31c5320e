"""Whatever is asked, the API answers as its description says.

Schemathesis makes requests from the description that the service gives: the edges of each schema one by one, then
random ones that fit it or break it. A part of each request is exchanged for what earlier answers named, so that one
builds on the other, and for what only somebody hostile would name; people and services of all roles take turns, and
callers whom nobody knows. What was made is read at once, and what was removed must be gone.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final
from urllib.parse import quote

import httpx
import requests
import schemathesis

from registry_service.domain.permissions import Role
from tests.campaign.clients import TRY_AGAIN
from tests.campaign.contract_judge import complaints
from tests.campaign.contract_requests import change, change_path, complete, edges, hostile_paths, random_cases
from tests.campaign.contract_things import Things
from tests.campaign.frame import Figure, Findings, Harness, Run, Scale
from tests.campaign.serving import PERSON, CampaignServer
from tests.web.stories import API, answered, create_model, digest_of, register

# How many hostile values for each path parameter; how many cases at the edges of schemas; how many batches of random
# cases, and how many of them in each batch for each operation: so many that break the description, twice as many don't.
HOSTILE: Final = {Scale.SHORT: 4, Scale.WHOLE: 40}
EDGES: Final = {Scale.SHORT: 500, Scale.WHOLE: 10_000}
BATCHES: Final = {Scale.SHORT: 1, Scale.WHOLE: 6}
EACH: Final = {Scale.SHORT: 7, Scale.WHOLE: 13}
# After so many requests, new things come to those that are archived, held and deleted by now.
FRESH: Final = 120
ENOUGH: Final = 20
SECONDS: Final = 60

# Which read shows what was made, and which fields of the answer name it.
MADE: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "create_model": ("get_model", {"model": "name"}),
    "register_version": ("get_version", {"model": "model_name", "selector": "number"}),
    "start_upload": ("get_upload", {"upload": "id"}),
    "move_alias": ("get_alias", {"model": "model_name", "alias": "name"}),
    "request_promotion": ("get_promotion", {"promotion": "id"}),
    "start_deployment": ("get_deployment", {"deployment": "id"}),
    "create_principal": ("get_principal", {"name": "name"}),
    "move_consumer": ("get_consumer", {"name": "name"}),
}

REMOVED: Final[Mapping[str, str]] = {
    "abort_upload": "get_upload",
    "remove_alias": "get_alias",
    "remove_consumer": "get_consumer",
}
# An upload that was aborted is remembered as closed.
GONE: Final = frozenset({404, 409})


@dataclass
class Conversation:
    """One server, all that was said to it, and what is wrong with its answers."""

    run: Run
    server: CampaignServer
    operations: dict[str, Any]
    tokens: dict[str, str]
    things: Things
    session: requests.Session
    cases: int = 0
    unsent: int = 0
    models: int = 0
    scene: dict[str, Any] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    put_off: Counter[str] = field(default_factory=Counter)
    succeeded: set[str] = field(default_factory=set)
    tried: set[str] = field(default_factory=set)
    violations: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """A planted bug needs to be seen once."""
        return len(self.violations) >= (1 if self.run.mutant else ENOUGH)

    def ask(self, case: Any, caller: str) -> Any:
        """Send a request and judge the answer; None where no client could send it."""

        operation = case.operation.definition.raw
        name, tag = operation["operationId"], operation["tags"][0]
        try:
            response = case.call(
                base_url=self.server.url,
                session=self.session,
                headers={"Authorization": self.tokens[caller]} if self.tokens[caller] else {},
                timeout=SECONDS,
            )
        except (requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL, UnicodeError):
            self.unsent += 1
            return None
        except requests.exceptions.RequestException as error:
            self._complain(name, case, caller, f"no whole answer: {error!r}"[:300])
            return None
        self.cases += 1
        self.tried.add(name)
        self.statuses[response.status_code] += 1
        if response.status_code in TRY_AGAIN:
            self._put_off(name, caller, response)
        public = operation.get("security") == []
        # At the edges, there are requests without this header.
        known = caller not in UNKNOWN and response.request.headers.get("Authorization") == self.tokens[caller]
        for complaint in complaints(case, response, known=known, public=public):
            self._complain(name, case, caller, f"{complaint} ({response.status_code} {response.text[:200]})")
        if response.status_code < 300:
            self.succeeded.add(name)
            if response.headers.get("content-type") == ["application/json"]:
                self.things.learn(name, tag, response.json())
        return response

    def follow(self, case: Any, caller: str, response: Any) -> None:
        """Read what was made, by whoever made it; and what was removed."""

        name = case.operation.definition.raw["operationId"]
        if case.method.lower() != case.operation.method.lower() or response.status_code >= 300:
            return
        if name in MADE:
            read, fields = MADE[name]
            made = response.json()
            where = {parameter: quote(str(made[field]), safe="") for parameter, field in fields.items()}
        elif name in REMOVED:
            read, where = REMOVED[name], dict(case.path_parameters)
        else:
            return
        again = self.ask(self.operations[read].Case(path_parameters=where), caller)
        if again is not None and (again.status_code in GONE) is not (name in REMOVED):
            self._complain(name, case, caller, f"{read} of {where} says {again.status_code} right afterwards")

    def begin(self) -> None:
        """A model with versions, pointers, a finished and an open promotion, a deployment and an open upload."""

        self.models += 1
        model = f"{'team-a.' if self.models % 2 else ''}model-{self.models}"
        self.scene = {"model": model, "stage": "production", "alias": "best", "path": "model.bin", "holder": "run-1"}
        # What earlier requests did to policies and grants may refuse a part of this.
        with contextlib.suppress(AssertionError), self.server.http(self.server.token("person")) as http:
            create_model(http, model)
            register(http, model, {"model.bin": b"one"}, aliases=["best"])
            register(http, model, {"model.bin": b"two"}, metadata={"metrics": {"auc": 0.9}})
            announced = [{"digest": digest_of(data), "size": len(data)} for data in (b"three", b"four")]
            upload = answered(http.post(f"{API}/uploads", json={"model": model, "files": announced}), 201)
            self.scene |= {"upload": upload["id"], "announced": announced[0]["digest"]}
            asked = {"model": model, "version": "1", "target": "eu"}
            self.scene["deployment"] = answered(http.post(f"{API}/deployments", json=asked), 201)["id"]
            self._finish(http, answered(http.post(f"{API}/promotions", json={**asked_for(model), "version": "1"}), 201))
            waiting = answered(http.post(f"{API}/promotions", json=asked_for(model)), 201)
            self.scene |= {"promotion": waiting["id"], "digest": waiting["digest"], "version": 1}
        for kind, value in self.scene.items():
            self.things.add(kind, value)

    def _finish(self, http: httpx.Client, promotion: Any) -> None:
        """Bring a promotion to its end, whether or not own approvals count by now."""

        path = f"{API}/promotions/{promotion['id']}"
        with self.server.http(self.tokens["person-approver"].removeprefix("Bearer ")) as approver:
            verdict = {"verdict": "approve", "digest": promotion["digest"]}
            answered(approver.post(f"{path}/reviews", json=verdict))
        answered(http.post(f"{path}/apply", json={}))

    def say_all(self, cases: Sequence[Any], change: Callable[[Any, Things, Random], None]) -> None:
        """Send cases one after the other, each by somebody, with a part of each exchanged by `change`."""

        known = [who for who in self.tokens if who not in UNKNOWN]
        callers = [*([PERSON] * len(known)), *known, *UNKNOWN]
        for number, case in enumerate(cases):
            if self.is_over:
                return
            if number % FRESH == 0:
                self.begin()
            chance = self.run.random("case", self.cases)
            self.things.scene = self.scene if chance.random() < 0.6 else {}
            change(case, self.things, chance)
            caller = chance.choice(callers)
            response = self.ask(case, caller)
            if response is not None:
                self.follow(case, caller, response)

    def _put_off(self, name: str, caller: str, response: Any) -> None:
        """Honest or not, whoever reads the report wants to know why."""
        said = response.json()
        why = str(said.get("code", name))
        self.put_off[why] += 1
        self.run.say(f"{name} as {caller} was put off: {response.text[:400]}")

    def _complain(self, name: str, case: Any, caller: str, complaint: str) -> None:
        self.violations.setdefault(
            (name, complaint[:60]),
            f"{name} as {caller}: {complaint} to {case.method} {case.path} with"
            f" {_cut(case.path_parameters)} {_cut(case.query)} {_cut(dict(case.headers))} {_cut(case.body)}",
        )


def asked_for(model: str) -> dict[str, str]:
    return {"model": model, "version": "2", "stage": "production"}


def _cut(value: object) -> str:
    """Enough of a value to make the request again by hand, mostly."""
    text = repr(value)
    return text if len(text) <= 400 else f"{text[:400]}… ({len(text)} characters)"


UNKNOWN: Final = {
    "nobody": "",
    "a stranger": "Bearer mreg_personal_" + "0" * 50,
    "somebody mistaken": "Basic YWRhOmFkYQ==",
}


def introduce(server: CampaignServer) -> dict[str, str]:
    """What everybody says of themselves in the Authorization header: a person and a service of each role, one who may
    do something on a part of the models only, one with a narrowed token, and those whom nobody knows."""

    tokens = {PERSON: f"Bearer {server.token('person')}", "airflow": f"Bearer {server.token('airflow')}"}
    with server.http(server.token("person")) as http:

        def token(name: str, kind: str, granted: str, pattern: str = "*", **narrowed: Any) -> None:
            owners = [] if kind == "person" else [PERSON]
            made = {
                "principals": {"name": name, "kind": kind, "owners": owners},
                "grants": {"principal": name, "role": granted, "pattern": pattern},
                "tokens": {"name": "contract", "principal": name, **narrowed},
            }
            # Whether each has the status that it should is for the judge to say.
            *_, issued = (http.post(f"{API}/{room}", json=body).raise_for_status() for room, body in made.items())
            tokens[name] = f"Bearer {issued.json()['token']}"

        for role in Role:
            token(f"person-{role}", "person", role)
            token(f"service-{role}", "service", role)
        token("confined", "person", "approver", "team-a.*")
        token("narrowed", "person", "admin", role="contributor", patterns=["team-a.*"])
    return tokens | UNKNOWN


def run(run: Run) -> Findings:
    server = CampaignServer(run.directory / "home", mutant=run.mutant)
    try:
        server.start()
        return _talk(run, server)
    finally:
        server.stop()


def _talk(run: Run, server: CampaignServer) -> Findings:
    tokens = introduce(server)
    with server.http(server.token("person")) as http:
        document = answered(http.get("/openapi.json"))
    # Who asks is chosen here, not made up.
    del document["security"], document["components"]["securitySchemes"]
    described: Any = schemathesis.openapi.from_dict(document)
    found = [result.ok() for result in described.get_all_operations()]
    operations = {operation.definition.raw["operationId"]: operation for operation in found}
    own = frozenset({PERSON, *tokens})
    with requests.Session() as session:
        session.trust_env = False
        said = Conversation(run, server, operations, tokens, Things(own), session)
        _say_everything(said)
    if not said.is_over:
        said.violations |= {(name, ""): f"{name} was never asked" for name in operations if name not in said.tried}
    figures: dict[str, Figure] = {
        "cases": said.cases,
        "cases_no_client_can_send": said.unsent,
        "operations": len(operations),
        "operations_that_succeeded": len(said.succeeded),
        "callers": len(tokens),
        **{f"answers_{status}": count for status, count in sorted(said.statuses.items())},
        **{f"put_off_{why}": count for why, count in sorted(said.put_off.items())},
    }
    run.say(f"never succeeded: {sorted(set(operations) - said.succeeded)}")
    return Findings(figures, list(said.violations.values()))


def _say_everything(said: Conversation) -> None:
    run, chance = said.run, said.run.random("order")

    def say(made: Iterable[Any], change: Callable[[Any, Things, Random], None], most: int | None = None) -> None:
        if not said.is_over:
            cases = list(made)
            chance.shuffle(cases)
            said.say_all(cases[:most], change)
            run.say(f"{said.cases} cases")

    operations = said.operations
    say(hostile_paths(operations, HOSTILE[run.scale], run.random("hostile")), complete)
    say(edges(operations), change_path, EDGES[run.scale])
    for batch in range(BATCHES[run.scale]):
        say(random_cases(operations, EACH[run.scale], run.random("cases", batch)), change)


HARNESS: Final = Harness(
    name="contract",
    promise="every answer is as the API's description says, and every refusal is one of the table",
    run=run,
    mutants=("fault_at_large_number", "event_number_as_text", "accepted_instead_of_created", "refusal_without_code"),
)
