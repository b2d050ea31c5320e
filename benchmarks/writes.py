"""How many versions are registered, and how many promotions go all their way, with 8 clients on 20 models over HTTP,
each answer durable; beside the same rows written by hand in one writer thread with group commit.

    python benchmarks/writes.py [--rounds N] [--seconds S] [--postgres] [--peers]

`promote` counts acts: registered, requested, approved by a person, applied, and every second time rolled back.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from contextlib import ExitStack
from functools import partial

import _floor_writes
import _mlflow
from _data import small_registry
from _load import Connection, Load, Turn, run_load
from _report import OURS, Report
from _servers import Server, mlflow, postgres, registry, scratch

API = "/api/v1"
MODELS = [f"model-{number:02}" for number in range(20)]
CLIENTS = 8
FLOOR = "raw statements"
ACTS = 4.5
FIRST = random.random()
"""Each process that makes load registers other content: what was rolled back once would be refused."""

SMALL = b"a small model\n" * 64
FILE = {"path": "model.bin", "digest": f"sha256:{hashlib.sha256(SMALL).hexdigest()}", "size": len(SMALL)}


def version(turn: int, *, files: list[dict[str, object]]) -> dict[str, object]:
    metadata = {"metrics": {"auc": FIRST + turn, "loss": 0.1}, "params": {"depth": 3}, "framework": "sklearn"}
    return {"files": files, "metadata": metadata, "tags": {"country": "de"}}


async def register(connection: Connection, turn: int) -> None:
    path = f"{API}/models/{MODELS[turn % 20]}/versions"
    await connection.ask("POST", path, version(turn, files=[]), expected=201)


async def register_with_file(connection: Connection, turn: int) -> None:
    path = f"{API}/models/{MODELS[turn % 20]}/versions"
    await connection.ask("POST", path, version(turn, files=[FILE]), expected=201)


async def send_file(connection: Connection, number: int) -> None:
    """The bytes that `register_with_file` refers to, in a version that the caller may read."""
    if number:
        await asyncio.sleep(0.5)
        return
    start = {"model": MODELS[0], "files": [{"digest": FILE["digest"], "size": FILE["size"]}]}
    upload = await connection.ask("POST", f"{API}/uploads", start, expected=201)
    path = f"{API}/uploads/{upload['id']}/files/{FILE['digest']}"
    head = connection.request("PUT", path, headers=f"Content-Length: {len(SMALL)}\r\n")
    await connection.send(head + SMALL)
    body = {**version(0, files=[FILE]), "upload": upload["id"]}
    await connection.ask("POST", f"{API}/models/{MODELS[0]}/versions", body, expected=201)


async def promote(connection: Connection, turn: int, *, ben: str) -> None:
    """Each client works on models of its own, so that no promotion supersedes another one's."""
    model = MODELS[turn % 20]
    made = await connection.ask("POST", f"{API}/models/{model}/versions", version(turn, files=[]), expected=201)
    asked = {"model": model, "version": str(made["number"]), "stage": "production"}
    answer = await connection.send(connection.request("POST", f"{API}/promotions", asked), 201)
    promotion, digest = _mlflow.decode(answer)["id"], made["digest"]
    path = f"{API}/promotions/{promotion}"
    await connection.send(
        connection.request("POST", f"{path}/reviews", {"verdict": "approve", "digest": digest}).replace(
            connection.token, ben.encode()
        )
    )
    await connection.ask("POST", f"{path}/apply", {})
    if turn % 40 >= 20:
        back = {"reason": "benchmark", "promotion": promotion}
        await connection.ask("POST", f"{API}/models/{model}/stages/production/rollback", back)


def main() -> None:
    report = Report(__doc__ or "", seconds=5.0)
    report.parser.add_argument("--postgres", action="store_true", help="on PostgreSQL, in a directory of its own")
    options = report.options()

    def ours(server: Server, token: str, turn: Turn, prepare: Turn | None = None) -> dict[str, float]:
        load = Load(turn, server.url, (token,), connections=CLIENTS, seconds=options.seconds, prepare=prepare)
        return run_load(load, server.cpu)

    with ExitStack() as stack:
        home = stack.enter_context(scratch("writes"))
        floor_home = stack.enter_context(scratch("writes-floor"))
        database = stack.enter_context(postgres()) if options.postgres else None
        tokens = small_registry(home, MODELS, database)
        small_registry(floor_home, MODELS)
        server = stack.enter_context(registry(home, database=database))
        floor = partial(_floor_writes.measure, floor_home / "registry.db", clients=CLIENTS, seconds=options.seconds)
        works = {
            "register, metadata only": {
                OURS: lambda: ours(server, tokens["airflow"], register),
                FLOOR: lambda: floor(_floor_writes.register),
            },
            "register, one small file that is there": {
                OURS: lambda: ours(server, tokens["airflow"], register_with_file, send_file),
                FLOOR: lambda: floor(_floor_writes.register),
            },
        }
        if options.peers:
            peer = stack.enter_context(mlflow(home))
            for name in MODELS:
                _mlflow.ask(peer.url, "POST", "/registered-models/create", {"name": name})
            works["register, metadata only"]["MLflow"] = lambda: run_load(
                Load(_mlflow.register, peer.url, connections=CLIENTS, seconds=options.seconds), peer.cpu
            )
        for work, contestants in works.items():
            report.alternate(work, contestants)
        report.alternate(
            "promote",
            {
                OURS: lambda: _acts(ours(server, tokens["airflow"], partial(promote, ben=tokens["ben"]))),
                FLOOR: lambda: floor(_floor_writes.promote, acts=5),
            },
        )
    report.finish()


def _acts(figures: dict[str, float]) -> dict[str, float]:
    return {
        **figures,
        "per_second": figures["per_second"] * ACTS,
        "cpu_us": figures["cpu_us"] / ACTS,
    }


if __name__ == "__main__":
    main()
