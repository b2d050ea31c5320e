"""How many registrations, and how many promotions from the request to the stage, one process does in a second.

Through `Registry` alone, without HTTP, on SQLite with durable commits: 8 clients, 20 models, policy `team`.

    python benchmarks/use_cases.py [seconds]
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from registry_service.db.engine import open_database
from registry_service.db.migrate import upgrade
from registry_service.domain.entities import PrincipalKind, Verdict
from registry_service.domain.metadata import Metadata
from registry_service.domain.permissions import Actor, Role, Scope
from registry_service.domain.policies import TEAM
from registry_service.domain.requests import (
    ApplyPromotion,
    AttachPolicy,
    CreateGrant,
    CreateModel,
    CreatePrincipal,
    GiveReview,
    RegisterVersion,
    RequestPromotion,
)
from registry_service.services.first_run import set_up
from registry_service.services.models import create_model
from registry_service.services.policies import insert_attachment
from registry_service.services.principals import create_grant, create_principal
from registry_service.services.promotions import apply_promotion, request_promotion, review_promotion
from registry_service.services.registry import Registry
from registry_service.services.versions import register_version
from registry_service.services.work import Work
from registry_service.storage.filesystem import FilesystemStore

CLIENTS = 8
MODELS = 20
SERVICE = Actor(name="airflow", is_person=False, grants=(Scope(Role.CONTRIBUTOR, "*"),))
ADMIN = Actor(name="admin", is_person=True, grants=(Scope(Role.ADMIN, "*"),))
BEN = Actor(name="ben", is_person=True, grants=(Scope(Role.APPROVER, "*"),))

Client = Callable[[int], Awaitable[None]]


async def measure(name: str, client: Client, seconds: float) -> dict[str, object]:
    """Let the clients go on for so long; how often they did what they do, and how long it took them."""

    times: list[float] = []
    turns = itertools.count()
    end = time.perf_counter() + seconds

    async def go_on() -> None:
        while (begun := time.perf_counter()) < end:
            await client(next(turns))
            times.append(time.perf_counter() - begun)

    await asyncio.gather(*(go_on() for _ in range(CLIENTS)))
    times.sort()
    figures = {
        "per_second": round(len(times) / seconds, 1),
        "p50_ms": round(times[len(times) // 2] * 1000, 1),
        "p99_ms": round(times[int(len(times) * 0.99)] * 1000, 1),
    }
    print(f"{name:28} {figures}")
    return {"name": name, **figures}


def prepare(work: Work, directory: Path) -> None:
    set_up(work, person="admin", url="", directory=directory)
    create_principal(work, CreatePrincipal(name="ben", kind=PrincipalKind.PERSON))
    create_grant(work, CreateGrant(principal="ben", role=Role.APPROVER))
    insert_attachment(work, AttachPolicy(policy=TEAM.name, model_pattern="*"))
    for number in range(MODELS):
        create_model(work, CreateModel(name=f"model-{number}"))


async def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as home:
        directory = Path(home)
        url = f"sqlite:///{directory / 'db' / 'registry.db'}"
        (directory / "db").mkdir(mode=0o700)
        await upgrade(url)
        database = open_database(url)
        await database.start()
        registry = Registry(
            database, FilesystemStore(directory / "artifacts"), clock=lambda: datetime.now(UTC), public_url=""
        )
        await registry.write(ADMIN, prepare, None, directory / "credentials")

        async def register(turn: int) -> None:
            body = RegisterVersion(
                files=[],
                metadata=Metadata(metrics={"auc": turn / 1e6, "loss": 0.1}, params={"depth": 3}, framework="sklearn"),
                tags={"country": "de"},
                identity=f"run-{turn}",
            )
            await registry.write(SERVICE, register_version, None, f"model-{turn % MODELS}", body)

        async def promote(turn: int) -> None:
            model = f"model-{turn % MODELS}"
            body = RegisterVersion(files=[], metadata=Metadata(metrics={"turn": turn}))
            version = (await registry.write(SERVICE, register_version, None, model, body)).result
            assert version is not None
            asked = RequestPromotion(model=model, version=str(version.number), stage="production")
            promotion = (await registry.write(SERVICE, request_promotion, None, asked)).result
            assert promotion is not None
            review = GiveReview(verdict=Verdict.APPROVE, digest=promotion.digest)
            await registry.write(BEN, review_promotion, None, promotion.id, review)
            await registry.write(SERVICE, apply_promotion, None, promotion.id, ApplyPromotion())

        results = [
            await measure("register", register, seconds),
            await measure("register+request+approve+apply", promote, seconds),
        ]
        await database.stop()
        print(json.dumps(results))


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0))
