"""Letting a target follow its stage back, and writing down what it serves then."""

from __future__ import annotations

import logging

from airflow_provider.cache import DIGEST, ModelCache, ModelFiles
from airflow_provider.deploying import Undo
from airflow_provider.exceptions import DriftError, in_words
from airflow_provider.hooks.registry import ModelRegistryHook
from airflow_provider.references import VersionReference
from registry_service.client import (
    Deployment,
    DeploymentStatus,
    ObserveDeployment,
    Promotion,
    RegistryClient,
    RegistryError,
    StartDeployment,
)

log = logging.getLogger(__name__)


def bring_back(
    hook: ModelRegistryHook, restored: Promotion, *, undo: Undo | None, target: str | None, run: str
) -> None:
    """Call `undo` with the restored version, and record that as its deployment at the target.

    The version is said to run there only where `undo` returned the content digest that the target serves: nothing is
    claimed that nobody has seen. A record that can't be made doesn't keep the target from being restored; the refusal
    comes afterwards.

    :raises DriftError: the target serves something other than what was restored.
    :raises RegistryError: the target was restored, and it couldn't be written down.
    """
    started, refused = (None, None) if target is None else _started(hook.client, restored, target, run)
    served = None
    if undo is not None:
        version = VersionReference(
            model_name=restored.model_name, version=restored.version, digest=restored.digest, url=restored.url
        )
        try:
            served = undo(ModelFiles(version, lambda wanted: ModelCache().fetch(hook, wanted)))
        except BaseException:
            if started is not None:
                _record_failure(hook.client, started)
            raise
    if refused is not None:
        raise refused
    if started is None:
        return
    if not isinstance(served, str) or not DIGEST.fullmatch(served):
        log.info("What %s serves was not observed: undo returned no content digest", target)
        return
    hook.client.observe_deployment(started.id, ObserveDeployment(digest=served))
    if served != restored.digest:
        raise DriftError(
            f"{target} serves {served}, and {restored.digest} was restored ({restored.model_name} version "
            f"{restored.version}). Look at the target, or try again."
        )


def _started(
    client: RegistryClient, restored: Promotion, target: str, run: str
) -> tuple[Deployment | None, RegistryError | None]:
    # No idempotency key: a retry takes up what is under way in this run, and starts anew what has failed.
    body = StartDeployment(
        model=restored.model_name, target=target, promotion=restored.id, stage=restored.stage, run=run
    )
    try:
        return client.start_deployment(body), None
    except RegistryError as error:
        log.warning("The deployment at %r can't be recorded; it is restored all the same. %s", target, in_words(error))
        return None, error


def _record_failure(client: RegistryClient, started: Deployment) -> None:
    try:
        client.observe_deployment(started.id, ObserveDeployment(digest=None, status=DeploymentStatus.FAILED))
    except RegistryError as error:
        log.warning("The failed deployment was not recorded: %s", in_words(error))
