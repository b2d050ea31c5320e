"""What is true, asked of the servers by somebody who had no part in it: plain HTTP, a reader's token.

Nothing that the story has in its hands is believed; each check asks anew and says what it found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx


class NotAsTold(AssertionError):
    """The servers say something else than the story."""


class Outside:
    """An independent reader.

    :param registry_url: where the registry answers.
    :param token: a reader's.
    :param endpoint_url: where the scoring endpoint answers.
    :param model: name of the model that all questions are about.
    """

    def __init__(self, *, registry_url: str, token: str, endpoint_url: str, model: str) -> None:
        self.model = model
        self._registry = httpx.Client(
            base_url=f"{registry_url}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
            trust_env=False,
        )
        self._endpoint = httpx.Client(base_url=endpoint_url, timeout=30, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._registry.close()
        self._endpoint.close()

    def ask(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """An answer of the registry."""
        answer = self._registry.get(path, params=params)
        if answer.is_error:
            raise NotAsTold(f"GET {path} → {answer.status_code}: {answer.text[:500]}")
        content: dict[str, Any] = answer.json()
        return content

    def version(self, selector: str) -> dict[str, Any]:
        return self.ask(f"/models/{self.model}/versions/{selector}")

    def stage(self, name: str = "production", *, as_of: datetime | None = None) -> dict[str, Any]:
        params = {"as_of": as_of.isoformat()} if as_of else None
        return self.ask(f"/models/{self.model}/stages/{name}", params)

    def newest_promotion(self, version: int) -> dict[str, Any] | None:
        """The last one that was requested for a version. None: nobody did."""
        wanted = f"model = '{self.model}' AND version = {version}"
        items = self.ask("/promotions", {"filter": wanted, "order_by": "requested_at desc", "limit": "1"})["items"]
        return self.ask(f"/promotions/{items[0]['id']}") if items else None

    def newest_check(self, version: int, name: str) -> dict[str, Any]:
        checks = self.ask(f"/models/{self.model}/versions/{version}/checks")["items"]
        found: dict[str, Any] | None = next((check for check in checks if check["name"] == name), None)
        if found is None:
            raise NotAsTold(f"version {version} has no check '{name}'")
        return found

    def events(self) -> list[dict[str, Any]]:
        """Everything that happened to the model, in order."""
        page = self.ask("/events", {"after": "start", "model": self.model, "limit": "200"})
        events: list[dict[str, Any]] = page["events"]
        return events

    # what must hold

    def expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            raise NotAsTold(otherwise)

    def expect_phase(self, version: int, phase: str) -> dict[str, Any]:
        promotion = self.newest_promotion(version)
        found = promotion["phase"] if promotion else "not requested"
        if promotion is None or found != phase:
            raise NotAsTold(f"the promotion of version {version} is {found}, not {phase}")
        return promotion

    def expect_live(self, version: int) -> str:
        """The stage says so, the endpoint says so, and the bytes that the endpoint loaded are those of the version.
        Answers with the content digest.
        """
        stage = self.stage()
        self.expect(stage["version"] == version, f"current in production is {stage['version']}, not {version}")
        digest: str = self.version("@production")["digest"]
        self.expect(stage["digest"] == digest, f"the stage has {stage['digest']}, the version {digest}")
        served = self.served()
        self.expect(served["digest"] == digest, f"the endpoint serves {served['digest']}, and {digest} is current")
        [file] = self.ask(f"/models/{self.model}/versions/{version}/files")["files"]
        content = self._registry.get(f"/models/{self.model}/versions/{version}/files/{file['path']}").content
        computed = hashlib.sha256(content).hexdigest()
        self.expect(f"sha256:{computed}" == file["digest"], f"the registry gives out other bytes than {file['digest']}")
        self.expect(
            served["sha256"] == computed,
            f"the endpoint says {digest} and has loaded other bytes: {served['sha256']}, not {computed}",
        )
        return digest

    def expect_observed(self, digest: str) -> None:
        """The registry's record of what runs where says the same, as it was reported by the deployment."""
        running = self.ask("/deployments", {"filter": f"model = '{self.model}' AND status = 'running'"})["items"]
        observed = [item["observed_digest"] for item in running if item["stage"] == "production"]
        self.expect(observed == [digest], f"observed in production: {observed}, not {digest}")

    def expect_vacant(self) -> None:
        stage = self.stage()
        self.expect(stage["version"] is None, f"current in production is {stage['version']}, and nothing should be")

    def served(self) -> dict[str, Any]:
        answer = self._endpoint.get("/live")
        answer.raise_for_status()
        content: dict[str, Any] = answer.json()
        return content
