"""One registry for all stories of the gate: its people, its policies, and its clock."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from registry_service.client import (
    CreateGrant,
    CreatePrincipal,
    CreateToken,
    PolicyDocument,
    PrincipalKind,
    RegistryClient,
    RegistryError,
    RequiredCheck,
    ReviewRule,
    UpdatePrincipal,
    WritePolicy,
)
from tests.campaign.serving import CampaignServer

APPROVERS: Final = ("ada", "ben", "maria", "olga")
ANEW_AFTER: Final = timedelta(days=20)


def policy(name: str, wanted: int) -> PolicyDocument:
    checks = (RequiredCheck(name="evaluation"),) if name == "pair" else ()
    return PolicyDocument(
        name=name, rules=(ReviewRule(name="approvers", role="approver", count=wanted),), checks=checks
    )


@dataclass
class World:
    """One server for all stories, its clock, and a client for everybody."""

    server: CampaignServer
    clock: Path
    file: Path
    clients: dict[str, RegistryClient] = field(default_factory=dict)
    grants: dict[str, str] = field(default_factory=dict)
    policy_versions: dict[str, int] = field(default_factory=dict)
    offset: timedelta = timedelta()
    stories: int = 0
    applied: int = 0
    refused: int = 0
    restarts: int = 0
    ended_by: Exception | None = None

    @property
    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def turn(self, by: timedelta) -> None:
        self.offset += by
        self.clock.write_text(str(self.offset.total_seconds()))

    def open(self) -> None:
        self.clients["ada"] = self._client(self.server.token("person"))
        self.clients["airflow"] = self._client(self.server.token("airflow"))
        ada = self.clients["ada"]
        for name in (*APPROVERS[1:], "carl"):
            ada.create_principal(CreatePrincipal(name=name, kind=PrincipalKind.PERSON))
            token = ada.create_token(CreateToken(name="story", principal=name, expires_in_days=90))
            self.clients[name] = self._client(token.token)
        ada.create_grant(CreateGrant(role="contributor", principal="carl"))
        ada.create_grant(CreateGrant(role="contributor", principal="ben"))
        for name in ("single", "pair"):
            ada.write_policy(WritePolicy(document=policy(name, 1)))
            self.policy_versions[name] = 1

    def begin_anew(self) -> None:
        """A new registry, on a clock that is right, where the stories so far have turned it far: tokens live for months
        only, those that the registry was set up with as well, and a hundred stories take years together."""

        if self.offset < ANEW_AFTER:
            return
        self.close()
        self.server.stop()
        shutil.rmtree(self.server.home)
        self.turn(-self.offset)
        for of_the_old in (self.clients, self.grants, self.policy_versions):
            of_the_old.clear()
        self.server.start()
        self.open()

    def _client(self, token: str) -> RegistryClient:
        return RegistryClient(self.server.url, token)

    def close(self) -> None:
        for client in self.clients.values():
            client.close()

    def write_policy(self, name: str, wanted: int, *, force: bool) -> None:
        body = WritePolicy(document=policy(name, wanted), force=force)
        written = self.clients["ada"].write_policy(body, version=self.policy_versions[name])
        assert written.result_version is not None
        self.policy_versions[name] = written.result_version

    def enable(self, name: str) -> None:
        if name == "ada":
            return
        self.clients["ada"].update_principal(name, UpdatePrincipal(disabled=False))
        if name not in self.grants:
            granted = self.clients["ada"].create_grant(CreateGrant(role="approver", principal=name))
            self.grants[name] = granted.id

    def demote(self, name: str) -> bool:
        """Whether there was something to take away."""

        if name in self.grants:
            self.clients["ada"].remove_grant(self.grants.pop(name))
            return True
        return False


def answer_to(act: Callable[[], Any]) -> Any:
    """None: it was refused. A fault of the service is no answer, and raised."""

    try:
        return act()
    except RegistryError as refusal:
        if type(refusal) is RegistryError or refusal.code in {"registry_unreachable", "unexpected_answer"}:
            raise AssertionError(f"a fault of the service: {refusal}") from refusal
        return None
