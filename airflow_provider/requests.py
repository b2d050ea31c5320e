"""Asking for a promotion, once per attempt of a task."""

from __future__ import annotations

from airflow_provider.hooks.registry import ModelRegistryHook
from airflow_provider.identity import TaskIdentity
from airflow_provider.references import Selection
from registry_service.client import Promotion, RequestPromotion, quoted


def request_promotion(
    hook: ModelRegistryHook, task: TaskIdentity, selected: Selection, stage: str, reason: str
) -> Promotion:
    """The promotion of a version to a stage, requested where it isn't yet, as it stands now.

    The key keeps a retry from asking anew for what was rejected since its first try; a clear may ask again.
    """
    version = hook.get_version(selected)
    body = RequestPromotion(
        model=version.model_name, version=str(version.number), stage=stage, reason=reason, people=task.people
    )
    key = task.key("request", version.model_name, version.digest, stage)
    requested = hook.client.request_promotion(body, idempotency_key=key)
    return hook.client.get_promotion(requested.id, holder=task.run)


def find_promotion(hook: ModelRegistryHook, task: TaskIdentity, selected: Selection, stage: str) -> Promotion | None:
    """The newest promotion of a version to a stage, whoever requested it. None: nobody has."""
    version = hook.get_version(selected)
    wanted = f"model = {quoted(version.model_name)} AND stage = {quoted(stage)} AND digest = {quoted(version.digest)}"
    page = hook.client.list_promotions(filter=wanted, order_by="requested_at desc", limit=1)
    return hook.client.get_promotion(page.items[0].id, holder=task.run) if page.items else None
