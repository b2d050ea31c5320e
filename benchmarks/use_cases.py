"""How many registrations, and how many promotions from the request to the stage, one process does in a second through
`Registry` alone, without HTTP, with durable commits: 8 clients, 20 models, policy `team`. `cpu_us` is this process's,
without what PostgreSQL's server takes.

    python benchmarks/use_cases.py [--rounds N] [--seconds S] [--postgres]

Beside `writes.py` it tells what of the time is HTTP's and what the decisions take.
"""

from __future__ import annotations

import asyncio
import itertools
import resource
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import uvloop
from _data import small_registry
from _report import OURS, Report
from _servers import postgres, scratch

from registry_service.db.engine import open_database
from registry_service.domain.entities import Verdict
from registry_service.domain.metadata import Metadata
from registry_service.domain.permissions import Actor, Role, Scope
from registry_service.domain.requests import ApplyPromotion, GiveReview, RegisterVersion, RequestPromotion
from registry_service.services.promotions import apply_promotion, request_promotion, review_promotion
from registry_service.services.registry import Registry
from registry_service.services.versions import register_version
from registry_service.storage.filesystem import FilesystemStore

CLIENTS = 8
MODELS = [f"model-{number:02}" for number in range(20)]
SERVICE = Actor(name="airflow", is_person=False, grants=(Scope(Role.CONTRIBUTOR, "*"),))
BEN = Actor(name="ben", is_person=True, grants=(Scope(Role.APPROVER, "*"),))

Act = Callable[[Registry, int], Awaitable[None]]


async def register(registry: Registry, turn: int) -> None:
    metadata = Metadata(metrics={"auc": turn / 1e6, "loss": 0.1}, params={"depth": 3}, framework="sklearn")
    body = RegisterVersion(files=[], metadata=metadata, tags={"country": "de"})
    await registry.write(SERVICE, register_version, None, MODELS[turn % 20], body)


async def promote(registry: Registry, turn: int) -> None:
    model = MODELS[turn % 20]
    body = RegisterVersion(files=[], metadata=Metadata(metrics={"turn": turn}))
    version = (await registry.write(SERVICE, register_version, None, model, body)).result
    assert version is not None
    asked = RequestPromotion(model=model, version=str(version.number), stage="production")
    promotion = (await registry.write(SERVICE, request_promotion, None, asked)).result
    assert promotion is not None
    review = GiveReview(verdict=Verdict.APPROVE, digest=promotion.digest)
    await registry.write(BEN, review_promotion, None, promotion.id, review)
    await registry.write(SERVICE, apply_promotion, None, promotion.id, ApplyPromotion())


async def measure(home: Path, url: str, act: Act, first: int, seconds: float) -> dict[str, float]:
    """Let the clients go on for so long; how often they did what they do, and how long it took them."""

    database = open_database(url)
    await database.start()
    store = FilesystemStore(home / "artifacts")
    registry = Registry(database, store, clock=lambda: datetime.now(UTC), public_url="")
    times: list[float] = []
    turns = itertools.count(first)
    begun, used = time.perf_counter(), _cpu()

    async def go_on() -> None:
        while (started := time.perf_counter()) < begun + seconds:
            await act(registry, next(turns))
            times.append(time.perf_counter() - started)

    await asyncio.gather(*(go_on() for _ in range(CLIENTS)))
    elapsed, spent = time.perf_counter() - begun, _cpu() - used
    await database.stop()
    await store.close()
    times.sort()
    return {
        "per_second": len(times) / elapsed,
        "p50_ms": times[len(times) // 2] * 1000,
        "p99_ms": times[int(len(times) * 0.99)] * 1000,
        "cpu_us": spent / len(times) * 1e6,
    }


def one_turn(home: Path, url: str, act: Act, turns: Iterator[int], seconds: float) -> dict[str, float]:
    return uvloop.run(measure(home, url, act, next(turns), seconds))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    report = Report(__doc__ or "", seconds=5.0)
    report.parser.add_argument("--postgres", action="store_true", help="on PostgreSQL, in a directory of its own")
    options = report.options()
    with scratch("use-cases") as home, postgres() if options.postgres else nullcontext() as database:
        small_registry(home, MODELS, database)
        url = database or f"sqlite:///{home / 'registry.db'}"
        turns = itertools.count(0, 100_000)
        for work, act in (("register", register), ("register, request, approve, apply", promote)):
            report.alternate(work, {OURS: partial(one_turn, home, url, act, turns, options.seconds)})
    report.finish()


if __name__ == "__main__":
    main()
