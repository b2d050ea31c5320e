"""How fast a version is read by alias and by stage, on 16 keep-alive connections, beside Litestar answering the same
bytes from memory on the same server; and how fast the same is answered 304.

    python benchmarks/reads.py [--rounds N] [--seconds S] [--peers]

`cpu_us` is the server's processor time per request, `load_cpu` the share of a core that the load generator used.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import _mlflow
from _data import large_registry, tokens_of
from _load import Connection, Load, Turn, run_load
from _report import OURS, Report
from _servers import Server, litestar_from_memory, mlflow, registry, scratch

SIZES = {"small": 1_000, "medium": 10_000, "large": 100_000}
WORKS = {
    "read by alias": "/api/v1/models/large/versions/@champion",
    "read by stage": "/api/v1/models/large/versions/@production",
}
FLOOR = "Litestar from memory"


async def read(connection: Connection, _number: int, *, path: str) -> None:
    await connection.send(connection.request("GET", path))


async def read_if_changed(connection: Connection, _number: int, *, path: str, etag: str) -> None:
    await connection.send(connection.request("GET", path, headers=f"If-None-Match: {etag}\r\n"), 304)


def main() -> None:
    report = Report(__doc__ or "")
    report.parser.add_argument("--seconds", type=float, default=4.0, help="of each turn")
    options = report.options()
    home = large_registry(SIZES)
    token = tokens_of(home)["airflow"]
    with ExitStack() as stack:
        directory = stack.enter_context(scratch("reads"))
        ours = stack.enter_context(registry(home))
        body, etag = _mlflow.fetch(ours.url + WORKS["read by alias"], token)
        floor = stack.enter_context(litestar_from_memory(directory, body))

        def load(server: Server, turn: Turn, whose: str | None = None) -> Callable[[], dict[str, float]]:
            return lambda: run_load(Load(turn, server.url, (whose,), seconds=options.seconds), server.cpu)

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
    report.finish()


if __name__ == "__main__":
    main()
