"""A registry in which there is much to see: 10,000 models of forty teams with 100,000 versions made over the past
year, which were promoted, deployed and used.

What pages don't look at is left out: there are no bytes, and no events but the registrations.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from _data import NOW, insert_versions, kept_registry, make_registry, people_and_models
from sqlalchemy import Connection, bindparam, func, insert, literal, select, update

from registry_service.db.tables import (
    deployments,
    events,
    model_stock,
    model_tags,
    models,
    promotions,
    reviews,
    stage_history,
    stages,
    version_files,
    version_metrics,
    version_params,
    version_uses,
    versions,
)

DETECTOR = "fraud-detector"
"""The model with many versions, of which each has dozens of figures."""

TEAMS = 40
EACH = 9
"""Versions of every other model."""

_PLACES = {"staging": (7, 9), "production": (3, 6, 8)}
"""Versions of every other model by the stage that they were promoted into, one after the other."""

_PER_MODEL = sum(map(len, _PLACES.values()))
_AGE = timedelta(days=450)
"""Of all models."""

_METRICS = [
    f"{name}_{part}" for name in ("auc", "recall", "precision", "loss") for part in ("all", "online", "in_person")
]
_PARAMS = [f"param_{number:02}" for number in range(12)]
_FILES = 6
_HOUR, _MONTH = timedelta(hours=1), timedelta(days=30)


def name_of(number: int) -> str:
    return f"team-{number % TEAMS:02}.model-{number:05}"


def browsed_registry(models_: int, versions_: int) -> Path:
    """The home of a registry with so many models and versions, made where there is none yet."""
    most = versions_ - (models_ - 1) * EACH
    return kept_registry("browsed", versions_, lambda connection, home: _fill(connection, home, models_, most))


def browsed_database(home: Path, url: str, models_: int, versions_: int) -> None:
    """The same in the database at `url`."""
    most = versions_ - (models_ - 1) * EACH
    asyncio.run(make_registry(home, url, lambda connection: _fill(connection, home, models_, most)))


def freshen(home: Path) -> None:
    """Say of a copy that what its models take up was counted just now, so that the service doesn't begin to."""
    driver = sqlite3.connect(home / "registry.db")
    driver.execute("UPDATE model_stock SET counted_at = ?", (time.time_ns() // 1_000,))
    driver.commit()
    driver.close()


def _fill(connection: Connection, home: Path, models_: int, most: int) -> None:
    names = [DETECTOR, *(name_of(number) for number in range(models_ - 1))]
    ids = people_and_models(connection, home, names)
    seq = connection.execute(select(func.max(events.c.seq))).scalar_one() + 1
    for model_id, name, size in zip(ids, names, [most, *[EACH] * (models_ - 1)], strict=True):
        insert_versions(connection, model_id, name, size=size, numbers=range(1, size + 1), seq=seq)
        seq += size
        of_model = update(models).where(models.c.id == model_id)
        changed = NOW - timedelta(minutes=seq % 100_000)
        connection.execute(of_model.values(last_number=size, created_at=NOW - _AGE, updated_at=changed))
    _age(connection, ids[0], most)
    _describe(connection, ids[0], most)
    _insert_all(connection, model_tags, _tags(ids))
    passed = [*_passed(ids[1:]), *_passed_of_one(ids[0], most)]
    _insert_all(connection, promotions, (_promotion(one) for one in passed))
    _insert_all(connection, reviews, (_review(one) for one in passed))
    _insert_all(connection, stage_history, (_record(one) for one in passed))
    _point(connection, passed)
    _insert_all(connection, deployments, _deployments(passed))
    used = [one for index, one in enumerate(passed) if index // _PER_MODEL % 2]  # of every second model
    _insert_all(
        connection,
        version_uses,
        (
            {"model_id": model_id, "number": number, "last_used_at": NOW, "usages": 3}
            for model_id, number in {(one["model_id"], one["number"]) for one in used}
        ),
    )
    _count(connection)


def _insert_all(connection: Connection, table: Any, rows: Iterator[dict[str, Any]]) -> None:  # noqa: ANN401 - a table
    connection.execute(insert(table), list(rows))


def _age(connection: Connection, detector: str, most: int) -> None:
    """A version of the large model each hour, one of the others each month; each has a size."""
    for condition, last, gap in (
        (versions.c.model_id == detector, most, _HOUR),
        (versions.c.model_id != detector, EACH, _MONTH),
    ):
        microseconds = int(gap.total_seconds()) * 1_000_000
        connection.execute(
            update(versions)
            .where(condition)
            .values(
                created_at=versions.c.created_at - (last - versions.c.number) * literal(microseconds),
                size=1_000_000 + (versions.c.number * 7919 % 1_000) * 100_000,
            )
        )


def _describe(connection: Connection, detector: str, most: int) -> None:
    """What a version of the large model says of itself."""

    def figure(number: int, place: int) -> float:
        return (number * 7919 + place * 104_729) % 10_007 / 10_007

    numbers = range(1, most + 1)
    connection.execute(
        update(versions)
        .where(versions.c.model_id == detector, versions.c.number == bindparam("of"))
        .values(metadata=bindparam("described"), file_count=_FILES, framework="xgboost", format="onnx"),
        [
            {
                "of": number,
                "described": {
                    "metrics": {name: figure(number, place) for place, name in enumerate(_METRICS)},
                    "params": {name: number % (place + 2) for place, name in enumerate(_PARAMS)},
                    "framework": "xgboost",
                    "format": "onnx",
                },
            }
            for number in numbers
        ],
    )
    each: list[dict[str, Any]] = [{"model_id": detector, "number": number} for number in numbers]
    _insert_all(
        connection,
        version_metrics,
        (
            {**one, "key": name, "value": figure(one["number"], place)}
            for one in each
            for place, name in enumerate(_METRICS)
        ),
    )
    _insert_all(
        connection,
        version_params,
        (
            {**one, "key": name, "value": str(value), "numeric_value": float(value)}
            for one in each
            for place, name in enumerate(_PARAMS)
            for value in [one["number"] % (place + 2)]
        ),
    )
    _insert_all(
        connection,
        version_files,
        (
            {
                **one,
                "path": f"part-{place}.bin",
                "digest": f"sha256:{one['number'] * (place > 2):060x}{place:04x}",
                "size": 1_000_000 * (place + 1),
                "media_type": "application/octet-stream",
            }
            for one in each
            for place in range(_FILES)
        ),
    )


def _tags(ids: list[str]) -> Iterator[dict[str, Any]]:
    for number, model_id in enumerate(ids, start=-1):  # the first is the large model's
        yield {"model_id": model_id, "key": "team", "value": f"team-{number % TEAMS:02}"}
        yield {"model_id": model_id, "key": "tier", "value": str(number % 3)}


def _passed(ids: list[str]) -> Iterator[dict[str, Any]]:
    """What was promoted of the other models: each came into the stage five days after it was made."""
    for model_id in ids:
        for stage, numbers in _PLACES.items():
            for number in numbers:
                since = NOW - (EACH - number) * _MONTH + timedelta(days=5 if number < EACH else 0)
                yield {"model_id": model_id, "stage": stage, "number": number, "since": since}


def _passed_of_one(model_id: str, most: int) -> Iterator[dict[str, Any]]:
    """Of the large model each fiftieth version."""
    for stage in _PLACES:
        for number in range(50, most + 1, 50):
            since = NOW - (most - number) * _HOUR
            yield {"model_id": model_id, "stage": stage, "number": number, "since": since}


def _id_of(one: dict[str, Any]) -> str:
    return f"{one['model_id'][-20:]}{one['stage'][:4].encode().hex()}{one['number']:04x}"


def _digest_of(one: dict[str, Any]) -> str:
    return f"sha256:{one['model_id']}{one['number']:032x}"


def _promotion(one: dict[str, Any]) -> dict[str, Any]:
    since = one["since"]
    return {
        **{name: one[name] for name in ("model_id", "stage", "number")},
        "id": _id_of(one), "digest": _digest_of(one), "kind": "promotion", "phase": "APPLIED", "policies": [],
        "reason": "", "people": [], "timed": False, "requested_by": "airflow", "requested_at": since,
        "expires_at": since, "deadline_at": since, "approved_at": since, "applied_at": since, "applied_by": "airflow",
        "revision": 1,
    }  # fmt: skip


def _review(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "promotion_id": _id_of(one), "reviewer": "ben", "verdict": "approve", "comment": "",
        "digest": _digest_of(one), "at": one["since"],
    }  # fmt: skip


def _record(one: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: one[name] for name in ("model_id", "stage", "number")},
        "change": "promoted", "digest": _digest_of(one), "promotion_id": _id_of(one), "actor": "airflow",
        "at": one["since"], "reason": "", "revision": 1,
    }  # fmt: skip


def _current(passed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What came last into each stage."""
    return list({(one["model_id"], one["stage"]): one for one in passed}.values())


def _point(connection: Connection, passed: list[dict[str, Any]]) -> None:
    connection.execute(
        update(stages)
        .where(stages.c.model_id == bindparam("of"), stages.c.name == bindparam("stage"))
        .values(number=bindparam("at"), since=bindparam("since"), promotion_id=bindparam("by")),
        [
            {
                "of": one["model_id"],
                "stage": one["stage"],
                "at": one["number"],
                "since": one["since"],
                "by": _id_of(one),
            }
            for one in _current(passed)
        ],
    )


def _deployments(passed: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What is current in production runs at a target; what was, did."""

    now = {_id_of(one) for one in _current(passed)}
    for index, one in enumerate(passed):
        if one["stage"] != "production":
            continue
        running = _id_of(one) in now
        yield {
            **{name: one[name] for name in ("model_id", "stage", "number")},
            "id": f"d{_id_of(one)[1:]}", "digest": _digest_of(one), "target": f"edge-{index % 500:03}",
            "role": "primary", "traffic": 1.0, "promotion_id": _id_of(one),
            "status": "running" if running else "ended", "observed_digest": _digest_of(one),
            "observed_at": one["since"], "started_at": one["since"], "started_by": "airflow",
            "ended_at": None if running else one["since"] + timedelta(days=20), "revision": 1, "measured": 0,
        }  # fmt: skip


def _count(connection: Connection) -> None:
    """What each model takes up."""
    counted = select(
        versions.c.model_id,
        func.count(),
        literal(0),
        func.sum(versions.c.size),
        func.sum(versions.c.size),
        literal(1),
        literal(NOW, models.c.created_at.type),
    ).group_by(versions.c.model_id)
    names = ["model_id", "versions", "unused", "size", "own_size", "revision", "counted_at"]
    connection.execute(insert(model_stock).from_select(names, counted))
