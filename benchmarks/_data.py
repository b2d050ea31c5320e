"""Registries to measure on: a small one with people and models, and a large one with 112,000 versions of 1,003 models.

The large one is made by inserting rows, in seconds, and kept below .cache/ for as long as the schema stays the same.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from _report import CACHE
from sqlalchemy import Connection, func, insert, select, update

from registry_service.db.engine import open_database
from registry_service.db.migrate import head, upgrade
from registry_service.db.queries.principals import find_principal
from registry_service.db.tables import (
    aliases,
    checks,
    events,
    models,
    promotions,
    stage_failures,
    stage_history,
    stages,
    version_lineage,
    version_metrics,
    version_params,
    version_tags,
)
from registry_service.db.tables import versions as version_rows
from registry_service.domain.entities import PrincipalKind
from registry_service.domain.permissions import Actor, Role, Scope
from registry_service.domain.policies import TEAM
from registry_service.domain.requests import AttachPolicy, CreateGrant, CreateModel, CreatePrincipal
from registry_service.services.event_log import append_events
from registry_service.services.first_run import set_up, token_files
from registry_service.services.models import create_model
from registry_service.services.policies import insert_attachment
from registry_service.services.principals import create_grant, create_principal
from registry_service.services.tokens import issue_token
from registry_service.services.work import Work

HITS = 20
"""Versions of each large model that the tag `run = 'needle'` finds."""

SIZES = {"small": 1_000, "medium": 10_000, "large": 100_000}
"""Versions of the large models by name."""

SMOKE_SIZES = {"small": 100, "medium": 200, "large": 1_000}
OTHER_MODELS = 1_000
"""Models of one version, which is their champion and in production: `other-0000` to `other-0999`."""

_ADMIN = Actor(name="admin", is_person=True, grants=(Scope(Role.ADMIN, "*"),))
NOW = datetime.now(UTC)
_BATCH = 10_000


def tokens_of(home: Path) -> dict[str, str]:
    """Tokens by principal: `airflow`, a service that contributes, `admin`, who answers for it, `ben`, a person who
    approves, and `grace`, an admin who answers for nothing."""
    tokens: dict[str, str] = json.loads((home / "tokens.json").read_text())
    return tokens


def small_registry(home: Path, names: list[str], database: str | None = None) -> dict[str, str]:
    """A registry with empty models under policy `team`. Answers the tokens."""
    asyncio.run(make_registry(home, database, lambda connection: people_and_models(connection, home, names)))
    return tokens_of(home)


def large_registry(sizes: dict[str, int]) -> Path:
    """The home of a registry on SQLite with models of so many versions, made where there is none yet."""
    total = sum(sizes.values()) + OTHER_MODELS
    return kept_registry("measured", total, lambda connection, home: _fill(connection, home, sizes))


def kept_registry(name: str, total: int, fill: Callable[[Connection, Path], None]) -> Path:
    """The home of a registry on SQLite of so many versions, made where there is none yet. It is read only: what writes
    takes a copy."""

    home = CACHE / f"registry-{head()}-{total}-{name}"
    if not (home / "tokens.json").exists():
        shutil.rmtree(home, ignore_errors=True)
        print(f"making a registry of {total:,} versions, once: {home}", file=sys.stderr, flush=True)
        scratch = home.with_suffix(f".{os.getpid()}")
        asyncio.run(make_registry(scratch, None, lambda connection: fill(connection, scratch)))
        scratch.rename(home)
    return home


def large_database(home: Path, url: str, sizes: dict[str, int]) -> None:
    """The same in the database at `url`."""
    asyncio.run(make_registry(home, url, lambda connection: _fill(connection, home, sizes)))


async def make_registry(home: Path, url: str | None, work: Any) -> None:  # noqa: ANN401 - a command of one transaction
    home.mkdir(mode=0o700, parents=True, exist_ok=True)  # noqa: ASYNC240 - nothing else runs
    url = url or f"sqlite:///{home / 'registry.db'}"
    await upgrade(url)
    database = open_database(url)
    await database.start()
    await database.write(work)
    if database.dialect == "postgresql":  # which does so by itself, a little later
        await database.write(lambda connection: connection.exec_driver_sql("ANALYZE"))
    await database.stop()


def people_and_models(connection: Connection, home: Path, names: list[str]) -> list[str]:
    """The ids of the models, in the order of their names. Beside whom the first run makes there are `ben`
    and `grace`."""

    work = Work(connection, _ADMIN, NOW)
    set_up(work, person="admin", files=token_files(home / "credentials", ""))
    create_principal(work, CreatePrincipal(name="ben", kind=PrincipalKind.PERSON))
    create_grant(work, CreateGrant(principal="ben", role=Role.APPROVER))
    create_principal(work, CreatePrincipal(name="grace", kind=PrincipalKind.PERSON))
    create_grant(work, CreateGrant(principal="grace", role=Role.ADMIN))
    insert_attachment(work, AttachPolicy(policy=TEAM.name, model_pattern="*"))
    made = [create_model(work, CreateModel(name=name, owners=["admin"])).id for name in names]
    ends = NOW + timedelta(days=365)
    tokens = {
        name: issue_token(work, find_principal(work, name), name="benchmark", expires_at=ends).text
        for name in ("airflow", "admin", "ben", "grace")
    }
    append_events(work)
    (home / "tokens.json").write_text(json.dumps(tokens))
    return made


def _fill(connection: Connection, home: Path, sizes: dict[str, int]) -> None:
    others = [other_model(number) for number in range(OTHER_MODELS)]
    made = people_and_models(connection, home, [*sizes, *others])
    seq = connection.execute(select(func.max(events.c.seq))).scalar_one() + 1
    for model_id, name, size in zip(made, [*sizes, *others], [*sizes.values(), *[1] * OTHER_MODELS], strict=True):
        for numbers in _batches(size):
            insert_versions(connection, model_id, name, size=size, numbers=numbers, seq=seq)
            seq += len(numbers)
        pointed = {"model_id": model_id, "number": size, "revision": size}
        connection.execute(
            insert(aliases).values(name="champion", moved_at=NOW, moved_by="airflow", **pointed),
        )
        connection.execute(
            update(stages)
            .where(stages.c.model_id == model_id, stages.c.name == "production")
            .values(number=size, since=NOW)
        )
        connection.execute(update(models).where(models.c.id == model_id).values(last_number=size))


def rolled_back_registry(home: Path, name: str, past: int, database: str | None = None) -> dict[str, str]:
    """A registry with one model whose first version is in production, and of which so many later ones came there, were
    rolled back, and were never cleared. Answers the tokens."""

    def fill(connection: Connection) -> None:
        (model_id,) = people_and_models(connection, home, [name])
        _roll_back_all(connection, model_id, past)

    asyncio.run(make_registry(home, database, fill))
    return tokens_of(home)


def _roll_back_all(connection: Connection, model_id: str, past: int) -> None:
    of_model = {"model_id": model_id}
    of_stage = {**of_model, "stage": "production"}
    digests = {number: f"sha256:{model_id}{number:032x}" for number in range(1, past + 2)}
    connection.execute(
        insert(version_rows),
        [
            {
                **of_model, "number": number, "digest": digest, "metadata": {}, "description": "", "people": [],
                "file_count": 0, "size": 0, "created_at": NOW, "created_by": "airflow",
            }
            for number, digest in digests.items()
        ],
    )  # fmt: skip
    came = [
        (1, "promoted"),
        *((at, how) for n in range(2, past + 2) for at, how in ((n, "promoted"), (1, "rolled_back"))),
    ]
    ids = [f"{index:032x}" for index in range(len(came))]
    connection.execute(
        insert(promotions),
        [
            {
                **of_stage, "id": one, "number": number, "digest": digests[number], "phase": "APPLIED", "policies": [],
                "kind": "promotion" if how == "promoted" else "rollback", "reason": "", "people": [], "timed": False,
                "requested_by": "admin", "requested_at": NOW, "expires_at": NOW, "deadline_at": NOW,
                "applied_at": NOW, "applied_by": "admin", "revision": 1,
            }
            for one, (number, how) in zip(ids, came, strict=True)
        ],
    )  # fmt: skip
    connection.execute(
        insert(stage_history),
        [
            {
                **of_stage, "change": how, "number": number, "digest": digests[number], "promotion_id": one,
                "actor": "admin", "at": NOW, "reason": "", "revision": 1,
            }
            for one, (number, how) in zip(ids, came, strict=True)
        ],
    )  # fmt: skip
    failed = [{**of_stage, "number": number, "reason": "", "actor": "admin", "at": NOW} for number in digests][1:]
    if failed:
        connection.execute(insert(stage_failures), failed)
    connection.execute(
        update(stages)
        .where(stages.c.model_id == model_id, stages.c.name == "production")
        .values(number=1, promotion_id=ids[-1], since=NOW)
    )
    connection.execute(update(models).where(models.c.id == model_id).values(last_number=past + 1))


def other_model(number: int) -> str:
    return f"other-{number % OTHER_MODELS:04}"


def _batches(size: int) -> Iterator[range]:
    for first in range(1, size + 1, _BATCH):
        yield range(first, min(first + _BATCH, size + 1))


def insert_versions(connection: Connection, model_id: str, name: str, *, size: int, numbers: range, seq: int) -> None:
    """Those of these numbers, of a model that has so many; their events begin with `seq`."""

    described = {"metrics": {"auc": 0.9, "loss": 0.1}, "params": {"depth": 3}, "framework": "sklearn"}
    each: list[dict[str, Any]] = [{"model_id": model_id, "number": number} for number in numbers]
    digests = [f"sha256:{model_id}{number:032x}" for number in numbers]
    connection.execute(
        insert(version_rows),
        [
            {
                **one, "digest": digest, "metadata": described, "framework": "sklearn", "description": "", "people": [],
                "file_count": 0, "size": 0, "created_at": NOW, "created_by": "airflow",
            }
            for one, digest in zip(each, digests, strict=True)
        ],
    )  # fmt: skip
    every = max(1, size // HITS)
    connection.execute(
        insert(version_tags),
        [
            tag
            for one in each
            for tag in (
                {**one, "key": "country", "value": "de"},
                {**one, "key": "run", "value": "needle" if one["number"] % every == 0 else f"run-{one['number']}"},
            )
        ],
    )
    connection.execute(
        insert(version_metrics),
        [
            {**one, "key": key, "value": value}
            for one in each
            # No two neighbours have the same, and many have: as where a figure is rounded.
            for key, value in (("auc", one["number"] * 7919 % 10_007 / 10_007), ("loss", 0.1))
        ],
    )
    connection.execute(
        insert(version_lineage),
        [
            {**one, "kind": "dataset", "ref": ref, "details": {}}
            for one in each
            for ref in ("s3://all", *(["s3://needle"] if one["number"] % every == 0 else []))
        ],
    )
    connection.execute(
        insert(checks),
        [
            {
                **one, "digest": digest, "name": "evaluation", "summary": "", "evidence": {}, "reported_by": "airflow",
                "reported_at": NOW, "revision": 1, "status": "failed" if one["number"] % every == 0 else "passed",
            }
            for one, digest in zip(each, digests, strict=True)
        ],
    )  # fmt: skip
    connection.execute(
        insert(version_params), [{**one, "key": "depth", "value": "3", "numeric_value": 3.0} for one in each]
    )
    connection.execute(
        insert(events),
        [
            {
                "seq": seq + index, "at": NOW, "kind": "version.registered", "actor": "airflow", "model_id": model_id,
                "model_name": name, "revision": one["number"], "subject": str(one["number"]),
                "data": {"digest": digest},
            }
            for index, (one, digest) in enumerate(zip(each, digests, strict=True))
        ],
    )  # fmt: skip
