"""32 clients write to one SQLite database at once: nobody is told that it is locked, and nothing is lost.

Every client writes to models of its own and to one that all share, where each change must get a revision to itself.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from tests.campaign.facts import broken_invariants, damage, rows_of
from tests.campaign.frame import Findings, Harness, Run
from tests.campaign.life import API, PERSON
from tests.campaign.serving import CampaignServer

CLIENTS: Final = 32
SHARED: Final = "shared"
ENOUGH_VIOLATIONS: Final = 20


@dataclass
class Writer:
    """Registers versions, moves aliases and reports checks; each acknowledged write is a line of `written`: what kind
    of event it left, of which model, and which number it got."""

    name: str
    chance: Random
    written: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    numbers: dict[str, list[int]] = field(default_factory=dict)
    pointed: dict[str, int] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def write(self, server: CampaignServer, times: int) -> None:
        with server.http(server.token(PERSON), timeout=120) as http:
            for count in range(times):
                model = self.chance.choice([SHARED, self.name])
                kind, method, path, body = self._next(model, count)
                began = time.monotonic()
                response = http.request(
                    method,
                    f"{API}/models/{model}{path}",
                    json=body,
                    headers={"Idempotency-Key": f"{self.name}-{count}"},
                )
                self.seconds.append(time.monotonic() - began)
                if not response.is_success:
                    self.complaints.append(
                        f"{self.name}: {method} {path} was answered {response.status_code}: {response.text[:200]}"
                    )
                    continue
                answer = response.json()
                if kind == "version.registered":
                    self.numbers.setdefault(model, []).append(answer["number"])
                subject = {"version.registered": str(answer.get("number")), "alias.moved": self.name}.get(kind, "1")
                self.written[kind, model, subject] += 1

    def _next(self, model: str, count: int) -> tuple[str, str, str, dict[str, Any]]:
        newest = self.numbers.get(model, [0])[-1]
        # An alias that points there already is left where it is, without an event.
        if count % 3 == 0 or (count % 3 == 1 and newest == self.pointed.get(model, 0)):
            body = {"files": [], "metadata": {"params": {"by": f"{self.name} {count}"}}}
            return "version.registered", "POST", "/versions", body
        if count % 3 == 1:
            self.pointed[model] = newest
            return "alias.moved", "PUT", f"/aliases/{self.name}", {"version": str(newest)}
        return "check.reported", "POST", "/versions/1/checks", {"name": self.name, "status": "passed"}


def run_writers(run: Run) -> Findings:
    total = 960 if run.is_short else 10_000
    server = CampaignServer(run.directory / "home", mutant=run.mutant)
    writers = [Writer(f"writer-{number}", run.random(number)) for number in range(1, CLIENTS + 1)]
    shares = [total // CLIENTS + (number < total % CLIENTS) for number in range(CLIENTS)]
    try:
        server.start()
        refused = _begin_models(server, [SHARED, *(writer.name for writer in writers)])
        if refused:
            return Findings(violations=refused)
        began = time.monotonic()
        threads = [
            threading.Thread(target=writer.write, args=(server, share), name=writer.name, daemon=True)
            for writer, share in zip(writers, shares, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(1200)
        assert not any(thread.is_alive() for thread in threads), "a client doesn't end"
        seconds = time.monotonic() - began
        found = _judge(server, writers)
        told = sum(writer.written.total() + len(writer.complaints) for writer in writers)
        assert told == total, f"a client broke: {told} of {total} writes were answered"
        log = server.output.read_text(errors="replace").lower()
        found += ["the log of the service speaks of a locked database"] if "database is locked" in log else []
    finally:
        server.stop()
    waits = sorted(wait for writer in writers for wait in writer.seconds)
    figures: dict[str, int | float | str] = {
        "writes": told,
        "writes per second": round(told / seconds, 1),
        "answered within, seconds, 99 of 100": round(waits[len(waits) * 99 // 100], 3),
    }
    return Findings(figures, found[:ENOUGH_VIOLATIONS])


def _begin_models(server: CampaignServer, models: list[str]) -> list[str]:
    """Make the models and their first versions, while the service counts models beside; answers what was refused."""
    refused: list[str] = []
    with server.http(server.token(PERSON)) as http:
        for model in models:
            for path, body in ((f"{API}/models", {"name": model}), (f"{API}/models/{model}/versions", {"files": []})):
                response = http.post(path, json=body)
                if not response.is_success:
                    refused.append(f"POST {path} was answered {response.status_code}: {response.text[:200]}")
    return refused


def _judge(server: CampaignServer, writers: list[Writer]) -> list[str]:
    found = [complaint for writer in writers for complaint in writer.complaints]
    rows = rows_of(server.database_url)
    promised: Counter[tuple[str, str, str]] = Counter()
    for writer in writers:
        promised += writer.written
    logged = Counter(
        {
            (kind, model, subject): number
            for kind, model, subject, number in rows(
                "SELECT kind, model_name, subject, count(*) FROM events WHERE kind IN ('version.registered',"
                " 'alias.moved', 'check.reported') GROUP BY kind, model_name, subject"
            )
        }
    )
    found += [
        f"{event} was acknowledged {promised[event]} times, {lost} of them are lost"
        for event, lost in (promised - logged).items()
    ]
    # The versions that the models began with.
    logged -= Counter({("version.registered", model, "1"): 1 for model in (SHARED, *(w.name for w in writers))})
    found += [
        f"{event} is logged {logged[event]} times, {more} of them for nobody"
        for event, more in (logged - promised).items()
    ]
    return found + broken_invariants(rows) + damage(server.database_path)


HARNESS = Harness(
    name="writers",
    promise="32 clients, 10,000 writes on SQLite: none is told of a lock or a fault, none is lost",
    run=run_writers,
    mutants=("writers_in_threads",),
)
