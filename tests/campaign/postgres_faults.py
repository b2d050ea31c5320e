"""The database server is killed and its connections are cut while clients live their lives; then the service itself
runs twice on one database, and one of the two is killed again and again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx

from tests.campaign.clients import TRY_AGAIN, Client, connected, load
from tests.campaign.frame import Findings, Harness, Run
from tests.campaign.judge import Judge
from tests.campaign.killable_postgres import KillablePostgres, killable_postgres
from tests.campaign.life import API, PERSON, SERVICE
from tests.campaign.serving import CampaignServer

CLIENTS: Final = 8
READERS: Final = 3
PROBE: Final = "probe"
# How long it took is a figure; only this is a failure, as machines are noisy.
BACK_SECONDS: Final = 30.0
ENOUGH_VIOLATIONS: Final = 20


def run_postgres_faults(run: Run) -> Findings:
    findings = Findings()
    with killable_postgres() as postgres:
        _kill_the_database(run, postgres, findings)
        if not findings.violations:
            _kill_replicas(run, postgres, findings)
    findings.violations = findings.violations[:ENOUGH_VIOLATIONS]
    return findings


def _clients(run: Run, name: str) -> list[Client]:
    return [Client(f"{name}-c{number}", run.random(name, number)) for number in range(1, CLIENTS + 1)]


def _make_probe(server: CampaignServer) -> None:
    with server.http(server.token(PERSON)) as http:
        http.post(f"{API}/models", json={"name": PROBE}).raise_for_status()
        http.post(f"{API}/models/{PROBE}/versions", json={"files": []}).raise_for_status()


# --------------------------------------------------------------------------------------------- a database that dies


def _kill_the_database(run: Run, postgres: KillablePostgres, findings: Findings) -> None:
    kills, terminations = (2, 8) if run.is_short else (15, 200)
    server = CampaignServer(run.directory / "home", mutant=run.mutant, database_url=postgres.create("faults"))
    clients = _clients(run, "db")
    chance = run.random("database")
    back: list[float] = []
    ended = 0
    try:
        server.start()
        _make_probe(server)
        judge = Judge(server, clients, chance)
        with load(server, clients):
            for kill in range(1, kills + 1):
                if len(_complaints(clients)) >= ENOUGH_VIOLATIONS:
                    break
                while ended < terminations * kill // kills:
                    time.sleep(chance.uniform(0.05, 0.25))
                    ended += postgres.terminate_backends(chance.randint(1, 3))
                time.sleep(chance.uniform(0.3, 1.5))
                postgres.kill()
                time.sleep(chance.uniform(0, 0.5))
                postgres.start()
                back.append(_seconds_until_it_writes(server, findings))
                run.say(f"{kill} kills of the database, {ended} connections cut")
        findings.violations += _judged(server, judge, clients)
    finally:
        server.stop()
    findings.figures |= {
        "kills of the database": len(back),
        "connections cut": ended,
        "back after the database, seconds, longest": round(max(back, default=0.0), 2),
        **_told("on a dying database", clients),
    }


def _seconds_until_it_writes(server: CampaignServer, findings: Findings) -> float:
    began = time.monotonic()
    with server.http(server.token(PERSON)) as http:
        while True:
            response = http.post(f"{API}/models/{PROBE}/versions", json={"files": []})
            seconds = time.monotonic() - began
            if response.is_success:
                return seconds
            if response.status_code not in TRY_AGAIN or seconds > BACK_SECONDS:
                findings.violations.append(
                    f"{seconds:.1f} s after the database is back, a write is answered {response.status_code}:"
                    f" {response.text[:200]}"
                )
                return seconds
            time.sleep(0.02)


# ------------------------------------------------------------------------------------------ a service that runs twice


class Replica(CampaignServer):
    """One of several on one database and one store."""

    def __init__(self, home: Path, store: Path, *, mutant: str | None, database_url: str) -> None:
        super().__init__(home, mutant=mutant, database_url=database_url)
        self._store = store

    @property
    def artifacts(self) -> Path:
        return self._store


class Failover(httpx.BaseTransport):
    """Goes to the one replica that answered last; where that one is gone, or can't right now, to the other."""

    def __init__(self, replicas: Sequence[CampaignServer]) -> None:
        self._urls = [httpx.URL(replica.url) for replica in replicas]
        self._transport = httpx.HTTPTransport()
        self.changes = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        try:
            response = self._send(request)
            if response.status_code not in TRY_AGAIN:
                return response
            response.close()
        except httpx.TransportError:
            pass
        self._urls.reverse()
        self.changes += 1
        return self._send(request)

    def _send(self, request: httpx.Request) -> httpx.Response:
        url = self._urls[0]
        request.url = request.url.copy_with(host=url.host, port=url.port)
        request.headers["Host"] = f"{url.host}:{url.port}"
        return self._transport.handle_request(request)

    def close(self) -> None:
        self._transport.close()


def _client_of(replicas: Sequence[CampaignServer], who: str) -> httpx.Client:
    return httpx.Client(
        base_url=replicas[0].url,
        headers={"Authorization": f"Bearer {replicas[0].token(who)}"},
        transport=Failover(replicas),
        timeout=30,
    )


@contextmanager
def _load_on(replicas: Sequence[CampaignServer], clients: list[Client]) -> Iterator[None]:
    """As `load`, on both replicas: half of the clients begin at the one, half at the other."""
    stop = threading.Event()

    def live(number: int, client: Client) -> None:
        order = replicas if number % 2 else replicas[::-1]
        with ExitStack() as stack:
            http = {who: stack.enter_context(_client_of(order, who)) for who in (PERSON, SERVICE)}
            while not stop.is_set():
                # It comes back when neither could be reached in one go: for a write that isn't lost, only later.
                client.live(http, stop)

    with _threads(live, list(enumerate(clients))):
        try:
            yield
        finally:
            stop.set()


@contextmanager
def _reading(replicas: Sequence[CampaignServer], complaints: list[str], read: list[int]) -> Iterator[None]:
    """Readers for whom every single read must come out."""
    stop = threading.Event()

    def read_on(number: int) -> None:
        order = replicas if number % 2 else replicas[::-1]
        with _client_of(order, PERSON) as http:
            while not stop.wait(0.01):
                try:
                    status: Any = http.get(f"{API}/models/{PROBE}/versions/1").status_code
                except httpx.TransportError as error:
                    status = repr(error)
                read.append(1)
                if status != 200:
                    complaints.append(f"a read through both replicas failed: {status}")

    with _threads(read_on, [(number,) for number in range(READERS)]):
        try:
            yield
        finally:
            stop.set()


@contextmanager
def _threads(act: Any, arguments: Sequence[tuple[Any, ...]]) -> Iterator[None]:
    threads = [threading.Thread(target=act, args=given, daemon=True) for given in arguments]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join(60)


def _kill_replicas(run: Run, postgres: KillablePostgres, findings: Findings) -> None:
    kills, pause = (2, 1.5) if run.is_short else (24, 5.0)
    store, url = run.directory / "store", postgres.create("replicas")
    replicas = [
        Replica(run.directory / f"replica-{number}", store, mutant=run.mutant, database_url=url) for number in (1, 2)
    ]
    clients = _clients(run, "replicas")
    complaints: list[str] = []
    read: list[int] = []
    try:
        for replica in replicas:
            replica.start()
        _make_probe(replicas[0])
        with _load_on(replicas, clients), _reading(replicas, complaints, read):
            for kill in range(kills):
                time.sleep(pause)
                victim = replicas[kill % 2]
                victim.kill()
                victim.start()
            time.sleep(0.5)
        run.say(f"{kills} kills of a replica")
        judge = Judge(replicas[0], clients, Random(run.seed))
        findings.violations += complaints + _judged(replicas[0], judge, clients)
    finally:
        for replica in replicas:
            replica.stop()
    findings.figures |= {
        "kills of a replica": kills,
        "reads through both replicas": len(read),
        "of them failed": len(complaints),
        **_told("on two replicas", clients),
    }


def _judged(server: CampaignServer, judge: Judge, clients: list[Client]) -> list[str]:
    if len(_complaints(clients)) >= ENOUGH_VIOLATIONS:
        return _complaints(clients)
    found = judge.after_a_death()
    with connected(server) as http:
        for client in clients:
            client.settle(http)
    return found + judge.of_promises(everything=True)


def _complaints(clients: list[Client]) -> list[str]:
    return [complaint for client in clients for complaint in client.complaints]


def _told(where: str, clients: list[Client]) -> dict[str, int]:
    acknowledged = sum(client.ledger.acknowledged for client in clients)
    if acknowledged < len(clients):
        raise AssertionError(f"nothing was tried {where}: {acknowledged} writes were acknowledged")
    return {
        f"acknowledged {where}": acknowledged,
        f"put off (503) {where}": sum(client.put_off for client in clients),
    }


HARNESS = Harness(
    name="postgres_faults",
    promise="PostgreSQL killed 15 times, 200 connections cut, one of two replicas killed every 5 s: nothing that was"
    " acknowledged is lost or doubled, clients are told nothing worse than 503, no read fails; back in 2 s",
    run=run_postgres_faults,
    mutants=("commit_not_waited_for", "lost_connection_is_a_fault"),
)
