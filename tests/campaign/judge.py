"""After the harm: is everything there that was promised, nothing twice, and nothing half done?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any, Protocol

import httpx

from tests.campaign.clients import connected, send
from tests.campaign.facts import Rows, StoredBytes, broken_invariants, damage, event_counts, rows_of
from tests.campaign.ledger import Ledger, ModelFacts, digest_of
from tests.campaign.life import API, PERSON
from tests.campaign.serving import CampaignServer

# Of the models that nothing has happened to since the last time.
OLDER_MODELS = 2


class Promised(Protocol):
    """A client, as far as it is a matter for a judge."""

    ledger: Ledger
    complaints: list[str]


class Judge:
    """Holds one home to the ledgers of its clients."""

    def __init__(self, server: CampaignServer, clients: Sequence[Promised], chance: Random) -> None:
        self._server = server
        self._clients = clients
        self._chance = chance
        self._rows: Rows = rows_of(server.database_url)
        self._bytes = StoredBytes(server.artifacts)

    def after_a_death(self) -> list[str]:
        """What is wrong right after a new process is ready, before anybody asked it for anything."""
        found = broken_invariants(self._rows) + self._bytes.missing(self._rows)
        if self._server.database_url.startswith("sqlite"):
            found += damage(self._server.database_path)
        return found

    def of_promises(self, *, everything: bool = False) -> list[str]:
        """What is wrong by what the clients were told, once what they had pending is settled."""
        found = [complaint for client in self._clients for complaint in client.complaints]
        for client in self._clients:
            found += client.ledger.broken
            client.ledger.broken.clear()
            client.complaints.clear()
        with connected(self._server) as http:
            for client in self._clients:
                ledger = client.ledger
                found += _repeated(ledger, http)
                found += _of_client(ledger, http[PERSON])
                for name in self._worth_a_look(ledger, everything=everything):
                    found += _of_model(name, ledger.models[name], http[PERSON])
        found += self._of_events()
        return found + broken_invariants(self._rows) + self._bytes.missing(self._rows)

    def _worth_a_look(self, ledger: Ledger, *, everything: bool) -> list[str]:
        touched, ledger.touched = sorted(ledger.touched), set()
        older = sorted(ledger.models.keys() - set(touched))
        return touched + (older if everything else self._chance.sample(older, min(OLDER_MODELS, len(older))))

    def _of_events(self) -> list[str]:
        logged = event_counts(self._rows)
        found = []
        promised = {event: number for client in self._clients for event, number in client.ledger.events.items()}
        for event, number in promised.items():
            if logged[event] != number:
                kind, model, subject = event
                found.append(
                    f"{kind} of {model} ({subject}) was answered {number} time(s) and is logged {logged[event]} time(s)"
                )
        # What nobody was told of may not have happened either.
        models = {model for client in self._clients for model in client.ledger.models}
        kinds = {kind for kind, _, _ in promised}
        found += [
            f"{kind} of {model} ({subject}) is logged, and nobody was answered so"
            for kind, model, subject in logged
            if kind in kinds and model in models and (kind, model, subject) not in promised
        ]
        return found


def _repeated(ledger: Ledger, http: dict[str, httpx.Client]) -> list[str]:
    """What was answered is answered again in the same words, for the asking."""
    found = []
    for step, body in ledger.last_answers:
        response = send(http[step.who], step)
        if not response.is_success or response.content != body:
            found.append(
                f"{step} was answered, and under the same key (…{step.key}) now gets another answer:"
                f" {response.status_code} {response.text[:200]}"
            )
    return found


def _of_client(ledger: Ledger, http: httpx.Client) -> list[str]:
    found = []
    for token, valid in ledger.tokens.items():
        status = http.get(f"{API}/whoami", headers={"Authorization": f"Bearer {token}"}).status_code
        if status != (200 if valid else 401):
            found.append(f"a token that was {'issued' if valid else 'revoked'} is answered {status}")
    for name, version in ledger.policies.items():
        policy = http.get(f"{API}/policies/{name}")
        if policy.status_code != 200 or policy.json()["version"] != version:
            found.append(f"policy {name}, version {version}, was written and is not there: {policy.text[:200]}")
    for name, cursor in ledger.consumers.items():
        consumer = http.get(f"{API}/consumers/{name}")
        if consumer.status_code != 200 or consumer.json()["cursor"] != cursor:
            found.append(f"consumer {name} was moved to {cursor} and is not there: {consumer.text[:200]}")
    return found


class _Compared:
    """What is there of one model, held against what was promised."""

    def __init__(self, name: str, facts: ModelFacts, http: httpx.Client) -> None:
        self.found: list[str] = []
        self._name = name
        self._facts = facts
        self._http = http
        self._base = f"{API}/models/{name}"

    def _compare(self, what: str, promised: object, present: object) -> None:
        if promised != present:
            self.found.append(f"{self._name}: {what} was promised as {promised} and is {present}")

    def _items(self, path: str) -> list[Any]:
        response = self._http.get(path, params={"limit": 100})
        return list(response.json()["items"]) if response.status_code == 200 else []

    def versions(self) -> None:
        facts, base = self._facts, self._base
        versions = {item["number"]: item for item in self._items(f"{base}/versions")}
        promised = {number: digest for number, digest in facts.versions.items() if number not in facts.deleted}
        self._compare("the versions", promised, {number: item["digest"] for number, item in versions.items()})
        revoked = {number for number, item in versions.items() if item["revoked"]}
        self._compare("revoked", facts.revoked - facts.deleted, revoked)
        aliases = {item["name"]: item["version"] for item in self._items(f"{base}/aliases")}
        self._compare("the aliases", facts.aliases, aliases)
        for number in facts.files.keys() - facts.deleted:
            files = facts.files[number]
            manifest = self._http.get(f"{base}/versions/{number}/files").json()
            present = {file["path"]: file["digest"] for file in manifest.get("files", [])}
            self._compare(f"the manifest of {number}", files, present)
            if number not in facts.revoked:
                self.found += _unreadable(f"{base}/versions/{number}/files", files, self._http)

    def what_was_said_of_versions(self) -> None:
        for number, reports in self._facts.checks.items():
            self._compare(f"checks of {number}", reports, len(self._items(f"{self._base}/versions/{number}/checks")))
        for number, comments in self._facts.comments.items():
            present = len(self._items(f"{self._base}/versions/{number}/comments"))
            self._compare(f"comments on {number}", comments, present)
        for number, datasets in self._facts.lineage.items():
            nodes = self._http.get(f"{self._base}/versions/{number}/lineage").json()["nodes"]
            traced = {node["ref"] for node in nodes if node["kind"] == "dataset"}
            self._compare(f"datasets of {number}", datasets, traced)

    def promotions(self) -> None:
        facts = self._facts
        stage = self._http.get(f"{self._base}/stages/production").json()
        self._compare("current", facts.history[-1] if facts.history else None, stage.get("version"))
        self._compare("held", facts.held, stage.get("hold") is not None)
        history = [record["version"] for record in reversed(self._items(f"{self._base}/stages/production/history"))]
        self._compare("the history", facts.history, history)
        for promotion, phase in facts.phases.items():
            present = self._http.get(f"{API}/promotions/{promotion}").json()
            self._compare(f"the phase of {promotion}", phase, present.get("phase"))
            self._compare(f"reviews of {promotion}", facts.reviews[promotion], len(present.get("reviews", [])))
        for deployment, status in facts.deployments.items():
            present = self._http.get(f"{API}/deployments/{deployment}").json()
            self._compare(f"deployment {deployment}", status, present.get("status"))


def _of_model(name: str, facts: ModelFacts, http: httpx.Client) -> list[str]:
    compared = _Compared(name, facts, http)
    compared.versions()
    compared.what_was_said_of_versions()
    compared.promotions()
    return compared.found


def _unreadable(path: str, files: dict[str, str], http: httpx.Client) -> Iterable[str]:
    for name, digest in files.items():
        response = http.get(f"{path}/{name}")
        if response.status_code != 200 or digest_of(response.content) != digest:
            yield f"{path}/{name} was registered as {digest} and can't be read so: {response.status_code}"
