"""How long each list takes of a model with 1,000 versions, and of one with 100,000: what is shown is the same page, so
the ratio is what the number of versions costs. One client, over HTTP, the two in turns.

    python benchmarks/lists.py [--rounds N] [--seconds S] [--only LIST] [--postgres]

Facets count what the newest 10,000 versions have: of a model with more, ten times what they count of the small one.
What is asked of all models is the same for both.
"""

from __future__ import annotations

from contextlib import ExitStack
from urllib.parse import quote

import _mlflow
from _data import SIZES, SMOKE_SIZES, large_database, large_registry, tokens_of
from _load import Connection, Load, run_lanes
from _report import OURS, Report
from _servers import postgres, registry, scratch

ENDS = ("small", "large")
LISTS = {
    "versions of a model": "models/{model}/versions?limit=50",
    "versions of all models, by a tag": "versions?limit=20&filter=" + quote("tags.run = 'needle'"),
    "versions by a tag and a metric": "models/{model}/versions?limit=20&filter="
    + quote("tags.run = 'needle' AND metrics.auc > 0.1"),
    "versions by a word": "models/{model}/versions?limit=20&filter=" + quote("tags.country = 'de'"),
    "events of a model": "events?limit=50&model={model}",
    "events of a model, the latest": "events?limit=50&model={model}&after=latest",
    "activity of a model": "activity?limit=50&model={model}",
    "activity of a person": "activity?limit=50&person=airflow",
    "promotions of a model": "promotions?limit=50&filter=" + quote("model = '{model}'", safe="{}"),
    "stage history": "models/{model}/stages/production/history?limit=50",
    "aliases": "models/{model}/aliases",
    "checks of a version": "models/{model}/versions/7/checks",
    "comments on a version": "models/{model}/versions/7/comments",
    "lineage of a version": "models/{model}/versions/7/lineage",
    "what a dataset went into": "lineage?limit=20&kind=dataset&ref=" + quote("s3://needle"),
    "two versions compared": "compare?versions={model}/1,{model}/2",
    "by words": "search?q={model}",
    "what was live": "live?limit=50&model={model}",
    "usages of a version": "models/{model}/versions/7/usages",
    "facets of a model": "versions/facets?fields=framework&filter=" + quote("model = '{model}'", safe="{}"),
}


class Turns:
    """The same list of one model after the other."""

    def __init__(self, path: str) -> None:
        self._paths = [f"/api/v1/{path.replace('{model}', model)}" for model in ENDS]

    async def __call__(self, connection: Connection, number: int) -> None:
        path = self._paths[number % len(ENDS)]
        answer = await connection.send(connection.request("GET", path))
        if not _mlflow.decode(answer):
            raise RuntimeError(f"{path} answers nothing")


def main() -> None:
    report = Report(__doc__ or "", seconds=2.0)
    report.parser.add_argument("--postgres", action="store_true", help="on PostgreSQL, in a directory of its own")
    options = report.options()
    sizes = SMOKE_SIZES if options.smoke else SIZES
    # Less than this tells nothing of the processor's time.
    seconds = options.seconds if options.smoke else max(options.seconds, 0.5)
    with ExitStack() as stack:
        database = stack.enter_context(postgres()) if options.postgres else None
        home = stack.enter_context(scratch("lists")) if database else large_registry(sizes)
        if database:
            large_database(home, database, sizes)
        server = stack.enter_context(registry(home, database=database))
        token = tokens_of(home)["airflow"]
        names = [OURS if model == "large" else f"ours, {sizes[model]:,} versions" for model in ENDS]
        for work, path in LISTS.items():
            if not report.wants(work):
                continue
            turns = Turns(path)
            load = Load(turns, server.url, (token,), connections=1, seconds=seconds, lanes=len(ENDS))
            for number in range(options.rounds):
                report.progress(work, number, "both sizes")
                for name, figures in zip(names, run_lanes(load, server.cpu), strict=True):
                    report.add(work, name, figures)
    report.finish()


if __name__ == "__main__":
    main()
