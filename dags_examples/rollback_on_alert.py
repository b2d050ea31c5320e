"""Go back to the version before, and let the endpoint follow.

For an alert manager to start, over Airflow's REST API:

    POST /api/v2/dags/rollback_on_alert/dagRuns
    {"logical_date": null, "conf": {"version": 3, "reason": "error rate at 9 % since 14:05"}}

The alert names the version that it complains about. If another one is current by then, nothing changes; and an alert
that fires twice goes back once.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag
from scoring_endpoint import ScoringEndpoint

from airflow_provider.operators.promotions import RollbackModelOperator

endpoint = ScoringEndpoint("scoring_endpoint")


@dag(
    schedule=None,
    params={
        "version": Param(None, type=["null", "integer"], description="The version to abandon"),
        "reason": Param("", type="string", description="Why; it stays in the history"),
    },
    tags=["model registry"],
)
def rollback_on_alert() -> None:
    # The endpoint follows, and what it serves then is recorded. Nothing enters production for the next twelve hours, so
    # that the nightly run doesn't bring the fault back.
    RollbackModelOperator(
        task_id="roll_back",
        model_name="digits",
        stage="production",
        from_version="{{ params.version }}",
        reason="{{ params.reason }}",
        undo=endpoint.update,
        target="scoring-endpoint",
        hold=timedelta(hours=12),
        fail_after=False,
        retries=3,
        retry_delay=timedelta(seconds=20),
    )


rollback_on_alert()
