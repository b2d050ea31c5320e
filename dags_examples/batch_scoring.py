"""Score in batches with what is current in production: resolved once, so that all batches of a run use one version,
also when another one is promoted meanwhile.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from airflow.sdk import dag, task
from digits_data import held_back_data

from airflow_provider.operators.versions import DownloadModelOperator
from airflow_provider.sdk import resolve_model

BATCHES = 4


@dag(schedule="@hourly", catchup=False, tags=["model registry"])
def batch_scoring() -> None:
    champion = resolve_model("digits@production", task_id="champion")

    # Verified by digest; from the second run on out of the worker's cache, also while the registry is away.
    downloaded = DownloadModelOperator(task_id="download", version=champion)

    @task
    def score(batch: int, model: str) -> dict[str, int]:
        """How many of each digit there are in this batch."""
        import joblib

        images, _labels = held_back_data()
        found = Counter(joblib.load(model).predict(images[batch::BATCHES]).tolist())
        return {str(digit): count for digit, count in sorted(found.items())}

    @task
    def summarise(counts: Any, version: Any) -> dict[str, object]:
        """The result says by which version it came about."""
        total: Counter[str] = sum((Counter(count) for count in counts), Counter())
        return {"model_name": version["model_name"], "digest": version["digest"], "found": dict(total)}

    summarise(score.partial(model=downloaded.output).expand(batch=list(range(BATCHES))), champion)


batch_scoring()
