"""A registry with people in it: `ada` (admin, owns the service `airflow`), `ben` and `maria` (approvers), `carl`
(contributor), `rita` (reader). Whoever acts is named, and is looked up by token for each act, as a request would be.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from registry_service.db.database import Database
from registry_service.db.paging import PageRequest
from registry_service.db.queries import events as event_queries
from registry_service.db.queries import promotions as promotion_queries
from registry_service.db.queries import stages as stage_queries
from registry_service.db.queries import versions as version_queries
from registry_service.db.queries.authentication import find_known_token
from registry_service.db.queries.principals import find_principal, get_principal
from registry_service.db.queries.uploads import awaited_file
from registry_service.db.view import View
from registry_service.domain.entities import (
    CheckStatus,
    Event,
    ModelVersion,
    Page,
    PolicyChange,
    PrincipalKind,
    Promotion,
    RegisteredModel,
    Stage,
    StageRecord,
    Verdict,
)
from registry_service.domain.errors import NotFound
from registry_service.domain.events import EventFilter, parse_kind
from registry_service.domain.manifest import digest_of
from registry_service.domain.metadata import Metadata
from registry_service.domain.permissions import Actor, Role, Scope
from registry_service.domain.policies import PolicyDocument
from registry_service.domain.requests import (
    ApplyPromotion,
    AttachPolicy,
    CreateGrant,
    CreateModel,
    CreatePrincipal,
    CreateToken,
    GiveReview,
    HoldStage,
    NewManifestFile,
    NewUploadFile,
    RegisterVersion,
    ReportCheck,
    RequestPromotion,
    RevokeVersion,
    RollBack,
    StartUpload,
    TakeLease,
    WritePolicy,
)
from registry_service.services import (
    checks,
    models,
    policies,
    promotions,
    revoking,
    rollback,
    stages,
    tokens,
    uploads,
    versions,
)
from registry_service.services.first_run import set_up, token_files
from registry_service.services.idempotency import Idempotency
from registry_service.services.principals import create_grant, create_principal
from registry_service.services.registry import Answered, Registry
from registry_service.services.work import Work
from registry_service.storage.filesystem import FilesystemStore

T = TypeVar("T")
P = ParamSpec("P")

START = datetime(2026, 3, 3, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ALL = PageRequest(limit=200)

FILE = "model.bin"


ADA = Actor(name="ada", is_person=True, grants=(Scope(Role.ADMIN, "*"),))
PEOPLE = {"ben": Role.APPROVER, "maria": Role.APPROVER, "carl": Role.CONTRIBUTOR, "rita": Role.READER}


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> datetime:
        self.now += by
        return self.now


class World:
    """What people and pipelines do, in sentences. Each act raises what the registry refuses it with."""

    def __init__(self, database: Database, directory: Path) -> None:
        self.clock = Clock()
        self.store = FilesystemStore(directory / "artifacts")
        self.registry = Registry(database, self.store, clock=self.clock, public_url="https://registry.test")
        self._directory = directory
        self._tokens: dict[str, str] = {}
        self._contents = itertools.count(1)

    async def open(self) -> None:
        await self.registry.write(ADA, self._found, None)

    def _found(self, work: Work) -> None:
        set_up(work, person="ada", files=token_files(self._directory / "credentials", work.public_url))
        for name, role in PEOPLE.items():
            create_principal(work, CreatePrincipal(name=name, kind=PrincipalKind.PERSON))
            create_grant(work, CreateGrant(principal=name, role=role))
        for name in ("ada", *PEOPLE, "airflow"):
            issued = tokens.issue_token(work, find_principal(work, name), name="test", expires_at=work.now + 366 * DAY)
            self._tokens[name] = issued.id

    # ------------------------------------------------------------------------------------------------ who acts

    async def actor(self, who: str | Actor, *, token: str | None = None) -> Actor:
        """Whom the token of this name makes of its holder at this moment."""

        if isinstance(who, Actor):
            return who
        known = await self.registry.database.read(find_known_token, token_id=token or self._tokens[who])
        assert known is not None
        return known.actor

    def token(self, who: str) -> str:
        """The id of the token that they act with."""
        return self._tokens[who]

    async def principal(self, name: str, kind: PrincipalKind, *, owners: Iterable[str] = ()) -> None:
        await self.act("ada", create_principal, CreatePrincipal(name=name, kind=kind, owners=list(owners)))

    async def person(self, name: str, role: Role | None = None, pattern: str = "*") -> None:
        await self.principal(name, PrincipalKind.PERSON)
        if role is not None:
            await self.grant(name, role, pattern)
        await self.token_of(name)

    async def grant(self, name: str, role: Role, pattern: str = "*") -> str:
        made = await self.act("ada", create_grant, CreateGrant(principal=name, role=role, pattern=pattern))
        return made.id

    async def grant_id(self, name: str) -> str:
        """A grant that the principal has."""

        granted = (await self.look("ada", get_principal, name)).grants
        if not granted:
            raise NotFound(f"'{name}' is granted nothing.")
        return granted[0].id

    async def token_of(self, name: str, role: Role | None = None, patterns: Iterable[str] = ()) -> str:
        """Issue a token. The first one of a principal is what `act` uses."""

        body = CreateToken(name="test", principal=name, role=role, patterns=list(patterns), expires_in_days=366)
        issued = await self.act("ada", tokens.create_token, body)
        self._tokens.setdefault(name, issued.info.id)
        return issued.info.id

    # ------------------------------------------------------------------------------------------- acts and looks

    async def act(
        self, who: str | Actor, use_case: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        answered = await self.registry.write(await self.actor(who), use_case, None, *args, **kwargs)
        assert not answered.replayed
        return answered.result  # type: ignore[return-value]  # None is left to answers that are told again

    async def act_once(
        self,
        key: Idempotency,
        who: str | Actor,
        use_case: Callable[Concatenate[Work, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Answered[T]:
        """An act under an idempotency key."""
        return await self.registry.write(await self.actor(who), use_case, key, *args, **kwargs)

    async def look(
        self, who: str | Actor, query: Callable[Concatenate[View, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self.registry.view(await self.actor(who), query, *args, **kwargs)

    async def look_at_all(
        self,
        who: str | Actor,
        query: Callable[..., Page[T]],
        *args: object,
        limit: int = 200,
        filter: str | None = None,  # noqa: A002 -- the parameter's name on the wire
        order_by: str | None = None,
    ) -> list[T]:
        """All items of a list, page by page."""

        found: list[T] = []
        cursor: str | None = None
        while True:
            page = PageRequest(limit=limit, filter=filter, order_by=order_by, cursor=cursor)
            answered: Page[T] = await self.look(who, query, *args, page)
            found += answered.items
            cursor = answered.next_cursor
            if cursor is None:
                return found

    # --------------------------------------------------------------------------------------- models and versions

    async def model(self, name: str = "fraud", by: str = "airflow", **body: Any) -> RegisteredModel:
        return await self.act(by, models.create_model, CreateModel(name=name, **body))

    async def upload(self, *contents: bytes, model: str = "fraud", by: str = "airflow") -> str:
        """A session that has brought these bytes; what the caller can read already is not sent."""

        files = [NewUploadFile(digest=digest_of(content), size=len(content)) for content in contents]
        session = await self.act(by, uploads.start_upload, StartUpload(model=model, files=files))
        for content in contents:
            if digest_of(content) in session.missing:
                await self.send(session.id, content, by=by)
        return session.id

    async def send(self, upload: str, content: bytes, *, by: str | Actor = "airflow") -> None:
        digest = digest_of(content)
        file = await self.look(by, awaited_file, upload, digest)
        await self.store.receive(upload, _in_chunks(content), expected=digest, size=file.size)
        await self.act(by, uploads.file_received, upload, digest, seen_damaged=file.damaged_at)

    async def register(
        self,
        model: str = "fraud",
        *,
        by: str = "airflow",
        content: bytes | None = None,
        metrics: dict[str, float] | None = None,
        **body: Any,
    ) -> ModelVersion:
        """A version with one file, its bytes in the store. Without `content`, bytes that no other version has."""

        data = f"content {next(self._contents)}".encode() if content is None else content
        session = await self.upload(data, model=model, by=by)
        body.setdefault("metadata", Metadata(metrics=metrics or {}))
        files = [NewManifestFile(path=FILE, digest=digest_of(data), size=len(data))]
        return await self.act(
            by, versions.register_version, model, RegisterVersion(files=files, upload=session, **body)
        )

    async def registered(self, count: int, model: str = "fraud", **body: Any) -> list[ModelVersion]:
        """A new model with this many versions."""

        await self.model(model)
        return [await self.register(model, **body) for _ in range(count)]

    async def version(self, selector: str | int, model: str = "fraud", **when: Any) -> ModelVersion:
        return await self.look("ada", version_queries.get_version, model, str(selector), **when)

    async def revoke(self, number: int, model: str = "fraud", by: str = "ben", reason: str = "leaks data") -> None:
        await self.act(by, revoking.revoke_version, model, str(number), RevokeVersion(reason=reason))

    async def check(
        self, number: int, *, passed: bool = True, name: str = "evaluation", model: str = "fraud", by: str = "airflow"
    ) -> None:
        status = CheckStatus.PASSED if passed else CheckStatus.FAILED
        await self.act(by, checks.report_check, model, str(number), ReportCheck(name=name, status=status))

    # ------------------------------------------------------------------------------------------------ promotions

    async def request(
        self,
        version: int | str,
        stage: str = "production",
        *,
        model: str = "fraud",
        by: str | Actor = "airflow",
        **body: Any,
    ) -> Promotion:
        asked = RequestPromotion(model=model, version=str(version), stage=stage, **body)
        return await self.act(by, promotions.request_promotion, asked)

    async def promotion(self, promotion: str | Promotion, *, holder: str | None = None) -> Promotion:
        return await self.look("ada", promotion_queries.get_promotion, _id(promotion), holder=holder)

    async def approve(self, who: str | Actor, promotion: Promotion, comment: str = "") -> Promotion:
        return await self._review(who, promotion, Verdict.APPROVE, comment)

    async def reject(self, who: str | Actor, promotion: Promotion, comment: str = "no") -> Promotion:
        return await self._review(who, promotion, Verdict.REJECT, comment)

    async def _review(self, who: str | Actor, promotion: Promotion, verdict: Verdict, comment: str) -> Promotion:
        body = GiveReview(verdict=verdict, digest=promotion.digest, comment=comment)
        return await self.act(who, promotions.review_promotion, promotion.id, body)

    async def withdraw(self, who: str | Actor, promotion: Promotion) -> Promotion:
        return await self.act(who, promotions.withdraw_review, promotion.id)

    async def lease(
        self, promotion: Promotion, holder: str = "run-1", *, by: str = "airflow", seconds: int | None = None
    ) -> Promotion:
        return await self.act(by, promotions.take_lease, promotion.id, TakeLease(holder=holder, seconds=seconds))

    async def apply(self, promotion: Promotion, holder: str | None = None, *, by: str = "airflow") -> Promotion:
        return await self.act(by, promotions.apply_promotion, promotion.id, ApplyPromotion(holder=holder))

    async def approved(self, version: int, stage: str = "production", *, model: str = "fraud") -> Promotion:
        """Requested by the pipeline, approved by ben."""
        return await self.approve("ben", await self.request(version, stage, model=model))

    async def promote(self, version: int, stage: str = "production", *, model: str = "fraud") -> Promotion:
        return await self.apply(await self.approved(version, stage, model=model))

    async def roll_back(
        self, stage: str = "production", *, model: str = "fraud", by: str | Actor = "airflow", **body: Any
    ) -> Promotion:
        body.setdefault("reason", "smoke test failed")
        return await self.act(by, rollback.roll_back, model, stage, RollBack(**body))

    # ---------------------------------------------------------------------------------------- stages and policies

    async def stage(self, stage: str = "production", *, model: str = "fraud", **when: Any) -> Stage:
        return await self.look("ada", stage_queries.get_stage, model, stage, **when)

    async def current(self, stage: str = "production", *, model: str = "fraud") -> int | None:
        return (await self.stage(stage, model=model)).version

    async def history(self, stage: str = "production", *, model: str = "fraud") -> list[StageRecord]:
        """What was current, the newest first."""
        return await self.look_at_all("ada", stage_queries.stage_history_of, model, stage)

    async def hold(
        self, stage: str = "production", *, model: str = "fraud", by: str = "carl", until: datetime | None = None
    ) -> Stage:
        return await self.act(by, stages.hold_stage, model, stage, HoldStage(reason="frozen", until=until))

    async def attach(self, policy: str, pattern: str = "*", stage: str = "*", **body: Any) -> PolicyChange:
        asked = AttachPolicy(policy=policy, model_pattern=pattern, stage=stage, **body)
        return await self.act("ada", policies.attach_policy, asked)

    async def policy(self, document: PolicyDocument, *, attach: bool = True) -> None:
        """Write a policy, and let it hold for all stages."""

        await self.act("ada", policies.write_policy, WritePolicy(document=document))
        if attach:
            await self.attach(document.name)

    # ---------------------------------------------------------------------------------------------------- events

    async def events(self, *kinds: str, by: str = "ada", model: str | None = None) -> list[Event]:
        wanted = EventFilter(kinds=tuple(map(parse_kind, kinds)), model=model)
        page = await self.look(by, event_queries.read_events, wanted=wanted, limit=10_000)
        return page.events

    async def kinds(self, *kinds: str) -> list[str]:
        return [event.kind for event in await self.events(*kinds)]


def _id(promotion: str | Promotion) -> str:
    return promotion if isinstance(promotion, str) else promotion.id


async def _in_chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content
