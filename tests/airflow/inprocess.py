"""A DAG run in the test's own process, by `dag.test()`: tenths of a second, where a whole Airflow isn't the point."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow.dag_processing.dagbag import DagBag
from airflow.models.dagrun import DagRun
from airflow.utils.db import initdb


def make_database() -> None:
    """Make the metadata database of this process, which `dag.test()` writes into. Takes some seconds."""
    initdb()


def run_dag(source: str, dag_id: str, *, conf: Mapping[str, Any] | None = None) -> DagRun:
    """Write a DAG file, run one of its DAGs and return the run: `run.state`, `run.get_task_instance(…)`.

    Airflow wants the file in the DAGs folder. Deferred tasks run their trigger here too.
    """
    folder = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    path = folder / f"{dag_id}.py"
    path.write_text(source)
    bag = DagBag(path)
    if bag.import_errors:
        raise AssertionError("\n".join(bag.import_errors.values()))
    run: DagRun = bag.dags[dag_id].test(run_conf=dict(conf or {}))
    return run
