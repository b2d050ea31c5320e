"""The context that Airflow gives to a task, as far as the provider looks at it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from airflow.providers.common.compat.sdk import BaseOperator, Context
from airflow.sdk.execution_time.context import OutletEventAccessors


@dataclass
class StubRun:
    conf: dict[str, Any] | None = None
    triggering_user_name: str | None = None
    start_date: datetime | None = datetime(2026, 3, 3, tzinfo=UTC)
    run_after: datetime = datetime(2026, 3, 3, tzinfo=UTC)


@dataclass
class StubTaskInstance:
    task_id: str
    dag_id: str = "churn_nightly"
    run_id: str = "scheduled__2026-03-03"
    map_index: int = -1
    max_tries: int = 0
    log_url: str = "http://airflow/log"
    pushed: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


class StubStateStore:
    """What outlives a try."""

    def __init__(self) -> None:
        self.kept: dict[str, object] = {}

    def get(self, key: str) -> object:
        return self.kept.get(key)

    def set(self, key: str, value: str) -> None:
        self.kept[key] = value


def a_context(
    operator: BaseOperator,
    *,
    clear: int = 0,
    state: StubStateStore | None = None,
    run: StubRun | None = None,
    **of_instance: Any,
) -> Context:
    """A context of the operator's task; `clear` as Airflow counts it."""
    ti = StubTaskInstance(operator.task_id, max_tries=(operator.retries or 0) + clear, **of_instance)
    context = {
        "ti": ti,
        "task": operator,
        "dag_run": run or StubRun(),
        "outlet_events": OutletEventAccessors(),
        "task_state_store": state,
    }
    return cast("Context", context)


def pushed(context: Context) -> dict[str, Any]:
    return cast("StubTaskInstance", context["ti"]).pushed
