"""Registering once per attempt of a task, whatever happens to the worker in between."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, Protocol

from airflow.providers.common.compat.sdk import Context

from airflow_provider.assets import emit_registered
from airflow_provider.drafts import ModelDraft, local_files
from airflow_provider.exceptions import ModelRegistryRefused, refusals_as_failures
from airflow_provider.hooks.registry import ModelRegistryHook
from airflow_provider.identity import TaskIdentity
from airflow_provider.links.registry import push_version_url
from airflow_provider.references import VersionReference, version_reference
from registry_service.client import LineageKind, ModelNotFound, ModelVersion

log = logging.getLogger(__name__)

OnClear = Literal["new", "reuse", "fail"]
STATE_KEY: Final = "model_registry.model_name"


class StateStore(Protocol):
    """What survives a try of a task: Airflow's task state store (3.3 and later)."""

    def get(self, key: str) -> object: ...

    def set(self, key: str, value: str) -> None: ...


@dataclass(frozen=True)
class Registration:
    """The one registration that an attempt of a task makes.

    :param on_clear: what a cleared task does that has registered before: `new` makes another version, `reuse` answers
        with the one that is there, `fail` fails.
    """

    hook: ModelRegistryHook
    task: TaskIdentity
    on_clear: OnClear = "new"

    @property
    def identity(self) -> str:
        """The key under which the version is found again; unique in the model."""
        return self.task.attempt if self.on_clear == "new" else self.task.task

    def check_access(self) -> None:
        """Find out before hours of training whether there is a registry to register in.

        :raises ModelRegistryException: not reachable.
        :raises ModelRegistryRefused: no connection, a token that isn't known, or one that may register no model at
            all. Whether it may register this one is known when its name is: where the function has returned.
        """
        with refusals_as_failures():
            # Answered only to those who may upload; what is on its way doesn't matter.
            self.hook.client.list_uploads(limit=1)

    def existing(self, model_name: str) -> ModelVersion | None:
        """The version that an earlier try registered.

        :raises ModelRegistryRefused: an earlier *attempt* registered it, and `on_clear` is `fail`.
        """
        quoted = self.identity.replace("'", "''")
        try:
            with refusals_as_failures():
                page = self.hook.client.list_versions(model_name, filter=f"identity = '{quoted}'", limit=1)
        except ModelRegistryRefused as refused:
            if refused.code == ModelNotFound.code:
                return None  # the first registration makes the model
            raise
        return self._accepted(self._own(page.items[0])) if page.items else None

    def register(self, draft: ModelDraft) -> ModelVersion:
        """Upload and register. Safe to repeat: the identity answers with the version of the first time.

        :raises ModelRegistryException: not reachable; a retry goes on with what has arrived.
        :raises ModelRegistryRefused: the draft isn't accepted.
        """
        with refusals_as_failures(), local_files(draft.files) as files:
            version = self.hook.client.register(
                draft.model_name,
                files,
                metadata=draft.registered_metadata(),
                description=draft.description,
                tags=dict(draft.tags or {}),
                aliases=list(draft.aliases),
                lineage=[*self.task.lineage(), *draft.registered_lineage()],
                identity=self.identity,
                people=self.task.people,
            )
        return self._accepted(version)

    @cached_property
    def _me(self) -> str:
        with refusals_as_failures():
            return self.hook.client.who_am_i().principal.name

    def _own(self, version: ModelVersion) -> ModelVersion:
        """Identities can be guessed: another principal's version doesn't pass for what this task registered.

        :raises ModelRegistryRefused: it is somebody else's.
        """
        if version.created_by != self._me:
            raise ModelRegistryRefused(
                f"'{version.created_by}' registered {version.model_name} version {version.number} under this task's "
                f"identity, and this task works as '{self._me}'. Look into it; a cleared task gets a new identity."
            )
        return version

    def _accepted(self, version: ModelVersion) -> ModelVersion:
        registered_in = next(
            (edge.details.get("clear") for edge in version.lineage if edge.kind is LineageKind.TASK), None
        )
        if self.on_clear == "fail" and registered_in != str(self.task.clear):
            raise ModelRegistryRefused(
                f"This task registered {version.model_name} version {version.number} before it was cleared, and "
                "on_clear is 'fail'. Go on with that version, or set on_clear to 'new' or 'reuse'."
            )
        return version


def registered(context: Context, version: ModelVersion) -> VersionReference:
    """Say to Airflow that the task has registered: the link, the asset event, the XCom that it returns."""
    reference = version_reference(version)
    push_version_url(context, reference["url"])
    emit_registered(context, reference)
    return reference


def remembered_model(context: Context, registration: Registration) -> str | None:
    """The model that an earlier try was about to register under this identity. None: there was none, or this Airflow
    keeps no state of tasks (before 3.3).
    """
    store: StateStore | None = context.get("task_state_store")
    kept = store.get(_state_key(registration)) if store is not None else None
    return kept if isinstance(kept, str) else None


def remember_model(context: Context, registration: Registration, model_name: str) -> None:
    """Write down what is about to be registered. It comes before the registration, or a worker that dies right after
    it would leave a version that the retry doesn't know where to look for.
    """
    store: StateStore | None = context.get("task_state_store")
    if store is not None:
        store.set(_state_key(registration), model_name)


def _state_key(registration: Registration) -> str:
    # The store is this task's own, over all its attempts: what tells identities apart is the attempt, where it counts.
    return f"{STATE_KEY}.{registration.task.clear}" if registration.on_clear == "new" else STATE_KEY
