"""How fast a version is read by alias and by stage, on 16 keep-alive connections, beside Litestar answering the same
bytes from memory on the same server; how fast the same is answered 304; a version each of 1,000 models in turn; and
both while 50 versions a second are registered in the models that are read.

    python benchmarks/reads.py [--rounds N] [--seconds S] [--peers] [--postgres]

`cpu_us` is the server's processor time per request, that of what is written beside included; `load_cpu` the share of a
core that the load generator used. To the floor the registrations are sent too, as many; it reads and forgets them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import _mlflow
from _data import SIZES, SMOKE_SIZES, large_database, large_registry, other_model, tokens_of
from _load import Connection, Load, Turn, run_load
from _report import OURS, Report
from _servers import Server, litestar_from_memory, mlflow, postgres, registry, scratch

WORKS = {
    "read by alias": "/api/v1/models/large/versions/@champion",
    "read by stage": "/api/v1/models/large/versions/@production",
}
WRITTEN = 50.0
REGISTRATION = {
    "files": [],
    "metadata": {"metrics": {"auc": 0.9, "loss": 0.1}, "params": {"depth": 3}, "framework": "sklearn"},
    "tags": {"country": "de"},
}
FLOOR = "Litestar from memory"


async def read(connection: Connection, _number: int, *, path: str) -> None:
    await connection.send(connection.request("GET", path))


async def read_others(connection: Connection, number: int) -> None:
    path = f"/api/v1/models/{other_model(number)}/versions/@champion"
    await connection.send(connection.request("GET", path))


async def register(connection: Connection, _number: int) -> None:
    await connection.ask("POST", "/api/v1/models/large/versions", REGISTRATION, expected=201)


async def register_others(connection: Connection, number: int) -> None:
    path = f"/api/v1/models/{other_model(number)}/versions"
    await connection.ask("POST", path, REGISTRATION, expected=201)


async def read_if_changed(connection: Connection, _number: int, *, path: str, etag: str) -> None:
    await connection.send(connection.request("GET", path, headers=f"If-None-Match: {etag}\r\n"), 304)


def main() -> None:
    report = Report(__doc__ or "")
    report.parser.add_argument("--postgres", action="store_true", help="on PostgreSQL, in a directory of its own")
    options = report.options()
    sizes = SMOKE_SIZES if options.smoke else SIZES
    with ExitStack() as stack:
        directory, home = stack.enter_context(scratch("reads")), stack.enter_context(scratch("reads-ours"))
        database = stack.enter_context(postgres()) if options.postgres else None
        if database:
            large_database(home, database, sizes)
        else:  # a copy, because it is written to
            shutil.copytree(large_registry(sizes), home, dirs_exist_ok=True)
        token = tokens_of(home)["airflow"]
        ours = stack.enter_context(registry(home, database=database))
        body, etag = _mlflow.fetch(ours.url + WORKS["read by alias"], token)
        floor = stack.enter_context(litestar_from_memory(directory, body))

        def load(
            server: Server, turn: Turn, whose: str | None = None, aside: Turn | None = None
        ) -> Callable[[], dict[str, float]]:
            work = Load(turn, server.url, (whose,), seconds=options.seconds, aside=aside, aside_per_second=WRITTEN)
            return lambda: run_load(work, server.cpu)

        peer = stack.enter_context(mlflow(directory)) if options.peers else None
        if peer is not None:
            _mlflow.fill(peer.url)
        for work, path in WORKS.items():
            turn = partial(read, path=path)
            contestants = {OURS: load(ours, turn, token), FLOOR: load(floor, turn)}
            if peer is not None:
                contestants["MLflow"] = load(peer, partial(read, path=_mlflow.READ_PATHS[work]))
            report.alternate(work, contestants)
        turn = partial(read_if_changed, path=WORKS["read by alias"], etag=etag)
        report.alternate("read by alias, not modified", {OURS: load(ours, turn, token), FLOOR: load(floor, turn)})
        report.alternate(
            "read by alias, 1,000 models in turn",
            {OURS: load(ours, read_others, token), FLOOR: load(floor, read_others)},
        )
        written = "while 50 versions a second are registered"
        one = partial(read, path=WORKS["read by alias"])
        report.alternate(
            f"read by alias {written} in the same model",
            {OURS: load(ours, one, token, register), FLOOR: load(floor, one, None, register)},
        )
        report.alternate(
            f"read by alias, 1,000 models in turn, {written} in them",
            {
                OURS: load(ours, read_others, token, register_others),
                FLOOR: load(floor, read_others, None, register_others),
            },
        )
    report.finish()


if __name__ == "__main__":
    main()
