"""How much disk a version takes, by table with its indexes, when it is registered over HTTP as an Airflow task does it,
and in a large registry; what a backup of that large registry takes in time and bytes; and what a promotion takes that
is rolled back (5 acts), of a model of which many were rolled back before and never cleared.

    python benchmarks/growth.py [--versions N] [--postgres] [--million]

Registered over HTTP: one file that is there already, three metrics, three params, two tags, three lineage edges, an
identity and an idempotency key. Bytes are those of whole pages, divided by the versions. `idempotency` is kept for
7 days only. The large registry's versions have two metrics, a param, two tags, and no file.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
from _data import (
    OTHER_MODELS,
    SIZES,
    SMOKE_SIZES,
    large_database,
    large_registry,
    rolled_back_registry,
    small_registry,
)
from _load import Connection, Load, run_load
from _report import OURS, Report
from _servers import postgres, registry, scratch
from writes import FILE, MODELS, promote, send_file

MILLION = {"huge": 1_000_000}
PASTS = (0, 1_000, 4_000)
LARGEST = 8
"""Tables that are shown one by one."""

BY_TABLE = """
    SELECT schema.tbl_name, SUM(pages.pgsize) FROM dbstat AS pages
    JOIN sqlite_schema AS schema ON schema.name = pages.name WHERE pages.aggregate = 1 GROUP BY 1
"""


async def register(connection: Connection, turn: int) -> None:
    run = f"train_{turn % 20}/scheduled__2026-03-03T00:00:00+00:00-{turn}"
    body = {
        "files": [FILE],
        "metadata": {
            "metrics": {"auc": turn / 1e6, "loss": 0.1, "accuracy": 0.93},
            "params": {"depth": 3, "rate": 0.1, "seed": turn},
            "framework": "sklearn",
        },
        "tags": {"country": "de", "run": run},
        "lineage": [
            {"kind": "dag_run", "ref": run, "url": f"https://airflow.example.org/dags/train/runs/{turn}"},
            {"kind": "code_commit", "ref": f"{turn:040x}"},
            {"kind": "dataset", "ref": f"s3://bucket/features/{turn}", "digest": f"sha256:{turn:064x}"},
        ],
        "identity": run,
    }
    path = f"/api/v1/models/{MODELS[turn % 20]}/versions"
    key = f"Idempotency-Key: {connection.token[-8:].decode()}-{turn}\r\n"
    await connection.send(connection.request("POST", path, body, headers=key), 201)


def tables(home: Path, url: str | None) -> dict[str, float]:
    """Bytes of each table with its indexes."""
    return asyncio.run(_tables_of_postgres(url)) if url else _tables_of_sqlite(home / "registry.db")


def _tables_of_sqlite(file: Path) -> dict[str, float]:
    driver = sqlite3.connect(file)
    driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    try:
        return {name: float(size) for name, size in driver.execute(BY_TABLE)}
    except sqlite3.OperationalError:  # SQLite is built without dbstat
        return {"all": float(file.stat().st_size)}
    finally:
        driver.close()


async def _tables_of_postgres(url: str) -> dict[str, float]:
    connection: Any = await asyncpg.connect(url)
    try:
        found = await connection.fetch(
            "SELECT relname, pg_total_relation_size(oid) AS bytes FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'public'::regnamespace"
        )
    finally:
        await connection.close()
    return {row["relname"]: float(row["bytes"]) for row in found}


def add_tables(report: Report, work: str, before: dict[str, float], after: dict[str, float], versions: int) -> None:
    grown = {name: (size - before.get(name, 0.0)) / versions for name, size in after.items()}
    report.add(work, "all tables", {"bytes_per_version": sum(grown.values())})
    for name in sorted(grown, key=lambda name: -grown[name])[:LARGEST]:
        report.add(work, name, {"bytes_per_version": grown[name]})


def backup(home: Path, target: Path, url: str | None) -> dict[str, float]:
    command = [str(Path(sys.executable).with_name("model-registry")), "backup", str(target)]
    settings = {"MODEL_REGISTRY_HOME": str(home), **({"MODEL_REGISTRY_DATABASE_URL": url} if url else {})}
    begun = time.perf_counter()
    subprocess.run(["env", *(f"{name}={value}" for name, value in settings.items()), *command], check=True)
    seconds = time.perf_counter() - begun
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    shutil.rmtree(target)
    return {"seconds": seconds, "mib": size / 2**20}


def main() -> None:
    report = Report(__doc__ or "")
    report.parser.add_argument("--versions", type=int, help="registered over HTTP; default: 10,000")
    report.parser.add_argument("--postgres", action="store_true", help="on PostgreSQL, in a directory of its own")
    report.parser.add_argument("--million", action="store_true", help="with a model of a million versions too")
    options = report.options()
    versions = options.versions or (200 if options.smoke else 10_000)
    sizes = (SMOKE_SIZES if options.smoke else SIZES) | (MILLION if options.million else {})
    total = sum(sizes.values()) + OTHER_MODELS
    with ExitStack() as stack:
        directory = stack.enter_context(scratch("growth"))
        if report.wants(work := f"disk, {versions:,} versions over HTTP"):
            database = stack.enter_context(postgres()) if options.postgres else None
            token = small_registry(directory / "small", MODELS, database)["airflow"]
            with registry(directory / "small", database=database) as server:
                run_load(
                    Load(register, server.url, (token,), connections=1, seconds=0.01, prepare=send_file), server.cpu
                )
                before = tables(directory / "small", database)
                report.progress(work, 0, OURS)
                load = Load(Many(versions), server.url, (token,), connections=1, seconds=0.01, warm_up=0.0)
                run_load(load, server.cpu)
                after = tables(directory / "small", database)
            add_tables(report, work, before, after, versions)
        for past in (0, 20) if options.smoke else PASTS:
            work = f"promote and roll back, after {past:,} that were"
            report.alternate(work, {OURS: partial(promotions, past, options)})
        if any(map(report.wants, (f"disk, {total:,} versions", f"backup of {total:,} versions"))):
            database = stack.enter_context(postgres()) if options.postgres else None
            home = directory / "large" if database else large_registry(sizes)
            if database:
                large_database(home, database, sizes)
            add_tables(report, f"disk, {total:,} versions", {}, tables(home, database), total)
            work = f"backup of {total:,} versions"
            report.alternate(work, {OURS: partial(backup, home, directory / "backup", database)})
    report.finish()


async def come_and_go(connection: Connection, turn: int, *, ben: str) -> None:
    await promote(connection, 40 * turn + 20, ben=ben)


def promotions(past: int, options: argparse.Namespace) -> dict[str, float]:
    with ExitStack() as stack:
        home = stack.enter_context(scratch("growth-past"))
        database = stack.enter_context(postgres()) if options.postgres else None
        tokens = rolled_back_registry(home, MODELS[0], past, database)
        server = stack.enter_context(registry(home, database=database))
        turn = partial(come_and_go, ben=tokens["ben"])
        load = Load(turn, server.url, (tokens["airflow"],), connections=1, seconds=options.seconds)
        return run_load(load, server.cpu)


class Many:
    """One turn that registers so many."""

    def __init__(self, versions: int) -> None:
        self.versions = versions

    async def __call__(self, connection: Connection, _number: int) -> None:
        for turn in range(1_000, 1_000 + self.versions):
            await register(connection, turn)


if __name__ == "__main__":
    main()
