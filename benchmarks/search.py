"""How long a search by tag with 20 hits takes among 1,000, 10,000 and 100,000 versions of a model; the first page of
100 models and the 1,000th page of versions with 100,000 versions in the database. One client, over HTTP.

    python benchmarks/search.py [--rounds N] [--postgres] [--million] [--peers]

So do pages in the order of a metric, with a filter by lineage, check or stage or without, of the smallest and the
large model.

The sizes are asked in turns, which tells the processor time of each; and once more request by request, which tells
their times apart from whatever else the machine does: what is slower then is so because of the size.
The floor is the statement itself on the raw driver, without HTTP, authorisation or the rest of what an answer holds.
`--million` adds a model of a million versions, which takes some minutes to make; best on PostgreSQL.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from urllib.parse import quote

import _mlflow
from _data import HITS, SIZES, SMOKE_SIZES, large_database, large_registry, tokens_of
from _load import Connection, Load, run_lanes, run_load
from _report import OURS, Report
from _servers import Server, mlflow, postgres, registry, scratch

MILLION = {"huge": 1_000_000}
NEEDLE = quote("tags.run = 'needle'")
STATEMENT = """
    SELECT versions.* FROM versions
    JOIN version_tags AS tag ON tag.model_id = versions.model_id AND tag.number = versions.number
    JOIN models ON models.id = tag.model_id
    WHERE models.name_taken = ? AND tag.key = 'run' AND tag.value_start = 'needle' AND tag.value = 'needle'
    ORDER BY tag.number DESC LIMIT 51
"""

PAGE = 50
DEEP = 10
"""A page so deep is read beside the first."""

ORDERED = {
    "by a metric": ("", PAGE),
    "by a metric, of one dataset of all": ("lineage.dataset = 's3://all'", PAGE),
    "by a metric, of one dataset of few": ("lineage.dataset = 's3://needle'", HITS),
    "by a metric, with a passed check": ("checks.evaluation = 'passed'", PAGE),
    "by a metric, with a failed check": ("checks.evaluation = 'failed'", HITS),
    "by a metric, in production": ("stage = 'production'", 1),
}
"""Searches by the words of the report: the filter, and how many items a page has."""


async def list_page(connection: Connection, _number: int, *, path: str, items: int) -> None:
    answer = await connection.send(connection.request("GET", path))
    found = len(_mlflow.decode(answer)["items"])
    if found != items:
        raise RuntimeError(f"{path} has {found} items, not {items}")


async def page_in_turn(connection: Connection, number: int, *, paths: list[tuple[str, int]]) -> None:
    path, items = paths[number % len(paths)]
    await list_page(connection, number, path=path, items=items)


def ordered_paths(url: str, token: str, models: list[str], where: str, *, deep: bool) -> list[str]:
    """The addresses of one page of each model, in the order of a metric."""

    paths = []
    for model in models:
        path = f"/api/v1/models/{model}/versions?limit={PAGE}&order_by={quote('metrics.auc desc')}"
        path += f"&filter={quote(where)}" if where else ""
        cursor = ""
        for _ in range(DEEP - 1 if deep else 0):
            body, _ = _mlflow.fetch(f"{url}{path}{cursor}", token)
            cursor = f"&cursor={_mlflow.decode(body)['next_cursor']}"
        paths.append(path + cursor)
    return paths


async def search_in_turn(connection: Connection, number: int, *, models: list[str]) -> None:
    await list_page(connection, number, path=found_in(models[number % len(models)]), items=HITS)


def found_in(model: str) -> str:
    return f"/api/v1/models/{model}/versions?filter={NEEDLE}"


def on_the_driver(home: Path, model: str, seconds: float) -> dict[str, float]:
    driver = sqlite3.connect(f"file:{home / 'registry.db'}?mode=ro", uri=True)
    times: list[float] = []
    until = time.perf_counter() + seconds
    while (begun := time.perf_counter()) < until:
        assert len(driver.execute(STATEMENT, (model,)).fetchall()) == HITS
        times.append(time.perf_counter() - begun)
    driver.close()
    times.sort()
    return {"p50_ms": times[len(times) // 2] * 1000, "p99_ms": times[int(len(times) * 0.99)] * 1000}


def deep_cursor(url: str, token: str, pages: int) -> str:
    """The cursor of a page that deep, by walking there."""
    cursor = ""
    for _ in range(pages - 1):
        body, _ = _mlflow.fetch(f"{url}/api/v1/models/large/versions?limit=100{cursor}", token)
        cursor = f"&cursor={_mlflow.decode(body)['next_cursor']}"
    return cursor


def order_and_filter(report: Report, server: Server, token: str, names: dict[str, str]) -> None:
    """Pages in the order of a metric, of the smallest model and the large one."""

    options = report.given
    ends = ["small", "large"]
    for words, (where, items) in ORDERED.items():
        for page in ("first page", f"page {DEEP}"):
            deep = page != "first page"
            if not report.wants(work := f"{words}, {page}") or (deep and (items < PAGE or options.smoke)):
                continue
            paths = ordered_paths(server.url, token, ends, where, deep=deep)
            turn = partial(page_in_turn, paths=[(path, items) for path in paths])
            load = Load(turn, server.url, (token,), connections=1, seconds=options.seconds, lanes=len(ends))
            for number in range(options.rounds):
                report.progress(work, number, "both sizes")
                for model, figures in zip(ends, run_lanes(load, server.cpu), strict=True):
                    report.add(work, names[model], figures)


def main() -> None:
    report = Report(__doc__ or "", seconds=2.0)
    report.parser.add_argument("--postgres", action="store_true", help="on PostgreSQL, in a directory of its own")
    report.parser.add_argument("--million", action="store_true", help="with a model of a million versions too")
    options = report.options()
    sizes = (SMOKE_SIZES if options.smoke else SIZES) | (MILLION if options.million else {})
    deep = sizes["large"] // 100
    with ExitStack() as stack:
        directory = stack.enter_context(scratch("search"))
        database = stack.enter_context(postgres()) if options.postgres else None
        home = directory if database else large_registry(sizes)
        if database:
            large_database(home, database, sizes)
        server = stack.enter_context(registry(home, database=database))
        token = tokens_of(home)["airflow"]

        def ours(path: str, items: int) -> Callable[[], dict[str, float]]:
            turn = partial(list_page, path=path, items=items)
            load = Load(turn, server.url, (token,), connections=1, seconds=options.seconds)
            return lambda: run_load(load, server.cpu)

        names = {model: OURS if model == "large" else f"ours, {size:,} versions" for model, size in sizes.items()}
        contestants = {name: ours(found_in(model), HITS) for model, name in names.items()}
        if not database:
            contestants["the statement"] = partial(on_the_driver, home, "large", options.seconds)
        if options.peers:
            peer = stack.enter_context(mlflow(directory))
            _mlflow.fill_many(peer.url, directory, sizes["large"])
            asked = Load(_mlflow.search, peer.url, connections=1, seconds=options.seconds)
            contestants["MLflow"] = lambda: run_load(asked, peer.cpu)
        report.alternate(f"search by tag, {HITS} of {sizes['large']:,} versions", contestants)
        if report.wants(work := "search by tag, sizes request by request"):
            turn = partial(search_in_turn, models=list(names))
            load = Load(turn, server.url, (token,), connections=1, seconds=options.seconds * 2, lanes=len(names))
            for number in range(options.rounds):
                report.progress(work, number, "all sizes")
                for name, figures in zip(names.values(), run_lanes(load, server.cpu), strict=True):
                    report.add(work, name, figures)
        order_and_filter(report, server, token, names)
        versions = "/api/v1/models/large/versions?limit=100"
        report.alternate("first page of 100 models", {OURS: ours("/api/v1/models?limit=100", 100)})
        if report.wants(work := f"pages of 100 versions, number {deep:,}"):
            cursor = deep_cursor(server.url, token, deep)
            report.alternate(work, {OURS: ours(versions + cursor, 100), "the first page": ours(versions, 100)})
    report.finish()


if __name__ == "__main__":
    main()
