"""Deploying under a lease: what runs is what was approved, and a failed attempt leaves what ran before."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Literal

from airflow.providers.common.compat.sdk import get_current_context

from airflow_provider.cache import ModelCache, ModelFiles
from airflow_provider.exceptions import DriftError, LeaseLost, ModelRegistryRefused, in_words, refusals_as_failures
from airflow_provider.hooks.registry import ModelRegistryHook
from airflow_provider.identity import TaskIdentity
from airflow_provider.references import (
    PromotionReference,
    VersionReference,
    promotion_id,
    promotion_reference,
    version_reference,
)
from registry_service.client import (
    DeploymentRole,
    DeploymentStatus,
    FailPromotion,
    ObserveDeployment,
    Promotion,
    RegistryClient,
    RegistryError,
    ReleaseLease,
    StartDeployment,
    TakeLease,
)

log = logging.getLogger(__name__)

LEASE_SECONDS: Final = 300
RENEWALS_PER_LEASE: Final = 3
JOIN_SECONDS: Final = 10.0

Undo = Callable[[ModelFiles], object]


class RunningDeployment(ModelFiles):
    """A deployment under way. As a path, it is the files to deploy."""

    def __init__(self, hook: ModelRegistryHook, promotion: Promotion, lease: Lease) -> None:
        cache = ModelCache()
        version = VersionReference(
            model_name=promotion.model_name, version=promotion.version, digest=promotion.digest, url=promotion.url
        )
        super().__init__(version, lambda wanted: cache.fetch(hook, wanted))
        self.promotion: PromotionReference = promotion_reference(promotion)
        self.previous: ModelFiles | None = None
        self.deployment_id: str | None = None
        self._hook = hook
        self._lease = lease

    def observed(self, digest: str | None) -> None:
        """Report what the target serves now, by content digest. None: it serves nothing.

        :raises DriftError: it isn't what the promotion authorises.
        :raises LeaseLost: the right to deploy ended meanwhile, for instance because somebody rejected the version.
        """
        if self.deployment_id is None:
            raise ModelRegistryRefused("observed() belongs into the block of `with deployment(…)`.")
        with refusals_as_failures():
            self._hook.client.observe_deployment(self.deployment_id, ObserveDeployment(digest=digest))
        if digest != self.digest:
            raise DriftError(
                f"The target serves {digest or 'nothing'}, and {self.digest} is authorised ({self.model_name} version "
                f"{self.version}). The deployment didn't arrive, or something else deploys there."
            )
        self.check_lease()

    def to_bring_back(self) -> ModelFiles | None:
        """What the target is to serve now that this deployment failed; None: nothing, or what another run decides.

        It is asked anew: since the block began somebody may have rolled the stage back, and once our lease was lost,
        another run may deploy. Where the registry doesn't answer, it is what was current at the beginning.
        """
        try:
            return to_bring_back(self._hook, self._hook.client.get_promotion(self.promotion["promotion"]))
        except RegistryError as away:
            log.warning("What is current can't be asked for: %s", in_words(away))
            return self.previous

    def check_lease(self) -> None:
        """:raises LeaseLost: the right to deploy ended."""
        if self._lease.lost is not None:
            raise LeaseLost(f"The right to deploy {self} ended during the deployment: {in_words(self._lease.lost)}")


@contextmanager
def deployment(
    promotion: str | Mapping[str, Any],
    *,
    target: str,
    undo: Undo | None = None,
    role: Literal["primary", "canary", "shadow"] = "primary",
    traffic: float = 1.0,
    fail_promotion: bool = False,
    lease_seconds: int = LEASE_SECONDS,
    registry_conn_id: str = ModelRegistryHook.default_conn_name,
) -> Iterator[RunningDeployment]:
    """Deploy a promotion's version in a task, holding the stage's lease meanwhile.

        with deployment(promotion, target="eu-endpoint", undo=endpoint.update) as d:
            endpoint.update(d.path)
            d.observed(endpoint.digest())

    The registry judges the promotion at entry. On success the lease stays with the run, for PromoteModelOperator to
    apply what now runs. On an exception, `undo` brings back what was current, and the lease is given back.

    :param promotion: what ModelApprovedSensor returned, or an id.
    :param target: name of the place that it runs at.
    :param undo: called with the version that was current before, an `os.PathLike` whose files are fetched when they
        are first asked for. Not called where nothing was current.
    :param role: `primary`, `canary` or `shadow`.
    :param traffic: share of the traffic, 0 to 1.
    :param fail_promotion: on an exception, end the promotion instead of leaving it approved for a retry.
    :param lease_seconds: how long the stage stays taken after a worker has died; while the block runs, the lease is
        renewed.
    :param registry_conn_id: the Airflow connection of the registry.
    :raises ModelRegistryRefused: not approved, or not any more; nothing was deployed, and a retry is in vain.
    :raises ModelRegistryException: another run deploys to this stage, or the registry is away; a retry may help.
    """
    task = TaskIdentity.of(get_current_context())
    hook = ModelRegistryHook(registry_conn_id)
    given = promotion_id(promotion)
    if given is None:
        raise ModelRegistryRefused("There is no promotion to deploy: the task upstream returned none.")
    with refusals_as_failures():
        leased = hook.client.take_lease(given, TakeLease(holder=task.run, seconds=lease_seconds))
    lease = Lease(hook.client, leased, task.run, lease_seconds)
    running = RunningDeployment(hook, leased, lease)
    try:
        with refusals_as_failures():
            running.previous = _previous(hook, leased)
            running.deployment_id = hook.client.start_deployment(
                StartDeployment(
                    model=leased.model_name,
                    target=target,
                    promotion=leased.id,
                    stage=leased.stage,
                    role=DeploymentRole(role),
                    traffic=traffic,
                    run=task.run,
                )
            ).id
        with lease.renewed():
            yield running
        running.check_lease()
        lease.extend()
    except BaseException as error:
        _clean_up(hook.client, running, error, undo, task.run, fail_promotion=fail_promotion)
        raise


class Lease:
    """Keeps a lease from running out while a block of unknown length runs."""

    def __init__(self, client: RegistryClient, promotion: Promotion, holder: str, seconds: int) -> None:
        self.lost: RegistryError | None = None
        self._client = client
        self._promotion = promotion
        self._holder = holder
        self._seconds = seconds
        self._ended = threading.Event()

    @contextmanager
    def renewed(self) -> Iterator[None]:
        if self._promotion.lease is None:
            yield  # it is current already, and deployed once more
            return
        thread = threading.Thread(target=self._renew, name="model-registry-lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            # A renewal under way is let end, so that it doesn't come after a release. It can't hold up a task for long.
            thread.join(timeout=JOIN_SECONDS)

    def extend(self) -> None:
        """Hold it for as long as the policy allows: the task that applies comes later.

        :raises LeaseLost: it isn't ours any more.
        """
        if self._promotion.lease is None:
            return
        try:
            self._client.take_lease(self._promotion.id, TakeLease(holder=self._holder))
        except RegistryError as error:
            if error.retryable and self.lost is None:
                log.warning("The lease was not extended (%s); applying judges anew", error.message)
                return
            raise LeaseLost(f"The right to deploy ended during the deployment: {in_words(error)}") from error

    def _renew(self) -> None:
        lease = self._promotion.lease
        assert lease is not None
        # A policy may grant less than was asked for; a lease that a retry took up again was acquired earlier.
        granted = (lease.expires_at - lease.acquired_at).total_seconds()
        while not self._ended.wait(max(1.0, min(granted, self._seconds) / RENEWALS_PER_LEASE)):
            try:
                self._client.take_lease(self._promotion.id, TakeLease(holder=self._holder, seconds=self._seconds))
            except RegistryError as error:
                if not error.retryable:
                    self.lost = error
                    return
                log.warning("The lease was not renewed: %s Trying again.", error.message)


def to_bring_back(hook: ModelRegistryHook, promotion: Promotion) -> ModelFiles | None:
    """What a target is to serve when this promotion's deployment is given up: what is current at this moment. None:
    nothing is, or another run deploys to the stage by now, and the target is left to it.

    :raises RegistryError: it can't be asked for.
    """
    deploying = f"model = '{promotion.model_name}' AND stage = '{promotion.stage}' AND phase = 'APPLYING'"
    if any(other.id != promotion.id for other in hook.client.list_promotions(filter=deploying).items):
        log.warning("Another run deploys to %s by now; the target is left to it", promotion.stage)
        return None
    return _previous(hook, promotion)


def _previous(hook: ModelRegistryHook, promotion: Promotion) -> ModelFiles | None:
    """What is current in the stage, or was before this promotion."""
    current = hook.client.get_stage(promotion.model_name, promotion.stage).version
    number = promotion.replaces if current == promotion.version else current
    if number is None:
        return None
    version = version_reference(hook.client.get_version(promotion.model_name, number))
    cache = ModelCache()
    return ModelFiles(version, lambda wanted: cache.fetch(hook, wanted))


def _clean_up(
    client: RegistryClient,
    running: RunningDeployment,
    error: BaseException,
    undo: Undo | None,
    holder: str,
    *,
    fail_promotion: bool,
) -> None:
    """Bring back what ran before, then give the stage free. No step's failure keeps the next from being taken."""
    entered = running.deployment_id is not None
    previous = running.to_bring_back() if entered and undo is not None else None
    if undo is not None and previous is not None:
        log.warning("The deployment of %s failed; %s is brought back", running, previous)
        try:
            undo(previous)
        except Exception as undo_error:
            log.exception("%s could not be brought back", previous)
            error.add_note(f"{previous} could not be brought back either: {undo_error!r}. Look at the target.")
    steps: list[Callable[[], object]] = []
    if running.deployment_id is not None:
        failed = ObserveDeployment(digest=None, status=DeploymentStatus.FAILED)
        deployment_id = running.deployment_id
        steps.append(lambda: client.observe_deployment(deployment_id, failed))
    promotion = running.promotion["promotion"]
    if fail_promotion:
        reason = f"{type(error).__name__}: {error}"[:1000]
        steps.append(lambda: client.fail_promotion(promotion, FailPromotion(holder=holder, reason=reason)))
    else:
        steps.append(lambda: client.release_lease(promotion, ReleaseLease(holder=holder)))
    for step in steps:
        try:
            step()
        except RegistryError as refused:
            log.warning("After the failed deployment: %s", in_words(refused))
