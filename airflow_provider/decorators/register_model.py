"""`@task.register_model`: a function that trains, and whose result is registered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from airflow.providers.common.compat.sdk import (
    BaseOperatorLink,
    Context,
    DecoratedOperator,
    TaskDecorator,
    context_merge,
    determine_kwargs,
    task_decorator_factory,
)

from airflow_provider.assets import REGISTERED_VERSIONS
from airflow_provider.drafts import ModelDraft
from airflow_provider.exceptions import ModelRegistryRefused
from airflow_provider.hooks.registry import ModelRegistryHook
from airflow_provider.identity import TaskIdentity
from airflow_provider.links.registry import ModelVersionLink
from airflow_provider.references import VersionReference
from airflow_provider.registration import OnClear, Registration, registered, remember_model, remembered_model


class RegisterModelDecoratedOperator(DecoratedOperator):
    """Calls the function and registers the `ModelDraft` that it returns. XCom: the version.

    Where an earlier try of the same attempt has registered already, the function isn't called: what it took hours to
    train isn't trained again because a worker died a moment too early. Nor is it called where the registry doesn't
    answer, doesn't know the token, or lets it register nothing.

    :param python_callable: returns a `ModelDraft`.
    :param model_name: the model, where it is known before the function runs. It makes the look-up independent of
        Airflow's task state store, which Airflow has from 3.3 on. (templated)
    :param on_clear: what a cleared task does that has registered before: `new` makes another version, `reuse` answers
        with the one that is there, `fail` fails.
    :param registry_conn_id: the Airflow connection of the registry.
    """

    template_fields: Sequence[str] = (*DecoratedOperator.template_fields, "model_name")
    operator_extra_links: Sequence[BaseOperatorLink] = (ModelVersionLink(),)
    custom_operator_name = "@task.register_model"
    ui_color = "#e8f3ec"

    def __init__(
        self,
        *,
        python_callable: Callable[..., ModelDraft],
        model_name: str | None = None,
        on_clear: OnClear = "new",
        registry_conn_id: str = ModelRegistryHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        # Not a parameter by name: its default would take the place of Airflow's where the task is mapped.
        outlets = [*(kwargs.pop("outlets", None) or ()), REGISTERED_VERSIONS]
        super().__init__(python_callable=python_callable, outlets=outlets, **kwargs)
        self.model_name = model_name
        self.on_clear = on_clear
        self.registry_conn_id = registry_conn_id

    def execute(self, context: Context) -> VersionReference:
        hook = ModelRegistryHook(self.registry_conn_id)
        registration = Registration(hook, TaskIdentity.of(context), self.on_clear)
        registration.check_access()
        known = self.model_name or remembered_model(context, registration)
        version = registration.existing(known) if known else None
        if version is not None:
            self.log.info("An earlier try registered %s version %d", version.model_name, version.number)
            return registered(context, version)
        draft = self._draft(context)
        remember_model(context, registration, draft.model_name)
        return registered(context, registration.register(draft))

    def _draft(self, context: Context) -> ModelDraft:
        context_merge(context, self.op_kwargs)
        kwargs = determine_kwargs(self.python_callable, self.op_args, context)
        draft = self.python_callable(*self.op_args, **kwargs)
        if not isinstance(draft, ModelDraft):
            raise ModelRegistryRefused(
                f"{self.task_id} returned {type(draft).__name__}. A function under @task.register_model returns a "
                "ModelDraft."
            )
        if self.model_name is not None and draft.model_name != self.model_name:
            raise ModelRegistryRefused(
                f"{self.task_id} returned a draft of '{draft.model_name}', and its model_name says "
                f"'{self.model_name}'. Let them agree, or leave model_name out."
            )
        return draft


def register_model_task(python_callable: Callable[..., ModelDraft] | None = None, **kwargs: Any) -> TaskDecorator:
    """Make a function a task that registers the `ModelDraft` it returns: `@task.register_model`.

    :param python_callable: the function.
    """
    return task_decorator_factory(
        python_callable=python_callable, decorated_operator_class=RegisterModelDecoratedOperator, **kwargs
    )
