"""Moving a stage forward, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from airflow.providers.common.compat.sdk import BaseOperatorLink, Context

from airflow_provider.deploying import Undo, to_bring_back
from airflow_provider.exceptions import ModelRegistryRefused, refusals_as_failures
from airflow_provider.hooks.registry import new_hasty_client
from airflow_provider.identity import TaskIdentity
from airflow_provider.links.registry import PromotionLink, push_promotion_url
from airflow_provider.operators.base import ModelRegistryOperator
from airflow_provider.references import PromotionReference, promotion_id, promotion_reference, selection
from airflow_provider.requests import request_promotion
from airflow_provider.restoring import bring_back
from airflow_provider.templated import Templated, rendered
from registry_service.client import (
    ApplyPromotion,
    NothingToRollBack,
    Phase,
    Promotion,
    RegistryError,
    ReleaseLease,
    RollBack,
    RollbackHold,
)

# Airflow gives a task some seconds between asking it to end and ending it.
KILL_TIMEOUT: Final = 4.0


class PromoteModelOperator(ModelRegistryOperator):
    """Makes a version current in a stage. This is the gate: the registry judges again, at this moment.

    Nothing that an earlier task concluded is trusted. A retry after a crash finds the promotion applied and succeeds;
    a cleared task whose promotion is no longer current is refused, and never applied again. Where the stage is leased
    by another run, the task fails and may be retried. XCom: the promotion.

    :param promotion: what ModelApprovedSensor or `deployment(…).promotion` returned, or an id. (templated)
    :param version: with `stage`, instead of `promotion`: a selector or what a registering task returned; requested
        where it hasn't been. (templated)
    :param stage: the stage to enter. (templated)
    :param action: `apply`, or `request` to ask for the promotion and leave applying to others.
    :param reason: why, for those who review. (templated)
    :param undo: called with what is current, when the promotion is refused for good: somebody may have rejected what
        an earlier task deployed already, and the endpoint must not go on serving it.
    :param registry_conn_id: the Airflow connection of the registry.
    """

    template_fields: Sequence[str] = ("promotion", "version", "stage", "reason")
    operator_extra_links: Sequence[BaseOperatorLink] = (PromotionLink(),)
    shallow_copy_attrs: Sequence[str] = ("undo",)
    ui_color = "#e8f3ec"

    def __init__(
        self,
        *,
        promotion: Templated[str | Mapping[str, Any] | None] = None,
        version: Templated[str | Mapping[str, Any] | None] = None,
        stage: Templated[str | None] = None,
        action: Literal["apply", "request"] = "apply",
        reason: Templated[str] = "",
        undo: Undo | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.undo = undo
        self.promotion = promotion
        self.version = version
        self.stage = rendered(stage)
        self.action = action
        self.reason = rendered(reason)
        self._leased: tuple[str, str] | None = None

    def execute(self, context: Context) -> PromotionReference:
        task = TaskIdentity.of(context)
        with refusals_as_failures():
            promotion = self._promotion(task)
            push_promotion_url(context, promotion.url)
            if self.action == "request":
                return promotion_reference(promotion)
        self._leased = (promotion.id, task.run)
        try:
            with refusals_as_failures():
                applied = self.hook.client.apply_promotion(promotion.id, ApplyPromotion(holder=task.run))
        except ModelRegistryRefused:
            self._bring_back(promotion)
            raise
        self._leased = None
        self.log.info("%s version %d is current in %s", applied.model_name, applied.version, applied.stage)
        return promotion_reference(applied)

    def _bring_back(self, promotion: Promotion) -> None:
        """Let the endpoint serve what is current: what was deployed for this promotion never will be."""
        if self.undo is None:
            return
        with refusals_as_failures():
            current = to_bring_back(self.hook, self.hook.client.get_promotion(promotion.id))
        if current is not None:
            self.log.warning("The promotion was refused; %s is brought back", current)
            self.undo(current)

    def on_kill(self) -> None:
        """Give the stage free: whoever stopped this task doesn't want to wait until the run's lease times out."""
        if self._leased is None:
            return
        promotion, holder = self._leased
        # The task's own client may be in the middle of a call, which this signal has interrupted.
        with new_hasty_client(self.hook.settings, KILL_TIMEOUT) as client:
            try:
                client.release_lease(promotion, ReleaseLease(holder=holder))
            except RegistryError as error:
                self.log.warning("The lease was not released: %s", error.message)

    def _promotion(self, task: TaskIdentity) -> Promotion:
        given = promotion_id(self.promotion)
        if given is not None:
            return self.hook.client.get_promotion(given, holder=task.run)
        if self.version is None or self.stage is None:
            raise ModelRegistryRefused(
                "There is no promotion to apply: the task upstream returned none, and version and stage aren't given."
            )
        return request_promotion(self.hook, task, selection(self.version), self.stage, self.reason)


class RollbackModelOperator(ModelRegistryOperator):
    """Brings back what was current before, and lets the endpoint follow.

    It is bound to what it undoes: it acts only if that is still current, so that pressed twice it goes back once. A
    retry continues the rollback that its first try made, `undo` included; after a clear there is nothing current left
    to undo, and the task says so. Without an applied promotion (a rejection upstream, a promotion that was never
    applied) it changes nothing. XCom: the promotion that restored the earlier version.

    :param promotion: what to undo: what PromoteModelOperator returned, or an id. (templated)
    :param model_name: with `stage` and `from_version`, instead of `promotion`: the model. (templated)
    :param stage: the stage to go back in. (templated)
    :param from_version: the version to abandon; if another one is current by then, nothing changes. (templated)
    :param reason: why; it stays in the history. (templated)
    :param undo: called with the restored version, an `os.PathLike` whose files are fetched when they are first asked
        for: what updates the endpoint. It may return the content digest that the endpoint serves then.
    :param target: name of the place that `undo` updates, as `deployment(…)` has it: the restored version is recorded
        as a deployment there, in the abandoned one's place as soon as `undo` returned that the target serves it.
        Without such a digest it stays at "deploying" until somebody observes it; a digest of anything else is
        recorded as drift and fails the task. (templated)
    :param hold: keep promotions out of the stage afterwards: True until somebody releases it, a time or an ISO text
        until then, a `timedelta` counted from the start of the run. (templated)
    :param fail_after: fail at the end, so that the run stays red: a rollback is no success of the pipeline.
    :param registry_conn_id: the Airflow connection of the registry.
    """

    template_fields: Sequence[str] = ("promotion", "model_name", "stage", "from_version", "reason", "target", "hold")
    operator_extra_links: Sequence[BaseOperatorLink] = (PromotionLink(),)
    shallow_copy_attrs: Sequence[str] = ("undo",)
    ui_color = "#f6e6e4"

    def __init__(
        self,
        *,
        promotion: Templated[str | Mapping[str, Any] | None] = None,
        model_name: Templated[str | None] = None,
        stage: Templated[str | None] = None,
        from_version: Templated[int | str | Mapping[str, Any] | None] = None,
        reason: Templated[str],
        undo: Undo | None = None,
        target: Templated[str | None] = None,
        hold: Templated[bool | datetime | timedelta | str | None] = None,
        fail_after: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.promotion = promotion
        self.model_name = rendered(model_name)
        self.stage = rendered(stage)
        self.from_version = from_version
        self.reason = rendered(reason)
        self.undo = undo
        self.target = rendered(target)
        self.hold = rendered(hold)
        self.fail_after = fail_after

    def execute(self, context: Context) -> PromotionReference:
        task = TaskIdentity.of(context)
        with refusals_as_failures():
            restored = self._roll_back(context, task)
        push_promotion_url(context, restored.url)
        reference = promotion_reference(restored)
        target = None if self.target in ("", "None") else self.target
        with refusals_as_failures():
            bring_back(self.hook, restored, undo=self.undo, target=target, run=task.run)
        words = (
            f"{restored.model_name} is back at version {restored.version} in {restored.stage}; version "
            f"{restored.replaces} was abandoned: {self.reason}"
        )
        if self.fail_after:
            context["ti"].xcom_push(key="return_value", value=reference)
            raise ModelRegistryRefused(f"{words}. The task fails to keep the run red (fail_after).", "rolled_back")
        self.log.info(words)
        return reference

    def _roll_back(self, context: Context, task: TaskIdentity) -> Promotion:
        model_name, stage, body = self._what(context, task)
        key = task.key("rollback", model_name, stage, body.promotion or body.from_version)
        made = self.hook.client.roll_back(model_name, stage, body, idempotency_key=key)
        # A retry gets the answer of its first try, which may be of yesterday.
        now = self.hook.client.get_promotion(made.id)
        if not now.is_current:
            raise _nothing_to_roll_back(f"version {now.version} was restored, and something else is current since")
        return now

    def _what(self, context: Context, task: TaskIdentity) -> tuple[str, str, RollBack]:
        hold = self._hold(context)
        given = promotion_id(self.promotion)
        if given is not None:
            undone = self.hook.client.get_promotion(given)
            if undone.phase is not Phase.APPLIED:
                raise _nothing_to_roll_back(f"promotion {undone.id} was never applied, it is {undone.phase}")
            body = RollBack(reason=self.reason, promotion=undone.id, hold=hold, people=task.people)
            return undone.model_name, undone.stage, body
        if self.model_name is None or self.stage is None or self.from_version in (None, "", "None"):
            raise _nothing_to_roll_back("the task upstream returned no promotion")
        body = RollBack(reason=self.reason, from_version=self._from_version(), hold=hold, people=task.people)
        return self.model_name, self.stage, body

    def _from_version(self) -> int:
        given = self.from_version
        if isinstance(given, Mapping):
            given = given.get("version")
        try:
            return int(str(given))
        except ValueError:
            raise ModelRegistryRefused(
                f"from_version is {given!r}. Give the number of the version to abandon: a selector could mean the one "
                "that is to be kept."
            ) from None

    def _hold(self, context: Context) -> RollbackHold | None:
        hold = self.hold
        if hold is None or hold is False or hold in ("", "None", "False"):
            return None
        if hold is True or hold == "True":
            return RollbackHold(reason=self.reason)
        if isinstance(hold, timedelta):
            run = context["dag_run"]
            # The same for all tries: a retry asks for exactly what its first try asked for.
            hold = (run.start_date or run.run_after) + hold
        if isinstance(hold, str):
            try:
                hold = datetime.fromisoformat(hold)
            except ValueError:
                raise ModelRegistryRefused(f"hold is {hold!r}. Give True, a time (ISO 8601) or a timedelta.") from None
        return RollbackHold(reason=self.reason, until=hold)


def _nothing_to_roll_back(why: str) -> ModelRegistryRefused:
    return ModelRegistryRefused(f"There is nothing to roll back: {why}. Nothing was changed.", NothingToRollBack.code)
