"""Making versions, measuring them, getting them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, cast

import msgspec
from airflow.providers.common.compat.sdk import BaseOperatorLink, Context

from airflow_provider.assets import REGISTERED_VERSIONS
from airflow_provider.cache import ModelCache, refuse_revoked
from airflow_provider.drafts import Files, ModelDraft
from airflow_provider.exceptions import CheckFailed, ModelRegistryException, ModelRegistryRefused, refusals_as_failures
from airflow_provider.figures import check_figures
from airflow_provider.hooks.registry import ModelRegistryHook, new_hasty_client
from airflow_provider.identity import TaskIdentity
from airflow_provider.links.registry import ModelVersionLink, push_version_url
from airflow_provider.operators.base import ModelRegistryOperator
from airflow_provider.references import VersionReference, selection, version_reference
from airflow_provider.registration import OnClear, Registration, registered
from airflow_provider.templated import Templated, rendered
from registry_service.client import (
    CheckStatus,
    Metadata,
    ModelVersion,
    NewLineageEdge,
    ReportCheck,
    ReportUsage,
    Signature,
    StageVacant,
    VersionNotFound,
    regressions,
)

Evaluate = Callable[[Path], Mapping[str, float]]
Test = Callable[[Path], bool]

USAGE_TIMEOUT: Final = 5.0
"""Seconds that a task waits at most to say that it uses a version."""


class RegisterModelOperator(ModelRegistryOperator):
    """Registers files as the next version of a model, with the lineage of this run.

    A retry answers with the version that an earlier try registered. Emits an event of the model's asset.
    XCom: the version.

    :param model_name: the model; it is created where there is none of this name. (templated)
    :param files: a file, a directory, an `ObjectStoragePath`, or a mapping of the paths in the version to local
        files; read by the worker that runs this task. (templated)
    :param metrics: finite numbers by name; higher is better, unless `metadata` declares the direction. (templated)
    :param model_params: what the version was trained with; `params` is Airflow's own word in an operator. (templated)
    :param signature: JSON Schemas of inputs and outputs: `{"inputs": …, "outputs": …}`.
    :param tags: may change later; everything else here never does. (templated)
    :param framework: such as `pytorch` or `sklearn`. (templated)
    :param metadata: all other registered metadata, by field. (templated)
    :param lineage: what else made it: datasets, parent versions.
    :param description: free text (Markdown). (templated)
    :param aliases: aliases to point to the new version. (templated)
    :param on_clear: what a cleared task does that has registered before: `new` makes another version, `reuse` answers
        with the one that is there, `fail` fails.
    :param registry_conn_id: the Airflow connection of the registry.
    """

    template_fields: Sequence[str] = (
        "model_name",
        "files",
        "metrics",
        "model_params",
        "tags",
        "framework",
        "metadata",
        "description",
        "aliases",
    )
    operator_extra_links: Sequence[BaseOperatorLink] = (ModelVersionLink(),)
    ui_color = "#e8f3ec"

    def __init__(
        self,
        *,
        model_name: Templated[str],
        files: Templated[Files],
        metrics: Templated[Mapping[str, float] | None] = None,
        model_params: Templated[Mapping[str, str | int | float | bool] | None] = None,
        signature: Signature | Mapping[str, Any] | None = None,
        tags: Templated[Mapping[str, str] | None] = None,
        framework: Templated[str | None] = None,
        metadata: Templated[Metadata | Mapping[str, Any] | None] = None,
        lineage: Sequence[NewLineageEdge | Mapping[str, Any]] = (),
        description: Templated[str] = "",
        aliases: Templated[Sequence[str]] = (),
        on_clear: OnClear = "new",
        **kwargs: Any,
    ) -> None:
        # Not a parameter by name: its default would take the place of Airflow's where the operator is mapped.
        super().__init__(**{**kwargs, "outlets": [*(kwargs.get("outlets") or ()), REGISTERED_VERSIONS]})
        self.model_name = rendered(model_name)
        self.files = cast("Files", files)  # rendered, too; mypy would infer the members' common base
        self.metrics = rendered(metrics)
        self.model_params = rendered(model_params)
        self.signature = signature
        self.tags = rendered(tags)
        self.framework = rendered(framework)
        self.metadata = rendered(metadata)
        self.lineage = lineage
        self.description = rendered(description)
        self.aliases = rendered(aliases)
        self.on_clear = on_clear

    def execute(self, context: Context) -> VersionReference:
        registration = Registration(self.hook, TaskIdentity.of(context), self.on_clear)
        version = registration.existing(self.model_name)
        if version is None:
            version = registration.register(self._draft())
        else:
            self.log.info("An earlier try registered %s version %d", version.model_name, version.number)
        return registered(context, version)

    def _draft(self) -> ModelDraft:
        return ModelDraft(
            self.model_name,
            self.files,
            metrics=self.metrics,
            params=self.model_params,
            signature=self.signature,
            tags=self.tags,
            framework=self.framework,
            metadata=self.metadata,
            lineage=self.lineage,
            description=self.description,
            aliases=self.aliases,
        )


class ResolveModelOperator(ModelRegistryOperator):
    """Resolves a selector to a fixed version, so that all tasks of a run mean the same one.

    XCom: the version.

    :param version: `model/7`, `model/latest`, `model@production`, `model/sha256:…`. (templated)
    :param registry_conn_id: the Airflow connection of the registry.
    """

    template_fields: Sequence[str] = ("version",)
    operator_extra_links: Sequence[BaseOperatorLink] = (ModelVersionLink(),)

    def __init__(self, *, version: Templated[str | Mapping[str, Any]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.version = version

    def execute(self, context: Context) -> VersionReference:
        with refusals_as_failures():
            found = self.hook.get_version(selection(self.version))
        refuse_revoked(found)
        push_version_url(context, found.url)
        return version_reference(found)


class DownloadModelOperator(ModelRegistryOperator):
    """Brings the files of a version to this worker, verified by digest. XCom: the local path.

    What is in the cache already is verified and served from there; a version given as a fixed one (what another task
    returned) also while the registry is away. The path is this worker's: a task on another machine has to fetch for
    itself.

    :param version: what to get: a selector such as `model@production`, or what another task returned. (templated)
    :param report_usage: tell the registry that this run uses the version, once for all tries, so that nobody takes it
        for forgotten. Where that can't be told, the log says why and the task goes on.
    :param registry_conn_id: the Airflow connection of the registry.
    """

    template_fields: Sequence[str] = ("version",)
    operator_extra_links: Sequence[BaseOperatorLink] = (ModelVersionLink(),)

    def __init__(
        self, *, version: Templated[str | Mapping[str, Any]], report_usage: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.version = version
        self.report_usage = report_usage

    def execute(self, context: Context) -> str:
        selected = selection(self.version)
        with refusals_as_failures():
            if selected.digest is not None and selected.selector.isdigit():
                reference = VersionReference(
                    model_name=selected.model_name,
                    version=int(selected.selector),
                    digest=selected.digest,
                    url=selected.url,
                )
            else:
                reference = version_reference(self.hook.get_version(selected))
            if reference["url"]:
                push_version_url(context, reference["url"])
            path = ModelCache().fetch(self.hook, reference)
        self.log.info("%s version %d is at %s", reference["model_name"], reference["version"], path)
        if self.report_usage:
            self._report_usage(TaskIdentity.of(context), reference)
        return str(path)

    def _report_usage(self, task: TaskIdentity, reference: VersionReference) -> None:
        body = ReportUsage(run=task.run, batch=task.task, digest=reference["digest"])
        try:
            with refusals_as_failures(), new_hasty_client(self.hook.settings, USAGE_TIMEOUT) as client:
                client.report_usage(reference["model_name"], reference["version"], body)
        except (ModelRegistryException, ModelRegistryRefused) as error:
            self.log.warning("That the version is used was not reported: %s [%s]", error, error.code)


class ModelCheckOperator(ModelRegistryOperator):
    """Reports a check of a version: what a machine found, with its evidence.

    The latest report of a name counts. The task succeeds also where the check failed: the gate judges by it, and says
    so. XCom: the version, so that it can be handed on.

    :param version: a selector such as `model/7`, or what another task returned. (templated)
    :param check: name of the check, as policies ask for it. (templated)
    :param passed: whether it passed; a template may render to a boolean or to `true` and `false`. (templated)
    :param test: instead of `passed`: called with the local path of the version's files, answers whether it passed.
    :param summary: one line for people. (templated)
    :param evidence: figures and facts, for people and programs. (templated)
    :param check_url: where the whole report is. (templated)
    :param fail_on_failed: fail the task where the check failed.
    :param registry_conn_id: the Airflow connection of the registry.
    """

    template_fields: Sequence[str] = ("version", "check", "passed", "summary", "evidence", "check_url")
    operator_extra_links: Sequence[BaseOperatorLink] = (ModelVersionLink(),)
    shallow_copy_attrs: Sequence[str] = ("test",)

    def __init__(
        self,
        *,
        version: Templated[str | Mapping[str, Any]],
        check: Templated[str],
        passed: Templated[bool | str | None] = None,
        test: Test | None = None,
        summary: Templated[str] = "",
        evidence: Templated[Mapping[str, Any] | None] = None,
        check_url: Templated[str | None] = None,
        fail_on_failed: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.version = version
        self.check = rendered(check)
        self.passed = rendered(passed)
        self.test = test
        self.summary = rendered(summary)
        self.evidence = rendered(evidence)
        self.check_url = rendered(check_url)
        self.fail_on_failed = fail_on_failed

    def execute(self, context: Context) -> VersionReference:
        with refusals_as_failures():
            found = self.hook.get_version(selection(self.version))
            push_version_url(context, found.url)
            body = ReportCheck(
                name=self.check,
                status=CheckStatus.PASSED if self._passed(found) else CheckStatus.FAILED,
                summary=self.summary,
                evidence=dict(self.evidence or {}),
                url=self.check_url,
            )
            report_check(self.hook, TaskIdentity.of(context), found, body)
        self.log.info("Check '%s' of %s version %d: %s", body.name, found.model_name, found.number, body.status)
        if self.fail_on_failed and body.status is CheckStatus.FAILED:
            raise CheckFailed(f"Check '{body.name}' failed. {body.summary}")
        return version_reference(found)

    def _passed(self, found: ModelVersion) -> bool:
        if (self.test is None) == (self.passed is None):
            raise ModelRegistryRefused("Give exactly one of passed and test.")
        if self.test is not None:
            return bool(self.test(ModelCache().fetch(self.hook, version_reference(found))))
        if isinstance(self.passed, str):
            said = self.passed.strip().lower()
            if said not in ("true", "false"):
                raise ModelRegistryRefused(f"passed rendered to {self.passed!r}. It has to be true or false.")
            return said == "true"
        return bool(self.passed)


class EvaluateModelOperator(ModelRegistryOperator):
    """Compares a version with what it would replace, and reports the result as a check.

    Both are measured by the same code where `evaluate` is given, so that figures of different data or different days
    are never compared; without it the registered metrics are. The task succeeds also where the candidate lost: the
    gate judges by the check, and says so. XCom: the version, so that it can be handed on.

    :param version: the candidate: a selector such as `model/7`, or what another task returned. (templated)
    :param compare_to: the champion: a selector of the same model. A vacant stage and an alias that isn't there yet are
        no champion; a number or digest that isn't there is refused. (templated)
    :param evaluate: called with the local path of a version's files, answers metrics by name.
    :param max_regression: by how much a metric may be worse, absolute. Higher is better unless the metadata declares
        the metric's direction. A metric of this list that the candidate lacks is a regression. At least one has to be
        named: a check that compares nothing would let everything pass. (templated)
    :param check: name of the check that is reported. (templated)
    :param no_champion: `pass` or `fail`, where there is nothing to compare with. None: pass where the stage is
        vacant, and refuse an alias that doesn't exist, which may be a slip of the pen.
    :param fail_on_regression: fail the task, too.
    :param registry_conn_id: the Airflow connection of the registry.
    """

    template_fields: Sequence[str] = ("version", "compare_to", "max_regression", "check")
    operator_extra_links: Sequence[BaseOperatorLink] = (ModelVersionLink(),)
    shallow_copy_attrs: Sequence[str] = ("evaluate",)

    def __init__(
        self,
        *,
        version: Templated[str | Mapping[str, Any]],
        compare_to: Templated[str] = "@production",
        evaluate: Evaluate | None = None,
        max_regression: Templated[Mapping[str, float] | None] = None,
        check: Templated[str] = "evaluation",
        no_champion: Literal["pass", "fail"] | None = None,
        fail_on_regression: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.version = version
        self.compare_to = rendered(compare_to)
        self.evaluate = evaluate
        self.max_regression = rendered(max_regression)
        self.check = rendered(check)
        self.no_champion = no_champion
        self.fail_on_regression = fail_on_regression

    def execute(self, context: Context) -> VersionReference:
        if not self.max_regression:
            raise ModelRegistryRefused(
                "max_regression names no metric, so nothing would be compared. Name at least one."
            )
        with refusals_as_failures():
            candidate = self.hook.get_version(selection(self.version))
            push_version_url(context, candidate.url)
            champion = self._champion(candidate)
            body = self._report(candidate, champion)
            report_check(self.hook, TaskIdentity.of(context), candidate, body)
        self.log.info(
            "Check '%s' of %s version %d: %s. %s",
            body.name,
            candidate.model_name,
            candidate.number,
            body.status,
            body.summary,
        )
        if self.fail_on_regression and body.status is CheckStatus.FAILED:
            raise CheckFailed(f"Check '{body.name}' failed. {body.summary}")
        return version_reference(candidate)

    def _champion(self, candidate: ModelVersion) -> ModelVersion | None:
        try:
            return self.hook.client.get_version(candidate.model_name, self.compare_to)
        except StageVacant:
            return None
        except VersionNotFound:
            # An alias may come later, or be misspelt; whoever named a certain version meant that one.
            if self.compare_to.startswith("@") and self.no_champion is not None:
                return None
            raise

    def _report(self, candidate: ModelVersion, champion: ModelVersion | None) -> ReportCheck:
        measured = self._measured(candidate)
        evidence: dict[str, object] = {
            "candidate": {"version": candidate.number, "metrics": measured.metrics},
            "max_regression": dict(self.max_regression or {}),
            "measured": "by this task" if self.evaluate else "at registration",
        }
        if champion is None:
            passed = self.no_champion != "fail"
            summary = f"nothing is {self.compare_to}, so there is nothing to compare with"
        else:
            theirs = self._measured(champion)
            evidence["champion"] = {"version": champion.number, "metrics": theirs.metrics}
            worse = regressions(measured, theirs, dict(self.max_regression or {}))
            passed = not worse
            against = f"version {champion.number} ({self.compare_to})"
            summary = f"not worse than {against}" if passed else f"against {against}: {'; '.join(map(str, worse))}"
        return ReportCheck(
            name=self.check,
            status=CheckStatus.PASSED if passed else CheckStatus.FAILED,
            summary=summary,
            evidence=evidence,
        )

    def _measured(self, version: ModelVersion) -> Metadata:
        """The version's metadata, with the metrics that count."""
        if self.evaluate is None:
            return version.metadata
        path = ModelCache().fetch(self.hook, version_reference(version))
        metrics = {name: float(value) for name, value in self.evaluate(path).items()}
        check_figures(metrics, f"what evaluate measured of version {version.number}")
        return msgspec.structs.replace(version.metadata, metrics=metrics)


def report_check(hook: ModelRegistryHook, task: TaskIdentity, version: ModelVersion, body: ReportCheck) -> None:
    """Report once per result: a retry that measured the same says it once, one that measured anew is heard."""
    key = task.key("check", version.model_name, version.digest, msgspec.json.encode(body, order="deterministic").hex())
    hook.client.report_check(version.model_name, version.number, body, idempotency_key=key)
