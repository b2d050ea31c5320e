"""Who asks, as the registry knows them: the run, the task in it, and the attempt after a clear.

Airflow calls a task again for two different reasons. A *retry* continues what an earlier try began; it has to find
what that one left behind. A *clear* is somebody's wish to do it anew. Airflow keeps them apart in one number:
`max_tries` is `retries` at first, stays as it is over retries, and becomes `try_number + retries` with each clear.
Hence `max_tries - retries` is the same for all tries of one attempt and differs between attempts.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from airflow.providers.common.compat.sdk import Context

from registry_service.client import LineageKind, NewLineageEdge

CODE_COMMIT_KEYS: Final = ("code_commit", "git_commit", "commit")


@dataclass(frozen=True)
class TaskIdentity:
    """One task of one run. `clear` is the marker of the attempt; `bundle_version` is the DAG bundle's commit, where
    Airflow knows it."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    clear: int
    url: str | None = None
    code_commit: str | None = None
    triggered_by: str | None = None

    @classmethod
    def of(cls, context: Context) -> TaskIdentity:
        ti = context["ti"]
        run = context["dag_run"]
        map_index = getattr(ti, "map_index", -1)
        return cls(
            dag_id=ti.dag_id,
            run_id=ti.run_id,
            task_id=ti.task_id,
            map_index=-1 if map_index is None else map_index,
            clear=ti.max_tries - (context["task"].retries or 0),
            url=getattr(ti, "log_url", None),
            code_commit=_code_commit(context),
            triggered_by=getattr(run, "triggering_user_name", None),
        )

    @property
    def run(self) -> str:
        """The holder of leases: one per run, so that its tasks share a lease and a retry takes it up again."""
        return f"airflow:{self.dag_id}/{self.run_id}"

    @property
    def task(self) -> str:
        """The task over all its attempts."""
        return f"{self.run}/{self.task_id}/{self.map_index}"

    @property
    def attempt(self) -> str:
        """The task in this attempt: equal for its retries, another after a clear."""
        return f"{self.task}/{self.clear}"

    @property
    def people(self) -> list[str]:
        """Who started the run by hand, as Airflow says. It can only keep them from reviewing."""
        return [self.triggered_by] if self.triggered_by else []

    def key(self, step: str, *about: object) -> str:
        """An idempotency key for one step of this attempt; `about` is what the step is done to."""
        text = "\0".join([self.attempt, step, *map(str, about)])
        return f"airflow-{hashlib.sha256(text.encode()).hexdigest()}"

    def lineage(self) -> list[NewLineageEdge]:
        """What made a version that this task registers."""
        edges = [
            NewLineageEdge(kind=LineageKind.DAG_RUN, ref=f"{self.dag_id}/{self.run_id}"),
            NewLineageEdge(
                kind=LineageKind.TASK,
                ref=f"{self.dag_id}/{self.run_id}/{self.task_id}/{self.map_index}",
                url=self.url,
                details={"clear": str(self.clear)},
            ),
        ]
        if self.code_commit:
            edges.append(NewLineageEdge(kind=LineageKind.CODE_COMMIT, ref=self.code_commit))
        return edges


def _code_commit(context: Context) -> str | None:
    """The commit in the run's conf, else the version of the DAG bundle (a git bundle's is the commit)."""
    conf = getattr(context["dag_run"], "conf", None) or {}
    for key in CODE_COMMIT_KEYS:
        if isinstance(conf.get(key), str) and conf[key]:
            return str(conf[key])
    bundle = getattr(context["ti"], "bundle_instance", None)
    version = getattr(bundle, "version", None)
    return version if isinstance(version, str) and version else None
