"""The gate of a pipeline: go on when the promotion may be applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final, Literal

from airflow.providers.common.compat.sdk import (
    AirflowSkipException,
    BaseOperatorLink,
    BaseSensorOperator,
    Context,
    PokeReturnValue,
    TaskDeferred,
    conf,
)
from airflow.triggers.base import BaseTrigger

from airflow_provider.exceptions import GateClosed, ModelRegistryException, ModelRegistryRefused, refusals_as_failures
from airflow_provider.hooks.registry import ModelRegistryHook
from airflow_provider.identity import TaskIdentity
from airflow_provider.links.registry import PromotionLink, push_promotion_url
from airflow_provider.references import PromotionReference, promotion_id, promotion_reference, selection
from airflow_provider.requests import find_promotion, request_promotion
from airflow_provider.templated import Templated, rendered
from airflow_provider.triggers.approvals import PromotionTrigger, RegistryReachableTrigger
from airflow_provider.verdicts import Judgement, Verdict, judge
from registry_service.client import Promotion

# The promotion's own deadline ends the wait; this only bounds it where nobody else does.
FOREVER: Final = timedelta(days=365)
# After the deadline, for the registry to say so itself.
GRACE: Final = timedelta(minutes=15)

Ending = Literal["fail", "skip"]


class ModelApprovedSensor(BaseSensorOperator):
    """Waits until a promotion may be applied *now*: reviews, checks and conditions of its policy hold, the stage is
    not on hold, and no other run deploys to it.

    Ends at once, without retries and with the reasons, when that can't come any more: rejected, expired, cancelled,
    stale, revoked, or a required check failed. A check that is still missing is waited for. While the registry is
    away it keeps waiting. The deadline is the promotion's. That it was applicable is a fact of that moment:
    `deployment(…)` and PromoteModelOperator judge again. XCom: the promotion.

    :param version: with `stage`: a selector or what a registering task returned. (templated)
    :param stage: the stage to enter. (templated)
    :param promotion: instead of the two: the promotion, as a task returned it, or its id. (templated)
    :param request: request the promotion where nobody has; False: wait until somebody does.
    :param reason: why, for those who review. (templated)
    :param on_rejected: `fail` or `skip`.
    :param on_expired: `fail` or `skip`.
    :param on_superseded: `skip` or `fail`, when a newer version took its place.
    :param deferrable: wait in the triggerer instead of on a worker; by default `[operators] default_deferrable`.
    :param registry_conn_id: the Airflow connection of the registry.
    """

    template_fields: Sequence[str] = ("version", "stage", "promotion", "reason")
    operator_extra_links: Sequence[BaseOperatorLink] = (PromotionLink(),)
    ui_color = "#f3efe0"

    def __init__(
        self,
        *,
        version: Templated[str | Mapping[str, Any] | None] = None,
        stage: Templated[str | None] = None,
        promotion: Templated[str | Mapping[str, Any] | None] = None,
        request: bool = True,
        reason: Templated[str] = "",
        on_rejected: Ending = "fail",
        on_expired: Ending = "fail",
        on_superseded: Ending = "skip",
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        registry_conn_id: str = ModelRegistryHook.default_conn_name,
        timeout: timedelta | float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(timeout=FOREVER if timeout is None else timeout, **kwargs)
        self.version = version
        self.stage = rendered(stage)
        self.promotion = promotion
        self.request = request
        self.reason = rendered(reason)
        self.on_rejected = on_rejected
        self.on_expired = on_expired
        self.on_superseded = on_superseded
        self.deferrable = deferrable
        self.registry_conn_id = registry_conn_id
        self._said: Judgement | None = None
        self._found: str | None = None

    @cached_property
    def hook(self) -> ModelRegistryHook:
        return ModelRegistryHook(self.registry_conn_id)

    def execute(self, context: Context) -> Any:  # noqa: ANN401 - as Airflow's sensors declare it
        # Where somebody else is to request it, there is no promotion yet that a trigger could watch.
        if not self.deferrable or not self.request:
            return super().execute(context)
        return self._look(context)

    def execute_complete(self, context: Context, event: Mapping[str, Any] | None = None) -> PromotionReference:
        """The trigger says that it is time to look; what is true is asked again."""
        status = event.get("status") if event else None
        if event is None or status not in ("decided", "reachable", "refused"):
            raise ModelRegistryException(f"The trigger ended with an event that nobody knows: {event!r}")
        if status == "refused":
            raise ModelRegistryRefused(str(event.get("message")))
        return self._look(context)

    def _look(self, context: Context) -> PromotionReference:
        """One look, from wherever this task is called: done, over, or deferred."""
        task = TaskIdentity.of(context)
        try:
            with refusals_as_failures():
                promotion = self._find(task)
        except ModelRegistryException as away:
            self.log.warning("The registry doesn't answer; waiting on. %s", away)
            trigger: BaseTrigger = RegistryReachableTrigger(registry_conn_id=self.registry_conn_id)
            left = timedelta(seconds=self.timeout)
        else:
            assert promotion is not None  # it was requested, or refused
            if self._is_open(context, promotion):
                return promotion_reference(promotion)
            trigger = PromotionTrigger(
                promotion=promotion.id,
                model_name=promotion.model_name,
                holder=task.run,
                registry_conn_id=self.registry_conn_id,
            )
            left = min(promotion.expires_at - datetime.now(UTC) + GRACE, timedelta(seconds=self.timeout))
        raise TaskDeferred(trigger=trigger, method_name="execute_complete", timeout=max(timedelta(seconds=1), left))

    def poke(self, context: Context) -> PokeReturnValue:
        try:
            with refusals_as_failures():
                promotion = self._find(TaskIdentity.of(context))
        except ModelRegistryException as away:
            self.log.warning("The registry doesn't answer; waiting on. %s", away)
            return PokeReturnValue(is_done=False)
        if promotion is None:
            self.log.info("Waiting: nobody has requested a promotion to %s yet", self.stage)
            return PokeReturnValue(is_done=False)
        is_open = self._is_open(context, promotion)
        return PokeReturnValue(is_done=is_open, xcom_value=promotion_reference(promotion) if is_open else None)

    def _find(self, task: TaskIdentity) -> Promotion | None:
        """The promotion that this task waits for, as it stands now."""
        known = self._found or promotion_id(self.promotion)
        if known is not None:
            return self.hook.client.get_promotion(known, holder=task.run)
        if self.version is None or self.stage is None:
            raise ModelRegistryRefused("There is nothing to wait for. Give version and stage, or promotion.")
        selected = selection(self.version)
        if self.request:
            promotion = request_promotion(self.hook, task, selected, self.stage, self.reason)
            self._found = promotion.id
            return promotion
        return find_promotion(self.hook, task, selected, self.stage)

    def _is_open(self, context: Context, promotion: Promotion) -> bool:
        """Whether the gate is open; False: not yet.

        :raises GateClosed: it never will be.
        :raises AirflowSkipException: it never will be, and the task was asked to skip then.
        """
        push_promotion_url(context, promotion.url)
        judgement = judge(promotion)
        about = f"{promotion.model_name} version {promotion.version} to {promotion.stage}"
        if judgement.verdict is Verdict.OPEN:
            self.log.info("%s may be applied now", about)
            return True
        if judgement.verdict is Verdict.WAIT:
            if judgement != self._said:
                self.log.info("Waiting for %s: %s See %s", about, judgement.words, promotion.url)
                self._said = judgement
            return False
        words = f"{about} is {judgement.verdict}: {judgement.words} See {promotion.url}"
        if self._ending(judgement.verdict) == "skip":
            raise AirflowSkipException(words)
        raise GateClosed(words, judgement.verdict)

    def _ending(self, verdict: Verdict) -> Ending:
        endings = {
            Verdict.REJECTED: self.on_rejected,
            Verdict.EXPIRED: self.on_expired,
            Verdict.SUPERSEDED: self.on_superseded,
        }
        return endings.get(verdict, "fail")
