"""Clients that live on through the deaths of the service: what was sent and not answered is sent again."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from tests.campaign.ledger import Ledger, Step
from tests.campaign.life import PERSON, SERVICE, Life
from tests.campaign.serving import CampaignServer

# What the service says when it can't right now: the same is sent again.
TRY_AGAIN = frozenset({503, 507})
REMEMBERED = 3


@dataclass
class Client:
    """One life, and its place in it. `pending` was sent and not answered, or is about to be. `complaints` are answers
    that no client may ever get."""

    name: str
    chance: Random
    ledger: Ledger = field(default_factory=Ledger)
    complaints: list[str] = field(default_factory=list)
    put_off: int = 0

    def __post_init__(self) -> None:
        self._steps: Generator[Step, Any, Any] = Life(self.name, self.ledger, self.chance).steps()
        self.pending: Step = next(self._steps)

    def live(self, http: dict[str, httpx.Client], stop: threading.Event) -> None:
        """Go on until told to stop, or until the service is gone."""
        while not stop.is_set():
            if not self._take(http):
                return

    def settle(self, http: dict[str, httpx.Client]) -> None:
        """Send what is pending until it is answered.

        :raises httpx.TransportError: the service is gone again.
        """
        before = self.pending
        while self.pending is before:
            if not self._take(http):
                raise httpx.ConnectError("the service is gone")

    def _take(self, http: dict[str, httpx.Client]) -> bool:
        """Send the pending step once; False where no whole answer came."""
        step = self.pending
        try:
            response = send(http[step.who], step)
        except httpx.TransportError:
            return False
        if response.status_code in TRY_AGAIN:
            self.put_off += 1
            time.sleep(0.02)
        elif response.is_success or response.status_code in step.also:
            self._acknowledge(step, response)
        else:
            self.complaints.append(f"{self.name}: {step} was answered {response.status_code}: {response.text[:300]}")
            # The rest of this life rests on what was refused: begin another one.
            self.pending = self._begin_anew()
        return True

    def _acknowledge(self, step: Step, response: httpx.Response) -> None:
        self.ledger.acknowledged += 1
        if step.key is not None:
            self.ledger.last_answers = [*self.ledger.last_answers, (step, response.content)][-REMEMBERED:]
        self.pending = self._steps.send(response.json() if response.content else None)

    def _begin_anew(self) -> Step:
        self.name += "x"
        self._steps = Life(self.name, self.ledger, self.chance).steps()
        return next(self._steps)


def send(http: httpx.Client, step: Step) -> httpx.Response:
    headers = step.headers if step.key is None else {**step.headers, "Idempotency-Key": step.key}
    return http.request(step.method, step.path, json=step.json, content=step.content, headers=headers)


@contextmanager
def connected(server: CampaignServer) -> Iterator[dict[str, httpx.Client]]:
    """A connection for each of those whom a client speaks for."""
    with ExitStack() as stack:
        yield {who: stack.enter_context(server.http(server.token(who))) for who in (PERSON, SERVICE)}


@contextmanager
def load(server: CampaignServer, clients: list[Client]) -> Iterator[None]:
    """Let all clients live at once while the body runs. Afterwards each of them stands still."""
    stop = threading.Event()

    def live(client: Client) -> None:
        with connected(server) as http:
            client.live(http, stop)

    threads = [threading.Thread(target=live, args=(client,), name=client.name, daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
