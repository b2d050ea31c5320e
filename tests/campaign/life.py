"""The life of a client's models, step by step: what a training pipeline, an approver and a deployment do, in the order
in which they do it. Each step is sent until it is answered, and only then written down as promised."""

from __future__ import annotations

import itertools
from collections.abc import Generator
from random import Random
from typing import Any

from tests.campaign.ledger import Ledger, ModelFacts, Step, digest_of

API = "/api/v1"
PERSON, SERVICE = "person", "airflow"

Answer = Any
Steps = Generator[Step, Answer, Answer]


class Life:
    """One client's. `chance` decides the bytes of files and nothing else; `name` is part of all names."""

    def __init__(self, name: str, ledger: Ledger, chance: Random) -> None:
        self._name = name
        self._ledger = ledger
        self._chance = chance
        self._keys = (f"{name}-{number}" for number in itertools.count(1))

    def steps(self) -> Steps:
        """For ever: one model after the other."""
        for number in itertools.count(1):
            yield from self._one_model(f"{self._name}-{number}")

    def model(self, model: str) -> Steps:
        """Make one."""
        yield from self._write(PERSON, "POST", "/models", {"name": model})
        self._done("model.created", model)

    def registration(self, model: str) -> Steps:
        """Register one version of two files."""
        files = {"model.bin": self._bytes(300_000), "labels.txt": self._bytes(20_000)}
        yield from self._register(model, self._ledger.models[model], files)

    def promotion(self, model: str) -> Steps:
        """Bring version 1 to production: ask, approve, deploy under a lease, apply."""
        facts = self._ledger.models[model]
        promotion = yield from self._request(model, facts, 1)
        yield from self._approve(model, facts, promotion)
        yield from self._lease(model, facts, promotion)
        yield from self._apply(model, facts, promotion, 1, holder="run")

    def _one_model(self, model: str) -> Steps:
        facts = self._ledger.models[model]
        yield from self.model(model)
        shared = self._bytes(20_000)
        yield from self._register(model, facts, {"model.bin": self._bytes(300_000), "labels.txt": shared})
        yield from self._check(model, facts, 1)
        yield from self._trace(model, facts, 1)
        yield from self._discuss(model, facts, 1)
        first = yield from self._request(model, facts, 1)
        yield from self._approve(model, facts, first)
        yield from self._lease(model, facts, first)
        deployment = yield from self._deploy(model, facts, first)
        yield from self._apply(model, facts, first, 1, holder="run")
        yield from self._observe(model, facts, deployment, facts.versions[1])
        yield from self._register(model, facts, {"model.bin": self._bytes(9_000), "labels.txt": shared}, in_pieces=True)
        second = yield from self._request(model, facts, 2)
        yield from self._approve(model, facts, second)
        yield from self._lease(model, facts, second)
        yield from self._release_lease(model, facts, second)
        yield from self._apply(model, facts, second, 2)
        yield from self._hold(model, facts)
        yield from self._roll_back(model, facts)
        yield from self._move_alias(model, facts, "champion", 1)
        yield from self._remove_alias(model, facts, "candidate")
        third = yield from self._register_bare(model, facts)
        yield from self._request(model, facts, third)
        yield from self._revoke(model, facts, third)
        yield from self._delete(model, facts, third)
        yield from self._restore(model, facts, third)
        yield from self._token()
        yield from self._policy(model)
        yield from self._consumer()
        yield from self._collect(model)

    # ------------------------------------------------------------------------------------------------- versions

    def _register(self, model: str, facts: ModelFacts, files: dict[str, bytes], *, in_pieces: bool = False) -> Steps:
        contents = {digest_of(data): data for data in files.values()}
        announced = [{"digest": digest, "size": len(data)} for digest, data in contents.items()]
        upload = yield from self._write(SERVICE, "POST", "/uploads", {"model": model, "files": announced})
        for digest in upload["missing"]:
            path = f"{API}/uploads/{upload['id']}/files/{digest}"
            if in_pieces:
                yield from self._send_in_pieces(path, contents[digest])
            else:
                yield Step(SERVICE, "PUT", path, content=contents[digest])
        digests = {path: digest_of(data) for path, data in files.items()}
        manifest = [{"path": path, "digest": digests[path], "size": len(data)} for path, data in files.items()]
        body = {"files": manifest, "upload": upload["id"], "aliases": ["candidate"], "tags": {"a": "b"}}
        version = yield from self._write(SERVICE, "POST", f"/models/{model}/versions", body)
        number = version["number"]
        facts.files[number] = digests
        facts.aliases["candidate"] = number
        self._registered(model, facts, version)
        self._done("alias.moved", model, "candidate")
        return number

    def _send_in_pieces(self, path: str, data: bytes) -> Steps:
        """Three bodies, and more where one was cut off: each goes on where the service says that it has come to.

        What was kept may be gone once the last body was sent and not answered: it has become an artifact that nobody
        noted down, and whose existence is nobody's business; the file is sent again.
        """
        promised, last = 0, False
        while True:
            file = yield Step(SERVICE, "GET", path)
            if file["received"]:
                return None
            if file["kept"] < promised and not last:
                self._ledger.broken.append(f"{path} keeps {file['kept']} of {promised} bytes that were acknowledged")
            kept = file["kept"]
            piece = data[kept : kept + len(data) // 3 + 1]
            offset = {"Upload-Offset": str(kept)}
            last = kept + len(piece) >= len(data)
            # Sent again after it arrived unanswered, it is refused by its offset.
            sent = yield Step(SERVICE, "PATCH", path, content=piece, headers=offset, also=frozenset({409}))
            promised = sent.get("kept", 0 if last else promised)

    def _collect(self, model: str) -> Steps:
        """Give up bytes that were sent, and let them and all other garbage be collected, while others upload."""
        data = self._bytes(9_000)
        announced = [{"digest": digest_of(data), "size": len(data)}]
        upload = yield from self._write(SERVICE, "POST", "/uploads", {"model": model, "files": announced})
        path = f"{API}/uploads/{upload['id']}"
        yield Step(SERVICE, "PUT", f"{path}/files/{digest_of(data)}", content=data)
        # Sent again after it arrived unanswered, it is refused: the upload has ended.
        yield Step(SERVICE, "DELETE", path, also=frozenset({409}))
        cursor: str | None = None
        while True:
            body = {"grace": 0, "cursor": cursor}
            step = yield Step(PERSON, "POST", f"{API}/maintenance/gc", json=body)
            cursor = step["cursor"]
            if cursor is None:
                return None

    def _register_bare(self, model: str, facts: ModelFacts) -> Steps:
        body = {"files": [], "metadata": {"metrics": {"auc": self._chance.random()}}}
        version = yield from self._write(SERVICE, "POST", f"/models/{model}/versions", body)
        facts.files[version["number"]] = {}
        self._registered(model, facts, version)
        return version["number"]

    def _registered(self, model: str, facts: ModelFacts, version: Answer) -> None:
        facts.versions[version["number"]] = version["digest"]
        self._done("version.registered", model, version["number"])

    def _check(self, model: str, facts: ModelFacts, number: int) -> Steps:
        body = {"name": "evaluation", "status": "passed"}
        yield from self._write(SERVICE, "POST", f"/models/{model}/versions/{number}/checks", body)
        facts.checks[number] += 1
        self._done("check.reported", model, number)

    def _trace(self, model: str, facts: ModelFacts, number: int) -> Steps:
        dataset = f"s3://{model}"
        body = {"edges": [{"kind": "dataset", "ref": dataset}]}
        yield from self._write(SERVICE, "POST", f"/models/{model}/versions/{number}/lineage", body)
        facts.lineage[number].add(dataset)
        self._done("version.lineage_added", model, number)

    def _discuss(self, model: str, facts: ModelFacts, number: int) -> Steps:
        about = f"/models/{model}/versions/{number}/comments"
        comment = yield from self._write(PERSON, "POST", about, {"text": "Good?"})
        facts.comments[number] += 1
        self._done("comment.added", model, comment["id"])
        yield from self._write(PERSON, "PATCH", f"/comments/{comment['id']}", {"text": "Good."})
        self._done("comment.edited", model, comment["id"])

    def _delete(self, model: str, facts: ModelFacts, number: int) -> Steps:
        yield from self._write(PERSON, "POST", f"/models/{model}/versions/{number}/delete", {"reason": "leak"})
        facts.deleted.add(number)
        self._done("version.deleted", model, number)

    def _restore(self, model: str, facts: ModelFacts, number: int) -> Steps:
        yield from self._write(PERSON, "POST", f"/models/{model}/versions/{number}/restore")
        facts.deleted.remove(number)
        self._done("version.restored", model, number)

    def _revoke(self, model: str, facts: ModelFacts, number: int) -> Steps:
        yield from self._write(PERSON, "POST", f"/models/{model}/versions/{number}/revoke", {"reason": "leak"})
        facts.revoked.add(number)
        asked = list(facts.phases)[-1]
        facts.phases[asked] = "STALE"
        self._done("version.revoked", model, number)
        self._done("promotion.stale", model, asked)

    def _move_alias(self, model: str, facts: ModelFacts, alias: str, number: int) -> Steps:
        yield from self._write(PERSON, "PUT", f"/models/{model}/aliases/{alias}", {"version": str(number)})
        facts.aliases[alias] = number
        self._done("alias.moved", model, alias)

    def _remove_alias(self, model: str, facts: ModelFacts, alias: str) -> Steps:
        yield from self._write(PERSON, "DELETE", f"/models/{model}/aliases/{alias}")
        del facts.aliases[alias]
        self._done("alias.removed", model, alias)

    # ----------------------------------------------------------------------------------------------- promotions

    def _request(self, model: str, facts: ModelFacts, number: int) -> Steps:
        body = {"model": model, "version": str(number), "stage": "production"}
        promotion = yield from self._write(SERVICE, "POST", "/promotions", body)
        facts.phases[promotion["id"]] = "PENDING"
        self._done("promotion.requested", model, promotion["id"])
        return promotion

    def _approve(self, model: str, facts: ModelFacts, promotion: Answer) -> Steps:
        body = {"verdict": "approve", "digest": promotion["digest"]}
        yield from self._write(PERSON, "POST", f"/promotions/{promotion['id']}/reviews", body)
        facts.phases[promotion["id"]] = "APPROVED"
        facts.reviews[promotion["id"]] += 1
        self._done("review.given", model, promotion["id"])
        self._done("promotion.approved", model, promotion["id"])

    def _lease(self, model: str, facts: ModelFacts, promotion: Answer) -> Steps:
        yield from self._write(SERVICE, "POST", f"/promotions/{promotion['id']}/lease", {"holder": "run"})
        facts.phases[promotion["id"]] = "APPLYING"
        self._done("promotion.leased", model, promotion["id"])

    def _release_lease(self, model: str, facts: ModelFacts, promotion: Answer) -> Steps:
        yield from self._write(SERVICE, "POST", f"/promotions/{promotion['id']}/release", {"holder": "run"})
        facts.phases[promotion["id"]] = "APPROVED"
        self._done("promotion.lease_released", model, promotion["id"])

    def _apply(self, model: str, facts: ModelFacts, promotion: Answer, number: int, holder: str | None = None) -> Steps:
        yield from self._write(SERVICE, "POST", f"/promotions/{promotion['id']}/apply", {"holder": holder})
        facts.phases[promotion["id"]] = "APPLIED"
        facts.history.append(number)
        self._done("promotion.applied", model, promotion["id"])
        self._done("stage.moved", model, "production")

    def _roll_back(self, model: str, facts: ModelFacts) -> Steps:
        stage = f"/models/{model}/stages/production"
        body = {"reason": "smoke test", "from_version": 2, "hold": {"reason": "look first"}}
        back = yield from self._write(PERSON, "POST", f"{stage}/rollback", body)
        facts.phases[back["id"]] = "APPLIED"
        facts.history.append(1)
        facts.held = True
        for kind in ("rolled_back", "approved", "applied"):
            self._done(f"promotion.{kind}", model, back["id"])
        self._done("stage.moved", model, "production")
        self._done("stage.held", model, "production")
        yield from self._write(PERSON, "POST", f"{stage}/release")
        facts.held = False
        self._done("stage.released", model, "production")

    def _hold(self, model: str, facts: ModelFacts) -> Steps:
        stage = f"/models/{model}/stages/production"
        yield from self._write(PERSON, "POST", f"{stage}/hold", {"reason": "freeze"})
        facts.held = True
        self._done("stage.held", model, "production")
        yield from self._write(PERSON, "POST", f"{stage}/release")
        facts.held = False
        self._done("stage.released", model, "production")

    # ------------------------------------------------------------------------------------------- everything else

    def _deploy(self, model: str, facts: ModelFacts, promotion: Answer) -> Steps:
        body = {"model": model, "target": "eu", "promotion": promotion["id"]}
        deployment = yield from self._write(SERVICE, "POST", "/deployments", body)
        facts.deployments[deployment["id"]] = "deploying"
        self._done("deployment.started", model, deployment["id"])
        return deployment

    def _observe(self, model: str, facts: ModelFacts, deployment: Answer, digest: str) -> Steps:
        yield from self._write(SERVICE, "POST", f"/deployments/{deployment['id']}/observed", {"digest": digest})
        facts.deployments[deployment["id"]] = "running"
        self._done("deployment.observed", model, deployment["id"])

    def _token(self) -> Steps:
        issued = yield Step(PERSON, "POST", f"{API}/tokens", {"name": self._name})
        self._ledger.tokens[issued["token"]] = True
        another = yield Step(PERSON, "POST", f"{API}/tokens", {"name": self._name})
        self._ledger.tokens[another["token"]] = True
        yield from self._write(PERSON, "DELETE", f"/tokens/{another['info']['id']}")
        self._ledger.tokens[another["token"]] = False

    def _policy(self, model: str) -> Steps:
        document = {"name": f"of-{model}", "nobody_need_review": True}
        change = yield from self._write(PERSON, "POST", "/policies", {"document": document})
        self._ledger.policies[document["name"]] = change["result_version"]  # type: ignore[index]

    def _consumer(self) -> Steps:
        page = yield Step(SERVICE, "GET", f"{API}/events?after=start&limit=5")
        yield from self._write(SERVICE, "PUT", f"/consumers/{self._name}", {"cursor": page["cursor"]})
        self._ledger.consumers[self._name] = page["cursor"]

    def _write(self, who: str, method: str, path: str, body: dict[str, Any] | None = None) -> Steps:
        return (yield Step(who, method, f"{API}{path}", body, key=next(self._keys)))

    def _bytes(self, size: int) -> bytes:
        return self._chance.randbytes(size)

    def _done(self, kind: str, model: str, subject: object = None) -> None:
        self._ledger.happened(kind, model, subject)
        self._ledger.touched.add(model)
