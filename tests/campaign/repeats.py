"""Each write is sent three times at once under one key, and once more after the service was killed: it has one effect
and one answer, and no other request gets through under its key.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import httpx

from tests.campaign.clients import TRY_AGAIN, send
from tests.campaign.facts import broken_invariants, rows_of
from tests.campaign.frame import Findings, Harness, Run
from tests.campaign.ledger import Step
from tests.campaign.life import API, PERSON
from tests.campaign.serving import CampaignServer

AT_ONCE: Final = 3
SENDERS: Final = 5
ENOUGH_VIOLATIONS: Final = 20
# Of one request, a tenth of a second apart: a restart takes seconds on a busy machine.
TRIES: Final = 600


class Write(NamedTuple):
    """A request, the kind of event that its one effect leaves, and a body that makes another request of it."""

    kind: str
    step: Step
    other_body: dict[str, Any]


class Sender:
    """One of those who write, each to models of its own."""

    def __init__(self, name: str, server: CampaignServer) -> None:
        self.name = name
        self.sent: list[tuple[Write, bytes]] = []
        self.effects: Counter[str] = Counter()
        self.found: list[str] = []
        self._server = server
        self._writes = self._all_writes()

    def _all_writes(self) -> Iterator[Write]:
        keys = (f"{self.name}-{number}" for number in itertools.count())
        for number in itertools.count():
            model = f"{self.name}-m{number}"
            base = f"{API}/models/{model}"
            version = {"files": [], "metadata": {"params": {"by": model}}}
            asked = {"model": model, "version": "1", "stage": "production"}
            check = {"name": "evaluation", "status": "passed"}
            for kind, method, path, body, other in (
                ("model.created", "POST", f"{API}/models", {"name": model}, {"description": "another"}),
                ("version.registered", "POST", f"{base}/versions", version, {"description": "another"}),
                ("version.registered", "POST", f"{base}/versions", version, {"description": "another"}),
                ("check.reported", "POST", f"{base}/versions/1/checks", check, {"status": "failed"}),
                ("promotion.requested", "POST", f"{API}/promotions", asked, {"version": "2"}),
                ("stage.held", "POST", f"{base}/stages/production/hold", {"reason": "a freeze"}, {"reason": "a thaw"}),
                ("alias.moved", "PUT", f"{base}/aliases/champion", {"version": "2"}, {"version": "1"}),
            ):
                yield Write(kind, Step(PERSON, method, path, body, key=next(keys)), {**body, **other})

    def write(self, count: int) -> None:
        """The next writes, each three times at once."""
        with ThreadPoolExecutor(AT_ONCE) as pool, self._server.http(self._server.token(PERSON), timeout=60) as http:
            for write in itertools.islice(self._writes, count):
                sent = [pool.submit(until_answered, http, write.step) for _ in range(AT_ONCE)]
                self._compare(write, [future.result() for future in sent])
                if len(self.found) >= ENOUGH_VIOLATIONS:
                    return

    def _compare(self, write: Write, answers: Sequence[httpx.Response]) -> None:
        self.effects[write.kind] += 1
        bodies = {answer.content for answer in answers}
        statuses = [answer.status_code for answer in answers]
        if len(bodies) > 1 or not all(answer.is_success for answer in answers):
            told = [body.decode()[:150] for body in bodies]
            self.found.append(f"{write.step} under {write.step.key} was answered {statuses}, not alike: {told}")
        else:
            self.sent.append((write, answers[0].content))

    def repeat(self) -> None:
        """All that was answered, once more; and something else under the same keys."""
        with self._server.http(self._server.token(PERSON), timeout=60) as http:
            for (_, step, other_body), body in self.sent:
                again = until_answered(http, step)
                if again.content != body:
                    self.found.append(f"{step} under {step.key}, sent again, is answered {again.text[:200]}")
                other = until_answered(http, Step(step.who, step.method, step.path, other_body, key=step.key))
                if other.status_code != 422 or other.json()["code"] != "idempotency_key_reused":
                    self.found.append(f"{step} under {step.key} with another body is answered {other.status_code}")


def until_answered(http: httpx.Client, step: Step) -> httpx.Response:
    """:raises TimeoutError: there is no answer, for a minute."""
    for _ in range(TRIES):
        try:
            response = send(http, step)
        except httpx.TransportError:
            threading.Event().wait(0.1)
            continue
        if response.status_code not in TRY_AGAIN:
            return response
        threading.Event().wait(0.1)
    raise TimeoutError(f"{step} is not answered")


def run_repeats(run: Run) -> Findings:
    each = 14 if run.is_short else 200
    server = CampaignServer(run.directory / "home", mutant=run.mutant)
    senders = [Sender(f"sender-{number}", server) for number in range(1, SENDERS + 1)]
    chance, kills = run.random("kills"), 0
    try:
        server.start()
        with ThreadPoolExecutor(SENDERS) as pool:
            writing = [pool.submit(sender.write, each) for sender in senders]
            while not all(future.done() for future in writing):
                threading.Event().wait(chance.uniform(0.5, 3.0))
                server.kill()
                server.start()
                kills += 1
            for future in writing:
                future.result()
            run.say(f"all is written; {kills} kills")
            server.kill()
            server.start()
            list(pool.map(Sender.repeat, senders))
        found = _judge(server, senders)
    finally:
        server.stop()
    writes = sum(sender.effects.total() for sender in senders)
    figures: dict[str, int | float | str] = {"writes": writes, "kills": kills + 1, "times sent, at least": writes * 4}
    return Findings(figures, found[:ENOUGH_VIOLATIONS])


def _judge(server: CampaignServer, senders: list[Sender]) -> list[str]:
    found = [complaint for sender in senders for complaint in sender.found]
    rows = rows_of(server.database_url)
    counted = rows("SELECT kind, count(*) FROM events WHERE model_name IS NOT NULL GROUP BY kind")
    logged: Counter[str] = Counter({kind: number for kind, number in counted})  # noqa: C416 - rows are no pairs
    asked: Counter[str] = Counter()
    for sender in senders:
        asked += sender.effects
    if logged != asked:
        found.append(f"effects beyond what was asked for: {logged - asked}; missing: {asked - logged}")
    return found + broken_invariants(rows)


HARNESS = Harness(
    name="repeats",
    promise="1,000 writes, each sent 3 times at once and again after a kill: 1,000 effects, and equal answers",
    run=run_repeats,
    mutants=("answer_in_second_transaction", "recall_before_transaction"),
)
