"""Somebody who looks at everything as soon as it can be seen, while others write and the service dies under both."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import httpx

from tests.campaign.clients import TRY_AGAIN, Client
from tests.campaign.ledger import digest_of
from tests.campaign.life import API, PERSON
from tests.campaign.serving import CampaignServer


class Reader:
    """Downloads the newest version of this and that model, and hashes what comes."""

    def __init__(self, server: CampaignServer, clients: list[Client], chance: Random) -> None:
        self.complaints: list[str] = []
        self.read = 0
        self._server = server
        self._clients = clients
        self._chance = chance

    @contextmanager
    def reading(self) -> Iterator[None]:
        stop = threading.Event()
        thread = threading.Thread(target=self._read_on, args=(stop,), name="reader", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(60)

    def _read_on(self, stop: threading.Event) -> None:
        with self._server.http(self._server.token(PERSON)) as http:
            while not stop.wait(0.02):
                models = list(self._chance.choice(self._clients).ledger.models)
                if not models:
                    continue
                try:
                    self._read(http, f"{API}/models/{models[-1]}/versions/latest")
                except httpx.TransportError:
                    return

    def _read(self, http: httpx.Client, version: str) -> None:
        manifest = http.get(f"{version}/files")
        if manifest.status_code in TRY_AGAIN or manifest.status_code == 404:
            return  # nothing is registered yet
        number = manifest.json()["number"]
        for file in manifest.json()["files"]:
            path = f"{version.removesuffix('latest')}{number}/files/{file['path']}"
            response = http.get(path)
            self.read += 1
            if response.status_code not in {200, 503} or (
                response.status_code == 200 and digest_of(response.content) != file["digest"]
            ):
                self.complaints.append(f"{path} can be seen and not be read: {response.status_code}")
