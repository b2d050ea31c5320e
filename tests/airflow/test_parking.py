"""When a parked task may be woken, by the lines that Airflow 3.3 writes."""

from __future__ import annotations

import pytest

from tests.airflow.harness import has_let_go

BEGINS = (
    "2026-11-25 08:43:52.620012+00:00 [info     ] Worker startup parse complete  [task] bundle_name=dags-folder "
    "dag_file=harness.py dag_id={dag_id} loc=task_runner.py:1073 map_index={map_index} run_id={run_id} "
    "task_id={task_id} ti_id=01a211df try_number=1"
)
ENDS = (
    "2026-11-25T08:43:58.028662Z [info     ] Received executor event with state success for task instance "
    "TaskInstanceKey(dag_id='{dag_id}', task_id='{task_id}', run_id='{run_id}', try_number=1, map_index={map_index}) "
    "[airflow.jobs.scheduler_job_runner.SchedulerJobRunner] loc=scheduler_job_runner.py:1347"
)
NAP = {"dag_id": "sleepy", "run_id": "manual__1", "task_id": "nap", "map_index": -1}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([BEGINS], False),
        ([BEGINS, ENDS], True),
        ([BEGINS, ENDS, BEGINS], False),
        ([BEGINS, ENDS, BEGINS, ENDS], True),
        ([], False),
    ],
    ids=["not heard of yet", "heard of", "parked again", "heard of again", "lines that say nothing"],
)
def test_a_task_is_let_go_of_once_the_end_of_each_of_its_workers_was_heard_of(lines: list[str], expected: bool) -> None:
    assert has_let_go("\n".join(line.format(**NAP) for line in lines), **NAP) is expected  # type: ignore[arg-type] # one of each


@pytest.mark.parametrize("other", [{"dag_id": "s"}, {"run_id": "manual__11"}, {"task_id": "map"}, {"map_index": 1}])
def test_the_end_of_another_worker_is_not_taken_for_it(other: dict[str, object]) -> None:
    log = "\n".join([BEGINS.format(**NAP), BEGINS.format(**{**NAP, **other}), ENDS.format(**{**NAP, **other})])
    assert not has_let_go(log, **NAP)  # type: ignore[arg-type] # one of each
